// Package capture reads capture files of network packets: the frames of the
// file, the headers of each down to TCP and UDP, and the biflows that the
// packets form.
//
// It depends on no other package of the library but for reading files; package
// traffic makes flows of the biflows.
package capture

import (
	"io"
	"time"
)

// Read assembles the biflows of a capture and hands each to done as it ends: by
// time-out, or at the end of the file in the order of their first packets. A
// Biflow is valid until done returns. Read stops, with a nil error, when done
// returns false.
//
// A capture that breaks off or stops making sense gives the biflows of what
// comes before, and then a *Damage as error. Any other error, such as of a
// stream that is no capture, comes without the biflows that were open.
func Read(r io.Reader, o Options, done func(*Biflow) bool) (Counts, error) {
	frames, err := Open(r)
	if err != nil {
		return Counts{}, err
	}
	return Assemble(frames, o, done)
}

// Assemble is Read for frames, of one capture or of several, see Join.
func Assemble(frames Frames, o Options, done func(*Biflow) bool) (Counts, error) {
	stopped := false
	a := newAssembler(o, func(f *Biflow) bool {
		stopped = !done(f)
		return !stopped
	})
	counts, err := a.readFrames(frames)
	if _, damaged := err.(*Damage); !stopped && (err == nil || damaged) {
		a.flush()
	}
	counts.Assembled = a.counts
	if a.counts.Evicted > 0 {
		counts.Crowded = a.rule.MaxOpen
	}
	counts.Captures = 1
	if j, ok := frames.(*Joined); ok {
		counts.Captures = int64(j.captures)
	}
	if file, ok := frames.(remarker); ok {
		counts.Remarks = file.remarks()
	}
	return counts, err
}

// readFrames takes in frames until done returns false.
func (a *assembler) readFrames(frames Frames) (Counts, error) {
	d := decoder{outer: a.rule.Tunnels == Outer}
	var t tally
	var f Frame
	var s segment
	var clock int64
	for {
		if err := frames.Next(&f); err == io.EOF {
			return t.sum(), nil
		} else if err != nil {
			return t.sum(), err
		}
		if f.Time < clock && f.Timed {
			t.counts.Unsorted++
			t.counts.UnsortedBy = max(t.counts.UnsortedBy, time.Duration(clock-f.Time))
		}
		clock = f.Time
		v := d.decode(&f, &s)
		t.count(&f, v, &d)
		if v == isSegment && !a.add(&s, f.Time, f.Timed) {
			return t.sum(), nil
		}
	}
}
