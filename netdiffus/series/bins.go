package series

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Per is what traffic is counted for.
type Per string

const (
	PerFlow    Per = "flow"    // each flow, from its first packet on
	PerHost    Per = "host"    // each client's flows of a capture together
	PerCapture Per = "capture" // all flows of a capture together
)

// Values are what can be counted in a bin: payload bytes and packets, of the server
// (down), the client (up), or both.
var Values = []string{"bytes_down", "bytes_up", "packets_down", "packets_up", "bytes", "packets"}

// Binner makes series of the packets of flows.
type Binner struct {
	Bin    time.Duration // width of a bin; 0 means 100 ms
	Values []string      // channels, some of Values; nil means bytes_down and bytes_up
	Per    Per           // "" means PerFlow; tables of flows, which do not tell when a flow began, allow no other

	// Reader reads the flows, and its Capture says how packets of captures become
	// flows. Its Label labels them; "" means the labels of tables, and of captures
	// "{folder}".
	Reader traffic.Reader
}

// maxTraceBins bounds the bins of a trace before it is cut into windows.
const maxTraceBins = 1 << 24

// check completes the settings.
func (b *Binner) check() error {
	if b.Bin == 0 {
		b.Bin = 100 * time.Millisecond
	}
	if len(b.Values) == 0 {
		b.Values = []string{"bytes_down", "bytes_up"}
	}
	if b.Per == "" {
		b.Per = PerFlow
	}
	switch {
	case b.Bin < 0:
		return fmt.Errorf("bins of %v, want a width above 0", b.Bin)
	case b.Per != PerFlow && b.Per != PerHost && b.Per != PerCapture:
		return fmt.Errorf("per %q: want %s, %s or %s", b.Per, PerFlow, PerHost, PerCapture)
	}
	for i, name := range b.Values {
		if !slices.Contains(Values, name) || slices.Contains(b.Values[:i], name) {
			return fmt.Errorf("values %q: want some of %s, each once", b.Values, strings.Join(Values, ", "))
		}
	}
	return nil
}

// Read ranges over the traces of files and folders: captures, and tables of flows
// with times. A trace ends with its last packet, so traces differ in length: see
// Windows. Trace.Trace is the name of the file, and within it the flow's number or the
// client's address.
func (b Binner) Read(paths ...string) iter.Seq2[Series, error] {
	return func(yield func(Series, error) bool) {
		if err := b.check(); err != nil {
			yield(Series{}, fmt.Errorf("series: %w", err))
			return
		}
		for _, path := range paths {
			files, err := traffic.Files(path)
			if err != nil {
				yield(Series{}, err)
				return
			}
			for _, file := range files {
				if err := b.file(path, file, yield); err != nil {
					if err != errStopped {
						yield(Series{}, err)
					}
					return
				}
			}
		}
	}
}

// file reads one file, below the path that is read.
func (b Binner) file(root, path string, yield func(Series, error) bool) error {
	f, err := unpack.Open(path)
	if err != nil {
		return fmt.Errorf("series: %s: %w", path, err)
	}
	defer f.Close()
	head := make([]byte, 64)
	n, _ := io.ReadFull(f, head)
	if err := f.Rewind(); err != nil {
		return fmt.Errorf("series: %s: %w", path, err)
	}
	if !capture.Is(head[:n]) {
		if b.Per != PerFlow {
			return fmt.Errorf("series: %s: a table of flows, which does not tell when each began: count per %s", path, PerFlow)
		}
		return b.table(path, yield)
	}
	label := &shaper{Reader: Reader{Label: cmp.Or(b.Reader.Label, "{folder}"), root: root}, path: path}
	err = b.capture(f, path, label, yield)
	if err != nil && err != errStopped {
		return fmt.Errorf("series: %s: %w", path, err)
	}
	return err
}

// table reads the flows of a table.
func (b Binner) table(path string, yield func(Series, error) bool) error {
	n := 0
	for flow, err := range b.Reader.Read(path) {
		if err != nil {
			return err
		}
		place := fmt.Sprintf("%s: flow %d", path, n)
		if !flow.Timed {
			return fmt.Errorf("series: %s: packets without times, which bins need: want inter-arrival times", place)
		}
		c := b.counter()
		at := 0.0 // microseconds
		for i, p := range flow.Packets {
			if p.IAT < 0 {
				return fmt.Errorf("series: %s: packet %d is %v microseconds before the one before it", place, i, -p.IAT)
			}
			if i > 0 {
				at += p.IAT
			}
			if !(at < math.MaxInt64/1e4) {
				return fmt.Errorf("series: %s: packet %d comes after %v microseconds", place, i, at)
			}
			if err := c.add(int64(at*1e3), p.Length, p.Dir); err != nil {
				return fmt.Errorf("series: %s: %w", place, err)
			}
		}
		out := c.series(flow.Label, fmt.Sprintf("%s:%d", filepath.Base(path), n))
		if n++; out.Bins() > 0 && !yield(out, nil) {
			return errStopped
		}
	}
	return nil
}

