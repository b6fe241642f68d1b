//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// killsVariable and signalsVariable ask for more kills and signals than the long form has:
//
//	NETDIFFUS_TEST_KILLS=200 NETDIFFUS_TEST_SIGNALS=50 go test ./netdiffus/cmd/netdiffus -run 'TestKilled|TestSignals' -v
const (
	killsVariable   = "NETDIFFUS_TEST_KILLS"
	signalsVariable = "NETDIFFUS_TEST_SIGNALS"
)

// times is how often a test disturbs: what the variable says, or else as many as the form has.
func times(t *testing.T, variable string, short, long int) int {
	t.Helper()
	n := pick(short, long)
	if text := os.Getenv(variable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
	}
	return n
}

// pick is the number for the form of the tests that runs.
func pick(short, long int) int {
	if longtest.On() {
		return long
	}
	return short
}

// TestKilled kills verbs with SIGKILL at random moments, every other time as soon as a
// file or folder is staged, starts them again, mostly to be killed once more, and at last
// lets them end. What they leave equals an undisturbed run's to the bit.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program many times")
	}
	dir := t.TempDir()
	prepareTiny(t, dir)
	succeed(t, dir, "train", "--data-dir", "atoms", "--run", "run", "--order", "1", "--backend", "go")
	verbs := []writer{
		{name: "train", args: func(out string) []string { return tinyTraining(out, "8") }},
		{name: "sample", args: func(out string) []string {
			return []string{"sample", "--run", "run", "--out", out, "--num-samples", "300", "--backend", "go"}
		}},
		{name: "convert", args: func(out string) []string {
			return []string{"convert", "--in", "flows.parquet", "--classes", "dns,ssh,mqtt", "--out", out, "--overwrite", "--codec", "atoms", "--layout", "per-class"}
		}},
		{name: "sweep", args: func(out string) []string {
			return []string{"sweep", "--data-dir", "atoms", "--param", "chain.order=1,2", "--num-samples", "8", "--out", out, "--backend", "go"}
		}},
	}
	r := rand.New(rand.NewPCG(17, 1))
	kills := times(t, killsVariable, 3, 20)
	for i, v := range verbs {
		share := (kills + len(verbs) - 1 - i) / len(verbs)
		if share == 0 {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			clean := filepath.Join(dir, v.name+"-clean")
			began := time.Now()
			succeed(t, dir, v.args(clean)...)
			whole := time.Since(began)
			done, staged := 0, 0
			for round := 0; done < share; round++ {
				out := filepath.Join(dir, fmt.Sprintf("%s-%d", v.name, round))
				for range 1 + r.IntN(3) {
					var moment time.Duration // 0 waits for something staged
					if done%2 == 0 {
						moment = time.Duration(r.Int64N(int64(whole)))
					}
					killed, sawStaged := killAt(t, program(t, dir, v.args(out)...), out, moment, r)
					if killed {
						done++
					}
					if sawStaged {
						staged++
					}
				}
				succeed(t, dir, v.args(out)...)
				compareRuns(t, clean, out)
				if t.Failed() {
					t.Fatalf("after %d kills", done)
				}
				if round > 20*share {
					t.Fatalf("%d kills in %d rounds only", done, round)
				}
				if err := os.RemoveAll(out); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d kills, after %d of them something staged was left", done, staged)
		})
	}
}

// killAt starts c and kills it after that time, or where it is 0 when something is staged
// in out or beside it. It reports whether it was killed before it ended, and whether
// it left something staged.
func killAt(t *testing.T, c *exec.Cmd, out string, moment time.Duration, r *rand.Rand) (killed, staged bool) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	after := time.After(moment)
	if moment == 0 {
		after = nil
	}
	skip := r.IntN(6) // of the staged names seen, so that not only the first save is hit
	seen := map[string]bool{}
	for poll := time.NewTicker(200 * time.Microsecond); ; {
		select {
		case err := <-ended:
			return err != nil && err.Error() == "signal: killed", false
		case <-after:
		case <-poll.C:
			if moment != 0 {
				continue
			}
			for _, name := range stagedNames(out) {
				seen[name] = true
			}
			if len(seen) <= skip {
				continue
			}
		}
		poll.Stop()
		_ = c.Process.Kill()
		err := <-ended
		return err != nil && err.Error() == "signal: killed", len(stagedNames(out)) > 0
	}
}

