package programs_test

import (
	"context"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/programs"
)

// lookups counts the programs that were looked up, by whether they were found.
type lookups struct{ found, missed, refused int }

func (*lookups) Enabled(context.Context, slog.Level) bool { return true }

func (l *lookups) Handle(_ context.Context, r slog.Record) error {
	switch r.Message {
	case "programs: looked up":
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "found" && a.Value.Bool() {
				l.found++
			} else if a.Key == "found" {
				l.missed++
			}
			return true
		})
	case "programs: refused by the plugin":
		l.refused++
	}
	return nil
}

func (l *lookups) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *lookups) WithGroup(string) slog.Handler      { return l }

// run runs a small program, built anew, and returns its result.
func run(t *testing.T, b compute.Backend, by float64) float64 {
	t.Helper()
	exec, err := graph.NewExec(b, func(x *graph.Node) *graph.Node {
		return graph.ReduceAllSum(graph.Sin(graph.MulScalar(x, by)))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Call([]float32{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	return float64(out[0].Value().(float32))
}

// A program that was compiled once is loaded from then on, with the same results;
// what is wrong with the folder makes it compile again.
func TestKeep(t *testing.T) {
	backendtest.Open(t) // skips where there is no plugin
	dir := filepath.Join(t.TempDir(), "programs")
	var seen lookups
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(&seen))

	b, err := backend.Opener{Programs: programs.Store{Dir: dir}}.Open(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	if info, err := os.Stat(dir); err != nil {
		t.Skipf("programs are not kept here: %v", err)
	} else if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the folder's mode is %v: others may enter it", info.Mode())
	}
	want := run(t, b, 0.5)
	if exact := math.Sin(0.5) + math.Sin(1) + math.Sin(1.5); math.Abs(want-exact) > 1e-6 {
		t.Fatalf("%v, want %v", want, exact)
	}
	check := func(what string, found, missed, refused int) {
		t.Helper()
		seen = lookups{}
		if got := run(t, b, 0.5); got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
		if wanted := (lookups{found, missed, refused}); seen != wanted {
			t.Errorf("%s: %+v, want %+v", what, seen, wanted)
		}
	}
	check("kept", 1, 0, 0)

	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v: want one", files, err)
	}
	key := filepath.Base(files[0])
	key = key[:len(key)-len(filepath.Ext(key))]
	if err := os.Truncate(files[0], 100); err != nil {
		t.Fatal(err)
	}
	check("damaged", 0, 1, 0)
	check("kept again", 1, 0, 0)

	// Whole, but no program.
	if err := (programs.Store{Dir: dir}).Put(key, []byte("not a program")); err != nil {
		t.Fatal(err)
	}
	check("not a program", 1, 0, 1)
	check("kept after that", 1, 0, 0)

	seen = lookups{}
	if other := run(t, b, 0.25); other == want || seen.found != 0 {
		t.Errorf("another program was not compiled: %v, %+v", other, seen)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	check("without the folder", 0, 1, 0)
	check("with it again", 1, 0, 0)
}
