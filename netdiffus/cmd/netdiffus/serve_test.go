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
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
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
		Errors, Outside, Wide, Found, Sorted, Differ []string
		Address, State, End, Read                    string
		Rows, Lines, Before, After                   int
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
	if got.State != "training" || got.End == "training" || got.Before != 5 || got.After != 12 || got.Read != fmt.Sprintf("step 10: %v", 0.2) {
		t.Errorf("the live run: %+v", got)
	}
}
