package jupyter

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// RunsFolder is where notebooks keep what they make, beside themselves.
const RunsFolder = "runs"

// Stage is a copy of the notebooks' folder and of the folder data beside it,
// for notebooks to run in: what they leave does not touch the originals, and
// what an earlier run left does not help them.
type Stage struct{ root string }

const (
	stagedNotebooks = "notebooks"
	stagedData      = "data"
)

// NewStage copies the folder that the notebooks are in, without what they made
// there, into a new temporary folder.
func NewStage(notebooks string) (*Stage, error) {
	root, err := os.MkdirTemp("", "netdiffus-stage-")
	if err != nil {
		return nil, fmt.Errorf("jupyter: %w", err)
	}
	s := &Stage{root: root}
	if err := s.fill(notebooks); err != nil {
		s.Close()
		return nil, fmt.Errorf("jupyter: copying %s: %w", notebooks, err)
	}
	return s, nil
}

func (s *Stage) fill(notebooks string) error {
	if err := copyFolder(notebooks, filepath.Join(s.root, stagedNotebooks)); err != nil {
		return err
	}
	data := filepath.Join(notebooks, "..", stagedData)
	if _, err := os.Stat(data); err != nil {
		return nil // notebooks without data beside them
	}
	return copyFolder(data, filepath.Join(s.root, stagedData))
}

// copyFolder copies files and folders, except what notebooks made, what is
// hidden, and Go's source with the folders that hold it.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case entry.IsDir() && relative != "." && (relative == RunsFolder || strings.HasPrefix(name, ".") || holdsGo(path)):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, relative), 0o777)
		case !entry.Type().IsRegular() || filepath.Ext(name) == ".go":
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), b, 0o666)
	})
}

func holdsGo(dir string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	return err == nil && len(files) > 0
}

// Folder is where the staged notebooks run.
func (s *Stage) Folder() string { return filepath.Join(s.root, stagedNotebooks) }

// Close removes the stage.
func (s *Stage) Close() error { return os.RemoveAll(s.root) }

// snapshot returns the hash of every file outside of the runs' folder.
func (s *Stage) snapshot() (map[string][sha256.Size]byte, error) {
	files := map[string][sha256.Size]byte{}
	runs := filepath.Join(s.Folder(), RunsFolder)
	err := filepath.WalkDir(s.root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == runs:
			return fs.SkipDir
		case entry.IsDir() || !entry.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		files[path] = sha256.Sum256(b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("jupyter: %w", err)
	}
	return files, nil
}

// changedSince says in words which files were made, changed or removed since
// the snapshot outside of the runs' folder.
func (s *Stage) changedSince(before map[string][sha256.Size]byte) ([]string, error) {
	after, err := s.snapshot()
	if err != nil {
		return nil, err
	}
	var changes []string
	say := func(path, what string) {
		relative, err := filepath.Rel(s.Folder(), path)
		if err != nil {
			relative = path
		}
		changes = append(changes, fmt.Sprintf("%s the file %s, outside of %s", what, relative, RunsFolder))
	}
	for path, sum := range after {
		if was, known := before[path]; !known {
			say(path, "leaves")
		} else if was != sum {
			say(path, "changes")
		}
	}
	for path := range before {
		if _, still := after[path]; !still {
			say(path, "removes")
		}
	}
	slices.Sort(changes)
	return changes, nil
}
