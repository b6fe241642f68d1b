package atomicfile

import (
	"path/filepath"
	"runtime"
	"testing"
)

func TestFreeSpace(t *testing.T) {
	dir := t.TempDir()
	here, below := FreeSpace(dir), FreeSpace(filepath.Join(dir, "not", "there", "yet"))
	if runtime.GOOS == "linux" && (here <= 0 || below <= 0) {
		t.Errorf("FreeSpace = %d, and %d for a folder that does not exist yet", here, below)
	}
}
