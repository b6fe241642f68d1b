package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// state is a small state that differs with its step.
func state(t testing.TB, step int) State {
	t.Helper()
	v := float32(step)
	return State{
		Step:  step,
		Model: Tensors{"out.bias": mustFloat32(t, []float32{v, v + 1}, 2)},
		EMA: map[string]Tensors{
			"0.9999": {"out.bias": mustFloat32(t, []float32{v / 2, v}, 2)},
			"0.5":    {"out.bias": mustFloat32(t, []float32{v / 3, v}, 2)},
		},
		Optim: Tensors{"m.out.bias": mustFloat32(t, []float32{-v, v}, 2)},
		Train: json.RawMessage(fmt.Sprintf(`{"seed":7,"position":%d}`, 4*step)),
	}
}

func mustSave(t testing.TB, dir string, steps ...int) {
	t.Helper()
	for _, step := range steps {
		if _, err := Save(dir, state(t, step)); err != nil {
			t.Fatal(err)
		}
	}
}

// same fails the test where c does not hold state(step).
func same(t *testing.T, c *Checkpoint, step int) {
	t.Helper()
	want := state(t, step)
	model, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	optim, err := c.Optim()
	if err != nil {
		t.Fatal(err)
	}
	ema := map[string]Tensors{}
	for _, rate := range c.Rates() {
		if ema[rate], err = c.EMA(rate); err != nil {
			t.Fatal(err)
		}
	}
	var train bytes.Buffer
	if err := json.Compact(&train, c.Train); err != nil {
		t.Fatal(err)
	}
	got := State{Step: c.Step, Model: model, EMA: ema, Optim: optim, Train: train.Bytes()}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
}

func TestSaveAndOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run", "checkpoints")
	path, err := Save(dir, state(t, 1234))
	if err != nil {
		t.Fatal(err)
	}
	if path != filepath.Join(dir, "step-00001234") {
		t.Errorf("saved to %s", path)
	}
	c, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	same(t, c, 1234)
	if got := c.Rates(); !slices.Equal(got, []string{"0.5", "0.9999"}) {
		t.Errorf("Rates = %q", got)
	}
	if _, err := c.EMA("0.99"); err == nil || !strings.Contains(err.Error(), "0.9999") {
		t.Errorf("EMA of an unknown rate = %v, want the known ones named", err)
	}
}

