package traffic

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// CaptureCounts are the numbers of packets of a capture, by what they were.
type CaptureCounts struct {
	Packets   int64 // all of them: the sum of the others
	Segments  int64 // TCP and UDP packets, first fragments included: what flows are made of
	Fragments int64 // later IP fragments, which have no ports: in no flow
	OtherIP   int64 // IP of other protocols (ICMP, GRE, …)
	NotIP     int64 // ARP and the like, and link layers that are not read
	Short     int64 // cut before the TCP or UDP header's end, or self-contradictory
}

func (c *CaptureCounts) count(v verdict) {
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

// readCapture is kind.read for pcap and pcapng.
func readCapture(f *os.File, path string, r Reader, yield func(Flow, error) bool) {
	stopped := false
	a := newAssembler(r, func(b *biflow) bool {
		if len(b.stamps) == 0 { // nothing in it was kept
			return true
		}
		flow := b.flow(r.MaxPackets)
		flow.Label = r.label(path, LabelFromFolder)
		if r.KeepKeys {
			flow.Key = b.String()
		}
		stopped = !yield(flow, nil)
		return !stopped
	})
	counts, err := assemble(f, a)
	if stopped {
		return
	}
	var damage *Damage
	if err != nil && !errors.As(err, &damage) {
		yield(Flow{}, fmt.Errorf("traffic: %s: %w", path, err))
		return
	}
	a.flush()
	if stopped {
		return
	}
	if damage != nil {
		damage.Path = path
		r.warn(damage)
	}
	if a.crowded {
		r.warn(fmt.Errorf("traffic: %s: more than %d flows open at once; the quietest were ended early", path, a.rule.MaxOpen))
	}
	if r.Counted != nil {
		r.Counted(path, counts)
	}
}

// assemble feeds a capture to the assembler, which it does not flush.
func assemble(r io.Reader, a *assembler) (counts CaptureCounts, err error) {
	capture, err := openFrames(r)
	if err != nil {
		return counts, err
	}
	var f frame
	var s segment
	for {
		if err := capture.next(&f); err == io.EOF {
			return counts, nil
		} else if err != nil {
			return counts, err
		}
		v := decode(f.link, f.data, f.length, &s)
		counts.count(v)
		if v == isSegment && !a.add(&s, f.time, f.timed) {
			return counts, nil
		}
	}
}

// warn reports something that did not stop the reading.
func (r Reader) warn(err error) {
	if r.Warn != nil {
		r.Warn(err)
		return
	}
	slog.Warn(err.Error())
}

// statCapture is kind.stat for captures: it reads the whole file, by the rules
// of the zero Reader.
func statCapture(f *os.File, path string) (Info, error) {
	info := Info{Columns: []string{"PL", "IAT", "DIR"}, Timed: true}
	var failed error
	quiet := Reader{Warn: func(error) {}}
	readCapture(f, path, quiet, func(flow Flow, err error) bool {
		info.Rows++
		info.Timed = info.Timed && flow.Timed
		failed = err
		return err == nil
	})
	return info, failed
}
