package kernelspec

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzRead reads any kernel.json: what is taken has a command line.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"argv":["netdiffus","kernel","run","{connection_file}"],"display_name":"NetDiffus (Go)","language":"go","env":{"A":"${B}"}}`))
	f.Add([]byte(`{"argv":[]}`))
	f.Add([]byte(`{"argv":[""],"metadata":{}}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, fileName), text, 0o666); err != nil {
			t.Fatal(err)
		}
		if s, err := Read(dir); err == nil && len(s.Argv) == 0 {
			t.Fatalf("%+v has no command line", s)
		}
	})
}