func TestSaveTheLeast(t *testing.T) {
	path, err := Save(t.TempDir(), State{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if optim, err := c.Optim(); err != nil || len(optim) != 0 || c.Step != 0 || c.Train != nil || len(c.Rates()) != 0 {
		t.Errorf("read step %d, optimiser %v, %v, train %s, rates %q", c.Step, optim, err, c.Train, c.Rates())
	}
}

func TestSameStateSameBytes(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	mustSave(t, a, 5)
	mustSave(t, b, 5)
	for _, name := range []string{modelFile, emaFile("0.5"), optimFile, stateFile, manifestFile} {
		x, err := os.ReadFile(filepath.Join(a, stepName(5), name))
		if err != nil {
			t.Fatal(err)
		}
		y, err := os.ReadFile(filepath.Join(b, stepName(5), name))
		if err != nil || !bytes.Equal(x, y) {
			t.Errorf("%s differs between two saves of one state (%v)", name, err)
		}
	}
}

func TestSaveAgainReplaces(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, 3)
	changed := state(t, 3)
	changed.Model = Tensors{"other": mustFloat32(t, []float32{1}, 1)}
	if _, err := Save(dir, changed); err != nil {
		t.Fatal(err)
	}
	c, damaged, err := OpenLatest(dir)
	if err != nil || len(damaged) > 0 {
		t.Fatal(damaged, err)
	}
	if model, err := c.Model(); err != nil || model["other"].DType != "F32" {
		t.Errorf("Model = %v, %v", model, err)
	}
}

func TestSaveRefuses(t *testing.T) {
	dir := t.TempDir()
	for want, s := range map[string]State{
		"step -1":        {Step: -1},
		"moving average": {EMA: map[string]Tensors{"../x": {}}},
		"takes 8 bytes":  {Model: Tensors{"a": {DType: "F32", Shape: []int{2}}}},
		"JSON":           {Train: json.RawMessage(`{"seed":`)},
	} {
		if _, err := Save(dir, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Save = %v, want %q", err, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestOpenLatestPassesOverDamage(t *testing.T) {
	whole := t.TempDir()
	mustSave(t, whole, 9, 10, 200)
	for name, damage := range map[string]func(t *testing.T, path string){
		"a flipped bit in the weights": func(t *testing.T, path string) { flip(t, filepath.Join(path, modelFile)) },
		"a flipped bit in the state":   func(t *testing.T, path string) { flip(t, filepath.Join(path, stateFile)) },
		"a cut file":                   func(t *testing.T, path string) { check(t, os.Truncate(filepath.Join(path, optimFile), 20)) },
		"an empty file":                func(t *testing.T, path string) { check(t, os.Truncate(filepath.Join(path, emaFile("0.5")), 0)) },
		"a missing file":               func(t *testing.T, path string) { check(t, os.Remove(filepath.Join(path, emaFile("0.5")))) },
		"no manifest":                  func(t *testing.T, path string) { check(t, os.Remove(filepath.Join(path, manifestFile))) },
		"an empty manifest":            func(t *testing.T, path string) { check(t, os.Truncate(filepath.Join(path, manifestFile), 0)) },
		"a manifest of another step": func(t *testing.T, path string) {
			text, err := os.ReadFile(filepath.Join(filepath.Dir(path), stepName(10), manifestFile))
			check(t, err)
			check(t, os.WriteFile(filepath.Join(path, manifestFile), text, 0o666))
		},
		"another step's folder": func(t *testing.T, path string) {
			check(t, os.RemoveAll(path))
			check(t, os.CopyFS(path, os.DirFS(filepath.Join(filepath.Dir(path), stepName(10)))))
		},
		"names outside the folder": func(t *testing.T, path string) {
			text, err := os.ReadFile(filepath.Join(path, manifestFile))
			check(t, err)
			text = bytes.ReplaceAll(text, []byte(optimFile), []byte("../"+stepName(10)+"/"+optimFile))
			check(t, os.WriteFile(filepath.Join(path, manifestFile), text, 0o666))
		},
		"an empty folder": func(t *testing.T, path string) {
			check(t, os.RemoveAll(path))
			check(t, os.Mkdir(path, 0o777))
		},
	} {
		dir := t.TempDir()
		check(t, os.CopyFS(dir, os.DirFS(whole)))
		path := filepath.Join(dir, stepName(200))
		damage(t, path)
		c, damaged, err := OpenLatest(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same(t, c, 10)
		if len(damaged) != 1 || damaged[0].Path != path || !strings.Contains(damaged[0].Err.Error(), path) {
			t.Errorf("%s: damaged %v, want %s named", name, damaged, path)
		}
	}
}

func TestOpenLatestOfNone(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := OpenLatest(filepath.Join(dir, "missing")); !errors.Is(err, ErrNone) {
		t.Errorf("OpenLatest of a missing folder = %v, want ErrNone", err)
	}
	mustSave(t, dir, 1)
	path := filepath.Join(dir, stepName(1))
	flip(t, filepath.Join(path, modelFile))
	if _, damaged, err := OpenLatest(dir); !errors.Is(err, ErrNone) || len(damaged) != 1 || !strings.Contains(err.Error(), modelFile) {
		t.Errorf("OpenLatest of damage alone = %v, %v; want ErrNone and the file named", damaged, err)
	}
}

func TestListPruneClean(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, 100, 5, 123456789, 20)
	for _, name := range []string{"step-0005", "step--0000001", "other", "step-00000007.tmp-1-1", "notes.tmp-1-1"} {
		check(t, os.Mkdir(filepath.Join(dir, name), 0o777))
	}
	if got, err := List(dir); err != nil || !slices.Equal(got, []int{5, 20, 100, 123456789}) {
		t.Errorf("List = %v, %v", got, err)
	}
	check(t, Prune(dir, 0))
	check(t, Prune(dir, 2))
	if got, err := List(dir); err != nil || !slices.Equal(got, []int{100, 123456789}) {
		t.Errorf("after Prune List = %v, %v", got, err)
	}
	check(t, removeUnfinished(dir))
	for name, want := range map[string]bool{"step-00000007.tmp-1-1": false, "notes.tmp-1-1": true, "other": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("after removeUnfinished %s there: %v, want %v", name, err == nil, want)
		}
	}
}

func flip(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	b[len(b)-3] ^= 1
	check(t, os.WriteFile(path, b, 0o666))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
