package index

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// makeRuns makes n run directories as trainers leave them, with lines of metrics, two
// checkpoints and a set of samples each.
func makeRuns(t testing.TB, n, lines int) (root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "runs")
	config, err := os.ReadFile("../../testdata/v1/run-atoms/config.json")
	check(t, err)
	var metrics bytes.Buffer
	for step := 10; step <= 10*lines; step += 10 {
		fmt.Fprintf(&metrics, `{"cross_entropy":%g,"grad_norm":0.5,"loss":0.25,"loss_q0":0.125,"loss_q1":1,"loss_q2":2,"loss_q3":3,"lr":0.001,"mse":0.5,"step":%d,"step_seconds":0.25}`+"\n", 1/float64(step), step)
	}
	session := track.NewSession()
	session.Preset = "quick"
	lock, err := json.Marshal(map[string]any{"pid": 1 << 30, "host": session.Machine.Host}) // of a process that is no more
	check(t, err)
	for i := range n {
		dir := filepath.Join(root, fmt.Sprintf("group%d", i%10), fmt.Sprintf("run%04d", i))
		for _, step := range []string{"step-00000010", "step-00000020"} {
			check(t, os.MkdirAll(filepath.Join(dir, "checkpoints", step), 0o777))
			check(t, os.WriteFile(filepath.Join(dir, "checkpoints", step, "manifest.json"), []byte("{}"), 0o666))
		}
		check(t, os.MkdirAll(filepath.Join(dir, "samples", "drawn"), 0o777))
		check(t, os.WriteFile(filepath.Join(dir, "samples", "drawn", "manifest.json"), []byte(`{"flows":3}`), 0o666))
		session.Seed = uint64(i)
		manifest, err := json.Marshal(track.Manifest{ID: fmt.Sprintf("%016x", i), Sessions: []track.Session{session}})
		check(t, err)
		for name, text := range map[string][]byte{"config.json": config, "manifest.json": manifest, "metrics.jsonl": metrics.Bytes(), ".lock": lock} {
			check(t, os.WriteFile(filepath.Join(dir, name), text, 0o666))
		}
	}
	return root
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func list(t testing.TB, x *Index, root string) []*runs.Run {
	t.Helper()
	var cache runs.Cache
	if x != nil {
		cache = x
	}
	found, err := runs.List(context.Background(), []string{root}, runs.ListOptions{Cache: cache, Warn: func(err error) { t.Error(err) }})
	check(t, err)
	return found
}

