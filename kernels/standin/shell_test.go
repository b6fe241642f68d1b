//go:build unix

package standin

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/keeper"
)

// kernelDir makes the directory of a kernel whose GoNB is this very process.
func kernelDir(t *testing.T) (dir string, env []string) {
	t.Helper()
	if _, err := os.Stat("/bin/bash"); err != nil {
		t.Skip("GoNB's shell, /bin/bash, is not on this machine")
	}
	dir = filepath.Join(t.TempDir(), "it's a kernel")
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, shellProgram(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	more, err := ShellEnvironment(dir, []string{"GOPROXY=off", "GOWORK=off"})
	if err != nil {
		t.Fatal(err)
	}
	return dir, append(append(os.Environ(), keeper.DirEnv+"="+dir, "GOPROXY=off", "GOWORK=off"), more...)
}

// line runs a command as GoNB runs a line that begins with "!".
func line(t *testing.T, env []string, text string) (stdout string, code int) {
	t.Helper()
	c := exec.Command("/bin/bash", "-c", text)
	c.Env = env
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, os.Stderr
	c.Run()
	return out.String(), c.ProcessState.ExitCode()
}

func TestLinesSayHowTheyFail(t *testing.T) {
	for _, c := range []struct {
		line, out string
		failed    bool
		code      int
	}{
		{"echo hello", "hello\n", false, 0},
		{"echo 'a  b' \"$((1+1))\" | cat; true", "a  b 2\n", false, 0},
		{"false", "", true, 1},
		{"echo before; exit 4", "before\n", true, 4},
		{"exec false", "", true, 1},
		{"kill -9 $$", "", true, 128 + 9},
		{"no-such-program-anywhere", "", true, 127},
		{"false || true", "", false, 0},
		{"bash -c 'exit 5' || echo $?", "5\n", false, 0}, // a bash below is not concerned
		{"echo ${BASH_ENV:-none}", "none\n", false, 0},
		{"sleep 0.01 & wait", "", false, 0},
	} {
		dir, env := kernelDir(t)
		out, code := line(t, env, c.line)
		f, failed := FailedShell(dir)
		if out != c.out || failed != c.failed || f.Code != c.code || code != c.code {
			t.Errorf("!%s: printed %q, exit %d, failed %v (%+v); want %q, %d, %v", c.line, out, code, failed, f, c.out, c.code, c.failed)
		}
		if failed && f.Command != "!"+c.line {
			t.Errorf("!%s: the failure names %q", c.line, f.Command)
		}
	}
}

func TestNothingRunsAfterAFailure(t *testing.T) {
	dir, env := kernelDir(t)
	line(t, env, "exit 3")
	if out, code := line(t, env, "echo more"); out != "" || code != 0 {
		t.Errorf("after a failure a line printed %q and ended with %d", out, code)
	}
	if f, _ := FailedShell(dir); f.Code != 3 {
		t.Errorf("the failure is %+v, want that of the first line", f)
	}
	if err := ClearFailure(dir); err != nil {
		t.Fatal(err)
	}
	if out, _ := line(t, env, "echo more"); out != "more\n" {
		t.Errorf("after Clear a line printed %q", out)
	}
}

func TestUsersBashEnvIsKept(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own")
	if err := os.WriteFile(own, []byte("greet() { echo hello from mine; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BASH_ENV", own)
	_, env := kernelDir(t)
	if out, _ := line(t, env, "greet"); out != "hello from mine\n" {
		t.Errorf("the user's BASH_ENV is not read: %q", out)
	}
	c := exec.Command("/bin/sh", "-c", "bash -c greet; true") // not GoNB's child
	c.Env = env
	if out, err := c.Output(); err != nil || string(out) != "hello from mine\n" {
		t.Errorf("a script's bash does not read the user's BASH_ENV: %q, %v", out, err)
	}
}

func TestUsersGoSettingsOutsideOfCells(t *testing.T) {
	t.Setenv("GOPROXY", "mine")
	os.Unsetenv("GOWORK")
	dir, env := kernelDir(t)
	const show = `echo "$GOPROXY ${GOWORK-unset}"`
	if out, _ := line(t, env, show); out != "mine unset\n" {
		t.Errorf("a line has %q", out)
	}
	if out, _ := line(t, append(env, "GOPROXY=direct"), show); out != "direct unset\n" {
		t.Errorf("after %%env a line has %q", out)
	}
	cells := filepath.Join(dir, "tmp", "gonb_1")
	if err := os.MkdirAll(cells, 0o700); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("/bin/bash", "-c", show)
	c.Env, c.Dir = env, cells
	if out, err := c.Output(); err != nil || string(out) != "off off\n" {
		t.Errorf("a line in the cells' module has %q, %v", out, err)
	}
}

func TestInterruptEndsWhatTheShellStarted(t *testing.T) {
	for name, command := range map[string]string{
		"sleep":    "sleep 77",
		"pipe":     "sleep 77 | cat",
		"child":    "bash -c 'sleep 77; true'; true",
		"left":     "sleep 77 & sleep 77",
		"stubborn": "trap '' INT; sleep 77; sleep 77",
	} {
		t.Run(name, func(t *testing.T) {
			dir, env := kernelDir(t)
			c := exec.Command("/bin/bash", "-c", "echo begun; "+command)
			c.Env = env
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			out.Read(make([]byte, 6))
			time.Sleep(100 * time.Millisecond)
			begun := time.Now()
			c.Process.Signal(syscall.SIGINT)
			out.Read(make([]byte, 1)) // until no process holds the pipe
			c.Wait()
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("interrupted after %v", took)
			}
			if f, failed := FailedShell(dir); !failed || !f.Interrupted {
				t.Errorf("FailedShell() = %+v, %v, want an interrupt", f, failed)
			}
		})
	}
}

func TestRewrite(t *testing.T) {
	dir := "/tmp/k"
	run := `%%script "/tmp/k/bin/netdiffus-shell" -- `
	for code, want := range map[string]string{
		"%%bash\necho 1\n":            run + "bash\necho 1\n",
		"%%sh":                        run + "sh",
		"//gonb:%%sh\nls":             run + "sh\nls",
		"%%script python3 -c \"a b\"": run + "python3 -c \"a b\"",
		"%%bash -x\nls":               "%%bash -x\nls",
		"%%script\nls":                "%%script\nls",
		"%%writefile x\nls":           "%%writefile x\nls",
		"%%\nfmt.Println()":           "%%\nfmt.Println()",
		"!ls":                         "!ls",
		"":                            "",
	} {
		if got := RewriteCell(dir, code); got != want {
			t.Errorf("RewriteCell(%q) = %q, want %q", code, got, want)
		}
	}
}

func TestCellProgramsSayHowTheyFail(t *testing.T) {
	dir, env := kernelDir(t)
	c := exec.Command(shellProgram(dir), "--", "sh")
	c.Env, c.Stdin = env, strings.NewReader("echo in\nexit 6\n")
	out, _ := c.Output()
	if f, _ := FailedShell(dir); string(out) != "in\n" || f.Code != 6 || f.Command != "sh" {
		t.Errorf("printed %q, failed with %+v", out, f)
	}
}
