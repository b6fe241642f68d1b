package track

import (
	"bufio"
	"bytes"
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

// Nothing is written through a link that somebody planted in a run directory.
func TestPlantedLinks(t *testing.T) {
	for _, name := range []string{".lock", "metrics.jsonl", "checkpoints", "samples", "plots"} {
		dir, victim := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "victim")
		check(t, os.Mkdir(dir, 0o777))
		check(t, os.WriteFile(victim, []byte("mine"), 0o666))
		if err := os.Symlink(victim, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
		if run, err := Create(dir); err == nil || !strings.Contains(err.Error(), name+" is a symbolic link") {
			run.Close()
			t.Errorf("Create with a link at %s = %v", name, err)
		}
		if name != "checkpoints" && name != "samples" && name != "plots" {
			if run, err := Claim(dir); err == nil {
				run.Close()
				t.Errorf("Claim with a link at %s passed", name)
			}
		}
		if text, err := os.ReadFile(victim); err != nil || string(text) != "mine" {
			t.Errorf("a link at %s: the file that it leads to holds %q, %v", name, text, err)
		}
	}
	// The run directory itself may be one, and what is replaced is not written through.
	dir, link := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "link")
	victim := filepath.Join(t.TempDir(), "victim")
	check(t, os.Mkdir(dir, 0o777))
	check(t, os.WriteFile(victim, []byte("mine"), 0o666))
	check(t, os.Symlink(dir, link))
	check(t, os.Symlink(victim, ConfigFile(dir)))
	run, err := Create(link)
	check(t, err)
	defer run.Close()
	check(t, run.WriteConfig(map[string]int{"a": 1}))
	if text, err := os.ReadFile(victim); err != nil || string(text) != "mine" {
		t.Errorf("a link at config.json: the file that it leads to holds %q, %v", text, err)
	}
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
	if got := m.Sessions[0]; !reflect.DeepEqual(got, first.private()) {
		t.Errorf("the first session is %+v, was %+v", got, first)
	}
	if s := m.Sessions[1]; s.FromStep != 100 || s.Machine.Cores < 1 || s.Versions["go"] == "" || len(s.Command) == 0 {
		t.Errorf("the second session is %+v", s)
	}
	if program := m.Sessions[0].Command[0]; program != filepath.Base(os.Args[0]) {
		t.Errorf("the manifest calls the program %s", program)
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

// fullDisk is a file on a disk with so many bytes of room, which may refuse to be cut.
type fullDisk struct {
	text  []byte
	room  int
	whole bool // Truncate fails
}

func (f *fullDisk) Write(b []byte) (int, error) {
	if n := min(f.room, len(b)); n < len(b) {
		f.text, f.room = append(f.text, b[:n]...), 0
		return n, errors.New("no space left on device")
	}
	f.text, f.room = append(f.text, b...), f.room-len(b)
	return len(b), nil
}

func (f *fullDisk) Truncate(size int64) error {
	if f.whole {
		return errors.New("access is denied")
	}
	f.text = f.text[:size]
	return nil
}
func (f *fullDisk) Sync() error  { return nil }
func (f *fullDisk) Close() error { return nil }

func TestLinesWaitForRoom(t *testing.T) {
	for _, whole := range []bool{false, true} {
		disk := &fullDisk{room: 30, whole: whole}
		log := &Log{file: disk}
		check(t, log.Add(1, map[string]float64{"mse": 1})) // 19 bytes
		for step := 2; step <= 4; step++ {
			if err := log.Add(step, map[string]float64{"mse": float64(step)}); err == nil || !strings.Contains(err.Error(), "no space") {
				t.Fatalf("Add to a full disk = %v", err)
			}
		}
		disk.room = 1000
		check(t, log.Add(5, map[string]float64{"mse": 5}))
		check(t, log.Close())
		var steps []int
		for line := range bytes.Lines(disk.text) {
			if step, _, ok := parseLine(line); ok {
				steps = append(steps, step)
			}
		}
		if want := []int{1, 2, 3, 4, 5}; !reflect.DeepEqual(steps, want) {
			t.Errorf("Truncate fails %v: the file holds the steps %v, want %v: %q", whole, steps, want, disk.text)
		}
	}
}

func TestLinesThatWaitTooLongAreCounted(t *testing.T) {
	log := &Log{file: &fullDisk{}}
	for step := range 1100 {
		log.Add(step, map[string]float64{strings.Repeat("x", 4096): 1})
	}
	if len(log.waiting) > mostWaiting || !bytes.HasPrefix(log.waiting, []byte(`{"step"`)) {
		t.Errorf("%d bytes wait, from %.20q on", len(log.waiting), log.waiting)
	}
	if err := log.Close(); err == nil || !strings.Contains(err.Error(), "lines are lost") {
		t.Errorf("Close = %v, want the lines that are lost", err)
	}
}

func TestTail(t *testing.T) {
	dir := t.TempDir()
	run, err := Create(dir)
	check(t, err)
	defer run.Close()
	tail := NewTail(dir)
	next := func(again bool, want ...int) {
		t.Helper()
		points, got, err := tail.Next()
		check(t, err)
		var steps []int
		for _, p := range points {
			steps = append(steps, p.Step)
		}
		if got != again || !reflect.DeepEqual(steps, want) {
			t.Errorf("Next = steps %v, again %v; want %v, %v", steps, got, want, again)
		}
	}
	next(false)
	log, err := run.OpenLog(0)
	check(t, err)
	check(t, log.Add(10, map[string]float64{"mse": 1}))
	check(t, log.Add(20, map[string]float64{"mse": math.NaN()}))
	next(false, 10, 20)
	next(false)
	check(t, log.Add(30, map[string]float64{"mse": 1}))
	check(t, log.Close())
	f, err := os.OpenFile(MetricsFile(dir), os.O_WRONLY|os.O_APPEND, 0)
	check(t, err)
	f.WriteString("damaged\n{\"mse\":1,\"st")
	next(false, 30)
	f.WriteString("ep\":40}\n")
	f.Close()
	next(false, 40)
	if tail.Damaged != 1 {
		t.Errorf("%d damaged lines, want 1", tail.Damaged)
	}
	// A trainer goes on from a checkpoint: later lines go, and the file is another.
	log, err = run.OpenLog(20)
	check(t, err)
	check(t, log.Add(25, map[string]float64{"mse": 1}))
	check(t, log.Close())
	next(true, 10, 20, 25)
	if tail.Damaged != 0 {
		t.Errorf("%d damaged lines in the new file", tail.Damaged)
	}
	check(t, os.Remove(MetricsFile(dir)))
	next(true)
	next(false)

	check(t, os.WriteFile(MetricsFile(dir), []byte("{\"step\":1}\n{\"step\":2}\n"), 0o666))
	tail = NewTailAt(dir, 11)
	next(false, 2)
	tail = NewTailAt(dir, 1000) // the file was another when the place was found
	next(true, 1, 2)
}

func TestTailReadsInPieces(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 3*tailPiece)
	var text strings.Builder
	for step := 1; step <= 100; step++ {
		fmt.Fprintf(&text, "{\"step\":%d,\"m\":1,\"%s\":2}\n", step, strings.Repeat("y", 20000))
	}
	fmt.Fprintf(&text, "{\"step\":101,\"%s\":2}\n", long)
	check(t, os.WriteFile(MetricsFile(dir), []byte(text.String()), 0o666))
	tail, n, calls := NewTail(dir), 0, 0
	for ; ; calls++ {
		points, _, err := tail.Next()
		check(t, err)
		if len(points) == 0 {
			break
		}
		n += len(points)
	}
	if n != 101 || calls < 3 || tail.Damaged != 0 {
		t.Errorf("%d points in %d calls, %d damaged; want 101 in several", n, calls, tail.Damaged)
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
