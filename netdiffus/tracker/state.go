package tracker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
)

// place is how far one tracker has got with a run.
type place struct {
	At    string            `json:"at"`
	ID    string            `json:"id"`              // the run's name there
	Step  int               `json:"step"`            // metrics up to this step are there
	Files map[string]string `json:"files,omitempty"` // files, and pictures of folders, that are there, as they were
}

// places are those of the trackers of one kind, in RUN/trackers/KIND.json.
type places struct {
	path  string
	list  []*place
	lock  *flock.Flock // nil where nothing can be kept
	stale bool         // the file: it could not be written
	// unkept is why nothing is kept: the run directory cannot be written to.
	unkept error
}

// ErrBusy is the error of a run that is being sent to the same tracker by another
// process.
var ErrBusy = errors.New("it is being sent there by another process")

// openPlaces reads and locks the places of a kind of tracker in a run directory.
func openPlaces(dir, kind string) (*places, error) {
	folder := filepath.Join(dir, "trackers")
	p := &places{path: filepath.Join(folder, kind+".json")}
	p.lock = flock.New(filepath.Join(folder, "."+kind+".lock"))
	ours, err := false, os.MkdirAll(folder, 0o777)
	if err == nil {
		ours, err = p.lock.TryLock()
	}
	switch {
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		p.lock, p.unkept = nil, err // a run on a disk that is only read can be sent all the same
	case err != nil:
		return nil, fmt.Errorf("tracker: %w", err)
	case !ours:
		return nil, fmt.Errorf("tracker: %s, %s: %w", dir, kind, ErrBusy)
	}
	text, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &p.list)
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("tracker: %s: %w (removed, everything is sent again)", p.path, err)
	}
	return p, nil
}

// of returns the place of the tracker at a server or folder.
func (p *places) of(at string) *place {
	for _, one := range p.list {
		if one != nil && one.At == at {
			return one
		}
	}
	one := &place{At: at}
	one.restart("")
	p.list = append(p.list, one)
	return one
}

// save writes the places, under another name first. It does not wait for the disk as
// package atomicfile does: it is called after each thing that is sent, beside a
// training, and a place that a crash of the machine sets back costs no more than
// sending something again.
func (p *places) save() error {
	if p.unkept != nil {
		return nil
	}
	text, err := plainjson.Marshal(p.list)
	staged := p.path + ".new" // only the holder of the lock writes it
	if err == nil {
		if info, linkErr := os.Lstat(staged); linkErr == nil && !info.Mode().IsRegular() { // planted: it would be written through
			err = fmt.Errorf("%s is not a file", staged)
		}
	}
	if err == nil {
		err = os.WriteFile(staged, text, 0o666)
	}
	if err == nil {
		err = os.Rename(staged, p.path)
	}
	p.stale = err != nil
	if err != nil {
		return fmt.Errorf("tracker: %w", err)
	}
	return nil
}

func (p *places) close() {
	if p.lock != nil {
		p.lock.Unlock()
	}
}

// restart forgets what was sent: the run is id from now on.
func (p *place) restart(id string) { p.ID, p.Step, p.Files = id, -1, map[string]string{} }
