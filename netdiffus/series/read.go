package series

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// Fill is what becomes of bins without a value.
type Fill string

const (
	Refuse   Fill = ""     // they are an error
	FillZero Fill = "zero" // 0
	FillHold Fill = "hold" // the value before, and at the start the first there is
)

// Reader reads files of series. Its zero value is usable.
type Reader struct {
	Columns Columns

	// Label labels all series, whatever their file holds; in it {folder} stands for the
	// outermost folder below the one that is read (of ROOT/Youtube/vid1/vid1_1.csv:
	// Youtube), {leaf} for the file's own folder (vid1) and {file} for its name without
	// ending. "" takes the file's word, and where it has none means {leaf}.
	Label string

	Fill      Fill          // of gaps: empty cells, NaN and null, bins left out between others, and the ends of short series
	Length    int           // bins: longer series are cut; 0 leaves them, all must be equally long
	AnyLength bool          // series may be of different lengths, as traces are before windows are made of them
	Step      time.Duration // of the bins, where the file does not tell; where it does, they must agree

	Delimiter rune // of the cells of CSV files; 0 finds it

	// Recognized is called with what a file was read as. Nil logs it with slog.
	Recognized func(path, as string)

	root string // the folder being read
}

// Read ranges over the series of the file or of all files below the folder, in
// little memory however many there are. The first bytes of a file identify its kind:
//   - CSV of a row a series: columns NAME_0, NAME_1, … for each channel, or those that
//     Columns.Series names;
//   - CSV of a row a bin: columns of the time and the channels, and of the trace where
//     there are several in a file, one after another;
//   - Parquet of a row a series: a list column, or NAME_0, NAME_1, …, for each channel;
//   - NPZ and NPY: arrays [N,T] or [N,T,C], and "labels";
//   - JSON Lines: an object a series, with an array of numbers for each channel.
//
// Further columns are the label, the trace, the step in seconds and the start, see
// Columns. Files but NPZ and NPY may be compressed with gzip, zstd, xz or bzip2.
//
// An error ends the sequence; it names the file and the place. The sequence can be
// ranged more than once.
func (r Reader) Read(path string) iter.Seq2[Series, error] { return r.ReadAll(path) }

// ReadAll is Read of several files and folders, one after another.
func (r Reader) ReadAll(paths ...string) iter.Seq2[Series, error] {
	return func(yield func(Series, error) bool) {
		s := shaper{Reader: r, yield: yield}
		for _, path := range paths {
			files, err := Files(path)
			if err != nil {
				yield(Series{}, err)
				return
			}
			s.root = path
			for _, file := range files {
				if err := s.file(file); err != nil {
					if err != errStopped {
						yield(Series{}, err)
					}
					return
				}
			}
		}
	}
}

// endings are those of the names of files that are read in folders.
var endings = []string{".csv", ".tsv", ".parquet", ".npz", ".npy", ".json", ".jsonl", ".ndjson"}

// Files lists the files that Read takes from a path: the path itself, or all files
// below a folder with a known ending, in the order of their names.
func Files(path string) ([]string, error) {
	files, err := tables.Files(path, endings)
	if err != nil {
		return nil, fmt.Errorf("series: %w", err)
	}
	return files, nil
}

var errStopped = errors.New("stopped")

// What errors of reading wrap.
var (
	ErrKind   = errors.New("not a file of series")      // another kind of file, such as a capture
	ErrGap    = errors.New("a bin without a value")     // and Reader.Fill says nothing of it
	ErrLength = errors.New("series of several lengths") // where all must have one
)

// kind is one kind of file.
type kind struct {
	is   func(head []byte) bool
	read func(s *shaper, f *unpack.File) error
}

var kinds = []kind{
	{tables.IsParquet, (*shaper).parquet},
	{isArrays, (*shaper).arrays},
	{isJSON, (*shaper).json},
	{tables.IsText, (*shaper).csv}, // last: it takes any text
}

