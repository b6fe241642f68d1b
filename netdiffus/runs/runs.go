// Package runs looks at what training runs left: it finds run directories, whatever
// their state, reads what they hold, compares them and writes what was found as tables,
// pages and cards.
//
// The directories are the truth. Nothing else is needed to list them; package
// runs/index keeps a copy that is faster to read.
package runs

import (
	"cmp"
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
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Run is a run directory as it was found. Its JSON is what the program prints.
type Run struct {
	Path  string `json:"path"` // absolute
	Name  string `json:"name"` // the directory's own name, or more of its path where a list has two of that name
	ID    string `json:"id"`   // track.RunID; "" where the files it follows from are missing
	State State  `json:"state"`
	// Problems are what is wrong with the directory, and what helps; a run that has some
	// is listed all the same.
	Problems []string `json:"problems,omitempty"`

	Created  time.Time `json:"created"`        // when the first session began
	Changed  time.Time `json:"changed"`        // when the trainer last wrote
	Seconds  float64   `json:"seconds"`        // that trainers ran, as far as is known
	Host     string    `json:"host,omitempty"` // of the last session
	Device   string    `json:"device,omitempty"`
	Kind     string    `json:"kind"`             // of model
	Preset   string    `json:"preset,omitempty"` // the one recorded, or else the nearest
	Seed     uint64    `json:"seed"`
	Step     int       `json:"step"`            // steps done
	Steps    int       `json:"steps,omitempty"` // steps planned; 0 where unknown
	Settings Settings  `json:"settings"`
	// Differs are the settings that differ from the preset.
	Differs []Difference `json:"differs,omitempty"`

	Inputs      []provenance.File  `json:"inputs,omitempty"`  // the data trained on
	Metrics     map[string]Summary `json:"metrics,omitempty"` // of metrics.jsonl, but for those of quarters of the noise
	Checkpoints []Checkpoint       `json:"checkpoints,omitempty"`
	Samples     []Samples          `json:"samples,omitempty"`
	Reports     []Report           `json:"reports,omitempty"` // newest last
	Tags        []string           `json:"tags,omitempty"`    // sorted
	Note        string             `json:"note,omitempty"`
	Bytes       int64              `json:"bytes"`              // of all files
	Sessions    []track.Session    `json:"sessions,omitempty"` // List leaves out their versions

	recorded bool // the last session was to record its end
}

// State is what a run is doing.
type State string

// The states.
const (
	Training State = "training" // a process trains in it now
	Finished State = "finished"
	Stopped  State = "stopped" // before its last step, by its user; or nobody knows why
	Failed   State = "failed"
	Killed   State = "killed"  // the trainer ended without a word
	Damaged  State = "damaged" // it lacks what makes a run, or that cannot be read
)

// Open reads the run directory dir. What is wrong with it is in Run.Problems: the error
// is track.ErrNotRun where dir is no run directory at all, or that it cannot be opened.
//
// Reports are those in the directory; List also finds those elsewhere.
func Open(ctx context.Context, dir string) (*Run, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	s, err := scan(path)
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	if !s.isRun() {
		return nil, fmt.Errorf("runs: %s: %w", dir, track.ErrNotRun)
	}
	r, err := read(ctx, s)
	if err != nil {
		return nil, err
	}
	if m, err := track.ReadManifest(path); err == nil {
		r.Sessions = m.Sessions // with the versions
	}
	r.attachOwn()
	r.refresh()
	return r, nil
}

// read makes the record of a directory: all of a Run but for what refresh sets.
func read(ctx context.Context, s scanned) (*Run, error) {
	r := &Run{Path: s.dir, Name: filepath.Base(s.dir), Settings: Settings{}}
	if err := r.readConfig(); err != nil {
		return nil, err
	}
	r.readManifest()
	r.readCheckpoints(s)
	if err := r.readMetrics(ctx); err != nil {
		return nil, err
	}
	if r.State != Damaged {
		r.State = r.ended()
	}
	r.setPreset()
	r.readNotes()
	for _, name := range s.samples {
		r.readSamples(name)
	}
	for _, name := range s.reports {
		report, err := ReadReport(filepath.Join(s.dir, name))
		if err != nil {
			r.problem("the report in %s cannot be read: %v; evaluate again", name, err)
			continue
		}
		report.Inside = filepath.ToSlash(name)
		r.Reports = append(r.Reports, report)
	}
	r.Changed = s.changed
	r.Bytes = s.bytes()
	if r.Created.IsZero() {
		r.Created = s.oldest
	}
	for _, name := range s.staged {
		target, pid, _ := atomicfile.StagedFor(filepath.Base(name))
		r.problem("%s is what process %d left of %s when it was killed; it can be deleted", name, pid, target)
	}
	return r, nil
}

func (r *Run) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// readConfig reads config.json, without the tables. The error is track.ErrNotRun where
// the file is another program's.
func (r *Run) readConfig() error {
	text, err := os.ReadFile(track.ConfigFile(r.Path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.State = Damaged
		r.problem("config.json is missing: the run was deleted in part, or killed as it began; what is left can be deleted")
		return nil
	case err != nil:
		r.State = Damaged
		r.problem("config.json cannot be read: %v", err)
		return nil
	}
	settings, kind, err := parseConfig(text)
	if errors.Is(err, errForeign) {
		return fmt.Errorf("runs: %s: %w: its config.json is another program's", r.Path, track.ErrNotRun)
	}
	if err != nil {
		r.State = Damaged
		r.problem("config.json is damaged: %v; a copy of it, or of the same settings, helps", err)
		return nil
	}
	r.Settings, r.Kind = settings, kind
	if _, err := os.Stat(filepath.Join(r.Path, "tables.json")); settings["tables.file"] != "" && err != nil {
		r.problem("tables.json, which config.json needs, cannot be read: %v; samples cannot be drawn without it", err)
	}
	return nil
}

func (r *Run) readManifest() {
	m, err := track.ReadManifest(r.Path)
	if err != nil {
		r.problem("manifest.json cannot be read, so that nobody knows when, where and of what data: %v", errors.Unwrap(err))
	}
	if id, err := track.RunID(r.Path); err == nil {
		r.ID = id
	}
	r.Sessions, r.recorded = m.Sessions, m.ID != ""
	for i := range r.Sessions {
		r.Sessions[i].Versions = nil // those of a hundred modules, which few ask for
	}
	if len(m.Sessions) == 0 {
		return
	}
	r.Created = m.Sessions[0].Started
	last := m.Sessions[len(m.Sessions)-1]
	r.Host, r.Seed, r.Inputs, r.Device = last.Machine.Host, last.Seed, last.Inputs, deviceOf(last.Device)
	r.Steps = last.Steps
	for _, s := range m.Sessions {
		if r.Preset = cmp.Or(s.Preset, s.Flags["preset"]); r.Preset != "" {
			break
		}
	}
	if planned, err := r.Settings.Int("training.steps"); err == nil && r.Steps == 0 {
		r.Steps = planned
	}
}

// deviceOf is the device of a session in a word: what the manifest has of the search
// for it.
func deviceOf(device any) string {
	found, ok := device.(map[string]any)
	if !ok {
		return ""
	}
	word := func(name string) string { s, _ := found[name].(string); return s }
	switch {
	case word("path") != "":
		return filepath.Base(filepath.ToSlash(word("path")))
	case word("platform") != "":
		return strings.TrimSpace(word("name") + " " + word("platform"))
	}
	return word("step")
}

// refresh sets what depends on the moment: the state, the time it took.
func (r *Run) refresh() {
	if track.Trainer(r.Path) != nil {
		r.State = Training
	}
	r.Seconds = 0
	for i, s := range r.Sessions {
		end := time.Time{}
		switch last := i == len(r.Sessions)-1; {
		case s.End != nil:
			end = s.End.At
		case last && r.State == Training:
			end = time.Now()
		case last:
			end = r.Changed
		}
		if end.After(s.Started) {
			r.Seconds += end.Sub(s.Started).Seconds()
		}
	}
}

// ended is the state of a run that nobody trains.
func (r *Run) ended() State {
	newest := -1
	for _, c := range r.Checkpoints {
		newest = max(newest, c.Step)
	}
	if n := len(r.Sessions); n > 0 && r.Sessions[n-1].End != nil {
		return State(r.Sessions[n-1].End.Outcome)
	}
	switch {
	case newest == 0 && len(r.Metrics) == 0: // a model that is counted: all is in its only checkpoint
		return Finished
	case r.Steps > 0 && newest >= r.Steps:
		return Finished
	case r.recorded:
		return Killed
	}
	return Stopped
}

// Best returns the checkpoint that the flows held out are best at, or the newest one
// where none were; nil without checkpoints.
func (r *Run) Best() *Checkpoint {
	if i := slices.IndexFunc(r.Checkpoints, func(c Checkpoint) bool { return c.Best }); i >= 0 {
		return &r.Checkpoints[i]
	}
	if n := len(r.Checkpoints); n > 0 {
		return &r.Checkpoints[n-1]
	}
	return nil
}

// Latest returns the newest report that could be read, nil without any.
func (r *Run) Latest() *Report {
	if n := len(r.Reports); n > 0 {
		return &r.Reports[n-1]
	}
	return nil
}

// Duration is Seconds.
func (r *Run) Duration() time.Duration { return time.Duration(r.Seconds * float64(time.Second)) }
