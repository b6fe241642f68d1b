package runs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// deepest is how many folders below a root run directories are looked for.
const deepest = 8

// passed are folders that hold no runs, and many files.
var passed = []string{"node_modules", "__pycache__", "site-packages", "vendor", "mlruns", "mlartifacts"}

// artefacts reports whether a folder is where MLflow keeps the files that it was sent of a
// run, which are not the run: RUN_ID/artifacts.
func artefacts(dir string, entries []fs.DirEntry) bool {
	return filepath.Base(dir) == "artifacts" && !has(entries, ".lock") && !has(entries, "metrics.jsonl") && !has(entries, "checkpoints")
}

// places are what a search found.
type places struct {
	runs    []place
	reports []string // folders of reports outside of run directories
	errs    []error  // folders that cannot be read
}

// place is a run directory and what is in it.
type place struct {
	dir     string
	entries []fs.DirEntry
}

// search looks for run directories and reports below the roots. It follows no links
// but the roots themselves.
func search(ctx context.Context, roots []string) (places, error) {
	var found places
	seen := map[string]bool{}
	var walk func(dir string, depth int) error
	walk = func(dir string, depth int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if seen[dir] {
			return nil
		}
		seen[dir] = true
		entries, err := os.ReadDir(dir)
		if err != nil {
			found.errs = append(found.errs, err)
			return nil
		}
		if runNames(entries) && !artefacts(dir, entries) {
			found.runs = append(found.runs, place{dir, entries})
			return nil
		}
		if has(entries, reportFile) && has(entries, pageFile) {
			found.reports = append(found.reports, dir)
		}
		if depth == deepest || has(entries, "pyvenv.cfg") || has(entries, "manifest.json") {
			return nil // the last is a data set
		}
		for _, e := range entries {
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(passed, e.Name()) {
				if err := walk(filepath.Join(dir, e.Name()), depth+1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, root := range roots {
		path, err := filepath.Abs(root)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err == nil {
			_, err = os.ReadDir(path)
		}
		if err != nil {
			return found, fmt.Errorf("runs: %w", err)
		}
		if err := walk(path, 0); err != nil {
			return found, err
		}
	}
	return found, nil
}

func has(entries []fs.DirEntry, name string) bool {
	_, there := slices.BinarySearchFunc(entries, name, func(e fs.DirEntry, name string) int { return strings.Compare(e.Name(), name) })
	return there
}

// runNames reports whether a folder with these entries looks like a run directory, also
// one that was deleted in part.
func runNames(entries []fs.DirEntry) bool {
	others := 0
	for _, name := range []string{"manifest.json", "metrics.jsonl", "checkpoints", ".lock"} {
		if has(entries, name) {
			others++
		}
	}
	return has(entries, "config.json") && others > 0 || has(entries, "checkpoints") && others > 1
}

// scanned is the directory of a run as the file system describes it.
type scanned struct {
	dir             string
	run             bool
	checkpoints     []string // names of folders
	samples         []string // folders of data sets, in the directory
	reports         []string // folders of reports, in the directory, oldest first
	staged          []string // what processes that were killed left
	changed, oldest time.Time
	print           strings.Builder // changes where anything read changes
}

func (s *scanned) isRun() bool { return s.run }

// fingerprint changes where a file changes that read reads.
func (s *scanned) fingerprint() string { return s.print.String() }

// bytes is the length of all files.
func (s *scanned) bytes() int64 {
	var n int64
	_ = filepath.WalkDir(s.dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil // what cannot be read is not counted
	})
	return n
}

// scan lists a directory down to the files that read reads.
func scan(dir string) (scanned, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return scanned{dir: dir}, err
	}
	return place{dir, entries}.scan(), nil
}

func (p place) scan() scanned {
	s := scanned{dir: p.dir, run: runNames(p.entries)}
	for _, e := range p.entries {
		name := e.Name()
		if !e.IsDir() {
			if name != ".lock" && name != ".notes.lock" {
				s.file(e, "", name == "config.json" || name == "metrics.jsonl")
			}
			s.note(name)
			continue
		}
		switch {
		case name == "checkpoints":
			s.checkpointsIn(filepath.Join(p.dir, name))
		case strings.HasPrefix(name, ".") || name == "plots" || name == "tensorboard" || name == "trackers":
		default:
			if !s.note(name) {
				s.folder(name, 1)
			}
		}
	}
	return s
}

// note remembers what a process that was killed left.
func (s *scanned) note(name string) bool {
	_, pid, staged := atomicfile.StagedFor(filepath.Base(name))
	if staged && pid != os.Getpid() {
		s.staged = append(s.staged, name)
	}
	return staged
}

// file adds a file to the fingerprint; trained are those that the trainer writes.
func (s *scanned) file(e fs.DirEntry, folder string, trained bool) {
	info, err := e.Info()
	if err != nil {
		fmt.Fprintf(&s.print, "%s/%s gone\n", folder, e.Name())
		return
	}
	fmt.Fprintf(&s.print, "%s/%s %d %d\n", folder, e.Name(), info.Size(), info.ModTime().UnixNano())
	if trained {
		s.wrote(info.ModTime())
	}
}

func (s *scanned) wrote(at time.Time) {
	at = at.UTC()
	if s.changed.Before(at) {
		s.changed = at
	}
	if s.oldest.IsZero() || at.Before(s.oldest) {
		s.oldest = at
	}
}

func (s *scanned) checkpointsIn(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		fmt.Fprintf(&s.print, "checkpoints %v\n", err)
		return
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if !s.note("checkpoints/" + e.Name()) {
			s.checkpoints = append(s.checkpoints, e.Name())
		}
		s.file(e, "checkpoints", true)
	}
}

// Below a run directory, data sets and reports lie this deep at most: samples/NAME/report.
const deepestInRun = 3

// folder looks for data sets and reports.
func (s *scanned) folder(name string, depth int) {
	entries, err := os.ReadDir(filepath.Join(s.dir, name))
	if err != nil {
		fmt.Fprintf(&s.print, "%s %v\n", name, err)
		return
	}
	set := has(entries, "manifest.json")
	report := has(entries, reportFile) && has(entries, pageFile)
	for _, e := range entries {
		if set && e.Name() == "manifest.json" || report && e.Name() == reportFile {
			s.file(e, name, false)
		}
		// A data set holds folders for its classes, with a file a flow.
		if e.IsDir() && depth < deepestInRun && (!set || strings.HasPrefix(e.Name(), "report")) {
			if at := filepath.Join(name, e.Name()); !s.note(at) {
				s.folder(at, depth+1)
			}
		}
	}
	if set {
		s.samples = append(s.samples, name)
	}
	if report {
		s.reports = append(s.reports, name)
	}
}

// isGone reports whether err says that a file or folder is not there any more.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
