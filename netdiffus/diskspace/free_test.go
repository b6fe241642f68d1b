package diskspace

import (
	"path/filepath"
	"runtime"
	"testing"
)

func TestFree(t *testing.T) {
	dir := t.TempDir()
	here, below := Free(dir), Free(filepath.Join(dir, "not", "there", "yet"))
	if runtime.GOOS == "linux" && (here <= 0 || below <= 0) {
		t.Errorf("Free = %d, and %d for a folder that does not exist yet", here, below)
	}
}
