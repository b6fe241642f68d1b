package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// fake makes a run directory as a trainer leaves it after steps steps.
func fake(t testing.TB, dir string, steps int, config string) {
	t.Helper()
	run, err := track.Create(dir)
	check(t, err)
	var value any
	check(t, json.Unmarshal([]byte(config), &value))
	check(t, run.WriteConfig(value))
	s := track.NewSession()
	s.Preset, s.Steps, s.Versions = "quick", steps, nil
	check(t, run.AddSession(s))
	log, err := run.OpenLog(0)
	check(t, err)
	for step := 10; step <= steps; step += 10 {
		check(t, log.Add(step, map[string]float64{"loss": 1 / float64(step), "validation_loss": float64((step - 30) * (step - 30))}))
	}
	check(t, log.Close())
	for _, step := range []int{30, steps} {
		checkpoint := filepath.Join(track.Checkpoints(dir), fmt.Sprintf("step-%08d", step))
		check(t, os.MkdirAll(checkpoint, 0o777))
		check(t, os.WriteFile(filepath.Join(checkpoint, "manifest.json"), []byte("{}"), 0o666))
	}
	check(t, run.EndSession(track.End{At: s.Started.Add(time.Minute), Step: steps, Outcome: track.Finished}))
	check(t, run.Close())
}

const atomsConfig = `{"atoms":{"base":"chain","trunk":"mlp","self_condition":true,"grain":0.0035},"unet":{"attention_resolutions":null,"channel_mult":[1,2]},
"image":{"side":10,"channels":1},"class_cond":true,"classes":["a","b"],"recipe":{"length":10},
"diffusion":{"diffusion_steps":1000,"noise_schedule":"angular","predict":"x0","variance":"fixed_small","loss":"mse","sample_steps":"30"},
"training":{"seed":0,"batch_size":128,"lr":0.001,"weight_decay":0.0001,"steps":50,"epochs":25,"max_steps":2500,"warmup_steps":50,"lr_decay":true,
"clip_gradient":1,"adam_beta2":0.99,"ema_warmup":true,"class_balance":1,"ema_rate":[0.999],"schedule_sampler":"stratified"}}`

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "first")
	fake(t, dir, 50, atomsConfig)
	check(t, Tag(context.Background(), dir, []string{"b", "a", "b"}, nil))
	check(t, SetNote(context.Background(), dir, "x\ny"))
	r, err := Open(context.Background(), dir)
	check(t, err)
	if r.State != Finished || len(r.Problems) != 0 || r.Kind != "atoms" || r.Preset != "quick" || r.Step != 50 || r.Steps != 50 || r.Seconds != 60 || len(r.ID) != 16 {
		t.Errorf("state %s, kind %s, preset %s, step %d of %d, %v s, ID %s, problems %q", r.State, r.Kind, r.Preset, r.Step, r.Steps, r.Seconds, r.ID, r.Problems)
	}
	if len(r.Differs) != 1 || r.Differs[0] != (Difference{"training.lr", "0.001", "0.002"}) {
		t.Errorf("differs from the preset in %v, want training.lr alone", r.Differs)
	}
	if b := r.Best(); b == nil || b.Step != 30 || !b.Best {
		t.Errorf("best checkpoint %v, want that of step 30", b)
	}
	if s := r.Metrics["loss"]; s.Lines != 5 || s.LastStep != 50 || s.Last != 0.02 || s.MaxStep != 10 {
		t.Errorf("loss: %+v", s)
	}
	if !slices.Equal(r.Tags, []string{"a", "b"}) || r.Note != "x\ny" {
		t.Errorf("tags %q, note %q", r.Tags, r.Note)
	}
}

