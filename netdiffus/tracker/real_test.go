//go:build unix

package tracker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
)

// The tests below talk to the real programs, of the Python that NETDIFFUS_PYTHON names:
//
//	pip install tensorboard mlflow trackio
//	NETDIFFUS_LONG=1 NETDIFFUS_PYTHON=.../bin/python go test ./netdiffus/tracker -run Real -v

// python is a Python that has a module, or the test is skipped.
func python(t testing.TB, module string) string {
	t.Helper()
	longtest.Only(t, "needs Python's "+module)
	interpreter := os.Getenv("NETDIFFUS_PYTHON")
	if interpreter == "" {
		t.Skip("NETDIFFUS_PYTHON names no Python with " + module)
	}
	find := fmt.Sprintf("import importlib.util as u, sys; sys.exit(u.find_spec(%q) is None)", module)
	if out, err := exec.Command(interpreter, "-c", find).CombinedOutput(); err != nil {
		t.Skipf("the Python that NETDIFFUS_PYTHON names has no %s: %v %s", module, err, out)
	}
	return interpreter
}

// pythonJSON runs a program and reads the JSON that it prints.
func pythonJSON(t testing.TB, interpreter, program string, v any, args ...string) {
	t.Helper()
	cmd := exec.Command(interpreter, append([]string{"-c", program}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("Python: %v: %s", err, said.String())
	}
	if err := json.Unmarshal(out, v); err != nil {
		t.Fatalf("Python printed %q: %v", out, err)
	}
}

// serve runs a server in Python until the test ends, and waits until it answers.
func serve(t testing.TB, interpreter, home string, env []string, path string, args func(port int) []string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, interpreter, args(port)...)
	cmd.Dir = home
	cmd.Env = append(append(os.Environ(), "HOME="+home, "NO_PROXY=*"), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // MLflow starts others
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	check(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the server said:\n%s", log.String())
		}
	})
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if response, err := http.Get(url + path); err == nil {
			response.Body.Close()
			return url
		}
	}
	t.Fatal("the server does not answer")
	return ""
}

func TestRealTensorBoard(t *testing.T) {
	interpreter := python(t, "tensorboard")
	dir := newRun(t, 1000)
	addSamples(t, dir)
	_, err := Export(t.Context(), dir, Target{Name: "tensorboard"}, Options{})
	check(t, err)
	more(t, dir, 1000, 1100)
	_, err = Export(t.Context(), dir, Target{Name: "tensorboard"}, Options{}) // into a second file
	check(t, err)
	var got struct {
		Losses     [][2]float64
		Infinite   bool
		Image      [2]int
		PNG        string
		Histogram  [3]float64 // number, least, greatest
		Counts     float64
		Histograms []string
		Text       string
	}
	pythonJSON(t, interpreter, `
import json, sys, math
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
a = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}).Reload()
image, histogram = a.Images("samples/drawn")[0], a.Histograms("samples/drawn/length/video")[0].histogram_value
print(json.dumps({
  "losses": [[s.step, s.wall_time] for s in a.Scalars("loss")],
  "infinite": all(math.isinf(s.value) for s in a.Scalars("grad_norm")),
  "image": [image.width, image.height], "png": image.encoded_image_string[:4].decode("latin1"),
  "histogram": [histogram.num, histogram.min, histogram.max], "counts": sum(histogram.bucket),
  "histograms": sorted(a.Tags()["histograms"]),
  "text": a.Tensors("settings")[0].tensor_proto.string_val[0].decode()}))`, &got, filepath.Join(dir, "tensorboard"))
	if len(got.Losses) != 110 || got.Losses[109][0] != 1100 || got.Losses[0][1] != float64(began.Unix())+5 {
		t.Errorf("losses %v", got.Losses)
	}
	if !got.Infinite || got.PNG != "\u0089PNG" || got.Image[0] < 100 || got.Histogram != [3]float64{30, -100, 1400} && got.Histogram[0] == 0 || got.Counts != got.Histogram[0] || !strings.Contains(got.Text, "| training.lr | 0.0001 |") {
		t.Errorf("%+v", got)
	}
	t.Logf("%+v", got.Histogram)
}