// capture reads the flows of a capture.
func (b Binner) capture(f io.Reader, path string, label *shaper, yield func(Series, error) bool) error {
	whole := map[string]*counter{} // by client, or ""
	var order []string
	var failed error
	n := 0
	stopped := false
	o := capture.Options{Assembly: b.Reader.Capture, KeepEmpty: b.Reader.KeepEmpty}
	counts, err := capture.Read(f, o, func(flow *capture.Biflow) bool {
		if flow.Len() == 0 || flow.Len() < b.Reader.MinPackets {
			return true
		}
		if !flow.Timed() {
			failed = errors.New("a capture without times, which bins need")
			return false
		}
		c, first := b.counter(), flow.At(0).Time
		if b.Per != PerFlow {
			first = 0
			client := ""
			if b.Per == PerHost {
				client, _, _ = strings.Cut(flow.String(), ",")
			}
			if whole[client] == nil {
				whole[client] = c
				order = append(order, client)
			}
			c = whole[client]
		}
		for i := range flow.Len() {
			p := flow.At(i)
			dir := traffic.Down
			if p.FromClient {
				dir = traffic.Up
			}
			if failed = c.add(p.Time-first, p.Length, dir); failed != nil {
				return false
			}
		}
		if b.Per == PerFlow {
			out := c.series(label.labelOf(""), fmt.Sprintf("%s:%d", filepath.Base(path), n))
			out.Start = time.Unix(0, first).UTC()
			n++
			stopped = !yield(out, nil)
		}
		return !stopped
	})
	var damage *capture.Damage
	switch {
	case stopped:
		return errStopped
	case failed != nil:
		return failed
	case errors.As(err, &damage):
		damage.Path = path
		if b.Reader.Warn != nil {
			b.Reader.Warn(damage)
		}
	case err != nil:
		return err
	}
	if b.Reader.Counted != nil {
		b.Reader.Counted(path, counts)
	}
	for _, client := range order {
		name := filepath.Base(path)
		if client != "" {
			name += ":" + client
		}
		out := whole[client].series(label.labelOf(""), name)
		out.Start = time.Unix(0, whole[client].first*int64(b.Bin)).UTC()
		if !yield(out, nil) {
			return errStopped
		}
	}
	return nil
}

// counter counts packets in bins.
type counter struct {
	*Binner
	first int64 // the first bin's number
	bins  []binCount
}

// binCount is what a bin holds, by direction.
type binCount struct{ bytes, packets [2]float64 }

func (b *Binner) counter() *counter { return &counter{Binner: b} }

// add counts a packet, at so many nanoseconds.
func (c *counter) add(at int64, length int, dir traffic.Direction) error {
	bin := at / int64(c.Bin)
	if at < 0 && at%int64(c.Bin) != 0 {
		bin--
	}
	if len(c.bins) == 0 {
		c.first = bin
	}
	low, high := min(bin, c.first), max(bin, c.first+int64(len(c.bins))-1)
	if high-low >= maxTraceBins {
		return fmt.Errorf("a trace of %d bins of %v: want at most %d: take wider bins, or end flows after a silence", high-low+1, c.Bin, maxTraceBins)
	}
	if bin < c.first {
		c.bins = append(make([]binCount, c.first-bin, int(c.first-bin)+2*len(c.bins)), c.bins...)
		c.first = bin
	}
	if place := int(bin - c.first); place >= len(c.bins) {
		c.bins = append(c.bins, make([]binCount, place+1-len(c.bins))...)
	}
	b := &c.bins[bin-c.first]
	b.bytes[dir] += float64(length)
	b.packets[dir]++
	return nil
}

// series makes a series of the bins.
func (c *counter) series(label, trace string) Series {
	out := Series{Label: label, Trace: trace, Channels: c.Values, Units: unitsOf(c.Values), Step: c.Bin}
	for _, name := range c.Values {
		values := make([]float64, len(c.bins))
		for i, b := range c.bins {
			of := b.bytes
			if strings.HasPrefix(name, "packets") {
				of = b.packets
			}
			switch {
			case strings.HasSuffix(name, "_down"):
				values[i] = of[traffic.Down]
			case strings.HasSuffix(name, "_up"):
				values[i] = of[traffic.Up]
			default:
				values[i] = of[0] + of[1]
			}
		}
		out.Values = append(out.Values, values)
	}
	return out
}
