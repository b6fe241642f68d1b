package jupyter

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestStage(t *testing.T) {
	root := t.TempDir()
	for _, file := range []string{"notebooks/a.ipynb", "notebooks/help/x.txt", "notebooks/run.go", "notebooks/tool/tool.go", "notebooks/tool/x.py", "notebooks/runs/old/x", "notebooks/.hidden/x", "data/flows.parquet", "data/README.md"} {
		put(t, filepath.Join(root, file), file)
	}
	s, err := NewStage(filepath.Join(root, "notebooks"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := s.snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for path := range files {
		relative, _ := filepath.Rel(s.root, path)
		got = append(got, filepath.ToSlash(relative))
	}
	slices.Sort(got)
	if want := []string{"data/README.md", "data/flows.parquet", "notebooks/a.ipynb", "notebooks/help/x.txt"}; !slices.Equal(got, want) {
		t.Errorf("staged %v, want %v", got, want)
	}

	put(t, filepath.Join(s.Folder(), "runs", "first", "model"), "x")
	put(t, filepath.Join(s.Folder(), "stray.csv"), "x")
	put(t, filepath.Join(s.root, "data", "flows.parquet"), "spoilt")
	os.Remove(filepath.Join(s.Folder(), "help", "x.txt"))
	changes, err := s.changedSince(files)
	want := []string{
		"changes the file ../data/flows.parquet, outside the folder runs",
		"leaves the file stray.csv, outside the folder runs",
		"removes the file help/x.txt, outside the folder runs",
	}
	if err != nil || !slices.Equal(changes, want) {
		t.Errorf("changes %q, %v, want %q", changes, err, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.root); !os.IsNotExist(err) {
		t.Errorf("the stage is still there: %v", err)
	}
	if _, err := NewStage(filepath.Join(root, "missing")); err == nil {
		t.Error("a stage of a missing folder")
	}
}
