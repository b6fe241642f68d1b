package series

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// Write writes series of equal channels into a file of the kind that the path's
// ending names:
//   - .csv (commas) and .tsv (tabs): a row a series, NAME_0, NAME_1, … for each channel;
//   - .parquet: a list column a channel;
//   - .npz: "series", float64 [N,T,C], the names of its "channels", "labels", "traces"
//     and the "step" in seconds. all is ranged over twice, first to count;
//   - .jsonl and .ndjson: an object a series.
//
// Next to the values stand label and, where the first series has them, trace, step
// (seconds) and start (not in .npz). A Reader gives back the very same series. The file
// appears when it is complete; on an error nothing is left and a file that was there
// stays.
func Write(path string, all iter.Seq2[Series, error]) error { return Writer{}.Write(path, all) }

// Writer writes files of series. Its zero value is what Write uses.
type Writer struct {
	// Run is the ID of the training run that the series were drawn from: Parquet keeps it,
	// see traffic.MadeBy.
	Run string
}

// Write is the package's Write with the writer's options.
func (w Writer) Write(path string, all iter.Seq2[Series, error]) error {
	var write func(io.Writer, iter.Seq2[Series, error]) error
	switch ending := strings.ToLower(filepath.Ext(path)); ending {
	case ".csv":
		write = func(out io.Writer, all iter.Seq2[Series, error]) error { return writeCSV(out, ',', all) }
	case ".tsv":
		write = func(out io.Writer, all iter.Seq2[Series, error]) error { return writeCSV(out, '\t', all) }
	case ".parquet":
		write = func(out io.Writer, all iter.Seq2[Series, error]) error { return writeParquet(out, all, w.Run) }
	case ".npz":
		write = writeArrays
	case ".jsonl", ".ndjson":
		write = writeJSON
	default:
		return fmt.Errorf("series: %s: cannot tell what to write from the ending %q: want .csv, .tsv, .parquet, .npz, .jsonl or .ndjson", path, ending)
	}
	out, err := atomicfile.Create(path)
	if err != nil {
		return fmt.Errorf("series: %w", err)
	}
	defer out.Abort()
	buffer := bufio.NewWriterSize(out, 1<<16)
	if err = write(buffer, all); err == nil {
		err = buffer.Flush()
	}
	if err != nil {
		return fmt.Errorf("series: writing %s: %w", path, err)
	}
	if err := out.Commit(); err != nil {
		return fmt.Errorf("series: %w", err)
	}
	return nil
}

// checked passes series on that fit the first one.
func checked(all iter.Seq2[Series, error], each func(n int, s Series) error) error {
	n := 0
	var first Series
	for s, err := range all {
		if err != nil {
			return err
		}
		if err = check(s); err == nil && n > 0 {
			err = fits(s, first)
		}
		if n == 0 {
			first = s
		}
		if err == nil {
			err = each(n, s)
		}
		if err != nil {
			return fmt.Errorf("series %d: %w", n, err)
		}
		n++
	}
	if n == 0 {
		return errors.New("no series")
	}
	return nil
}

// maxTrace is the longest name of a trace, bytes.
const maxTrace = 1 << 10

// check refuses a series that no Reader gives.
func check(s Series) error {
	if err := s.Check(); err != nil {
		return err
	}
	if !utf8.ValidString(s.Trace) || len(s.Trace) > maxTrace {
		return fmt.Errorf("the trace of %d bytes (%.40q): want UTF-8 of at most %d", len(s.Trace), s.Trace, maxTrace)
	}
	for _, name := range s.Channels {
		if name == "" || !utf8.ValidString(name) || slices.Contains([]string{"label", "trace", "step", "start"}, strings.ToLower(name)) {
			return fmt.Errorf("a channel called %.40q cannot be a column: rename it", name)
		}
	}
	return tables.CheckLabel(s.Label)
}

// fits reports a series unlike the first.
func fits(s, first Series) error {
	switch {
	case !slices.Equal(s.Channels, first.Channels):
		return fmt.Errorf("channels %q, the first has %q", s.Channels, first.Channels)
	case s.Bins() != first.Bins():
		return fmt.Errorf("%d bins, the first has %d", s.Bins(), first.Bins())
	case s.Step != first.Step:
		return fmt.Errorf("steps of %v, the first has %v", s.Step, first.Step)
	}
	return nil
}

// extra are the fields of a row besides its label and values.
type extra struct{ trace, step, start bool }

func extraOf(s Series) extra { return extra{s.Trace != "", s.Step != 0, !s.Start.IsZero()} }