// What is wrong with a directory is listed with it, and hides no other run.
func TestListOfDamagedRuns(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) func(dir string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666) }
	}
	cases := map[string]struct {
		harm    func(dir string) error
		state   State
		problem string
	}{
		"whole":          {func(string) error { return nil }, Finished, ""},
		"no config":      {func(dir string) error { return os.Remove(track.ConfigFile(dir)) }, Damaged, "deleted in part"},
		"torn config":    {write("config.json", `{"diffusion":{`), Damaged, "config.json is damaged"},
		"torn manifest":  {write("manifest.json", `{"sessions":[`), Stopped, "manifest.json cannot be read"},
		"no manifest":    {func(dir string) error { return os.Remove(track.ManifestFile(dir)) }, Stopped, "manifest.json cannot be read"},
		"damaged line":   {write("metrics.jsonl", "{\"loss\":1,\"step\":1}\n\x00\x00\n{\"loss\":1,\"step\":2}\n"), Finished, "1 of 3 lines of metrics.jsonl are damaged, line 2 first"},
		"torn last line": {write("metrics.jsonl", "{\"loss\":1,\"step\":1}\n{\"loss\":1,\"st"), Finished, ""},
		"torn notes":     {write("notes.json", "{"), Finished, "notes.json"},
		"half a checkpoint": {func(dir string) error {
			return os.Remove(filepath.Join(dir, "checkpoints", "step-00000030", "manifest.json"))
		}, Finished, "no whole checkpoint"},
		"staged": {write("config.json.tmp-999999999-1", "x"), Finished, "when it was killed"},
		"a report torn": {func(dir string) error {
			return errors.Join(os.MkdirAll(filepath.Join(dir, "report"), 0o777), write("report/metrics.json", "{")(dir), write("report/report.html", "")(dir))
		}, Finished, "evaluate again"},
		"a torn sample": {func(dir string) error {
			return errors.Join(os.MkdirAll(filepath.Join(dir, "samples", "x"), 0o777), write("samples/x/manifest.json", "{")(dir))
		}, Finished, "draw the samples again"},
		"\x1b[31m<b>'; DROP TABLE run;--": {func(string) error { return nil }, Finished, ""},
		"notutf8\xff\xfe":                 {func(string) error { return nil }, Finished, ""},
	}
	for name, c := range cases {
		if runtime.GOOS != "linux" && !isPlain(name) {
			continue
		}
		dir := filepath.Join(root, name)
		fake(t, dir, 50, atomsConfig)
		check(t, c.harm(dir))
	}
	list, err := List(context.Background(), []string{root}, ListOptions{Warn: func(err error) { t.Error(err) }})
	check(t, err)
	for _, r := range list {
		c, known := cases[r.Name]
		if !known {
			t.Errorf("a run called %q", r.Name)
			continue
		}
		delete(cases, r.Name)
		text := strings.Join(r.Problems, "; ")
		if r.State != c.state || !strings.Contains(text, c.problem) || c.problem == "" && text != "" {
			t.Errorf("%q: state %s, problems %q; want %s, %q", r.Name, r.State, text, c.state, c.problem)
		}
		if p := Plain(r.Name); !isPlain(p) {
			t.Errorf("shown as %q", p)
		}
	}
	for name := range cases {
		if runtime.GOOS == "linux" {
			t.Errorf("%q is not listed", name)
		}
	}
}

func isPlain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

func TestStates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	fake(t, dir, 50, atomsConfig)
	state := func() State {
		t.Helper()
		r, err := Open(context.Background(), dir)
		check(t, err)
		return r.State
	}
	run, err := track.Create(dir)
	check(t, err)
	check(t, run.AddSession(track.Session{Started: time.Now(), Steps: 100}))
	if got := state(); got != Training {
		t.Errorf("with a trainer: %s", got)
	}
	check(t, run.Close()) // as the death of the process does
	if got := state(); got != Killed {
		t.Errorf("after the trainer's death: %s", got)
	}
	run, err = track.Create(dir)
	check(t, err)
	check(t, run.AddSession(track.Session{Started: time.Now(), Steps: 100}))
	check(t, run.EndSession(track.End{At: time.Now(), Outcome: track.Failed, Error: "loss"}))
	check(t, run.Close())
	if got := state(); got != Failed {
		t.Errorf("after a failure: %s", got)
	}
}

