package series

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

func isArrays(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("\x93NUMPY"))
}

// The arrays of a file that hold no series.
var (
	labelArrays   = []string{"labels", "label", "y", "classes"}
	traceArrays   = []string{"traces", "trace"}
	channelArrays = []string{"channels"}
	stepArrays    = []string{"step"}
)

// arrayChannel is a channel of a file of arrays.
type arrayChannel struct {
	name, key  string
	part, of   int // of the last axis
	rows, bins int
}

// arrays reads an NPZ or NPY file.
func (s *shaper) arrays(*unpack.File) error {
	f, err := npz.Open(s.path) // from the file itself: archives are read from their end
	if err != nil {
		return errors.Unwrap(err)
	}
	defer f.Close()
	channels, err := s.arrayChannels(f)
	if err != nil {
		return err
	}
	labels, err := texts(f, labelArrays, channels[0].rows)
	if err != nil {
		return err
	}
	traces, err := texts(f, traceArrays, channels[0].rows)
	if err != nil {
		return err
	}
	step, err := arrayStep(f)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range channels {
		names = append(names, c.name)
	}
	s.recognized("arrays of %d bins: %s", channels[0].bins, strings.Join(names, ", "))
	emit := func(row int, values [][]float64) error {
		out := Series{Channels: names, Values: values, Step: step}
		if labels != nil {
			out.Label = labels[row]
		}
		if traces != nil {
			out.Trace = traces[row]
		}
		return s.add(fmt.Sprintf("row %d", row), out)
	}
	if slices.ContainsFunc(channels, func(c arrayChannel) bool { return c.key != channels[0].key }) {
		return wholeArrays(f, channels, emit)
	}
	return f.EachRow(channels[0].key, func(row int, values []float64) error {
		if channels[0].rows == 1 && len(values) == 1 { // [T]: one series
			return errors.New("one number a row, want [N,T] or [N,T,C]")
		}
		return emit(row, split(values, channels))
	})
}

// split gives the channels of one row of an array [N,T,C].
func split(row []float64, channels []arrayChannel) [][]float64 {
	out := make([][]float64, len(channels))
	for i, c := range channels {
		out[i] = make([]float64, c.bins)
		for bin := range out[i] {
			out[i][bin] = row[bin*c.of+c.part]
		}
	}
	return out
}

// wholeArrays reads files whose channels are arrays of their own: each is held.
func wholeArrays(f *npz.File, channels []arrayChannel, emit func(int, [][]float64) error) error {
	read := map[string][]float64{}
	for _, c := range channels {
		if read[c.key] == nil {
			a, err := f.Read(c.key)
			if err != nil {
				return err
			}
			read[c.key] = a.Floats()
		}
	}
	for row := range channels[0].rows {
		values := make([][]float64, len(channels))
		for i, c := range channels {
			width := c.bins * c.of
			values[i] = split(read[c.key][row*width:(row+1)*width], []arrayChannel{c})[0]
		}
		if err := emit(row, values); err != nil {
			return err
		}
	}
	return nil
}

// arrayChannels finds the file's channels.
func (s *shaper) arrayChannels(f *npz.File) (channels []arrayChannel, err error) {
	var given []string
	if key := first(f, channelArrays); key != "" {
		if given, _, err = f.Strings(key); err != nil {
			return nil, err
		}
	}
	other := slices.Concat(labelArrays, traceArrays, channelArrays, stepArrays)
	for _, key := range f.Keys() {
		if slices.Contains(other, key) {
			continue
		}
		shape, _, err := f.Shape(key)
		if err != nil {
			return nil, err
		}
		if len(shape) != 2 && len(shape) != 3 {
			return nil, fmt.Errorf("%s: an array of shape %v, want [N,T] or [N,T,C]", key, shape)
		}
		of := 1
		if len(shape) == 3 {
			of = shape[2]
		}
		if shape[1] < 1 || shape[1] > MaxBins || of < 1 || of > MaxChannels {
			return nil, fmt.Errorf("%s: an array of shape %v, want [N,T] or [N,T,C] of at most %d bins and %d channels", key, shape, MaxBins, MaxChannels)
		}
		if given != nil && len(given) != of {
			return nil, fmt.Errorf("%d names of channels, and %s has %d", len(given), key, of)
		}
		for part := range of {
			c := arrayChannel{key: key, part: part, of: of, rows: shape[0], bins: shape[1]}
			switch {
			case given != nil:
				c.name = given[part]
			case of == 1 && (key == "arr_0" || key == "series"):
				c.name = "value"
			case of == 1:
				c.name = key
			default:
				c.name = strings.Replace(key, "arr_0", "value", 1) + "_" + strconv.Itoa(part)
			}
			channels = append(channels, c)
		}
	}
	if channels, err = s.chosen(channels); err != nil {
		return nil, err
	}
	for _, c := range channels {
		if c.rows != channels[0].rows || c.bins != channels[0].bins {
			return nil, fmt.Errorf("%d series of %d bins in %s, %d of %d in %s: want as many", channels[0].rows, channels[0].bins, channels[0].key, c.rows, c.bins, c.key)
		}
	}
	return channels, nil
}

// chosen are the channels that the reader's Columns name.
func (s *shaper) chosen(channels []arrayChannel) (out []arrayChannel, err error) {
	var names []string
	for _, c := range channels {
		names = append(names, c.name)
	}
	if len(s.Columns.Series) == 0 {
		out = channels
	}
	for _, pattern := range s.Columns.Series {
		found, err := s.Columns.named(roles{names: names, label: -1, trace: -1, time: -1, step: -1, start: -1}, pattern)
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			for _, i := range c.columns {
				out = append(out, channels[i])
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no array of series, [N,T] or [N,T,C]")
	}
	return out, nil
}

// first returns the first of the names that the file has, or "".
func first(f *npz.File, names []string) string {
	for _, name := range names {
		if f.Has(name) {
			return name
		}
	}
	return ""
}

// texts reads n texts or whole numbers, nil where the file has none.
func texts(f *npz.File, names []string, n int) ([]string, error) {
	key := first(f, names)
	if key == "" {
		return nil, nil
	}
	_, dtype, err := f.Shape(key)
	if err != nil {
		return nil, err
	}
	var out []string
	if strings.ContainsAny(dtype[:1], "US") {
		out, _, err = f.Strings(key)
	} else {
		a, readErr := f.Read(key)
		if readErr != nil {
			return nil, readErr
		}
		var whole []int64
		if whole, err = a.Ints(); err == nil {
			for _, v := range whole {
				out = append(out, strconv.FormatInt(v, 10))
			}
		}
	}
	if err == nil && len(out) != n {
		err = fmt.Errorf("%d of them for %d series", len(out), n)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return out, nil
}

// arrayStep reads the step, in seconds.
func arrayStep(f *npz.File) (time.Duration, error) {
	key := first(f, stepArrays)
	if key == "" {
		return 0, nil
	}
	a, err := f.Read(key)
	if err != nil {
		return 0, err
	}
	values := a.Floats()
	if len(values) != 1 {
		return 0, fmt.Errorf("%s: %d numbers, want one, of seconds", key, len(values))
	}
	return stepOf(values[0])
}
