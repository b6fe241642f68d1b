package track

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

func ExampleMetrics() {
	dir, _ := os.MkdirTemp("", "run")
	defer os.RemoveAll(dir)
	run, _ := Create(dir)
	defer run.Close()
	log, _ := run.OpenLog(0)
	log.Add(1, map[string]float64{"mse": 0.5})
	log.Add(2, map[string]float64{"mse": 0.25})
	log.Close()
	metrics, _ := Metrics(dir)
	fmt.Println(metrics["mse"].Step, metrics["mse"].Value)
	// Output: [1 2] [0.5 0.25]
}

// holderDir tells the test binary, run again as another process, to hold the
// lock of a run directory until its standard input ends.
const holderDir = "NETDIFFUS_TEST_HOLDER"

func TestMain(m *testing.M) {
	dir := os.Getenv(holderDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	run, err := Create(dir)
	fmt.Println("holding", err)
	bufio.NewReader(os.Stdin).ReadString('\n')
	run.Close()
}

func TestSecondTrainerIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "first")
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holderDir+"="+dir)
	in, err := holder.StdinPipe()
	check(t, err)
	out, err := holder.StdoutPipe()
	check(t, err)
	check(t, holder.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "holding <nil>\n" {
		t.Fatalf("the holder said %q, %v", line, err)
	}
	_, err = Create(dir)
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != holder.Process.Pid || locked.Since.IsZero() {
		t.Fatalf("Create = %v, want a LockedError with process %d", err, holder.Process.Pid)
	}
	if want := fmt.Sprintf("process %d", holder.Process.Pid); !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
		t.Errorf("the error %q names not both %s and %s", err, want, dir)
	}
	holder.Process.Kill() // the lock ends with its holder, however it dies
	holder.Wait()
	in.Close()
	run, err := Create(dir)
	check(t, err)
	if _, err := Create(dir); !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("the second Create in one process = %v, want a LockedError with our own process", err)
	}
	check(t, run.Close())
	run, err = Create(dir)
	check(t, err)
	check(t, run.Close())
}

func TestLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	run, err := Create(dir)
	check(t, err)
	for _, path := range []string{Checkpoints(dir), Samples(dir), Plots(dir)} {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			t.Errorf("%s: %v", path, err)
		}
	}
	type config struct{ Steps int }
	var got config
	if err := ReadConfig(dir, &got); !errors.Is(err, ErrNotRun) {
		t.Errorf("ReadConfig before there is one = %v, want ErrNotRun", err)
	}
	check(t, run.WriteConfig(config{Steps: 7}))
	check(t, run.Close())
	run, err = Create(dir)
	check(t, err)
	defer run.Close()
	if err := ReadConfig(dir, &got); err != nil || got.Steps != 7 {
		t.Errorf("ReadConfig = %+v, %v", got, err)
	}
	var other struct{ Step int }
	if err := ReadConfig(dir, &other); err == nil || !strings.Contains(err.Error(), "Steps") {
		t.Errorf("ReadConfig of an unknown field = %v, want it named", err)
	}
}

func TestSessions(t *testing.T) {
	run, err := Create(t.TempDir())
	check(t, err)
	defer run.Close()
	first, second := NewSession(), NewSession()
	first.Seed, first.Flags = 3, map[string]string{"lr": "1e-4"}
	first.Inputs = []provenance.File{{Path: "a", Digest: provenance.Digest{Bytes: 1, SHA256: "x"}}}
	second.FromStep = 100
	check(t, run.AddSession(first))
	check(t, run.AddSession(second))
	m, err := ReadManifest(run.Dir)
	if err != nil || len(m.Sessions) != 2 {
		t.Fatalf("ReadManifest = %+v, %v", m, err)
	}
	if got := m.Sessions[0]; !reflect.DeepEqual(got, first) {
		t.Errorf("the first session is %+v, was %+v", got, first)
	}
	if s := m.Sessions[1]; s.FromStep != 100 || s.Machine.Cores < 1 || s.Versions["go"] == "" || len(s.Command) == 0 {
		t.Errorf("the second session is %+v", s)
	}
	// A manifest that cannot be read must not be replaced by an empty one.
	check(t, os.WriteFile(ManifestFile(run.Dir), []byte("{"), 0o666))
	if err := run.AddSession(second); err == nil {
		t.Error("AddSession to a damaged manifest passed")
	}
}

