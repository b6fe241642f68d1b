package tracker

import (
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newRun makes a run directory with lines of metrics for so many steps, by tens.
func newRun(t testing.TB, steps int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "runs", "first")
	run, err := track.Create(dir)
	check(t, err)
	defer run.Close()
	check(t, run.WriteConfig(map[string]any{
		"preset": "quick", "classes": []string{"dns", "video"}, "training": map[string]any{"lr": 1e-4, "seed": uint64(1<<63 + 1)}, "kind": nil,
	}))
	check(t, run.AddSession(track.Session{Started: began, Command: []string{"netdiffus", "train"}, Seed: 7, Versions: map[string]string{"go": "go1.26"}}))
	addLines(t, run, 0, steps)
	return dir
}

func addLines(t testing.TB, run *track.Run, from, to int) {
	t.Helper()
	log, err := run.OpenLog(from)
	check(t, err)
	for step := from + 10; step <= to; step += 10 {
		check(t, log.Add(step, map[string]float64{"loss": 1 / float64(step), "grad_norm": math.Inf(1), "step_seconds": 0.5}))
	}
	check(t, log.Close())
}

// more continues the run after its step from.
func more(t testing.TB, dir string, from, to int) {
	t.Helper()
	run, err := track.Create(dir)
	check(t, err)
	defer run.Close()
	check(t, run.AddSession(track.Session{Started: began.Add(time.Hour), FromStep: from, Versions: map[string]string{}}))
	addLines(t, run, from, to)
}

// addSamples adds a set of samples of two classes, and a plot.
func addSamples(t testing.TB, dir string) {
	t.Helper()
	var flows []traffic.Flow
	for i := range 10 {
		flows = append(flows,
			traffic.Flow{Label: "dns", Packets: []traffic.Packet{{Length: 40 + i}, {Length: 100, Dir: traffic.Down}}},
			traffic.Flow{Label: "video", Packets: []traffic.Packet{{Length: 100}, {Length: 1400, Dir: traffic.Down}, {Length: 1000 + i, Dir: traffic.Down}}})
	}
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 4})
	check(t, err)
	drawn := filepath.Join(track.Samples(dir), "drawn")
	check(t, set.Save(drawn, &dataset.SaveOptions{Layout: dataset.Samples}))
	check(t, os.WriteFile(drawn+".json", []byte(`{"step": 20}`), 0o666))
	f, err := os.Create(filepath.Join(track.Plots(dir), "loss.png"))
	check(t, err)
	check(t, png.Encode(f, image.NewGray(image.Rect(0, 0, 3, 2))))
	check(t, f.Close())
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// target is a target of the name at a place.
func target(name, at string, path ...string) Target {
	if len(path) > 0 {
		at = filepath.Join(append([]string{at}, path...)...)
	}
	return Target{name, at}
}

func ExampleParse() {
	targets, err := Parse("tensorboard, mlflow=http://127.0.0.1:5000")
	fmt.Println(targets, err)
	_, err = Parse("mlflow=http://me:secret@127.0.0.1:5000")
	fmt.Println(err)
	// Output:
	// [tensorboard mlflow=http://127.0.0.1:5000] <nil>
	// tracker: mlflow at 127.0.0.1:5000: the address holds a user's name or password: give these in the environment
}
