// Package capture reads capture files of network packets: the frames of the
// file, the headers of each down to TCP and UDP, and the biflows that the
// packets form.
//
// It depends on no other package of the library but for reading files; package
// traffic makes flows of the biflows.
package capture

import "io"

// Counts holds what the packets of a capture were.
type Counts struct {
	Packets   int64 // all of them: the sum of the others
	Segments  int64 // TCP and UDP packets, first fragments included: what biflows are made of
	Fragments int64 // later IP fragments, which have no ports: in no biflow
	OtherIP   int64 // IP of other protocols (ICMP, GRE, …)
	NotIP     int64 // ARP and the like, and link layers that are not read
	Short     int64 // cut before the TCP or UDP header's end, or self-contradictory

	// Crowded is not 0 where more than so many biflows were open at once: then
	// the quietest were ended early, see Assembly.MaxOpen.
	Crowded int
}

func (c *Counts) count(v verdict) {
	c.Packets++
	switch v {
	case isSegment:
		c.Segments++
	case isFragment:
		c.Fragments++
	case isOtherIP:
		c.OtherIP++
	case isOther:
		c.NotIP++
	case isShort:
		c.Short++
	}
}

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
	if a.crowded {
		counts.Crowded = a.rule.MaxOpen
	}
	return counts, err
}

// readFrames takes in the packets of a capture until done returns false.
func (a *assembler) readFrames(r io.Reader) (counts Counts, err error) {
	frames, err := Open(r)
	if err != nil {
		return counts, err
	}
	var f Frame
	var s segment
	for {
		if err := frames.Next(&f); err == io.EOF {
			return counts, nil
		} else if err != nil {
			return counts, err
		}
		v := decode(f.Link, f.Data, f.Length, &s)
		counts.count(v)
		if v == isSegment && !a.add(&s, f.Time, f.Timed) {
			return counts, nil
		}
	}
}
