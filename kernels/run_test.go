package kernels

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/keeper"
	"github.com/netdiffus/netdiffus-go/kernels/wire"
)

func TestMain(m *testing.M) {
	if code, ok := Helper(os.Args); ok {
		os.Exit(code)
	}
	tmp, err := os.MkdirTemp("", "k") // others have kernels too
	if err != nil {
		panic(err)
	}
	os.Setenv("TMPDIR", tmp)
	code := m.Run()
	os.RemoveAll(tmp)
	os.Exit(code)
}

// options are those of a kernel whose GoNB is a shell script.
func options(t *testing.T, gonb string) Options {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no kernels on this system")
	}
	dir := t.TempDir()
	// Sockets have short names.
	run, err := os.MkdirTemp("", "kernel")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	c := wire.Connection{Transport: "ipc", IP: filepath.Join(run, "s"), Shell: 1, IOPub: 2, Stdin: 3, Control: 4, Heartbeat: 5, Key: "k"}
	o := Options{ConnectionFile: filepath.Join(dir, "kernel.json"), Tools: dir, Module: dir, Stderr: io.Discard}
	if err := c.Write(o.ConnectionFile); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{"gonb": gonb, "goimports": "exit 1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func TestRunReportsWhatIsMissing(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"connection file":          func(o *Options) { o.ConnectionFile = filepath.Join(o.Tools, "none") },
		"netdiffus kernel install": func(o *Options) { o.Tools = "" },
		"goimports":                func(o *Options) { os.Remove(filepath.Join(o.Tools, "goimports")) },
		"no such file":             func(o *Options) { o.Go = "/no/such/go" },
	} {
		o := options(t, "sleep 100")
		change(&o)
		if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run = %v, want an error with %q", err, want)
		}
	}
	wantNothingLeft(t)
}

func TestRunReportsThatGoNBEnded(t *testing.T) {
	err := Run(t.Context(), options(t, "exit 5"))
	if err == nil || !strings.Contains(err.Error(), "exit status 5") {
		t.Errorf("Run = %v, want GoNB's exit status", err)
	}
	wantNothingLeft(t)
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begun := time.Now()
	if err := Run(ctx, options(t, "trap '' TERM; while :; do sleep 1; done")); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run = %v", err)
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("Run ended after %v", took)
	}
	wantNothingLeft(t)
}

// wantNothingLeft fails the test if directories of kernels stay in this process's
// TMPDIR.
func wantNothingLeft(t *testing.T) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		left, _ := filepath.Glob(filepath.Join(os.TempDir(), "netdiffus-kernel-*"))
		if len(left) == 0 {
			return
		}
		if time.Since(begun) > time.Minute {
			t.Errorf("left are %v", left)
			return
		}
	}
}

func TestHelperLeavesOthersAlone(t *testing.T) {
	t.Setenv(keeper.DirEnv, "")
	for _, args := range [][]string{nil, {"netdiffus"}, {"/usr/bin/go", "version"}, {"gopls"}, {"netdiffus-shell"}} {
		if _, ok := Helper(args); ok {
			t.Errorf("Helper(%q) is one", args)
		}
	}
}

func TestClientThatEnds(t *testing.T) {
	alive := exec.Command("sleep", "100")
	if err := alive.Start(); err != nil {
		t.Skip(err)
	}
	defer alive.Process.Kill()
	t.Setenv("JPY_PARENT_PID", strconv.Itoa(alive.Process.Pid))
	ctx, cancel := context.WithCancelCause(t.Context())
	go watchClient(ctx, cancel)
	time.Sleep(100 * time.Millisecond)
	if ctx.Err() != nil {
		t.Fatal("the kernel ends while its client runs")
	}
	alive.Process.Kill()
	alive.Wait()
	select {
	case <-ctx.Done():
		if !errors.Is(context.Cause(ctx), errClientGone) {
			t.Errorf("the cause is %v", context.Cause(ctx))
		}
	case <-time.After(time.Minute):
		t.Error("the kernel goes on a minute after its client has ended")
	}
}