// A list through the index is the list without, whatever happened to the directories.
func TestIndexIsTheDirectories(t *testing.T) {
	root := makeRuns(t, 12, 5)
	dir := t.TempDir()
	x, err := Open(context.Background(), dir)
	check(t, err)
	defer x.Close()
	same := func(what string) {
		t.Helper()
		want, err := json.Marshal(list(t, nil, root))
		check(t, err)
		for _, warm := range []string{"cold", "warm"} {
			got, err := json.Marshal(list(t, x, root))
			check(t, err)
			if !bytes.Equal(got, want) {
				t.Errorf("%s, %s:\n%s\nwithout the index:\n%s", what, warm, got, want)
			}
		}
	}
	same("new")
	run := filepath.Join(root, "group3", "run0003")
	f, err := os.OpenFile(track.MetricsFile(run), os.O_APPEND|os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteString("{\"loss\":9,\"step\":60}\n")
	check(t, err)
	check(t, f.Close())
	same("a line more")
	check(t, runs.Tag(context.Background(), run, []string{"x"}, nil))
	same("a tag")
	check(t, os.Remove(track.ConfigFile(run)))
	same("without its configuration")
	check(t, os.RemoveAll(run))
	same("deleted")
	check(t, os.Rename(filepath.Join(root, "group4"), filepath.Join(root, "moved")))
	same("moved")
	if n := len(list(t, x, root)); n != 11 {
		t.Errorf("%d runs, want 11", n)
	}
}

// The index is used: a record that is changed in it shows.
func TestIndexIsUsed(t *testing.T) {
	root := makeRuns(t, 1, 5)
	x, err := Open(context.Background(), t.TempDir())
	check(t, err)
	defer x.Close()
	list(t, x, root)
	records, err := x.Load(context.Background(), []string{root})
	check(t, err)
	for dir, r := range records {
		r.Data = bytes.Replace(r.Data, []byte(`"preset":"quick"`), []byte(`"preset":"indexed"`), 1)
		records[dir] = r
	}
	check(t, x.Store(context.Background(), records, nil))
	if got := list(t, x, root)[0].Preset; got != "indexed" {
		t.Errorf("preset %q: the directory was read again", got)
	}
	// A byte that changes on the disk does not show.
	_, err = x.db.Exec(`UPDATE record SET data = CAST(replace(CAST(data AS TEXT), '"preset":"indexed"', '"preset":"damaged"') AS BLOB)`)
	check(t, err)
	if got := list(t, x, root)[0].Preset; got != "quick" {
		t.Errorf("preset %q is a damaged record's", got)
	}
}

func TestDamagedIndex(t *testing.T) {
	root := makeRuns(t, 3, 5)
	dir := t.TempDir()
	file := filepath.Join(dir, "index.db")
	for what, harm := range map[string]func() error{
		"missing":      func() error { return os.Remove(file) },
		"another file": func() error { return os.WriteFile(file, []byte("this is no database, whatever its name"), 0o666) },
		"empty":        func() error { return os.WriteFile(file, nil, 0o666) },
		"cut":          func() error { return os.Truncate(file, 5000) },
		"damaged inside": func() error {
			text, err := os.ReadFile(file)
			if err == nil {
				for i := 4096; i < len(text); i += 7 {
					text[i] ^= 0x5a
				}
				err = os.WriteFile(file, text, 0o666)
			}
			return err
		},
		"of another version": func() error {
			x, err := Open(context.Background(), dir)
			if err == nil {
				_, err = x.db.Exec("PRAGMA user_version = 999")
				x.Close()
			}
			return err
		},
	} {
		x, err := Open(context.Background(), dir)
		check(t, err)
		list(t, x, root)
		check(t, x.Close())
		check(t, harm())
		if x, err = Open(context.Background(), dir); err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if n := len(list(t, x, root)); n != 3 {
			t.Errorf("%s: %d runs, want 3", what, n)
		}
		check(t, x.Close())
	}
}

func TestSeveralAtOnce(t *testing.T) {
	root, dir := makeRuns(t, 20, 5), t.TempDir()
	var wait sync.WaitGroup
	for range 6 {
		wait.Go(func() {
			for range 3 {
				x, err := Open(context.Background(), dir)
				if err != nil {
					t.Error(err)
					return
				}
				if n := len(list(t, x, root)); n != 20 {
					t.Errorf("%d runs, want 20", n)
				}
				if err := x.Remember(context.Background(), root); err != nil {
					t.Error(err)
				}
				x.Close()
			}
		})
	}
	wait.Wait()
}

// Names of directories are values, never a part of a statement.
func TestHostileNames(t *testing.T) {
	root := makeRuns(t, 1, 1)
	parent := filepath.Join(root, "group0")
	names := []string{`'; DROP TABLE record; --`, "a%_b", "line\nbreak", "\x1b[2J", `"quoted"`, "<script>alert(1)", "notutf8\xff"}
	for _, name := range names {
		check(t, os.CopyFS(filepath.Join(parent, name), os.DirFS(filepath.Join(parent, "run0000"))))
	}
	x, err := Open(context.Background(), t.TempDir())
	check(t, err)
	defer x.Close()
	for range 2 {
		found := map[string]bool{}
		for _, r := range list(t, x, root) {
			found[r.Name] = true
		}
		for _, name := range names {
			if !found[name] {
				t.Errorf("%q is not listed", name)
			}
		}
	}
	records, err := x.Load(context.Background(), []string{root})
	check(t, err)
	if len(records) != len(names)+1 {
		t.Errorf("%d records, want %d", len(records), len(names)+1)
	}
	one, err := x.Load(context.Background(), []string{filepath.Join(parent, "a%_b")})
	check(t, err)
	if len(one) != 1 {
		t.Errorf("%d records at one directory", len(one))
	}
}

func TestRoots(t *testing.T) {
	x, err := Open(context.Background(), t.TempDir())
	check(t, err)
	defer x.Close()
	a := t.TempDir()
	inner := filepath.Join(a, "inner")
	check(t, os.Mkdir(inner, 0o777))
	check(t, x.Remember(context.Background(), inner, a, filepath.Join(a, "gone")))
	roots, err := x.Roots(context.Background())
	check(t, err)
	if len(roots) != 1 || roots[0] != a {
		t.Errorf("roots %q, want %q alone", roots, a)
	}
}

// BenchmarkList measures 1,000 runs of 250 lines of metrics each: listed with a warm index,
// and with one that is made anew.
func BenchmarkList(b *testing.B) {
	root := makeRuns(b, 1000, 250)
	dir := b.TempDir()
	b.Run("rebuild", func(b *testing.B) {
		for b.Loop() {
			check(b, os.RemoveAll(dir))
			x, err := Open(context.Background(), dir)
			check(b, err)
			list(b, x, root)
			x.Close()
		}
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			x, err := Open(context.Background(), dir)
			check(b, err)
			if n := len(list(b, x, root)); n != 1000 {
				b.Fatalf("%d runs", n)
			}
			x.Close()
		}
	})
	b.Run("none", func(b *testing.B) {
		for b.Loop() {
			list(b, nil, root)
		}
	})
}
