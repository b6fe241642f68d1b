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

// runsFolder is the folder, next to the notebooks, for the files that they make.
const runsFolder = "runs"

// Stage is a temporary copy of the notebooks' folder, and of the folder data next to
// it, in which notebooks run: they cannot change the originals, and files of an
// earlier run do not help them.
type Stage struct{ root string }

const (
	stagedNotebooks = "notebooks"
	stagedData      = "data"
)

// NewStage copies the notebooks' folder, without the files that they made, into a new
// temporary folder.
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
		return nil // there is no folder data
	}
	return copyFolder(data, filepath.Join(s.root, stagedData))
}

// copyFolder copies files and folders, except what notebooks made, hidden files, Go
// files, and folders with Go files.
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
		case entry.IsDir() && relative != "." && (relative == runsFolder || strings.HasPrefix(name, ".") || holdsGo(path)):
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

// Folder returns the folder in which notebooks run.
func (s *Stage) Folder() string { return filepath.Join(s.root, stagedNotebooks) }

// Close removes the stage.
func (s *Stage) Close() error { return os.RemoveAll(s.root) }

// snapshot returns the hash of every file outside the folder runsFolder.
func (s *Stage) snapshot() (map[string][sha256.Size]byte, error) {
	files := map[string][sha256.Size]byte{}
	runs := filepath.Join(s.Folder(), runsFolder)
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

// changedSince returns a sentence for each file outside the folder runsFolder that was
// made, changed or removed since the snapshot.
func (s *Stage) changedSince(before map[string][sha256.Size]byte) ([]string, error) {
	after, err := s.snapshot()
	if err != nil {
		return nil, err
	}
	var changes []string
	add := func(path, what string) {
		relative, err := filepath.Rel(s.Folder(), path)
		if err != nil {
			relative = path
		}
		changes = append(changes, fmt.Sprintf("%s the file %s, outside the folder %s", what, relative, runsFolder))
	}
	for path, sum := range after {
		if was, known := before[path]; !known {
			add(path, "leaves")
		} else if was != sum {
			add(path, "changes")
		}
	}
	for path := range before {
		if _, still := after[path]; !still {
			add(path, "removes")
		}
	}
	slices.Sort(changes)
	return changes, nil
}