// stagedNames are the names under way in out, in its folder of checkpoints, and beside it.
func stagedNames(out string) (names []string) {
	for _, dir := range []string{filepath.Dir(out), out, track.Checkpoints(out)} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			name, _, is := atomicfile.StagedFor(e.Name())
			if is && (dir != filepath.Dir(out) || name == filepath.Base(out)) {
				names = append(names, filepath.Join(dir, e.Name()))
			}
		}
	}
	return names
}

// compareRuns compares what two commands left: all files but those with times to the bit,
// the metrics but for their times.
func compareRuns(t *testing.T, want, got string) {
	t.Helper()
	a, b := readTree(t, want, changing), readTree(t, got, changing)
	for _, names := range []tree{a, b} {
		// What a killed trial left staged is not the run's.
		maps.DeleteFunc(names, func(name, _ string) bool {
			_, _, staged := atomicfile.StagedFor(firstStaged(name))
			return staged
		})
	}
	if d := a.differs(b); d != "" {
		t.Errorf("%s: %s", got, d)
	}
	x, errX := metricsWithoutTimes(track.MetricsFile(want))
	y, errY := metricsWithoutTimes(track.MetricsFile(got))
	if errX != nil || errY != nil || x != y {
		t.Errorf("metrics: %v, %v\n%s\nof the undisturbed run:\n%s", errY, errX, y, x)
	}
}

// metricsWithoutTimes is the text of a metrics.jsonl; "" where there is none.
func metricsWithoutTimes(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		var values map[string]any
		if err := json.Unmarshal([]byte(line), &values); err != nil {
			return "", err
		}
		maps.DeleteFunc(values, func(name string, _ any) bool {
			return strings.Contains(name, "time") || strings.Contains(name, "second")
		})
		again, err := json.Marshal(values)
		if err != nil {
			return "", err
		}
		out.Write(append(again, '\n'))
	}
	return out.String(), err
}

// TestSignals interrupts trainings with SIGINT and SIGTERM. Each saves a checkpoint of the
// step that it was in, says so, and ends with the exit code of the signal.
func TestSignals(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program many times")
	}
	dir := t.TempDir()
	prepareTiny(t, dir)
	r := rand.New(rand.NewPCG(17, 2))
	for i := range times(t, signalsVariable, 2, 6) {
		signal, code := syscall.SIGINT, exitInterrupted
		if i%2 == 1 {
			signal, code = syscall.SIGTERM, exitTerminated
		}
		run := filepath.Join(dir, fmt.Sprintf("run-%d", i))
		args := append(tinyTraining(run, "100000"), "--log-interval", "1", "--save-interval", "100000") // of two flags the last counts
		c := program(t, dir, args...)
		out, err := c.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		first, err := bufio.NewReader(out).ReadString('\n') // "training on …": the handler is there
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
			_ = c.Process.Signal(signal)
		}()
		rest, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if got := c.ProcessState.ExitCode(); got != code {
			t.Fatalf("%v: exit code %d, want %d\n%s%s", signal, got, code, first, rest)
		}
		saved, damaged, err := checkpoint.OpenLatest(track.Checkpoints(run))
		if err != nil || len(damaged) > 0 {
			t.Fatalf("%v: %v, damaged %v\n%s", signal, err, damaged, rest)
		}
		if want := fmt.Sprintf("stopped and saved after step %d;", saved.Step); !strings.Contains(string(rest), want) {
			t.Errorf("%v: the newest checkpoint is of step %d, and it says\n%s", signal, saved.Step, rest)
		}
		manifest, err := track.ReadManifest(run)
		if err != nil || len(manifest.Sessions) != 1 || manifest.Sessions[0].End == nil ||
			manifest.Sessions[0].End.Outcome != track.Stopped || manifest.Sessions[0].End.Step != saved.Step {
			t.Errorf("%v: %v, the manifest has %+v", signal, err, manifest.Sessions)
		}
	}
}