// open opens a file and returns its kind.
func open(path string) (*unpack.File, kind, error) {
	f, err := unpack.Open(path)
	if err != nil {
		return nil, kind{}, err
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	switch {
	case n == 0 && err == io.EOF:
		err = errors.New("the file is empty")
	case err == io.ErrUnexpectedEOF || err == nil:
		err = f.Rewind()
	}
	if err == nil {
		for _, k := range kinds {
			if k.is(head[:n]) {
				return f, k, nil
			}
		}
		err = fmt.Errorf("%w (starts with %q): want CSV, Parquet, NPZ, NPY or JSON Lines", ErrKind, head[:min(n, 4)])
	}
	f.Close()
	return nil, kind{}, err
}

// shaper passes series on, with what holds for every kind of file.
type shaper struct {
	Reader
	path  string
	yield func(Series, error) bool

	like *Series // the first series of all files
	last string  // what the file before was read as
}

// file reads one file.
func (s *shaper) file(path string) error {
	s.path = path
	f, k, err := open(path)
	if err == nil {
		defer f.Close()
		err = k.read(s, f)
	}
	if err != nil && err != errStopped {
		return fmt.Errorf("series: %s: %w", path, err)
	}
	return err
}

// recognized reports what the file is read as, where that is news.
func (s *shaper) recognized(format string, args ...any) {
	as := fmt.Sprintf(format, args...)
	if as == s.last {
		return
	}
	s.last = as
	if s.Reader.Recognized != nil {
		s.Reader.Recognized(s.path, as)
		return
	}
	slog.Info("series: read as "+as, "file", s.path)
}

// labelOf is the series' label by the rule, given what the file holds.
func (s *shaper) labelOf(own string) string {
	rule := cmp.Or(s.Label, own)
	if s.Label == "" && own != "" {
		return own
	}
	rule = cmp.Or(rule, "{leaf}")
	if !strings.Contains(rule, "{") {
		return rule
	}
	leaf := ""
	if full, err := filepath.Abs(s.path); err == nil {
		leaf = filepath.Base(filepath.Dir(full))
	}
	folder := leaf
	if inside, err := filepath.Rel(s.root, s.path); err == nil {
		if first, _, below := strings.Cut(filepath.ToSlash(inside), "/"); below {
			folder = first
		}
	}
	return strings.NewReplacer("{folder}", folder, "{leaf}", leaf, "{file}", s.stem()).Replace(rule)
}

// stem is the file's name without endings.
func (s *shaper) stem() string {
	base, _ := tables.SplitName(filepath.Base(s.path))
	return base
}

// add passes a series on. Its values may be NaN where there are gaps; place is where
// it stands in the file, such as "line 4".
func (s *shaper) add(place string, out Series) error {
	err := s.complete(&out)
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	if !s.yield(out, nil) {
		return errStopped
	}
	return nil
}

// complete checks a series and fills its gaps.
func (s *shaper) complete(out *Series) error {
	out.Label = s.labelOf(out.Label)
	if err := tables.CheckLabel(out.Label); err != nil {
		return err
	}
	if out.Units == nil {
		out.Units = unitsOf(out.Channels)
	}
	if err := s.matchStep(out); err != nil {
		return err
	}
	bins := s.Length
	if bins == 0 && s.like != nil && !s.AnyLength {
		bins = s.like.Bins()
	}
	for i, values := range out.Values {
		if s.Length > 0 && len(values) > s.Length {
			values = values[:s.Length]
		}
		if len(values) < bins && s.Fill != Refuse {
			values = append(values[:len(values):len(values)], nans(bins-len(values))...)
		}
		out.Values[i] = values
		if err := s.fill(out.Channels[i], values); err != nil {
			return err
		}
	}
	if err := out.check(s.AnyLength); err != nil {
		return err
	}
	if bins > 0 && out.Bins() != bins {
		return fmt.Errorf("%d bins, want %d: %w: cut longer ones, or fill up shorter ones", out.Bins(), bins, ErrLength)
	}
	if s.like == nil {
		like := *out
		s.like = &like
	}
	return nil
}

// matchStep completes and compares the series' step.
func (s *shaper) matchStep(out *Series) error {
	if s.Step != 0 {
		if out.Step != 0 && !near(out.Step, s.Step) {
			return fmt.Errorf("steps of %v, want %v", out.Step, s.Step)
		}
		out.Step = s.Step
	}
	if s.like == nil || s.like.Step == 0 || out.Step == 0 {
		return nil
	}
	if !near(out.Step, s.like.Step) {
		return fmt.Errorf("steps of %v, where the series before have %v: series of one set have one step", out.Step, s.like.Step)
	}
	out.Step = s.like.Step // but for rounding
	return nil
}

// near reports whether steps are equal but for rounding.
func near(a, b time.Duration) bool {
	return math.Abs(float64(a-b)) <= 1e-3*float64(max(a, b))
}

// fill fills the gaps of a channel, or reports the first.
func (s *shaper) fill(channel string, values []float64) error {
	first := 0.0
	for _, v := range values {
		if !math.IsNaN(v) {
			first = v
			break
		}
	}
	before := first
	for i, v := range values {
		if !math.IsNaN(v) {
			before = v
			continue
		}
		switch s.Fill {
		case FillZero:
			values[i] = 0
		case FillHold:
			values[i] = before
		case Refuse:
			return fmt.Errorf("channel %s has no value at bin %d (a gap, or NaN): %w: have gaps filled, or leave the series out", channel, i, ErrGap)
		default:
			return fmt.Errorf("fill %q: want %s or %s", s.Fill, FillZero, FillHold)
		}
	}
	return nil
}

func nans(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}

// unitsOf are the units that channels have by their names: "bytes_down" is in bytes.
func unitsOf(channels []string) []string {
	units := make([]string, len(channels))
	for i, name := range channels {
		for _, unit := range []string{"bytes", "packets", "bits"} {
			if strings.HasPrefix(strings.ToLower(name), unit) {
				units[i] = unit
			}
		}
	}
	return units
}
