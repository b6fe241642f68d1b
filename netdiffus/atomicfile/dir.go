package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is a folder under way. Put files into Path(), then Commit or Replace; or
// Abort.
type Dir struct {
	staging string
	path    string
	done    bool
	lock    *os.File // tells others that this process is at work on it; nil where there is no such lock
}

// CreateDir stages a folder that Commit or Replace will put at path. The parent
// of path must exist. What processes that were killed left staged for path is removed.
func CreateDir(path string) (*Dir, error) {
	removeAbandoned(path)
	for {
		d := &Dir{staging: stagingName(path), path: filepath.Clean(path)}
		err := os.Mkdir(d.staging, 0o777)
		if errors.Is(err, fs.ErrExist) {
			continue // left by a process that had our number
		}
		if err != nil {
			return nil, err
		}
		d.lock = lockFolder(d.staging)
		return d, nil
	}
}

// removeAbandoned removes the folders staged for path by processes that are no more. Of
// one that cannot be told it leaves what there is, and so it does where nothing can be
// removed: it only tidies up.
func removeAbandoned(path string) {
	dir, base := filepath.Split(filepath.Clean(path))
	entries, err := os.ReadDir(filepath.Clean(dir)) // "" is the current folder
	if err != nil {
		return
	}
	for _, e := range entries {
		name, pid, staged := StagedFor(e.Name())
		if !staged || name != base || !e.IsDir() || pid == os.Getpid() || !ended(pid) {
			continue
		}
		// On a file system that machines share the process may run on another one: it holds
		// the folder's lock then.
		at := filepath.Join(dir, e.Name())
		if lock := lockFolder(at); lock != nil {
			os.RemoveAll(at)
			lock.Close()
		}
	}
}

// finished marks d as done with, and ends its lock.
func (d *Dir) finished() {
	d.done = true
	if d.lock != nil {
		d.lock.Close()
	}
}

// Path returns where the files go until the folder has its name.
func (d *Dir) Path() string { return d.staging }

// Commit flushes everything in the folder to the disk and gives it its name.
// It fails with fs.ErrExist when something other than an empty folder has that
// name; the staging folder then stays for Replace or Abort.
func (d *Dir) Commit() error {
	if err := d.flush(); err != nil {
		return err
	}
	if entries, err := os.ReadDir(d.path); err == nil {
		if len(entries) > 0 {
			return fmt.Errorf("%s: %w", d.path, fs.ErrExist)
		}
		if err := os.Remove(d.path); err != nil { // os.Rename does not take its place
			return err
		}
	}
	if err := os.Rename(d.staging, d.path); err != nil {
		return err
	}
	d.finished()
	return SyncDir(filepath.Dir(d.path))
}

// Replace is Commit for a name that may be taken: what was there is moved
// aside, and removed when the new folder has its name.
func (d *Dir) Replace() error {
	if err := d.flush(); err != nil {
		return err
	}
	old := stagingName(d.path)
	switch err := os.Rename(d.path, old); {
	case errors.Is(err, fs.ErrNotExist):
		old = ""
	case err != nil:
		return err
	}
	if err := os.Rename(d.staging, d.path); err != nil {
		if old != "" {
			err = errors.Join(err, os.Rename(old, d.path))
		}
		return err
	}
	d.finished()
	if err := SyncDir(filepath.Dir(d.path)); err != nil || old == "" {
		return err
	}
	return os.RemoveAll(old)
}

// Abort removes the staging folder. After a successful Commit or Replace it
// does nothing.
func (d *Dir) Abort() {
	if !d.done {
		d.finished()
		os.RemoveAll(d.staging)
	}
}

// RemoveDir removes a folder and what is in it. It renames it first, so that a
// crash never leaves half of it under its name.
func RemoveDir(path string) error {
	old := stagingName(path)
	if err := os.Rename(path, old); err != nil {
		return err
	}
	return os.RemoveAll(old)
}

// flush syncs every file and folder staged, what a folder holds before the folder.
func (d *Dir) flush() error {
	if d.done {
		return fmt.Errorf("atomicfile: %s: committed or aborted before", d.path)
	}
	var files []string
	err := filepath.WalkDir(d.staging, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && (entry.IsDir() || entry.Type().IsRegular()) {
			files = append(files, path)
		}
		return err
	})
	if err == nil && len(files) > manyFiles {
		var done bool
		if done, err = syncFileSystem(d.staging); done {
			return err
		}
	}
	for i := len(files) - 1; i >= 0 && err == nil; i-- { // a folder comes before what it holds
		if info, statErr := os.Stat(files[i]); statErr != nil {
			err = statErr
		} else if info.IsDir() {
			err = SyncDir(files[i])
		} else {
			err = syncFile(files[i])
		}
	}
	return err
}

// manyFiles are flushed faster by flushing the whole file system they are on,
// where the system has a call for that, than one by one.
const manyFiles = 64

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
