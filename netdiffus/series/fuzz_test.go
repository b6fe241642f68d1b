package series

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fuzz wants an error or series that can be written of every file of a kind, never a
// panic.
func fuzz(f *testing.F, ending string, seeds ...string) {
	path := filepath.Join(f.TempDir(), "f"+ending)
	for _, full := range []bool{true, false} {
		all := someSeries()
		for i := range all {
			if all[i].Start = (time.Time{}); !full {
				all[i].Step, all[i].Trace = 0, ""
			}
		}
		if err := Write(path, All(all)); err != nil {
			f.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 || bytes.HasPrefix(data, []byte("\x1f\x8b")) {
			t.Skip()
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		Recognize(path, Columns{})
		for _, r := range []Reader{{Label: "x"}, {Label: "x", Fill: FillHold, Length: 5}} {
			n := 0
			for s, err := range quiet(r).Read(path) {
				if err != nil {
					break
				}
				if err := s.Check(); err != nil {
					t.Fatalf("a series that does not pass its check: %v", err)
				}
				if n++; n == 1000 {
					break
				}
			}
		}
	})
}

func FuzzCSV(f *testing.F) {
	fuzz(f, ".csv", "time,b\n0,1\n1,2\n", "1;2,5\n", "label,b\nx,\"[1 2]\"\n", "t,trace,b\n2026-01-01T00:00:00Z,1,2\n")
}

func FuzzParquet(f *testing.F) { fuzz(f, ".parquet") }

func FuzzArrays(f *testing.F) { fuzz(f, ".npz") }

func FuzzJSON(f *testing.F) { fuzz(f, ".jsonl", `[{"b":[1,null]}]`, `{"b_0":1,"b_1":2}`) }
