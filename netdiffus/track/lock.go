package track

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// LockedError is the error of a run directory that another process trains in.
type LockedError struct {
	Dir   string
	PID   int       // 0 where it is unknown
	Host  string    // the holder's machine, as provenance.Machine names it
	Since time.Time // when it took the directory
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("track: %s is in use by another trainer", e.Dir)
	}
	where := e.Host
	if where == provenance.Machine() {
		where = "this machine"
	}
	return fmt.Sprintf("track: %s is in use by another trainer: process %d on %s since %s",
		e.Dir, e.PID, where, e.Since.Local().Format("2006-01-02 15:04:05"))
}

// lock is a lock that ends with the process that holds it, however it dies. Its
// file stays, with the last holder's name in it.
type lock struct{ flock *flock.Flock }

// holder is the content of the lock's file.
type holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

func acquire(dir string) (*lock, error) {
	path := filepath.Join(dir, ".lock")
	if err := checkLinks(dir); err != nil {
		return nil, err
	}
	l := &lock{flock.New(path, flock.SetFlag(os.O_RDWR|os.O_CREATE), flock.SetPermissions(0o666))}
	ours, err := l.flock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("track: lock %s: %w", path, err)
	}
	if !ours {
		locked := &LockedError{Dir: dir}
		var h holder
		if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &h) == nil {
			locked.PID, locked.Host, locked.Since = h.PID, h.Host, h.Since
		}
		return nil, locked
	}
	text, err := json.Marshal(holder{PID: os.Getpid(), Host: provenance.Machine(), Since: time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o666)
	}
	if err != nil {
		l.release()
		return nil, fmt.Errorf("track: lock %s: %w", path, err)
	}
	return l, nil
}

// Trainer returns the error that Create would return for the run directory dir because
// another process trains in it, nil where none does. It changes nothing in dir.
func Trainer(dir string) *LockedError {
	path := filepath.Join(dir, ".lock")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var h holder
	if json.Unmarshal(text, &h) == nil && h.PID > 0 {
		if here := provenance.Machine(); here != "" && here == h.Host && !command.Running(h.PID) {
			return nil
		}
	}
	// The process may be another of the same number: the lock itself tells. It is shared
	// and held for an instant only.
	probe := flock.New(path, flock.SetFlag(os.O_RDONLY))
	free, err := probe.TryRLock()
	if err != nil {
		return nil
	}
	if free {
		probe.Close()
		return nil
	}
	return &LockedError{Dir: dir, PID: h.PID, Host: h.Host, Since: h.Since}
}

func (l *lock) release() error { return l.flock.Unlock() }
