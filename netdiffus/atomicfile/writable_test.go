package atomicfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCheckWritable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	if err := CheckWritable(dir); err != nil {
		t.Errorf("CheckWritable of a folder that can be made: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("CheckWritable leaves %v, %v, want an empty folder", left, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := CheckWritable(filepath.Join(file, "below")); err == nil {
		t.Error("CheckWritable of a folder below a file: nil, want an error")
	}
}
