package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func values(list ...string) []json.RawMessage {
	var out []json.RawMessage
	for _, v := range list {
		out = append(out, json.RawMessage(v))
	}
	return out
}

// measure is best at lr 0.01, and better with more steps.
func measure(_ context.Context, j Job) (float64, error) {
	var lr float64
	if err := json.Unmarshal(j.Point["training.lr"], &lr); err != nil {
		return 0, err
	}
	d := math.Log10(lr) + 2
	return d*d + 1/float64(j.Steps+1), nil
}

func all(t testing.TB, s Spec, o Options) []Result {
	t.Helper()
	var results []Result
	for r, err := range Run(context.Background(), s, o) {
		check(t, err)
		results = append(results, r)
	}
	return results
}

func TestGrid(t *testing.T) {
	s := Spec{Method: Grid, Space: []Parameter{{Name: "training.lr", Values: values("0.001", "0.01", "0.1")}, {Name: "atoms.base", Values: values(`"chain"`, `"field"`)}}}
	results := all(t, s, Options{Dir: t.TempDir(), Try: measure, Parallel: 2})
	if len(results) != 6 {
		t.Fatalf("%d results, want 6", len(results))
	}
	best := Best(s, results)
	if string(best[0].Point["training.lr"]) != "0.01" {
		t.Errorf("best %v", best[0])
	}
	effects := Effects(s, results)
	if effects[0].Name != "training.lr" || math.Abs(effects[0].Range-1) > 1e-9 || effects[1].Range != 0 {
		t.Errorf("effects %+v", effects)
	}
	var b strings.Builder
	check(t, WriteTable(&b, s, "loss", results))
	if !strings.Contains(b.String(), "atoms.base") || !strings.Contains(b.String(), "what mattered") {
		t.Errorf("table\n%s", b.String())
	}
	if _, err := Picture(s, "loss", results); err != nil {
		t.Error(err)
	}
}

func TestRandomPointsAreInTheirRanges(t *testing.T) {
	s := Spec{Method: Random, Trials: 200, Seed: 3, Space: []Parameter{
		{Name: "training.lr", Min: 1e-4, Max: 1e-1, Log: true}, {Name: "training.batch_size", Min: 8, Max: 12, Int: true}, {Name: "atoms.base", Values: values(`"chain"`)},
	}}
	points, err := s.points()
	check(t, err)
	below := 0
	for _, p := range points {
		var lr float64
		var batch int
		check(t, json.Unmarshal(p["training.lr"], &lr))
		check(t, json.Unmarshal(p["training.batch_size"], &batch))
		if lr < 1e-4 || lr > 1e-1 || batch < 8 || batch > 12 {
			t.Errorf("%s is out of range", p)
		}
		if lr < 3.16e-3 {
			below++
		}
	}
	if len(points) != 200 || below < 70 || below > 130 {
		t.Errorf("%d points, %d below the middle of the logarithms", len(points), below)
	}
	again, err := s.points()
	check(t, err)
	if !reflect.DeepEqual(points, again) {
		t.Error("the same seed draws other points")
	}
}

func TestHalving(t *testing.T) {
	s := Spec{Method: Halving, Trials: 9, Steps: 90, Space: []Parameter{{Name: "training.lr", Min: 1e-4, Max: 1, Log: true}}}
	if want := []int{10, 30, 90}; !reflect.DeepEqual(s.Rungs(), want) {
		t.Fatalf("rungs %v, want %v", s.Rungs(), want)
	}
	for _, parallel := range []int{1, 3} {
		results := all(t, s, Options{Dir: t.TempDir(), Try: measure, Parallel: parallel})
		count := map[int]int{}
		best, bestFirst := math.Inf(1), -1
		for _, r := range results {
			count[r.Rung]++
			if r.Rung == 0 && r.Value < best {
				best, bestFirst = r.Value, r.Trial
			}
		}
		if count[0] != 9 || count[1] < 3 || count[1] > 6 || count[2] < 1 || count[2] > 3 {
			t.Errorf("%d at once: trials by rung %v, want 9, some 3, some 1", parallel, count)
		}
		if got := Best(s, results)[0]; got.Trial != bestFirst || got.Steps != 90 {
			t.Errorf("%d at once: the best is trial %d after %d steps, want %d after 90", parallel, got.Trial, got.Steps, bestFirst)
		}
	}
}

// A sweep that is killed at any moment goes on where it was, and comes to the same end.
func TestGoesOn(t *testing.T) {
	s := Spec{Method: Halving, Trials: 9, Steps: 90, Space: []Parameter{{Name: "training.lr", Min: 1e-4, Max: 1, Log: true}}}
	want := all(t, s, Options{Dir: t.TempDir(), Try: measure})
	dir := t.TempDir()
	jobs := 0
	try := func(ctx context.Context, j Job) (float64, error) { jobs++; return measure(ctx, j) }
	var got []Result
	for round := 0; len(got) < len(want); round++ {
		if round > 3*len(want) {
			t.Fatal("it does not end")
		}
		got = nil
		fresh := 0
		for r, err := range Run(context.Background(), s, Options{Dir: dir, Try: try}) {
			check(t, err)
			got = append(got, r)
			if !r.Before {
				fresh++
			}
			if fresh == 2 {
				break
			}
		}
		// The crash tears a line.
		f, err := os.OpenFile(filepath.Join(dir, resultsFile), os.O_APPEND|os.O_WRONLY, 0)
		check(t, err)
		_, err = f.WriteString(`{"trial":3,"rung":0,"po`)
		check(t, err)
		check(t, f.Close())
	}
	for i := range got {
		g, w := got[i], want[i]
		g.Seconds, w.Seconds, g.Before = 0, 0, false
		if !reflect.DeepEqual(g, w) {
			t.Errorf("result %d is %+v, without the stops %+v", i, g, w)
		}
	}
	if jobs > len(want)+len(want)/2 {
		t.Errorf("%d jobs for %d results", jobs, len(want))
	}
}

