package connections

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// pool holds flows to be taken in any order: small ones in memory, others in a
// temporary file.
type pool struct {
	labels []string  // sorted
	places [][]int64 // of the flows, by label
	memory []byte
	file   *os.File
	out    *bufio.Writer
	size   int64
	buf    []byte
	seen   Counter
}

// inMemory is how many bytes of flows are kept in memory.
const inMemory = 64 << 20

// gather reads all flows. close must be called, after an error too.
func gather(flows iter.Seq2[traffic.Flow, error]) (*pool, error) {
	p := &pool{}
	byLabel := map[string][]int64{}
	n := 0
	for f, err := range flows {
		if err != nil {
			return p, err
		}
		b, err := encode(p.buf[:0], f)
		if err != nil {
			return p, fmt.Errorf("connections: flow %d: %w", n, err)
		}
		p.buf = b
		p.seen.Add(f)
		n++
		if len(b) == 0 { // nothing in it has payload
			continue
		}
		byLabel[f.Label] = append(byLabel[f.Label], p.size)
		if err := p.add(b); err != nil {
			return p, fmt.Errorf("connections: temporary file: %w", err)
		}
	}
	if p.out != nil {
		if err := p.out.Flush(); err != nil {
			return p, fmt.Errorf("connections: temporary file: %w", err)
		}
	}
	for label := range byLabel {
		p.labels = append(p.labels, label)
	}
	slices.Sort(p.labels)
	for _, label := range p.labels {
		p.places = append(p.places, byLabel[label])
	}
	if len(p.labels) == 0 {
		return p, errors.New("connections: there are no flows with payload")
	}
	return p, nil
}

func (p *pool) add(b []byte) (err error) {
	p.size += int64(len(b))
	if p.file == nil && p.size > inMemory {
		if p.file, err = unpack.Spool(); err != nil {
			return err
		}
		p.out = bufio.NewWriterSize(p.file, 1<<18)
		if _, err := p.out.Write(p.memory); err != nil {
			return err
		}
		p.memory = nil
	}
	if p.file == nil {
		p.memory = append(p.memory, b...)
		return nil
	}
	_, err = p.out.Write(b)
	return err
}

func (p *pool) close() {
	if p.file != nil {
		unpack.Remove(p.file)
	}
}

// count is the number of flows.
func (p *pool) count() int {
	n := 0
	for _, list := range p.places {
		n += len(list)
	}
	return n
}

// encode appends a flow's packets with payload; of those without, the time before
// them is kept. It appends nothing where there are none.
func encode(b []byte, f traffic.Flow) ([]byte, error) {
	n := 0
	for _, q := range f.Packets {
		if q.Length < 0 || q.Length > traffic.MaxLength || q.Dir != traffic.Up && q.Dir != traffic.Down {
			return nil, fmt.Errorf("a packet of %d bytes, direction %d", q.Length, q.Dir)
		}
		if q.Length > 0 {
			n++
		}
	}
	if n == 0 {
		return nil, nil
	}
	timed := uint64(0)
	if f.Timed {
		timed = 1
	}
	b = binary.AppendUvarint(b, uint64(n)<<1|timed)
	waited := 0.0
	for i, q := range f.Packets {
		if f.Timed && i > 0 {
			if !(q.IAT >= 0 && q.IAT <= longestGap) {
				return nil, fmt.Errorf("packet %d: inter-arrival time %v, want microseconds from 0 to a day", i, q.IAT)
			}
			waited += q.IAT
		}
		if q.Length == 0 {
			continue
		}
		b = binary.AppendUvarint(b, uint64(q.Length)<<1|uint64(q.Dir))
		if f.Timed {
			b = binary.AppendUvarint(b, uint64(math.Round(min(waited, longestGap)*1e3)))
		}
		waited = 0
	}
	return b, nil
}

// longestGap is the longest inter-arrival time, microseconds.
const longestGap = 24 * 3600 * 1e6

// flow is a flow of the pool.
type flow struct {
	label   int
	timed   bool
	packets []traffic.Packet // IAT in whole nanoseconds
}

// take reads flow i of a label.
func (p *pool) take(label, i int) (flow, error) {
	at := p.places[label][i]
	var in io.ByteReader
	if p.file == nil {
		in = &bytesAt{p.memory[at:]}
	} else {
		in = bufio.NewReaderSize(io.NewSectionReader(p.file, at, p.size-at), 4096)
	}
	f := flow{label: label}
	head, err := binary.ReadUvarint(in)
	if err != nil {
		return f, fmt.Errorf("connections: temporary file: %w", err)
	}
	f.timed = head&1 == 1
	f.packets = make([]traffic.Packet, head>>1)
	for j := range f.packets {
		v, err := binary.ReadUvarint(in)
		ns := uint64(0)
		if err == nil && f.timed {
			ns, err = binary.ReadUvarint(in)
		}
		if err != nil {
			return f, fmt.Errorf("connections: temporary file: %w", err)
		}
		f.packets[j] = traffic.Packet{Length: int(v >> 1), Dir: traffic.Direction(v & 1), IAT: float64(ns)}
	}
	return f, nil
}

type bytesAt struct{ b []byte }

func (r *bytesAt) ReadByte() (byte, error) {
	if len(r.b) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c, nil
}
