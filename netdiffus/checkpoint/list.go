package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// ErrNone is returned where a folder holds no checkpoint that can be loaded.
var ErrNone = errors.New("no checkpoint")

// Damaged is a checkpoint that does not verify.
type Damaged struct {
	Path string
	Err  error // names the file and what is wrong with it
}

// OpenLatest opens the newest checkpoint in dir that verifies, and names the
// newer ones that do not. The error is ErrNone where there is none to open, a
// missing dir included.
func OpenLatest(dir string) (*Checkpoint, []Damaged, error) {
	steps, err := List(dir)
	if err != nil {
		return nil, nil, err
	}
	var damaged []Damaged
	for _, step := range slices.Backward(steps) {
		path := filepath.Join(dir, stepName(step))
		c, err := Open(path)
		if err == nil && c.Step != step {
			err = fmt.Errorf("checkpoint: %s holds step %d", path, c.Step)
		}
		if err == nil {
			return c, damaged, nil
		}
		damaged = append(damaged, Damaged{Path: path, Err: err})
	}
	err = fmt.Errorf("checkpoint: %s: %w", dir, ErrNone)
	for _, d := range damaged {
		err = fmt.Errorf("%w\n%w", err, d.Err)
	}
	return nil, damaged, err
}

// List returns the steps of the checkpoints in dir, rising, without looking
// into them. A missing dir has none.
func List(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	var steps []int
	for _, e := range entries {
		if step, ok := stepOf(e.Name()); ok && e.IsDir() {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// Prune removes all but the newest keep checkpoints of dir, and those of the steps
// spared; keep <= 0 removes none.
func Prune(dir string, keep int, spared ...int) error {
	steps, err := List(dir)
	if err != nil || keep <= 0 || len(steps) <= keep {
		return err
	}
	for _, step := range steps[:len(steps)-keep] {
		if slices.Contains(spared, step) {
			continue
		}
		if err := Remove(dir, step); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes the checkpoint of that step from dir.
func Remove(dir string, step int) error {
	if err := atomicfile.RemoveDir(filepath.Join(dir, stepName(step))); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// removeUnfinished removes what writers that died left half-written in dir. Only the
// process that writes to dir may call it.
func removeUnfinished(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	for _, e := range entries {
		name, _, staged := atomicfile.StagedFor(e.Name())
		if _, ours := stepOf(name); !staged || !ours {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	return nil
}

// At opens the checkpoint in dir of that step.
func At(dir string, step int) (*Checkpoint, error) { return Open(filepath.Join(dir, stepName(step))) }

const stepPrefix = "step-"

func stepName(step int) string { return fmt.Sprintf("%s%08d", stepPrefix, step) }

// stepOf is the inverse of stepName; ok is false for every other name.
func stepOf(name string) (step int, ok bool) {
	digits, found := strings.CutPrefix(name, stepPrefix)
	step, err := strconv.Atoi(digits)
	if !found || err != nil || step < 0 || stepName(step) != name {
		return 0, false
	}
	return step, true
}
