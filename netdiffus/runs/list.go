package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

var notANumber = math.NaN()

// Cache keeps what was read of directories, so that it is read again only where their
// files have changed. It may lose anything at any time. Package runs/index has one.
type Cache interface {
	// Load returns the records of all directories at or below the roots.
	Load(ctx context.Context, roots []string) (map[string]Record, error)
	// Store keeps records by their directories, and forgets directories that are gone.
	Store(ctx context.Context, records map[string]Record, gone []string) error
}

// Record is what a Cache keeps of a directory.
type Record struct {
	Fingerprint string // changes where a file of it changes
	Data        []byte
}

// ListOptions are List's; the zero value reads every directory.
type ListOptions struct {
	Cache Cache // may be nil
	// Warn is called with what does not keep the list from being made: folders that
	// cannot be read, a cache that cannot be used. It may be nil.
	Warn func(error)
}

// List returns the runs below the roots, oldest first, whatever their state. It fails
// where a root cannot be read, or when ctx ends.
//
// A report that lies outside the run directories is listed with the run that its flows
// were drawn from.
func List(ctx context.Context, roots []string, o ListOptions) ([]*Run, error) {
	if o.Warn == nil {
		o.Warn = func(error) {}
	}
	found, err := search(ctx, roots)
	if err != nil {
		return nil, err
	}
	for _, err := range found.errs {
		if !isGone(err) {
			o.Warn(err)
		}
	}
	known := map[string]Record{}
	if o.Cache != nil {
		if known, err = o.Cache.Load(ctx, roots); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			o.Warn(err)
			known = map[string]Record{}
		}
	}
	l := lister{known: known, fresh: map[string]Record{}, used: map[string]bool{}}
	runs, err := l.read(ctx, found.runs)
	if err != nil {
		return nil, err
	}
	reports, err := l.readReports(ctx, found.reports, o.Warn)
	if err != nil {
		return nil, err
	}
	if o.Cache != nil {
		var gone []string
		for dir := range known {
			if _, err := os.Lstat(dir); !l.used[dir] && isGone(err) {
				gone = append(gone, dir)
			}
		}
		if len(l.fresh)+len(gone) > 0 {
			if err := o.Cache.Store(ctx, l.fresh, gone); err != nil {
				o.Warn(err)
			}
		}
	}
	attach(runs, reports)
	slices.SortStableFunc(runs, func(a, b *Run) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Path, b.Path))
	})
	nameApart(runs)
	return runs, nil
}

// lister reads directories, through records.
type lister struct {
	known map[string]Record

	mu    sync.Mutex
	fresh map[string]Record
	used  map[string]bool
}

// cached fills v from the record of dir where its fingerprint is still print, or else by
// make, and keeps it.
func cached[T any](l *lister, dir, print string, make func() (*T, error)) (*T, error) {
	l.mu.Lock()
	l.used[dir] = true
	l.mu.Unlock()
	if record, ok := l.known[dir]; ok && record.Fingerprint == print {
		v := new(T)
		if err := decode(record.Data, v); err == nil {
			return v, nil
		}
	}
	v, err := make()
	if err != nil {
		return v, err
	}
	text, err := encode(v)
	if err != nil {
		return v, err
	}
	l.mu.Lock()
	l.fresh[dir] = Record{print, text}
	l.mu.Unlock()
	return v, nil
}

