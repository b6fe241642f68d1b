package atomicfile

import (
	"os"
	"path/filepath"
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
