package track

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// Log appends to a run's metrics.jsonl.
type Log struct {
	Dropped int // lines that OpenLog removed: torn by a crash, or beyond the step
	file    appended
	size    int64  // of the file's whole lines
	waiting []byte // lines that could not be written yet
	lost    int    // lines that waited too long
}

// appended is what a Log needs of its file.
type appended interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

// mostWaiting limits the bytes that a Log keeps while its disk is full: some ten
// thousand lines.
const mostWaiting = 4 << 20

// jsonFloat is a number in metrics.jsonl. JSON has no NaN and no infinities; they
// are kept as the strings "NaN", "+Inf" and "-Inf", because a run that diverges
// is what one looks for in the file.
type jsonFloat float64

func (v jsonFloat) MarshalJSON() ([]byte, error) {
	if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte(fmt.Sprintf("%q", fmt.Sprintf("%+v", f))), nil
	}
	return json.Marshal(float64(v))
}

func (v *jsonFloat) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case `"NaN"`, `"+NaN"`:
		*v = jsonFloat(math.NaN())
	case `"+Inf"`:
		*v = jsonFloat(math.Inf(1))
	case `"-Inf"`:
		*v = jsonFloat(math.Inf(-1))
	default:
		if f, err := strconv.ParseFloat(string(text), 64); err == nil {
			*v = jsonFloat(f)
			return nil
		}
		return json.Unmarshal(text, (*float64)(v))
	}
	return nil
}

// OpenLog opens the run's metrics.jsonl to go on after step: lines of later
// steps, which a run that died wrote after its last checkpoint, and lines torn
// by the crash are removed first.
func (r *Run) OpenLog(step int) (*Log, error) {
	path := MetricsFile(r.Dir)
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("track: %w", err)
	}
	l := &Log{}
	kept := make([]byte, 0, len(text))
	for line := range bytes.Lines(text) {
		if at, _, ok := parseLine(line); ok && at <= step {
			kept = append(kept, line...)
		} else {
			l.Dropped++
		}
	}
	if l.Dropped > 0 {
		if err := atomicfile.WriteFile(path, kept); err != nil {
			return nil, fmt.Errorf("track: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("track: %w", err)
	}
	l.file = f
	l.size = int64(len(kept))
	return l, nil
}

// Add appends a line: values at step. It reaches the file at once, in one
// write, so that it survives the process; Close makes it survive the machine.
//
// After an error, such as that of a full disk, the file has whole lines as before and
// this line is kept: the next Add, and Close, try again. Up to 4 MiB of lines are
// kept so, the newest.
func (l *Log) Add(step int, values map[string]float64) error {
	line := make(map[string]any, len(values)+1)
	for name, v := range values {
		line[name] = jsonFloat(v)
	}
	line["step"] = step
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("track: metrics: %w", err)
	}
	l.waiting = append(append(l.waiting, text...), '\n')
	for len(l.waiting) > mostWaiting {
		l.waiting = l.waiting[bytes.IndexByte(l.waiting, '\n')+1:]
		l.lost++
	}
	return l.write()
}

// write writes the lines that wait: all, or none where there is an error.
func (l *Log) write() error {
	if len(l.waiting) == 0 {
		return nil
	}
	n, err := l.file.Write(l.waiting)
	if err != nil {
		// A torn line would spoil the next one too: it is removed, or else ended.
		if n > 0 && l.file.Truncate(l.size) != nil {
			l.waiting = append([]byte("\n"), l.waiting...)
		}
		return fmt.Errorf("track: metrics: %w", err)
	}
	l.size += int64(n)
	l.waiting = l.waiting[:0]
	return nil
}

// Close writes what still waits, flushes the lines to the disk and closes the file.
func (l *Log) Close() error {
	err := l.write()
	if l.lost > 0 {
		err = errors.Join(err, fmt.Errorf("track: metrics: %d lines are lost: the file could not be written for too long", l.lost))
	}
	return errors.Join(err, l.file.Sync(), l.file.Close())
}

// Series is one metric over the steps.
type Series struct {
	Step, Value []float64
}

// Metrics reads the metrics.jsonl of a run directory, also while a trainer
// writes it: a line that is not whole is passed over. A run without any yet has
// an empty map.
func Metrics(dir string) (map[string]Series, error) {
	text, err := os.ReadFile(MetricsFile(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("track: %w", err)
	}
	all := map[string]Series{}
	for line := range bytes.Lines(text) {
		step, values, ok := parseLine(line)
		if !ok {
			continue
		}
		for name, v := range values {
			s := all[name]
			s.Step = append(s.Step, float64(step))
			s.Value = append(s.Value, float64(v))
			all[name] = s
		}
	}
	return all, nil
}

// parseLine reads one line of metrics.jsonl; ok is false where it is not whole.
func parseLine(line []byte) (step int, values map[string]jsonFloat, ok bool) {
	if !bytes.HasSuffix(line, []byte("\n")) || json.Unmarshal(line, &values) != nil {
		return 0, nil, false
	}
	at, there := values["step"]
	if !there || float64(at) != math.Trunc(float64(at)) {
		return 0, nil, false
	}
	delete(values, "step")
	return int(at), values, true
}