func TestFailures(t *testing.T) {
	s := Spec{Method: Grid, Space: []Parameter{{Name: "training.lr", Values: values("1", "2", "3", "4")}}}
	var killed atomic.Int32
	o := Options{Dir: t.TempDir(), Try: func(_ context.Context, j Job) (float64, error) {
		switch string(j.Point["training.lr"]) {
		case "1":
			return 0, errors.New("diverged")
		case "2":
			if killed.Add(1) == 1 {
				return 0, fmt.Errorf("signal: killed: %w", ErrAgain)
			}
			return 7, nil
		case "3":
			return math.NaN(), nil
		}
		return 1, nil
	}}
	results := all(t, s, o)
	want := map[string]string{"1": "diverged", "2": "", "3": "the measure is NaN", "4": ""}
	for _, r := range results {
		if w := want[string(r.Point["training.lr"])]; r.Error != w {
			t.Errorf("%s: error %q, want %q", r.Point, r.Error, w)
		}
	}
	if best := Best(s, results); best[0].Value != 1 || best[3].Error == "" {
		t.Errorf("best %+v", best)
	}
}

func TestOneAtATimeAndTheSame(t *testing.T) {
	dir := t.TempDir()
	s := Spec{Method: Grid, Space: []Parameter{{Name: "training.lr", Values: values("1", "2")}}}
	inner := func(_ context.Context, j Job) (float64, error) {
		for _, err := range Run(context.Background(), s, Options{Dir: dir, Try: measure}) {
			if err == nil || !strings.Contains(err.Error(), "another process") {
				t.Errorf("a second sweep in the directory: %v", err)
			}
		}
		return 1, nil
	}
	all(t, s, Options{Dir: dir, Try: inner})
	s.Seed = 9
	for _, err := range Run(context.Background(), s, Options{Dir: dir, Try: measure}) {
		if !errors.Is(err, ErrOther) {
			t.Errorf("another sweep in the directory: %v", err)
		}
	}
}

func TestWrongSpecs(t *testing.T) {
	lr := []Parameter{{Name: "training.lr", Values: values("1")}}
	for want, s := range map[string]Spec{
		"no parameters":      {Method: Grid},
		"method":             {Method: "best", Space: lr},
		"is there twice":     {Method: Grid, Space: append(lr[:1:1], lr...)},
		"needs values":       {Method: Grid, Space: []Parameter{{Name: "a", Min: 1, Max: 2}}},
		"begins above 0":     {Method: Random, Trials: 1, Space: []Parameter{{Name: "a", Max: 2, Log: true}}},
		"min below max":      {Method: Random, Trials: 1, Space: []Parameter{{Name: "a", Min: 2, Max: 1}}},
		"want 1 to":          {Method: Random, Space: lr},
		"needs the number":   {Method: Halving, Trials: 3, Space: lr},
		"leave their number": {Method: Grid, Trials: 3, Space: lr},
		"more than 10000":    {Method: Grid, Space: []Parameter{{Name: "a", Values: make([]json.RawMessage, 101)}, {Name: "b", Values: make([]json.RawMessage, 101)}}},
	} {
		if _, err := s.points(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

func TestPointSettings(t *testing.T) {
	text, err := Point{"training.lr": json.RawMessage("0.1"), "training.seed": json.RawMessage("3"), "class_cond": json.RawMessage("true")}.Settings()
	check(t, err)
	if want := `{"class_cond":true,"training":{"lr":0.1,"seed":3}}`; string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
	if _, err := (Point{"a": json.RawMessage("1"), "a.b": json.RawMessage("1")}).Settings(); err == nil {
		t.Error("a parameter within another passed")
	}
}

// A job that could not be done for a reason outside of its setting, such as a full disk,
// is not recorded as a failure of the setting: the next Run does it again.
func TestStop(t *testing.T) {
	dir := t.TempDir()
	spec := Spec{Method: Grid, Space: []Parameter{{Name: "a", Values: []json.RawMessage{json.RawMessage("1"), json.RawMessage("2")}}}}
	full := errors.New("no space left")
	run := func(err error) (results int, last error) {
		for r, failed := range Run(t.Context(), spec, Options{Dir: dir, Try: func(context.Context, Job) (float64, error) {
			if err != nil {
				return 0, fmt.Errorf("%w: %w", ErrStop, err)
			}
			return 1, nil
		}}) {
			if last = failed; failed == nil {
				if results++; r.Error != "" {
					t.Errorf("trial %d is recorded as failed: %s", r.Trial, r.Error)
				}
			}
		}
		return results, last
	}
	if n, err := run(full); n != 0 || !errors.Is(err, ErrStop) || !errors.Is(err, full) {
		t.Errorf("with a full disk: %d results, error %v", n, err)
	}
	if n, err := run(nil); n != 2 || err != nil {
		t.Errorf("afterwards: %d results, error %v, want 2", n, err)
	}
}
