package sweep

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzReadResults reads the results of a sweep of others: lines that are none are left out.
func FuzzReadResults(f *testing.F) {
	f.Add([]byte(`{"trial":0,"rung":0,"point":{"a":1},"value":0.5,"seconds":1}` + "\n"))
	f.Add([]byte("{\"trial\":-1,\"point\":{}}\n{\"trial\":1}\n{\"tri"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		check(t, os.WriteFile(filepath.Join(dir, resultsFile), text, 0o666))
		results, err := ReadResults(dir)
		check(t, err)
		for _, r := range results {
			if r.Trial < 0 || r.Rung < 0 || r.Point == nil {
				t.Fatalf("%+v is no result", r)
			}
		}
	})
}
