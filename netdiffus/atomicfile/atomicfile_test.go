package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// names lists a folder's entries.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestFileAppearsOnCommitOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	if err := WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("new"))
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Fatalf("before Commit the file holds %q, want what was there", got)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if got, _ := os.ReadFile(path); string(got) != "new" {
		t.Errorf("after Commit the file holds %q", got)
	}
	if err := f.Commit(); err == nil {
		t.Error("a second Commit passed")
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("folder holds %q, want a.json alone", got)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("x"))
	f.Abort()
	d, err := CreateDir(filepath.Join(dir, "b"))
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(d.Path(), "x"), []byte("x"), 0o666)
	d.Abort()
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("folder holds %q, want nothing", got)
	}
}

// TestDroppedWriteErrorComesBack is the failure of GoMLX's checkpoints: a write
// that fails must fail the whole, even if nobody looked at its error.
func TestDroppedWriteErrorComesBack(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	f.file.Close() // every later write fails
	f.Write(make([]byte, 1<<20))
	if err := f.Commit(); err == nil {
		t.Fatal("Commit passed after a failed write")
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("folder holds %q, want nothing", got)
	}
}

func TestDir(t *testing.T) {
	parent := t.TempDir()
	path := filepath.Join(parent, "set")
	stage := func(content string) *Dir {
		t.Helper()
		d, err := CreateDir(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(d.Path(), "sub"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.Path(), "sub", "x"), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		return d
	}
	if err := stage("1").Commit(); err != nil {
		t.Fatal(err)
	}
	second := stage("2")
	if err := second.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("Commit over a full folder = %v, want fs.ErrExist", err)
	}
	if err := second.Replace(); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(path, "sub", "x")); string(got) != "2" {
		t.Errorf("folder holds %q, want the replacement", got)
	}
	if got := names(t, parent); len(got) != 1 {
		t.Errorf("parent holds %q, want the folder alone", got)
	}
}

func TestStagedFor(t *testing.T) {
	for _, c := range []struct {
		base string
		name string
		pid  int
		ok   bool
	}{
		{"step-00000010.tmp-77-3", "step-00000010", 77, true},
		{"a.tmp-1.tmp-2-3", "a.tmp-1", 2, true},
		{"step-00000010", "", 0, false},
		{"step-00000010.tmp-x-1", "", 0, false},
		{"step-00000010.tmp-5", "", 0, false},
		{".tmp-5-1", "", 0, false},
	} {
		name, pid, ok := StagedFor(c.base)
		if name != c.name || pid != c.pid || ok != c.ok {
			t.Errorf("StagedFor(%q) = %q, %d, %v, want %q, %d, %v", c.base, name, pid, ok, c.name, c.pid, c.ok)
		}
	}
	f, err := Create(filepath.Join(t.TempDir(), "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	if name, pid, ok := StagedFor(filepath.Base(f.Name())); name != "a" || pid != os.Getpid() || !ok {
		t.Errorf("StagedFor of our own staging file = %q, %d, %v", name, pid, ok)
	}
}

func TestRemoveDir(t *testing.T) {
	parent := t.TempDir()
	path := filepath.Join(parent, "set")
	if err := os.MkdirAll(filepath.Join(path, "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := RemoveDir(path); err != nil {
		t.Fatal(err)
	}
	if got := names(t, parent); len(got) != 0 {
		t.Errorf("parent holds %q, want nothing", got)
	}
	if err := RemoveDir(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("RemoveDir of nothing = %v, want fs.ErrNotExist", err)
	}
}
