// Package atomicfile writes files and folders that appear under their name
// whole or not at all: staged beside the target, flushed to the disk, then
// renamed. A crash leaves at worst a staging file or folder, named
// NAME.tmp-PID-N after the process that was writing it. Lock is for processes that
// would write the same one at once, and FreeSpace for writers of large ones.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
)

// File is a file under way. Write to it, then Commit; or Abort.
//
//	f, err := atomicfile.Create(path)
//	if err != nil { … }
//	defer f.Abort() // does nothing after Commit
type File struct {
	file   *os.File
	buffer *bufio.Writer
	path   string
	err    error // the first failed write
	done   bool
}

// Create stages a file that Commit will put at path, over what is there. The
// folder of path must exist.
func Create(path string) (*File, error) {
	for {
		f, err := os.OpenFile(stagingName(path), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue // left by a process that had our number
		}
		if err != nil {
			return nil, err
		}
		return &File{file: f, buffer: bufio.NewWriterSize(f, 1<<18), path: path}, nil
	}
}

// Write adds b to the staged file. A failed write is remembered: Commit then
// returns its error, even if the caller dropped it.
func (f *File) Write(b []byte) (int, error) {
	n, err := f.buffer.Write(b)
	if err != nil && f.err == nil {
		f.err = err
	}
	return n, err
}

// Name returns the name of the staging file.
func (f *File) Name() string { return f.file.Name() }

// Commit flushes the file to the disk and gives it its name. When it fails the
// staging file is gone and what was at the path before is untouched.
func (f *File) Commit() error {
	if f.done {
		return fmt.Errorf("atomicfile: %s: committed or aborted before", f.path)
	}
	err := f.err
	if err == nil {
		err = f.buffer.Flush()
	}
	if err == nil {
		err = f.file.Sync()
	}
	if closeErr := f.file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.file.Name(), f.path)
	}
	f.done = true
	if err != nil {
		os.Remove(f.file.Name())
		return err
	}
	return SyncDir(filepath.Dir(f.path))
}

// Abort removes the staging file. After Commit it does nothing.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	f.file.Close()
	os.Remove(f.file.Name())
}

// WriteFile puts data at path, over what is there.
func WriteFile(path string, data []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// SyncDir flushes the entries of a folder to the disk, so that a rename in it
// outlives a power cut. Windows has no such call; there it does nothing.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}

// StagedFor takes the base name of a staging file or folder apart: the name it
// would have got and the process that was writing it. ok is false for every
// other name.
func StagedFor(base string) (name string, pid int, ok bool) {
	i := strings.LastIndex(base, stagingMark)
	if i <= 0 {
		return "", 0, false
	}
	owner, count, found := strings.Cut(base[i+len(stagingMark):], "-")
	pid, err := strconv.Atoi(owner)
	if _, countErr := strconv.Atoi(count); !found || err != nil || countErr != nil || pid <= 0 {
		return "", 0, false
	}
	return base[:i], pid, true
}

const stagingMark = ".tmp-"

var staged atomic.Int64 // makes staging names of one process differ

func stagingName(path string) string {
	return fmt.Sprintf("%s%s%d-%d", filepath.Clean(path), stagingMark, os.Getpid(), staged.Add(1))
}