// read reads the directories, several at once.
func (l *lister) read(ctx context.Context, found []place) ([]*Run, error) {
	read := make([]*Run, len(found))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range found {
		group.Go(func() error {
			s := found[i].scan()
			r, err := cached(l, s.dir, s.fingerprint(), func() (*Run, error) { return read1(ctx, s) })
			if errors.Is(err, track.ErrNotRun) {
				return nil
			}
			if err != nil {
				return err
			}
			r.Path, r.Name = s.dir, filepath.Base(s.dir) // JSON does not hold every path
			for j := range r.Reports {
				r.Reports[j].Path = filepath.Join(s.dir, filepath.FromSlash(r.Reports[j].Inside))
			}
			r.refresh()
			read[i] = r
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(read, func(r *Run) bool { return r == nil }), nil
}

// read1 is read, for a directory that may be deleted meanwhile.
func read1(ctx context.Context, s scanned) (*Run, error) {
	r, err := read(ctx, s)
	if err == nil && r.State == Damaged {
		if _, statErr := os.Lstat(s.dir); isGone(statErr) {
			return nil, track.ErrNotRun
		}
	}
	return r, err
}

func (l *lister) readReports(ctx context.Context, dirs []string, warn func(error)) ([]Report, error) {
	var reports []Report
	for _, dir := range dirs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		info, err := os.Stat(filepath.Join(dir, reportFile))
		if err != nil {
			continue
		}
		print := fmt.Sprintf("report %d %d", info.Size(), info.ModTime().UnixNano())
		r, err := cached(l, dir, print, func() (*Report, error) {
			r, err := ReadReport(dir)
			return &r, err
		})
		if err != nil {
			warn(err)
			continue
		}
		r.Path = dir
		reports = append(reports, *r)
	}
	return reports, nil
}

// attach gives the runs the reports of their samples: those that name a run, wherever
// they lie, and else the run in whose directory they lie.
func attach(runs []*Run, elsewhere []Report) {
	byID := map[string][]*Run{}
	for _, r := range runs {
		if r.ID != "" {
			byID[r.ID] = append(byID[r.ID], r)
		}
	}
	for _, r := range runs {
		r.Reports = slices.DeleteFunc(r.Reports, func(report Report) bool {
			if report.Run == "" || report.Run == r.ID {
				return false
			}
			for _, owner := range byID[report.Run] {
				report.Inside = ""
				owner.Reports = append(owner.Reports, report)
			}
			return true // of another run's samples
		})
	}
	for _, report := range elsewhere {
		for _, owner := range byID[report.Run] {
			owner.Reports = append(owner.Reports, report)
		}
	}
	for _, r := range runs {
		r.sortReports()
	}
}

// attachOwn is attach for one run alone.
func (r *Run) attachOwn() { attach([]*Run{r}, nil) }

func (r *Run) sortReports() {
	slices.SortStableFunc(r.Reports, func(a, b Report) int { return cmp.Or(a.Made.Compare(b.Made), strings.Compare(a.Path, b.Path)) })
}

// nameApart gives runs of the same name so much of their paths that they differ.
func nameApart(runs []*Run) {
	for depth := 2; ; depth++ {
		count := map[string]int{}
		for _, r := range runs {
			count[r.Name]++
		}
		again := false
		for _, r := range runs {
			if count[r.Name] < 2 {
				continue
			}
			if longer := lastOf(r.Path, depth); longer != r.Name {
				r.Name, again = longer, true
			}
		}
		if !again {
			return
		}
	}
}

// lastOf returns the last n names of a path.
func lastOf(path string, n int) string {
	at := len(path)
	for range n {
		i := strings.LastIndexByte(path[:at], filepath.Separator)
		if i < 0 {
			return path
		}
		at = i
	}
	return path[at+1:]
}

// Choose returns the one of the runs that word means: a run's directory, its ID or the
// beginning of it, its name, or the end of its path. The error lists what it may mean.
func Choose(runs []*Run, word string) (*Run, error) {
	path, err := filepath.Abs(word)
	if err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
	}
	tail := string(filepath.Separator) + filepath.Clean(word)
	for _, match := range []func(*Run) bool{
		func(r *Run) bool { return r.Path == path },
		func(r *Run) bool { return r.Name == word },
		func(r *Run) bool { return strings.HasSuffix(r.Path, tail) },
		func(r *Run) bool { return len(word) >= 4 && strings.HasPrefix(r.ID, word) },
	} {
		var hits []*Run
		for _, r := range runs {
			if match(r) {
				hits = append(hits, r)
			}
		}
		switch len(hits) {
		case 0:
		case 1:
			return hits[0], nil
		default:
			text := fmt.Sprintf("runs: %s may be any of:", Plain(word))
			for _, r := range hits {
				text += "\n  " + Plain(r.Path)
			}
			return nil, errors.New(text)
		}
	}
	return nil, fmt.Errorf("runs: no run is called %s: `list` shows their names; a path works too", Plain(word))
}
