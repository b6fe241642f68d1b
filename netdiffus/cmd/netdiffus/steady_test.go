package main

import (
	"math"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
)

// TestSteadyResults trains and draws with one seed in several processes: on one core and on
// two, in one go and going on after a stop, with batches of other sizes. All bytes are the
// same, of checkpoints and of samples. Of the kinds of model two in the short form.
func TestSteadyResults(t *testing.T) {
	dir := t.TempDir()
	prepareTiny(t, dir)
	kinds := []struct {
		name  string
		train []string
		steps bool // it is trained in steps
	}{
		{"default", []string{"--data-dir", "atoms", "--order", "1"}, false},
		{"quick", []string{"--data-dir", "atoms", "--preset", "quick", "--config", "tiny.yaml", "--batch-size", "4"}, true},
	}
	backends := []string{"go"}
	if longtest.On() {
		backends = append(backends, "xla")
		succeed(t, dir, "series", "--in", capturedTraffic(t), "--label", "{file}", "--bin", "20ms", "--length", "16", "--values", "bytes_down,bytes_up", "--out", "series.parquet")
		succeed(t, dir, "convert", "--in", "series.parquet", "--out", "series", "--codec", "quantiles", "--layout", "per-class")
		kinds = append(kinds, []struct {
			name  string
			train []string
			steps bool
		}{
			{"causal", []string{"--data-dir", "atoms", "--preset", "causal", "--batch-size", "4"}, true},
			{"copula", []string{"--data-dir", "series", "--preset", "copula"}, false},
			{"series", []string{"--data-dir", "series", "--preset", "series", "--batch-size", "4"}, true},
		}...)
	}
	for _, backend := range backends {
		for _, kind := range kinds {
			t.Run(kind.name+" "+backend, func(t *testing.T) {
				if backend == "xla" {
					backendtest.Open(t) // skips where there is none
				}
				name := func(what string) string { return kind.name + "-" + backend + "-" + what }
				train := func(run, steps string, more ...string) []string {
					args := append([]string{"train", "--run", run, "--backend", backend, "--seed", "7"}, kind.train...)
					if kind.steps {
						args = append(args, "--steps", steps, "--save-interval", "1")
					}
					return append(args, more...)
				}
				first := name("first")
				succeed(t, dir, train(first, "3")...)
				for _, cores := range []string{"0", "0,1"} {
					run := name("cores" + cores)
					finishOn(t, cores, dir, train(run, "3")...)
					compareRuns(t, filepath.Join(dir, first), filepath.Join(dir, run))
				}
				if kind.name == "quick" { // of the others the rate follows from the planned steps
					run := name("resumed")
					succeed(t, dir, train(run, "1")...)
					succeed(t, dir, train(run, "3")...)
					compareRuns(t, filepath.Join(dir, first), filepath.Join(dir, run))
				}

				draw := func(out string, more ...string) []string {
					return append([]string{"sample", "--run", first, "--out", out, "--num-samples", "9", "--seed", "5", "--backend", backend}, more...)
				}
				drawn := name("drawn")
				succeed(t, dir, draw(drawn)...)
				for _, batch := range []string{"1", "4"} {
					out := name("batch" + batch)
					succeed(t, dir, draw(out, "--batch-size", batch)...)
					what := readTree(t, filepath.Join(dir, drawn), nil).differs(readTree(t, filepath.Join(dir, out), nil))
					if what == "" {
						continue
					}
					// A network sums a matrix of one row in another order.
					apart := pixelsApart(t, filepath.Join(dir, drawn), filepath.Join(dir, out))
					t.Logf("in batches of %s pixels differ by %.2g", batch, apart)
					if !kind.steps || apart > batchTolerance {
						t.Errorf("in batches of %s: %s, by %v", batch, what, apart)
					}
				}
				for _, cores := range []string{"0", "0,1"} {
					out := name("drawn" + cores)
					finishOn(t, cores, dir, draw(out)...)
					if what := readTree(t, filepath.Join(dir, drawn), nil).differs(readTree(t, filepath.Join(dir, out), nil)); what != "" {
						t.Errorf("on the cores %s: %s", cores, what)
					}
				}
			})
		}
	}
}

// batchTolerance is how far a pixel, of values from -1 to 1, may be from that drawn in a
// batch of another size: what 32 bits of a sum of some hundred terms leave, over all steps.
const batchTolerance = 1e-4

// pixelsApart is the largest difference of the pixels of two sets with the same images.
func pixelsApart(t *testing.T, a, b string) (apart float64) {
	t.Helper()
	var sets [2]*dataset.Set
	for i, dir := range []string{a, b} {
		var err error
		if sets[i], err = dataset.Open(dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	if sets[0].Images.N != sets[1].Images.N {
		t.Fatalf("%d images and %d", sets[0].Images.N, sets[1].Images.N)
	}
	for i := range sets[0].Images.N {
		x, y := sets[0].Images.At(i), sets[1].Images.At(i)
		for k := range x {
			apart = max(apart, math.Abs(x[k]-y[k]))
		}
	}
	return apart
}

// capturedTraffic is the path of a capture.
func capturedTraffic(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(repository, "data", "http1.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// finishOn runs a command line on some of the machine's cores, where taskset can do that,
// and on as many of Go's processors in any case. It has to succeed.
func finishOn(t *testing.T, cores, dir string, args ...string) {
	t.Helper()
	c := program(t, dir, args...)
	c.Env = append(c.Env, "GOMAXPROCS="+map[string]string{"0": "1", "0,1": "2"}[cores])
	if taskset, err := exec.LookPath("taskset"); err == nil && exec.Command(taskset, "-c", cores, "true").Run() == nil {
		c.Path, c.Args = taskset, append([]string{taskset, "-c", cores, c.Path}, args...)
	}
	if e := finish(t, c); e.code != 0 {
		t.Fatalf("%v on the cores %s: exit code %d\n%s", args, cores, e.code, e.output)
	}
}
