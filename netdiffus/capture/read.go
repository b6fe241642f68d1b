// Package capture reads capture files of network packets: the frames of the
// file, the headers of each down to TCP and UDP, and the biflows that the
// packets form.
//
// It depends on no other package of the library but for reading files; package
// traffic makes flows of the biflows.
package capture

import "io"

// Read assembles the biflows of a capture and hands each to done as it ends: by
// time-out, or at the end of the file in the order of their first packets. A
// Biflow is valid until done returns. Read stops, with a nil error, when done
// returns false.
//
// A capture that breaks off or stops making sense gives the biflows of what
// comes before, and then a *Damage as error. Any other error, such as of a
// stream that is no capture, comes without the biflows that were open.
func Read(r io.Reader, o Options, done func(*Biflow) bool) (Counts, error) {
	stopped := false
	a := newAssembler(o, func(f *Biflow) bool {
		stopped = !done(f)
		return !stopped
	})
	counts, err := a.readFrames(r)
	if _, damaged := err.(*Damage); !stopped && (err == nil || damaged) {
		a.flush()
	}
	counts.Assembled = a.counts
	if a.counts.Evicted > 0 {
		counts.Crowded = a.rule.MaxOpen
	}
	return counts, err
}

// readFrames takes in the packets of a capture until done returns false.
func (a *assembler) readFrames(r io.Reader) (Counts, error) {
	frames, err := Open(r)
	if err != nil {
		return Counts{}, err
	}
	d := decoder{outer: a.rule.Tunnels == Outer}
	var t tally
	var f Frame
	var s segment
	for {
		if err := frames.Next(&f); err == io.EOF {
			return t.sum(), nil
		} else if err != nil {
			return t.sum(), err
		}
		v := d.decode(&f, &s)
		t.count(&f, v, &d)
		if v == isSegment && !a.add(&s, f.Time, f.Timed) {
			return t.sum(), nil
		}
	}
}
