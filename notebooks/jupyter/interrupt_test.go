package jupyter_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/kernels/kerneltest"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

// trainingCells make a data set and train on it without end.
var trainingCells = []jupyter.Cell{
	source(`import (
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nb"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)
%%
set := nb.Must1(dataset.Build(traffic.Read("../data/loopback.parquet"), dataset.Recipe{
	SeriesLength: 10,
	Channels: []dataset.Channel{{Feature: traffic.SignedLength{}, Codec: &codec.Atoms{}}},
	Image: imaging.GASF{},
}))
nb.Must(set.Save("runs/atoms", nil))`),
	source(`import (
	"fmt"
	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/nb"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)
%%
live := nb.NewLive("Training", plots.Losses())
defer live.Close()
b := nb.Must1(backend.Open(nb.Context(), ""))
first := true
for r, err := range train.Run(nb.Context(), b, netdiffus.Presets["quick"](), nb.Must1(dataset.Open("runs/atoms", nil)), train.Options{Dir: "runs/first", Steps: 1e6, LogEvery: 1}) {
	nb.Must(err)
	if first {
		fmt.Println("first step", r.Step)
	}
	first = false
	live.Add("loss", r.Step, r.Loss)
}`, jupyter.PlotTag),
}

// TestInterrupt interrupts a training cell, which must save a checkpoint and end within
// 5 s, and runs it again, which must continue from there.
func TestInterrupt(t *testing.T) {
	longtest.Only(t, "trains in a notebook")
	r := kerneltest.Runner(t)
	path := write(t, trainingCells...)
	sample, err := os.ReadFile("../../data/loopback.parquet")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(path)
	flows := filepath.Join(folder, "..", "data", "loopback.parquet")
	if err := errors.Join(os.MkdirAll(filepath.Dir(flows), 0o777), os.WriteFile(flows, sample, 0o666)); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(folder, "runs", "first")

	cmd := r.Command(t.Context(), "testdata/interrupt.py", path, folder, r.Kernel.Name, track.MetricsFile(run))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	type interrupted struct {
		Seconds                float64
		Status, Printed, Error string
		Pictures               int
	}
	var runs []interrupted
	for line := range strings.Lines(string(out)) {
		var i interrupted
		if err := json.Unmarshal([]byte(line), &i); err != nil || i.Error != "" {
			t.Fatalf("%s: %v", line, err)
		}
		runs = append(runs, i)
	}
	if len(runs) != 2 {
		t.Fatalf("%d runs: %s", len(runs), out)
	}
	limit := 5 * max(1, load()/4) // with many others at work on each core it may take longer
	var first, saved [2]int
	for i, got := range runs {
		t.Logf("run %d: ended %.2f s after the interrupt (limit %.1f s), %s: %s", i+1, got.Seconds, limit, got.Status, got.Printed)
		if got.Seconds > limit {
			t.Errorf("run %d ended %.1f s after the interrupt, want at most %.1f s", i+1, got.Seconds, limit)
		}
		if got.Status != "error" || !strings.Contains(got.Printed, "interrupted: train: stopped after step") {
			t.Errorf("run %d: status %s, printed %q", i+1, got.Status, got.Printed)
		}
		if got.Pictures != 1 {
			t.Errorf("run %d left %d pictures, want the live one", i+1, got.Pictures)
		}
		first[i], saved[i] = number(t, `first step (\d+)`, got.Printed), number(t, `stopped after step (\d+)`, got.Printed)
	}
	if first[0] != 1 || first[1] != saved[0]+1 || saved[1] <= saved[0] {
		t.Errorf("steps %d to %d, then %d to %d: want the second run to go on from the first", first[0], saved[0], first[1], saved[1])
	}
	c, _, err := checkpoint.OpenLatest(track.Checkpoints(run))
	if err != nil || c.Step != saved[1] {
		t.Errorf("the newest checkpoint is of step %v, %v, want %d", c, err, saved[1])
	}
}

func number(t *testing.T, pattern, text string) int {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%q has no %s", text, pattern)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// load is how many programs want each core, 1 at least; 1 where it is not known.
func load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 1
	}
	var busy float64
	if _, err := fmt.Sscan(string(text), &busy); err != nil {
		return 1
	}
	return max(1, busy/float64(runtime.NumCPU()))
}