func TestLogGoesOnWhereTheCheckpointIs(t *testing.T) {
	run, err := Create(t.TempDir())
	check(t, err)
	defer run.Close()
	log, err := run.OpenLog(0)
	check(t, err)
	for step := 10; step <= 50; step += 10 {
		check(t, log.Add(step, map[string]float64{"mse": float64(step)}))
	}
	check(t, log.Close())
	path := MetricsFile(run.Dir)
	before, err := os.ReadFile(path)
	check(t, err)

	for name, tail := range map[string]string{
		"whole":              "",
		"a torn line":        `{"mse":6`,
		"a line without \\n": `{"mse":60,"step":30}`,
		"zeros":              strings.Repeat("\x00", 100),
		"another's line":     "hello\n",
		"a line of no step":  `{"mse":1}` + "\n",
	} {
		check(t, os.WriteFile(path, append(append([]byte{}, before...), tail...), 0o666))
		log, err := run.OpenLog(30)
		check(t, err)
		want := 2 // steps 40 and 50
		if tail != "" {
			want++
		}
		if log.Dropped != want {
			t.Errorf("%s: dropped %d lines, want %d", name, log.Dropped, want)
		}
		check(t, log.Add(40, map[string]float64{"mse": -40}))
		check(t, log.Close())
		got, err := Metrics(run.Dir)
		if want := (Series{Step: []float64{10, 20, 30, 40}, Value: []float64{10, 20, 30, -40}}); err != nil || !reflect.DeepEqual(got["mse"], want) {
			t.Errorf("%s: Metrics = %v, %v; want %v", name, got, err, want)
		}
	}
}

func TestMetricsWhileATrainerWrites(t *testing.T) {
	dir := t.TempDir()
	if got, err := Metrics(dir); err != nil || len(got) != 0 {
		t.Errorf("Metrics of a run without any = %v, %v", got, err)
	}
	check(t, os.WriteFile(MetricsFile(dir), []byte(`{"mse":1,"step":1}`+"\n"+`{"mse":2,"st`), 0o666))
	if got, err := Metrics(dir); err != nil || !reflect.DeepEqual(got["mse"].Value, []float64{1}) {
		t.Errorf("Metrics = %v, %v; want the whole line alone", got, err)
	}
}

func TestValuesThatJSONLacks(t *testing.T) {
	run, err := Create(t.TempDir())
	check(t, err)
	defer run.Close()
	log, err := run.OpenLog(0)
	check(t, err)
	for step, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e-300, -0.1} {
		check(t, log.Add(step, map[string]float64{"loss": v}))
	}
	check(t, log.Close())
	got, err := Metrics(run.Dir)
	check(t, err)
	v := got["loss"].Value
	if len(v) != 5 || !math.IsNaN(v[0]) || !math.IsInf(v[1], 1) || !math.IsInf(v[2], -1) || v[3] != 1e-300 || v[4] != -0.1 {
		t.Errorf("read back %v", v)
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"mse":0.5,"step":3}` + "\n"))
	f.Add([]byte(`{"mse":"NaN","step":3}` + "\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		step, values, ok := parseLine(line)
		if !ok {
			return
		}
		all := map[string]any{}
		for name, v := range values {
			all[name] = v
		}
		all["step"] = step
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		again, back, ok := parseLine(append(text, '\n'))
		if !ok || again != step || len(back) != len(values) {
			t.Fatalf("%q read as step %d, %v; written again as %q it reads as %d, %v", line, step, values, text, again, back)
		}
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
