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

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
)

// notesFile is the file of a run directory that holds what its user says of it.
const notesFile = "notes.json"

// notes is what the user says of a run.
type notes struct {
	Tags []string `json:"tags"`
	Note string   `json:"note"`
}

func readNotes(dir string) (n notes, err error) {
	text, err := os.ReadFile(filepath.Join(dir, notesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err == nil {
		err = jsonlimit.Unmarshal(text, &n)
	}
	return n, err
}

func (r *Run) readNotes() {
	n, err := readNotes(r.Path)
	if err != nil {
		r.problem("notes.json, with tags and the note, cannot be read: %v; a new note or tag overwrites it", err)
		return
	}
	r.Tags, r.Note = n.Tags, n.Note
}

// edit changes the notes of the run directory dir, one process at a time.
func edit(ctx context.Context, dir string, change func(*notes)) error {
	unlock, err := atomicfile.Lock(ctx, filepath.Join(dir, ".notes.lock"), nil)
	if err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	defer unlock()
	n, err := readNotes(dir)
	if err != nil {
		n = notes{} // damaged: what was there cannot be saved
	}
	change(&n)
	text, err := plainjson.Marshal(n)
	if err == nil {
		err = atomicfile.WriteFile(filepath.Join(dir, notesFile), text)
	}
	if err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	return nil
}

// Tag adds tags to the run directory dir and removes others. A tag is any text without
// commas, spaces and line breaks.
func Tag(ctx context.Context, dir string, add, remove []string) error {
	for _, tag := range add {
		if tag == "" || strings.ContainsAny(tag, ", \t\r\n") {
			return fmt.Errorf("runs: tag %q: want a word without spaces and commas", tag)
		}
	}
	return edit(ctx, dir, func(n *notes) {
		n.Tags = slices.DeleteFunc(append(n.Tags, add...), func(tag string) bool { return slices.Contains(remove, tag) })
		slices.Sort(n.Tags)
		n.Tags = slices.Compact(n.Tags)
	})
}

// SetNote sets the note of the run directory dir; "" removes it.
func SetNote(ctx context.Context, dir, note string) error {
	return edit(ctx, dir, func(n *notes) { n.Note = note })
}
