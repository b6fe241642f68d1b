package track

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Point is one line of metrics.jsonl: what was measured at a step.
type Point struct {
	Step   int
	Values map[string]float64
}

// Tail reads a run's metrics.jsonl as it grows. A Tail is not safe for concurrent use.
type Tail struct {
	Damaged int // lines passed over so far, because they are not JSON objects with a step

	path   string
	offset int64
	file   os.FileInfo       // the file that offset is in; nil before there is one
	names  map[string]string // see Line.parse
}

// NewTail returns a Tail at the first line of the metrics of the run directory dir,
// which need not be there yet.
func NewTail(dir string) *Tail { return NewTailAt(dir, 0) }

// NewTailAt is NewTail from a place in the file on: so many bytes from its start. If
// that is within a line, the rest of the line counts as damaged.
func NewTailAt(dir string, offset int64) *Tail {
	return &Tail{path: MetricsFile(dir), offset: max(0, offset), names: map[string]string{}}
}

// tailPiece is how many bytes Next reads at most, unless one line is longer: some
// thousands of lines.
const tailPiece = 1 << 20

// Next returns the next lines, none where no more are whole yet. again reports that
// they are the first ones once more, because the file was replaced: a trainer that
// continues from a checkpoint removes the lines after it.
func (t *Tail) Next() (points []Point, again bool, err error) {
	f, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		again = t.file != nil
		t.file, t.offset = nil, 0
		return nil, again, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("track: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, fmt.Errorf("track: %w", err)
	}
	if t.file != nil && !os.SameFile(t.file, info) || info.Size() < t.offset {
		again, t.offset, t.Damaged = true, 0, 0
	}
	t.file = info
	for len(points) == 0 {
		text, err := readLines(f, t.offset, info.Size())
		if err != nil {
			return nil, again, fmt.Errorf("track: %s: %w", t.path, err)
		}
		if len(text) == 0 {
			break
		}
		points = t.parse(text)
		t.offset += int64(len(text))
	}
	return points, again, nil
}

func (t *Tail) parse(text []byte) (points []Point) {
	var l Line
	for line := range bytes.Lines(text) {
		if !l.parse(line, t.names) {
			t.Damaged++
			continue
		}
		p := Point{Step: l.Step, Values: make(map[string]float64, len(l.Values))}
		for _, v := range l.Values {
			p.Values[v.Name] = v.Number
		}
		points = append(points, p)
	}
	return points
}

// readLines reads whole lines between from and size: a piece of them, or one that is
// longer than a piece.
func readLines(r io.ReaderAt, from, size int64) ([]byte, error) {
	for piece := int64(tailPiece); ; piece *= 4 {
		text := make([]byte, max(0, min(piece, size-from)))
		n, err := r.ReadAt(text, from)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if end := bytes.LastIndexByte(text[:n], '\n'); end >= 0 || int64(n) < piece {
			return text[:end+1], nil
		}
	}
}
