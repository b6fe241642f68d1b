package traffic

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
)

// FuzzRead wants an error or flows within the limits of every file, never a
// panic; the fuzzer itself finds hangs.
func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/parquet/*.parquet")
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	path := filepath.Join(f.TempDir(), "f.parquet")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		readAny(t, path)
	})
}

// readAny reads at most 100,000 flows of any file.
func readAny(t *testing.T, path string) {
	n := 0
	for flow, err := range (Reader{KeepKeys: true, Warn: func(error) {}, Recognized: func(string, string) {}}).Read(path) {
		if err != nil {
			return
		}
		if err := check(flow, flow.Timed); err != nil {
			t.Errorf("Read gave a flow that WriteParquet refuses: %v", err)
		}
		if n++; n == 100_000 {
			return
		}
	}
}

// Damage of the kinds that files meet: flipped bytes, in the footer above all,
// and cut ends. No mutation may panic, take long, or ask for much memory.
func TestReadSurvivesDamage(t *testing.T) {
	mutations := 15
	if longtest.On() {
		mutations = 3000
	}
	files, _ := filepath.Glob("testdata/parquet/good-*.parquet")
	path := filepath.Join(t.TempDir(), "f.parquet")
	r := rand.New(rand.NewPCG(7, 7))
	var slowest time.Duration
	var most uint64
	var before, after runtime.MemStats
	for _, source := range files {
		whole, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for i := range mutations {
			data := append([]byte(nil), whole...)
			from := 0
			if i%3 == 1 {
				from = max(0, len(data)-600)
			}
			for range 1 + r.IntN(4) {
				data[from+r.IntN(len(data)-from)] = byte(r.Uint32())
			}
			if i%3 == 2 {
				data = data[:r.IntN(len(data))]
			}
			if err := os.WriteFile(path, data, 0o666); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&before)
			start := time.Now()
			readAny(t, path)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			used := after.TotalAlloc - before.TotalAlloc
			if took > slowest {
				slowest = took
			}
			most = max(most, used)
			if took > 30*time.Second || used > 1<<30 {
				t.Errorf("%s, mutation %d: %v and %d MiB", source, i, took, used>>20)
			}
		}
	}
	t.Logf("%d files, %d mutations each: slowest %v, most memory %d MiB", len(files), mutations, slowest, most>>20)
}
