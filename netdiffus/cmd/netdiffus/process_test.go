package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// asProgram is the environment variable that makes the test binary the program itself:
// tests of what a process leaves behind, killed or on a full disk, start it so.
const asProgram = "NETDIFFUS_TEST_AS_PROGRAM"

// runAsProgram is the program's main in the test binary.
func runAsProgram() int {
	if err := errors.Join(hostileHost(), limitFiles()); err != nil {
		panic(err)
	}
	return run(os.Args[1:])
}

// program is a command line of the program, to run in dir.
func program(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(context.WithoutCancel(t.Context()), me, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), asProgram+"=1")
	return c
}

// ended is how a process ended.
type ended struct {
	code   int // -1 where a signal ended it
	output string
}

// finish runs c to its end.
func finish(t testing.TB, c *exec.Cmd) ended {
	t.Helper()
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	if exit, is := errors.AsType[*exec.ExitError](err); err != nil && !is {
		t.Fatal(err)
	} else if is {
		return ended{exit.ExitCode(), out.String()}
	}
	return ended{0, out.String()}
}

// succeed runs a command line that has to succeed, and returns what it printed.
func succeed(t testing.TB, dir string, args ...string) string {
	t.Helper()
	e := finish(t, program(t, dir, args...))
	if e.code != 0 {
		t.Fatalf("%s: exit code %d\n%s", strings.Join(args, " "), e.code, e.output)
	}
	return e.output
}

// sampleTraffic is the path of the sample flows.
func sampleTraffic(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(repository, "data", "loopback.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
