package track

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// LockedError is the error of a run directory that another process trains in.
type LockedError struct {
	Dir   string
	PID   int       // 0 where it is unknown
	Host  string    // the holder's machine
	Since time.Time // when it took the directory
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("track: %s is in use by another trainer", e.Dir)
	}
	return fmt.Sprintf("track: %s is in use by another trainer: process %d on %s since %s",
		e.Dir, e.PID, e.Host, e.Since.Local().Format("2006-01-02 15:04:05"))
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
	host, _ := os.Hostname()
	text, err := json.Marshal(holder{PID: os.Getpid(), Host: host, Since: time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o666)
	}
	if err != nil {
		l.release()
		return nil, fmt.Errorf("track: lock %s: %w", path, err)
	}
	return l, nil
}

func (l *lock) release() error { return l.flock.Unlock() }
