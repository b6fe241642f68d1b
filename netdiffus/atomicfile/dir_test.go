package atomicfile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

// TestDirOfManyFiles takes the other way of flushing.
func TestDirOfManyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "set")
	d, err := CreateDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Abort()
	for i := range manyFiles + 1 {
		if err := os.WriteFile(filepath.Join(d.Path(), strconv.Itoa(i)), []byte{1}, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, path); len(got) != manyFiles+1 {
		t.Errorf("the folder holds %d files, want %d", len(got), manyFiles+1)
	}
}

func TestDirTakesThePlaceOfAnEmptyOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "set")
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	d, err := CreateDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Abort()
	if err := os.WriteFile(filepath.Join(d.Path(), "x"), []byte{1}, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, path); len(got) != 1 {
		t.Errorf("the folder holds %q, want x", got)
	}
}

// What a process that was killed left is removed by the next that writes the same folder;
// what one that runs has, or has on another machine, stays.
func TestAbandonedFoldersAreRemoved(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it is not known there which processes run")
	}
	gone := exec.Command(os.Args[0], "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	dead := gone.Process.Pid
	dir := t.TempDir()
	path := filepath.Join(dir, "set")
	at := func(name string, pid, n int) string {
		return filepath.Join(dir, fmt.Sprintf("%s.tmp-%d-%d", name, pid, n))
	}
	abandoned, other, running, elsewhere := at("set", dead, 1), at("other", dead, 1), at("set", os.Getppid(), 1), at("set", dead, 2)
	for _, name := range []string{abandoned, other, running, elsewhere} {
		if err := os.MkdirAll(filepath.Join(name, "class"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	held := lockFolder(elsewhere) // as a process of another machine holds it
	if held == nil {
		t.Skip("folders have no locks here")
	}
	defer held.Close()
	for range 2 { // the second while the first is under way
		d, err := CreateDir(path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Abort()
	}
	for name, there := range map[string]bool{abandoned: false, other: true, running: true, elsewhere: true} {
		if _, err := os.Stat(name); (err == nil) != there {
			t.Errorf("%s: %v, want it there: %v", name, err, there)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 5 {
		t.Errorf("%v, %v; want three old folders and the two under way", entries, err)
	}
}
