package command

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// program writes a shell script called name into a new folder and returns the
// folder.
func program(t *testing.T, name string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the programs are shell scripts")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFindGo(t *testing.T) {
	onPath := program(t, "go")
	t.Setenv("PATH", onPath)
	if got, err := FindGo(""); err != nil || got != filepath.Join(onPath, "go") {
		t.Errorf("FindGo = %q, %v, want the one on the PATH", got, err)
	}
	named := filepath.Join(program(t, "go1.99"), "go1.99")
	if got, err := FindGo(named); err != nil || got != named {
		t.Errorf("FindGo(%q) = %q, %v", named, got, err)
	}
	if got, err := FindGo(named + "-none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("FindGo of a file that does not exist = %q, %v", got, err)
	}
}

func TestFindGoInItsUsualFolders(t *testing.T) {
	was := goFolders
	defer func() { goFolders = was }()
	usual := program(t, "go")
	goFolders = []string{t.TempDir(), usual}
	t.Setenv("PATH", t.TempDir())
	t.Setenv("GOROOT", "")
	if got, err := FindGo(""); err != nil || got != filepath.Join(usual, "go") {
		t.Errorf("FindGo = %q, %v, want the one in %s", got, err, usual)
	}
	root := t.TempDir()
	if err := os.Rename(program(t, "go"), filepath.Join(root, "bin")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOROOT", root)
	if got, err := FindGo(""); err != nil || got != filepath.Join(root, "bin", "go") {
		t.Errorf("FindGo = %q, %v, want the one of $GOROOT", got, err)
	}
	t.Setenv("GOROOT", "")
	goFolders = nil
	if got, err := FindGo(""); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("FindGo on a machine without Go = %q, %v", got, err)
	}
}

func TestFindPython(t *testing.T) {
	first, second := program(t, "python3"), program(t, "python")
	t.Setenv("PATH", first+string(os.PathListSeparator)+second)
	if got, err := FindPython(nil); err != nil || got != filepath.Join(first, "python3") {
		t.Errorf("FindPython = %q, %v, want python3", got, err)
	}
	tooOld := errors.New("too old")
	refuse := func(path string) error {
		if filepath.Base(path) == "python3" {
			return tooOld
		}
		return nil
	}
	if got, err := FindPython(refuse); err != nil || got != filepath.Join(second, "python") {
		t.Errorf("FindPython = %q, %v, want the one that is accepted", got, err)
	}
	t.Setenv("PATH", first)
	if got, err := FindPython(refuse); !errors.Is(err, tooOld) {
		t.Errorf("FindPython = %q, %v, want the reason why it was refused", got, err)
	}
	t.Setenv("PATH", t.TempDir())
	if got, err := FindPython(refuse); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("FindPython on a machine without Python = %q, %v", got, err)
	}
}

func TestQuote(t *testing.T) {
	for s, want := range map[string]string{
		"runs/first": "runs/first", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "übung": "'übung'",
	} {
		if got := Quote(s); got != want {
			t.Errorf("Quote(%q) = %s, want %s", s, got, want)
		}
	}
}

func TestLastLines(t *testing.T) {
	for _, c := range []struct {
		output string
		n      int
		want   string
	}{
		{"a\nb\r\n  c\n\n", 2, "b; c"}, {"a\nb", 5, "a; b"}, {"a", 1, "a"}, {"", 3, ""},
	} {
		if got := LastLines(c.output, c.n); got != c.want {
			t.Errorf("LastLines(%q, %d) = %q, want %q", c.output, c.n, got, c.want)
		}
	}
}

// TestKillGroup cancels a shell whose child holds the pipe to the test open.
func TestKillGroup(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes have no groups")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", "echo started; sleep 100; true")
	KillGroup(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, len("started"))
	if _, err := out.Read(text); err != nil || !strings.HasPrefix(string(text), "started") {
		t.Fatalf("the shell printed %q, %v", text, err)
	}
	begun := time.Now()
	cancel()
	for {
		if _, err := out.Read(text); err != nil {
			break // no process holds the pipe
		}
	}
	cmd.Wait()
	if took := time.Since(begun); took > 50*time.Second {
		t.Errorf("the shell's child ended %v after the cancellation", took)
	}
}

func TestRunning(t *testing.T) {
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ended := exec.Command(me, "-test.run=^$")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	if !Running(os.Getpid()) || Running(ended.Process.Pid) || Running(0) || Running(-1) {
		t.Errorf("Running is %t for this process, %t for one that has ended, %t for 0 and %t for -1",
			Running(os.Getpid()), Running(ended.Process.Pid), Running(0), Running(-1))
	}
}
