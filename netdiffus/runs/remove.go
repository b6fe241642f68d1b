package runs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Remove deletes a run directory with all that is in it, whole or not at all: it is
// renamed first, so that a deletion that is interrupted leaves no half of a run under its
// name, but a folder NAME.tmp-PID-N, which the next Remove in that folder deletes. A run
// that is being trained is refused.
func Remove(ctx context.Context, r *Run) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if trainer := track.Trainer(r.Path); trainer != nil {
		return fmt.Errorf("runs: not deleted: %w", trainer)
	}
	s, err := scan(r.Path)
	if err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	if !s.isRun() {
		return fmt.Errorf("runs: not deleted: %s: %w", r.Path, track.ErrNotRun)
	}
	if at, inside := unreadable(r.Path); inside != nil {
		return fmt.Errorf("runs: not deleted, since %s could not be: %w", at, inside)
	}
	if err := atomicfile.RemoveDir(r.Path); err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	return RemoveLeft(filepath.Dir(r.Path))
}

// unreadable finds a folder in dir whose files this process may not delete.
func unreadable(dir string) (at string, why error) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			info, statErr := e.Info()
			if statErr == nil && info.Mode().Perm()&0o200 == 0 && os.Geteuid() != 0 {
				err = fs.ErrPermission
			}
		}
		if err != nil && why == nil {
			at, why = path, err
			return fs.SkipAll
		}
		return nil
	})
	return at, why
}

// RemoveLeft deletes from dir what deletions of runs that were interrupted left there.
func RemoveLeft(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	var errs []error
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, _, staged := atomicfile.StagedFor(e.Name()); !staged || !e.IsDir() {
			continue
		}
		if s, err := scan(path); err == nil && (s.isRun() || left(path)) {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	return errors.Join(errs...)
}

// left reports whether a folder holds nothing but what a run directory has, as one does
// that was deleted in part.
func left(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		switch name := e.Name(); name {
		case "checkpoints", "samples", "plots", "config.json", "tables.json", "choice.json", "manifest.json", "metrics.jsonl", "label_map.csv", notesFile, ".lock", ".notes.lock":
		default:
			return false
		}
	}
	return true
}

// Keep is which checkpoints Prune leaves.
type Keep string

const (
	KeepBest Keep = "best" // on the flows held out; the newest where none were
	KeepLast Keep = "last" // the newest
	KeepBoth Keep = "both"
)

// Pruned returns the checkpoints of the run that Prune deletes.
func (r *Run) Pruned(keep Keep) ([]Checkpoint, error) {
	if keep != KeepBest && keep != KeepLast && keep != KeepBoth {
		return nil, fmt.Errorf("runs: keep %q: want best, last or both", string(keep))
	}
	if len(r.Checkpoints) == 0 {
		return nil, nil
	}
	best, last := r.Best().Step, r.Checkpoints[len(r.Checkpoints)-1].Step
	var gone []Checkpoint
	for _, c := range r.Checkpoints {
		kept := keep != KeepLast && c.Step == best || keep != KeepBest && c.Step == last
		if !kept {
			gone = append(gone, c)
		}
	}
	return gone, nil
}

// Prune deletes all checkpoints of the run but those to keep, each whole or not at all,
// and returns how many bytes that freed. A run that is being trained is refused.
func Prune(ctx context.Context, r *Run, keep Keep) (freed int64, err error) {
	gone, err := r.Pruned(keep)
	if err != nil || len(gone) == 0 {
		return 0, err
	}
	run, err := track.Claim(r.Path)
	if err != nil {
		return 0, fmt.Errorf("runs: nothing deleted: %w", err)
	}
	defer run.Close()
	for _, c := range gone {
		if err := ctx.Err(); err != nil {
			return freed, err
		}
		if !strings.HasPrefix(c.Path, "checkpoints/") {
			continue
		}
		if err := atomicfile.RemoveDir(filepath.Join(r.Path, filepath.FromSlash(c.Path))); err != nil {
			return freed, fmt.Errorf("runs: %w", err)
		}
		freed += c.Bytes
	}
	return freed, nil
}
