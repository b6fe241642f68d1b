// Package track keeps what a training run leaves: a directory with its
// configuration, where it came from, its metrics, checkpoints, samples and
// plots.
//
//	RUN/
//	  config.json     the model and how it is trained
//	  tables.json     the tables of the data set's codecs, where they have any
//	  manifest.json   a session for each time a trainer ran: command, versions, device, inputs, machine
//	  metrics.jsonl   one JSON object a line, with its step
//	  choice.json     how samples are drawn, where that was chosen after training (package sample)
//	  checkpoints/  samples/  plots/
package track

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
)

// The places in a run directory.

func ConfigFile(dir string) string   { return filepath.Join(dir, "config.json") }
func ManifestFile(dir string) string { return filepath.Join(dir, "manifest.json") }
func MetricsFile(dir string) string  { return filepath.Join(dir, "metrics.jsonl") }
func Checkpoints(dir string) string  { return filepath.Join(dir, "checkpoints") }
func Samples(dir string) string      { return filepath.Join(dir, "samples") }
func Plots(dir string) string        { return filepath.Join(dir, "plots") }

// RunOf returns the run directory that a checkpoint's folder is in.
func RunOf(checkpoint string) string { return filepath.Dir(filepath.Dir(filepath.Clean(checkpoint))) }

// ErrNotRun is returned for a directory that is not a run directory: it has no
// config.json.
var ErrNotRun = errors.New("not a run directory")

// Run is a run directory that this process trains in: no other process can
// open it until Close. Reading one needs no Run.
type Run struct {
	Dir  string
	lock *lock
}

// checkLinks reports a link where a trainer writes into what is there: in a run directory
// that somebody else made it can lead anywhere. What is replaced, such as config.json, may be one.
func checkLinks(dir string) error {
	for _, path := range []string{filepath.Join(dir, ".lock"), MetricsFile(dir), Checkpoints(dir), Samples(dir), Plots(dir)} {
		if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
			return fmt.Errorf("track: %s is a symbolic link, and nothing is written through one: remove it, or to have a run on another disk link its whole directory", path)
		}
	}
	return nil
}

// Create makes the run directory dir, or takes one over that is there, and
// locks it. The error is a *LockedError where another process trains in it.
func Create(dir string) (*Run, error) {
	if err := checkLinks(dir); err != nil {
		return nil, err
	}
	for _, d := range []string{dir, Checkpoints(dir), Samples(dir), Plots(dir)} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return nil, fmt.Errorf("track: %w", err)
		}
	}
	l, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	return &Run{Dir: dir, lock: l}, nil
}

// Claim locks the run directory dir, which must be one, as Create does.
func Claim(dir string) (*Run, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("track: %w", err)
	}
	l, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	return &Run{Dir: dir, lock: l}, nil
}

// Close releases the directory.
func (r *Run) Close() error { return r.lock.release() }

func writeJSON(path string, v any) error {
	text, err := plainjson.Marshal(v)
	if err == nil {
		err = atomicfile.WriteFile(path, text)
	}
	if err != nil {
		return fmt.Errorf("track: %s: %w", path, err)
	}
	return nil
}
