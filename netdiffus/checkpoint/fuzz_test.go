package checkpoint

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzOpen opens a checkpoint whose manifest, state or weights somebody else made.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	path, err := Save(dir, State{Step: 3, Model: Tensors{"a": {DType: "F32", Shape: []int{2}, Data: make([]byte, 8)}}, Train: []byte(`{"seed":1}`)})
	if err != nil {
		f.Fatal(err)
	}
	names := []string{manifestFile, stateFile, modelFile}
	own := map[string][]byte{}
	for i, name := range names {
		if own[name], err = os.ReadFile(filepath.Join(path, name)); err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), own[name])
	}
	f.Add(uint8(0), []byte(`{"format":"netdiffus-checkpoint/1","files":{"../x":{}}}`))
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		name := names[int(which)%len(names)]
		if err := os.WriteFile(filepath.Join(path, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
		if c, err := Open(path); err == nil {
			if c.Step < 0 {
				t.Fatalf("step %d", c.Step)
			}
			_, _ = c.Model()
			_, _ = c.Optim()
		}
		if err := os.WriteFile(filepath.Join(path, name), own[name], 0o666); err != nil {
			t.Fatal(err)
		}
	})
}
