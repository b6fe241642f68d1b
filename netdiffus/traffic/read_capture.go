package traffic

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// Assembly sets how the packets of a capture become flows.
type Assembly = capture.Assembly

// DefaultIdle is the idle time-out of the zero Assembly.
const DefaultIdle = capture.DefaultIdle

// CaptureCounts holds what the packets of a capture were.
type CaptureCounts = capture.Counts

// Damage is the warning about a capture that breaks off or stops making sense.
type Damage = capture.Damage

// DuplicatePackets is the warning about a capture that holds many packets twice,
// as a mirror port or an interface "any" captures them. They are in its flows.
type DuplicatePackets struct {
	Path    string
	Packets int64   // copies of a packet before them
	Share   float64 // of the TCP and UDP packets
}

func (d *DuplicatePackets) Error() string {
	return fmt.Sprintf("traffic: %s: %d packets, %.2g%% of TCP and UDP, were captured twice", d.Path, d.Packets, 100*d.Share)
}

// noticedShare is the share of duplicates from which on they are worth a warning.
const noticedShare = 0.05

// readCapture is kind.read for captures.
func readCapture(f *unpack.File, path string, r Reader, yield func(Flow, error) bool) {
	frames, err := capture.Open(f)
	if err != nil {
		yield(Flow{}, fmt.Errorf("traffic: %s: %w", path, err))
		return
	}
	r.assemble(frames, path, yield)
}

// assemble reads the flows of a capture, or of several as one, of which path is the
// first.
func (r Reader) assemble(frames capture.Frames, path string, yield func(Flow, error) bool) {
	stopped := false
	label := r.label(path, LabelFromFolder)
	options := capture.Options{Assembly: r.Capture, MaxPackets: r.MaxPackets, KeepEmpty: r.KeepEmpty}
	counts, err := capture.Assemble(frames, options, func(b *capture.Biflow) bool {
		if b.Len() == 0 { // nothing in it was kept
			return true
		}
		flow := flowOf(b)
		flow.Label = label
		if r.KeepKeys {
			flow.Key = b.String()
		}
		if r.KeepConnections {
			flow.Connection = &Connection{Capture: path, Start: b.Start()}
			flow.Connection.Protocol, flow.Connection.ServerPort = b.Service()
			flow.Connection.ClientTTL, flow.Connection.ServerTTL = b.TTLs()
		}
		stopped = !yield(flow, nil)
		return !stopped
	})
	if stopped {
		return
	}
	name := path + ": "
	if _, joined := frames.(*capture.Joined); joined { // it names the file itself
		name = ""
	}
	var damage *Damage
	if errors.As(err, &damage) {
		damage.Path = path
		r.warn(damage)
	} else if err != nil {
		yield(Flow{}, fmt.Errorf("traffic: %s%w", name, err))
		return
	}
	for _, remark := range counts.Remarks {
		r.warn(fmt.Errorf("traffic: %s%s", name, remark))
	}
	if counts.Crowded > 0 {
		r.warn(fmt.Errorf("traffic: %s: more than %d flows open at once; the quietest were ended early", path, counts.Crowded))
	}
	if share := float64(counts.Duplicates) / float64(max(counts.Segments, 1)); share >= noticedShare && !r.Capture.DropDuplicates {
		r.warn(&DuplicatePackets{Path: path, Packets: counts.Duplicates, Share: share})
	}
	if r.Counted != nil {
		r.Counted(path, counts)
	}
}

// flowOf returns a biflow's packets as a flow.
func flowOf(b *capture.Biflow) Flow {
	packets := make([]Packet, b.Len())
	before := int64(0)
	for i := range packets {
		p := b.At(i)
		packets[i] = Packet{Length: p.Length, Dir: Down}
		if p.FromClient {
			packets[i].Dir = Up
		}
		if i > 0 && b.Timed() {
			packets[i].IAT = float64(p.Time-before) / 1e3
		}
		before = p.Time
	}
	return Flow{Packets: packets, Timed: b.Timed()}
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
func statCapture(f *unpack.File, path string) (Info, error) {
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