func TestOpenIsForRuns(t *testing.T) {
	dir := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(dir, "checkpoints"), 0o777))
	check(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"architectures":["GPT"]}`), 0o666))
	if _, err := Open(context.Background(), dir); !errors.Is(err, track.ErrNotRun) {
		t.Errorf("another program's model opens: %v", err)
	}
	if list, err := List(context.Background(), []string{dir}, ListOptions{}); err != nil || len(list) != 0 {
		t.Errorf("it is listed: %v, %v", list, err)
	}
}

func TestRunsOfEarlierVersions(t *testing.T) {
	list, err := List(context.Background(), []string{"../testdata/v1"}, ListOptions{Warn: func(err error) { t.Error(err) }})
	check(t, err)
	var got []string
	for _, r := range list {
		got = append(got, fmt.Sprintf("%s %s %s %s", r.Name, r.State, r.Kind, r.Preset))
	}
	want := []string{"run-pixels stopped pixels classic", "run-atoms finished atoms quick"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCurvesAreThinned(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	for step := 1; step <= 10_000; step++ {
		v := fmt.Sprint(step % 100)
		switch step {
		case 5001:
			v = "1000"
		case 5002:
			v = "-1000"
		case 7000:
			v = `"NaN"`
		}
		fmt.Fprintf(&text, `{"loss":%s,"step":%d}`+"\n", v, step)
	}
	check(t, os.WriteFile(track.MetricsFile(dir), []byte(text.String()), 0o666))
	c, err := ReadCurves(context.Background(), dir, 100)
	check(t, err)
	s := c.Series["loss"]
	if n := len(s.Step); n > 402 || n < 100 {
		t.Errorf("%d points of 10000 lines, want some 200 to 400", n)
	}
	if !slices.IsSorted(s.Step) || !slices.Contains(s.Value, 1000) || !slices.Contains(s.Value, -1000) || c.Lines != 10_000 {
		t.Errorf("the steps are not sorted, or the extremes are lost (%d lines)", c.Lines)
	}
	if !slices.ContainsFunc(s.Value, func(v float64) bool { return v != v }) {
		t.Error("the NaN is lost")
	}
	whole, err := ReadCurves(context.Background(), dir, 0)
	check(t, err)
	if n := len(whole.Series["loss"].Step); n != 10_000 {
		t.Errorf("%d points, want all", n)
	}
}

func TestChoose(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a/first", "b/first", "b/second"} {
		fake(t, filepath.Join(root, name), 50, atomsConfig)
	}
	list, err := List(context.Background(), []string{root}, ListOptions{})
	check(t, err)
	for word, want := range map[string]string{"second": "b/second", "a/first": "a/first", "b/first": "b/first", list[2].ID[:6]: list[2].Path, list[0].Path: list[0].Path} {
		if r, err := Choose(list, word); err != nil || !strings.HasSuffix(r.Path, filepath.FromSlash(want)) {
			t.Errorf("%s: %v, %v", word, r, err)
		}
	}
	for word, want := range map[string]string{"first": "may be any of", "third": "no run is called"} {
		if _, err := Choose(list, word); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// A record holds all of a run, and one that is damaged is refused.
func TestRecord(t *testing.T) {
	want := &Run{Name: "a", Step: 7, Tags: []string{"x"}, Settings: Settings{"": "1", "training.lr": "0.001"},
		Metrics: map[string]Summary{"loss": {3, track.Number(math.Inf(1)), -1, -0.5, 300, 1e300, 1 << 40}, "": {}}}
	text, err := encode(want)
	check(t, err)
	var got Run
	check(t, decode(text, &got))
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	for n := range text {
		if err := decode(text[:n], &Run{}); err == nil {
			t.Errorf("%d of %d bytes are taken for a record", n, len(text))
		}
	}
	if err := decode(append([]byte{recordVersion - 1}, text[1:]...), &Run{}); err == nil {
		t.Error("a record of another version is taken")
	}
}

// What MLflow keeps of a run on this disk is not the run.
func TestListPassesOverArtefacts(t *testing.T) {
	root := t.TempDir()
	fake(t, filepath.Join(root, "runs", "first"), 10, atomsConfig)
	fake(t, filepath.Join(root, "artifacts"), 10, atomsConfig) // a run that is called so
	for _, place := range []string{"mlruns/0/0123/artifacts", "mlartifacts/1/0123/artifacts", "files/1/0123/artifacts"} {
		dir := filepath.Join(root, filepath.FromSlash(place))
		check(t, os.MkdirAll(dir, 0o777))
		for _, name := range []string{"config.json", "manifest.json"} {
			text, err := os.ReadFile(filepath.Join(root, "runs", "first", name))
			check(t, err)
			check(t, os.WriteFile(filepath.Join(dir, name), text, 0o666))
		}
	}
	list, err := List(context.Background(), []string{root}, ListOptions{})
	check(t, err)
	if len(list) != 2 || list[0].Name != "artifacts" && list[1].Name != "artifacts" {
		t.Errorf("%d runs, want the two of trainers: %+v", len(list), list)
	}
}

func TestChart(t *testing.T) {
	for _, c := range []struct {
		name string
		s    track.Series
		want string
	}{
		{"nothing", track.Series{}, ""},
		{"no finite value", track.Series{Step: []float64{1}, Value: []float64{math.NaN()}}, ""},
		{"one value", track.Series{Step: []float64{1, 10}, Value: []float64{math.Inf(1), 0.5}}, "t\n  one value, 0.5 at step 10\n"},
		{"always the same", track.Series{Step: []float64{1, 3}, Value: []float64{2, 2}}, "t\n  2 ⠀⠀⠀⠀\n    ⠤⠤⠤⠤\n  2 ⠀⠀⠀⠀\n    1  3\n"},
		{"rising", track.Series{Step: []float64{1, 3}, Value: []float64{1, 2}}, "t\n  2 ⠀⠀⢠⠊\n    ⠀⡰⠁⠀\n  1 ⡜⠀⠀⠀\n    1  3\n"},
	} {
		if got := Chart("t", c.s, 4, 3); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a\x1bb")
	fake(t, dir, 50, atomsConfig)
	r, err := Open(context.Background(), dir)
	check(t, err)
	header, rows := Table([]*Run{r}, "state", "min.loss", "differs", "nothing of it")
	want := [][]any{{`a\x1bb`, "finished", 0.02, "training.lr 0.001", ""}}
	if !slices.Equal(header, []string{"run", "state", "min.loss", "differs", "nothing of it"}) || !reflect.DeepEqual(rows, want) {
		t.Errorf("%q %#v, want %#v", header, rows, want)
	}
}