func TestRealMLflow(t *testing.T) {
	interpreter := python(t, "mlflow")
	home := t.TempDir()
	url := serve(t, interpreter, home, nil, "/health", func(port int) []string {
		return []string{"-m", "mlflow", "server", "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--workers", "1",
			"--backend-store-uri", "sqlite:///" + filepath.Join(home, "mlflow.db"), "--artifacts-destination", filepath.Join(home, "files")}
	})
	dir := newRun(t, 10000)
	addSamples(t, dir)
	start := time.Now()
	sent, err := Export(t.Context(), dir, target("mlflow", url), Options{Status: Finished})
	check(t, err)
	t.Logf("%d lines of three metrics and %d files in %v", sent.Points, sent.Files, time.Since(start).Round(time.Millisecond))
	// The same once more, as after an answer that was lost: MLflow knows the values.
	p, err := openPlaces(dir, "mlflow")
	check(t, err)
	p.of(sent.At).Step = 9000
	check(t, p.save())
	p.close()
	again, err := Export(t.Context(), dir, target("mlflow", url), Options{Status: Finished})
	if err != nil || again.Points != 100 || again.ID != sent.ID {
		t.Errorf("again %+v, %v", again, err)
	}
	var got struct {
		Status, Name, LR, Seed string
		Losses                 int
		First                  [3]float64 // step, value, time
		Norm                   string
		Files                  []string
		Config                 string
		End                    int64
	}
	pythonJSON(t, interpreter, `
import json, sys, mlflow
c = mlflow.MlflowClient(sys.argv[1])
run = c.get_run(sys.argv[2])
h = []
token = None
h = c.get_metric_history(sys.argv[2], "loss")
h.sort(key=lambda m: m.step)
mlflow.set_tracking_uri(sys.argv[1])
def files(path=None):
    for f in c.list_artifacts(sys.argv[2], path):
        if f.is_dir: yield from files(f.path)
        else: yield f.path
print(json.dumps({"status": run.info.status, "name": run.info.run_name, "lr": run.data.params["training.lr"], "seed": run.data.params["training.seed"],
  "losses": len(h), "first": [h[0].step, h[0].value, h[0].timestamp], "norm": str(run.data.metrics["grad_norm"]), "end": run.info.end_time,
  "files": sorted(files()), "config": open(c.download_artifacts(sys.argv[2], "config.json")).read()}))`, &got, url, sent.ID)
	config, err := os.ReadFile(filepath.Join(dir, "config.json"))
	check(t, err)
	if got.Status != "FINISHED" || got.Name != "first" || got.LR != "0.0001" || got.Seed != "9223372036854775809" || got.Losses != 1000 ||
		got.First != [3]float64{10, 0.1, float64(began.UnixMilli() + 5000)} || got.Config != string(config) {
		t.Errorf("MLflow has %+v", got)
	}
	if want := "[config.json manifest.json plots/loss.png samples/drawn.json samples/drawn.png]"; fmt.Sprint(got.Files) != want {
		t.Errorf("files %v, want %s", got.Files, want)
	}
	t.Logf("an infinite number is kept as %s", got.Norm)
}

func TestRealTrackio(t *testing.T) {
	interpreter := python(t, "trackio")
	home := t.TempDir()
	t.Setenv("TRACKIO_WRITE_TOKEN", secret)
	url := serve(t, interpreter, home, []string{"TRACKIO_DIR=" + filepath.Join(home, "trackio"), "HF_HUB_OFFLINE=1"}, "/version", func(port int) []string {
		return []string{"-c", fmt.Sprintf("import trackio; trackio.show(open_browser=False, block_thread=True, host='127.0.0.1', server_port=%d)", port)}
	})
	dir := newRun(t, 10000)
	addSamples(t, dir)
	start := time.Now()
	sent, err := Export(t.Context(), dir, target("trackio", url), Options{})
	check(t, err)
	t.Logf("%d lines of three metrics and %d files in %v", sent.Points, sent.Files, time.Since(start).Round(time.Millisecond))
	p, err := openPlaces(dir, "trackio")
	check(t, err)
	p.of(sent.At).Step = 9000
	check(t, p.save())
	p.close()
	again, err := Export(t.Context(), dir, target("trackio", url), Options{})
	if err != nil || again.Points != 100 || again.ID != sent.ID {
		t.Errorf("again %+v, %v", again, err)
	}
	tb, err := Target{"trackio", url}.tracker()
	check(t, err)
	tr := tb.(*trackio)
	var values []struct {
		Step  int
		Value any
	}
	check(t, tr.call(t.Context(), "get_metric_values", map[string]any{"project": "netdiffus", "run": "first", "run_id": sent.ID, "metric_name": "loss"}, &values))
	if len(values) != 1000 || values[0].Step != 10 || values[0].Value != 0.1 {
		t.Errorf("%d losses, first %+v", len(values), values[:min(1, len(values))])
	}
	var configs map[string]map[string]any
	check(t, tr.call(t.Context(), "get_run_configs", map[string]any{"project": "netdiffus"}, &configs))
	found := false
	for _, c := range configs {
		found = found || c["training.lr"] == "0.0001"
	}
	if !found {
		t.Errorf("settings %v", configs)
	}
	// The picture lies where its metric says.
	var images int
	check(t, filepath.WalkDir(filepath.Join(home, "trackio"), func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".png") && strings.Contains(path, filepath.Join("netdiffus", "first", "20")) {
			images++
		}
		return err
	}))
	if images != 1 {
		t.Errorf("%d pictures of step 20", images)
	}
	// Without the token nothing is taken.
	t.Setenv("TRACKIO_WRITE_TOKEN", "wrong")
	if _, err := Export(t.Context(), newRun(t, 10), target("trackio", url), Options{}); err == nil {
		t.Error("a wrong token was taken")
	} else {
		t.Log(err)
	}
}
