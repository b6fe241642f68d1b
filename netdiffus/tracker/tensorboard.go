package tracker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// tensorboardFolder is where the event files lie in a run directory, where no other
// place is asked for.
const tensorboardFolder = "tensorboard"

// tensorboardKind writes event files for TensorBoard. At is a folder, in which each run
// has its own; without one the files lie in the run directory, in tensorboard, which
// TensorBoard finds too when it is pointed to a folder of runs.
type tensorboardKind struct{}

func (tensorboardKind) Name() string { return "tensorboard" }

func (tensorboardKind) New(at string) (Tracker, error) {
	if strings.Contains(at, "://") {
		return nil, fmt.Errorf("tracker: tensorboard at %s: want a folder for the event files", at)
	}
	if at != "" {
		abs, err := filepath.Abs(at)
		if err != nil {
			return nil, fmt.Errorf("tracker: tensorboard: %w", err)
		}
		at = abs
	}
	return &tensorboard{parent: at}, nil
}

type tensorboard struct {
	parent string // of all runs' folders; "" for one in the run directory
	folder string
	file   *os.File // nil before the first event
	size   int64    // of the whole records in it
	began  time.Time
	params map[string]string // to be written; nil where they are there
}

func (t *tensorboard) At() string {
	if t.parent == "" {
		return tensorboardFolder // wherever the run directory is moved to
	}
	return t.parent
}

// Open finds the run's folder. Its name there is the folder's.
func (t *tensorboard) Open(_ context.Context, run Run, id string) (name string, fresh bool, err error) {
	parent := t.parent
	switch {
	case parent == "":
		parent, id = run.Dir, tensorboardFolder
	case id == "":
		id = run.Name
		for n := 2; exists(filepath.Join(parent, id)); n++ { // another run of that name
			id = fmt.Sprintf("%s-%d", run.Name, n)
		}
	}
	id = filepath.Base(id)
	t.folder, t.began, t.params = filepath.Join(parent, id), run.Started, nil
	if fresh = !exists(t.folder); fresh {
		t.params = run.Params
	}
	if err := os.MkdirAll(t.folder, 0o777); err != nil {
		return "", false, fmt.Errorf("tracker: tensorboard: %w", err)
	}
	return id, fresh, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Send appends events. Where the disk is full none of them are in the file.
func (t *tensorboard) Send(_ context.Context, b Batch) error {
	var text []byte
	if t.file == nil {
		text = appendEvent(text, t.began, 0, 3, fileVersion)
		if t.params != nil {
			text = appendEvent(text, t.began, 0, 5, appendValue(nil, "settings", note(settingsTable(t.params))))
		}
	}
	for _, p := range b.Points {
		var summary []byte
		for _, name := range slices.Sorted(maps.Keys(p.Values)) {
			summary = appendValue(summary, name, scalar(p.Values[name]))
		}
		text = appendEvent(text, p.Time, p.Step, 5, summary)
	}
	for _, m := range b.Images {
		text = appendEvent(text, m.Time, m.Step, 5, appendValue(nil, m.Name, picture(m)))
	}
	for _, h := range b.Histograms {
		if content := distribution(h.Values); content != nil {
			text = appendEvent(text, h.Time, h.Step, 5, appendValue(nil, h.Name, content))
		}
	}
	if len(b.Points)+len(b.Images)+len(b.Histograms) == 0 {
		return nil // TensorBoard shows no files
	}
	if err := t.write(text); err != nil {
		return fmt.Errorf("tracker: tensorboard: %w", err)
	}
	return nil
}

func (t *tensorboard) write(text []byte) (err error) {
	if t.file == nil {
		if t.file, err = t.create(); err != nil {
			return err
		}
		t.size = 0
	}
	n, err := t.file.WriteAt(text, t.size)
	if err == nil {
		t.size += int64(n)
		t.params = nil
		return nil
	}
	if t.size == 0 { // the next attempt makes a file with the first event again
		name := t.file.Name()
		return errors.Join(err, t.Close(), os.Remove(name))
	}
	return errors.Join(err, t.file.Truncate(t.size))
}

// create makes a new file: TensorBoard reads all files of a folder, in the order of
// their names, and does not go back to one that another follows.
func (t *tensorboard) create() (*os.File, error) {
	host := cmp.Or(provenance.Machine(), "unknown")
	for n := 0; ; n++ {
		name := fmt.Sprintf("events.out.tfevents.%010d.%s.%d.%d", time.Now().Unix(), host, os.Getpid(), n)
		f, err := os.OpenFile(filepath.Join(t.folder, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// settingsTable is a table of the settings in Markdown.
func settingsTable(params map[string]string) string {
	var b strings.Builder
	b.WriteString("| setting | value |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(params)) {
		value := strings.NewReplacer("|", `\|`, "\n", " ", "`", "'").Replace(params[name])
		if len(value) > 200 {
			value = strings.ToValidUTF8(value[:200], "") + " …"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, value)
	}
	return b.String()
}

func (t *tensorboard) Finish(context.Context, Status, time.Time) error { return nil }

func (t *tensorboard) Close() error {
	if t.file == nil {
		return nil
	}
	err := errors.Join(t.file.Sync(), t.file.Close())
	t.file = nil
	return err
}
