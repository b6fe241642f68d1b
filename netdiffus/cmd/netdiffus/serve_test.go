package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/kerneltest"
	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// madeUpRun makes a run directory that no training made, and its log.
func madeUpRun(t *testing.T, dir string, lr float64, steps int) (*track.Run, *track.Log) {
	t.Helper()
	run, err := track.Create(dir)
	if err == nil {
		err = run.WriteConfig(map[string]any{"diffusion": map[string]any{"steps": 10}, "training": map[string]any{"lr": lr, "steps": 1000}})
	}
	if err == nil {
		err = run.AddSession(track.Session{Started: time.Now().Add(-time.Minute), Versions: map[string]string{}})
	}
	if err != nil {
		t.Fatal(err)
	}
	log, err := run.OpenLog(0)
	if err != nil {
		t.Fatal(err)
	}
	for step := 10; step <= steps; step += 10 {
		if err := log.Add(step, map[string]float64{"loss": lr + 1/float64(step), "grad_norm": 1, "loss_q0": 2}); err != nil {
			t.Fatal(err)
		}
	}
	return run, log
}

// startServe runs serve on a folder and returns the address it prints.
func startServe(t *testing.T, root string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := rootCommand()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.SetArgs([]string{"serve", root, "--port", "0"})
	c.SetOut(w)
	c.SetErr(&bytes.Buffer{})
	ended := make(chan error, 1)
	go func() { ended <- c.ExecuteContext(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve ended with %v", err)
		}
		w.Close()
		r.Close()
	})
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "http://127.0.0.1:") || !strings.Contains(line, "/?token=") {
		t.Fatalf("serve printed %q, %v", line, err)
	}
	return strings.TrimSpace(line)
}

func TestServe(t *testing.T) {
	root := t.TempDir()
	first, log := madeUpRun(t, filepath.Join(root, "first"), 0.5, 30)
	log.Close()
	first.Close()
	startServe(t, root)
	if code := run([]string{"serve", filepath.Join(root, "none")}); code != exitFailed {
		t.Errorf("serve of a folder that is not there exits with %d", code)
	}
}

// addJudged adds two sets of samples and a report to a run, whose page would like to run a
// script.
func addJudged(t *testing.T, dir string) {
	t.Helper()
	id, err := track.RunID(dir)
	if err != nil {
		t.Fatal(err)
	}
	flows := []traffic.Flow{
		{Label: "dns", Packets: []traffic.Packet{{Length: 40}, {Length: 100, Dir: traffic.Down}}},
		{Label: "video", Packets: []traffic.Packet{{Length: 100}, {Length: 1400, Dir: traffic.Down}, {Length: 1001, Dir: traffic.Down}}},
	}
	for _, step := range []int{10, 20} {
		set, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 4})
		if err != nil {
			t.Fatal(err)
		}
		set.Origin = &dataset.Origin{Run: id, Step: step}
		if err := set.Save(filepath.Join(track.Samples(dir), fmt.Sprintf("at %d?", step)), &dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
			t.Fatal(err)
		}
	}
	report := filepath.Join(dir, "report")
	if err := os.Mkdir(report, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"metrics.json": `{"schema": "netdiffus-report/1", "verdict": {"headline": "better than <b>nothing", "best_baseline": "markov1"},
			"inputs": [{"role": "synthetic", "path": "x", "made_by": "` + id + `"}], "sizes": [{"per_class": 10, "rows": [
			{"source": "synthetic", "figures": {"tstr_accuracy": {"mean": 0.75}}}, {"source": "markov1", "figures": {"tstr_accuracy": {"mean": 0.5}}}]}]}`,
		"report.html": `<!doctype html><h1>The report's own page</h1><script>document.querySelector("h1").textContent = "a script ran"</script>`,
	} {
		if err := atomicfile.WriteFile(filepath.Join(report, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestServeInBrowser is a person's way through the page, with a run that goes on. Its
// pictures go to $NETDIFFUS_SCREENSHOT, a folder, where that is set.
func TestServeInBrowser(t *testing.T) {
	longtest.Only(t, "starts a browser")
	chromium := kerneltest.Browser(t)
	env := kerneltest.Python(t)
	root := t.TempDir()
	for i, name := range []string{"first", "second", "<b>third '\"&"} {
		run, log := madeUpRun(t, filepath.Join(root, name), 0.5*float64(i+1), 1000)
		log.Close()
		run.Close()
	}
	addJudged(t, filepath.Join(root, "first"))
	live, log := madeUpRun(t, filepath.Join(root, "live"), 0.1, 50)
	address := startServe(t, root)
	pictures := os.Getenv("NETDIFFUS_SCREENSHOT")
	if pictures == "" {
		pictures = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := env.Command(ctx, "testdata/runs.py", address, chromium, pictures)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if lines.Scan() && lines.Text() == "ready" {
		for step := 60; step <= 120; step += 10 {
			if err := log.Add(step, map[string]float64{"loss": 1 / float64(step)}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		log.Close()
		live.Close()
	}
	var got struct {
		Errors, Blocked, Outside, Wide, Found, Sorted, Differ []string
		Address, State, End, Read                             string
		Rows, Lines, Before, After                            int
		Grids, Captions, Figures                              []string
		Report                                                string
	}
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &got) != nil {
		cmd.Wait()
		t.Fatalf("runs.py printed %q: %s", lines.Text(), said.String())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("runs.py: %v: %s", err, said.String())
	}
	if len(got.Errors)+len(got.Outside)+len(got.Wide) > 0 {
		t.Errorf("errors %q; asked of others %q; wider than the window %q", got.Errors, got.Outside, got.Wide)
	}
	if got.Rows != 4 || !reflect.DeepEqual(got.Found, []string{"first"}) || strings.Join(got.Sorted, " ") != "<b>third '\"& first live second" {
		t.Errorf("%d rows, found %q, sorted %q", got.Rows, got.Found, got.Sorted)
	}
	if strings.Contains(got.Address, "token") {
		t.Errorf("the token stays in the address %s", got.Address)
	}
	if !reflect.DeepEqual(got.Differ, []string{"training.lr"}) || got.Lines != 2 {
		t.Errorf("what differs is %q, with %d lines in a chart", got.Differ, got.Lines)
	}
	if !reflect.DeepEqual(got.Grids, []string{"drawn", "drawn"}) || len(got.Captions) != 2 || !strings.HasPrefix(got.Captions[0], "step 20 ") || !strings.HasPrefix(got.Captions[1], "step 10 ") {
		t.Errorf("grids of samples %q, captions %q", got.Grids, got.Captions)
	}
	if !reflect.DeepEqual(got.Figures, []string{"tstr_accuracy 0.75 0.5"}) || got.Report != "The report's own page" || len(got.Blocked) != 1 {
		t.Errorf("the report's figures %q, its page %q, of its script %q", got.Figures, got.Report, got.Blocked)
	}
	if got.State != "training" || got.End == "training" || got.Before != 5 || got.After != 12 || got.Read != fmt.Sprintf("step 10: %v", 0.2) {
		t.Errorf("the live run: %+v", got)
	}
}