// names are the fields' columns.
func (e extra) names() (names []string) {
	for _, c := range []struct {
		there bool
		name  string
	}{{e.trace, "trace"}, {e.step, "step"}, {e.start, "start"}} {
		if c.there {
			names = append(names, c.name)
		}
	}
	return names
}

func startText(s Series) string {
	if s.Start.IsZero() {
		return ""
	}
	return s.Start.UTC().Format(time.RFC3339Nano)
}

// appendNumber writes the shortest text that reads back as the same number.
func appendNumber(b []byte, v float64) []byte { return strconv.AppendFloat(b, v, 'g', -1, 64) }

func writeCSV(out io.Writer, comma rune, all iter.Seq2[Series, error]) error {
	w := csv.NewWriter(out)
	w.Comma = comma
	var row []string
	var has extra
	var number []byte
	err := checked(all, func(n int, s Series) error {
		if n == 0 {
			has = extraOf(s)
			if cells := s.Bins() * len(s.Channels); cells > tables.MaxCells/2 {
				return fmt.Errorf("a row of %d cells, too long to be read again: write Parquet", cells)
			}
			row = append(append(row, "label"), has.names()...)
			for _, name := range s.Channels {
				for bin := range s.Bins() {
					row = append(row, name+"_"+strconv.Itoa(bin))
				}
			}
			if err := w.Write(row); err != nil {
				return err
			}
		}
		row = append(row[:0], s.Label)
		if has.trace {
			row = append(row, s.Trace)
		}
		if has.step {
			row = append(row, string(appendNumber(number[:0], s.Step.Seconds())))
		}
		if has.start {
			row = append(row, startText(s))
		}
		for _, values := range s.Values {
			for _, v := range values {
				number = appendNumber(number[:0], v)
				row = append(row, string(number))
			}
		}
		return w.Write(row)
	})
	if err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

func writeJSON(out io.Writer, all iter.Seq2[Series, error]) error {
	var line []byte
	member := func(name, text string) {
		n, _ := json.Marshal(name) // texts are UTF-8: it cannot fail
		t, _ := json.Marshal(text)
		line = append(append(append(append(line, n...), ':'), t...), ',')
	}
	return checked(all, func(_ int, s Series) error {
		line = append(line[:0], '{')
		member("label", s.Label)
		if s.Trace != "" {
			member("trace", s.Trace)
		}
		if s.Step != 0 {
			line = append(appendNumber(append(line, `"step":`...), s.Step.Seconds()), ',')
		}
		if !s.Start.IsZero() {
			member("start", startText(s))
		}
		for i, channel := range s.Channels {
			name, _ := json.Marshal(channel)
			if i > 0 {
				line = append(line, ',')
			}
			line = append(append(line, name...), ':', '[')
			for bin, v := range s.Values[i] {
				if bin > 0 {
					line = append(line, ',')
				}
				line = appendNumber(line, v)
			}
			line = append(line, ']')
		}
		_, err := out.Write(append(line, "}\n"...))
		return err
	})
}

func writeArrays(out io.Writer, all iter.Seq2[Series, error]) error {
	var first Series
	var labels, traces []string
	same := map[string]string{} // equal labels share their memory
	err := checked(all, func(n int, s Series) error {
		if n == 0 {
			first = s
		}
		if known, ok := same[s.Label]; ok {
			s.Label = known
		} else if len(same) < 1<<16 {
			same[s.Label] = s.Label
		}
		labels = append(labels, s.Label)
		if first.Trace != "" {
			traces = append(traces, s.Trace)
		}
		return nil
	})
	if err != nil {
		return err
	}
	w := npz.NewWriter(out)
	stream, err := npz.Begin[float64](w, "series", len(labels), first.Bins(), len(first.Channels))
	if err != nil {
		return err
	}
	row := make([]float64, 0, first.Bins()*len(first.Channels))
	err = checked(all, func(_ int, s Series) error {
		row = row[:0]
		for bin := range s.Bins() {
			for _, values := range s.Values {
				row = append(row, values[bin])
			}
		}
		return stream.Append(row)
	})
	if err == nil {
		err = w.AddStrings("channels", first.Channels)
	}
	if err == nil {
		err = w.AddStrings("labels", labels)
	}
	if err == nil && traces != nil {
		err = w.AddStrings("traces", traces)
	}
	if err == nil && first.Step != 0 {
		err = w.Add("step", npz.New([]float64{first.Step.Seconds()}, []int{}...))
	}
	if err != nil {
		return err
	}
	return w.Close()
}
