// Package conformance holds the kernel to Jupyter's protocol with Jupyter's own
// client: the cases of jupyter_kernel_test, and cases of our own for every defect
// of plain GoNB that docs/kernel.md lists.
package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/keeper"
	"github.com/netdiffus/netdiffus-go/kernels/pyenv"
	"github.com/netdiffus/netdiffus-go/kernels/pyenv/pyenvtest"
	"github.com/netdiffus/netdiffus-go/kernels/toolchain"
)

// before adds plain GoNB's results, which take a quarter of an hour, because where
// it does not answer every case lasts until its limit.
var before = flag.Bool("before", false, "run the cases on plain GoNB too, and print the table of docs/kernel.md")

// limit is how long one case may take on a busy machine; on a quiet one none
// takes 15 s.
const limit = 3 * time.Minute

// limitBefore is for plain GoNB, whose missing answers are not waited for so long.
const limitBefore = 40 * time.Second

// suite lists the cases of jupyter_kernel_test. Those that have a reason are not
// passed: what they ask for does not exist in a kernel whose cells are programs.
var suite = []struct{ name, gopls, reason string }{
	{"test_kernel_info", "", ""},
	{"test_execute_stdout", "", ""},
	{"test_execute_stderr", "", ""},
	{"test_completion", "-gopls", ""},
	{"test_is_complete", "", ""},
	{"test_pager", "", "%help is shown as Markdown below the cell, where notebooks show it; notebooks have no pager"},
	{"test_error", "", ""},
	{"test_execute_result", "", "a Go cell is a program and has no value"},
	{"test_display_data", "", ""},
	{"test_history", "", ""},
	{"test_inspect", "-gopls", ""},
	{"test_clear_output", "", ""},
}

// bench is what the cases run with.
type bench struct {
	python pyenv.Env
	env    []string
}

func open(t *testing.T) bench {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes a minute and a half")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the cases look for processes in /proc")
	}
	if _, err := os.Stat("/bin/bash"); err != nil {
		pyenvtest.Skip(t, "GoNB's shell, /bin/bash, is not on this machine")
	}
	python := pyenvtest.Open(t)
	tools, err := toolchain.Open(t.Context())
	if err != nil {
		pyenvtest.Skip(t, fmt.Sprintf("GoNB cannot be built: %v", err))
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "netdiffus")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/netdiffus/netdiffus-go/netdiffus/cmd/netdiffus").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	library, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	// gopls takes a core for seconds: kernels without it are enough for most cases.
	small := filepath.Join(dir, "tools")
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gonb", "goimports"} {
		if err := os.Symlink(filepath.Join(tools, name), filepath.Join(small, name)); err != nil {
			t.Fatal(err)
		}
	}
	run := func(tools string) []string {
		return []string{program, "kernel", "run", "{connection_file}", "--tools", tools, "--module", library}
	}
	plain := []string{filepath.Join(tools, "gonb"), "-kernel", "{connection_file}"}
	spec(t, dir, "netdiffus", run(small), "")
	spec(t, dir, "netdiffus-gopls", run(tools), "")
	spec(t, dir, "plain", plain, small)
	spec(t, dir, "plain-gopls", plain, tools)
	modules, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return bench{python, []string{
		"JUPYTER_PATH=" + dir, "JUPYTER_RUNTIME_DIR=" + t.TempDir(), "PYTHONDONTWRITEBYTECODE=1",
		"CASE_GOMODCACHE=" + strings.TrimSpace(string(modules)),
	}}
}

// spec writes a kernelspec; path is put first on the PATH.
func spec(t *testing.T, dir, name string, argv []string, path string) {
	t.Helper()
	env := map[string]string{}
	if path != "" {
		env["PATH"] = path + ":${PATH}"
	}
	text, err := json.Marshal(map[string]any{
		"argv": argv, "display_name": name, "language": "go", "interrupt_mode": "signal", "env": env,
	})
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "kernels", name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "kernel.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs one case on a kernel.
func (b bench) run(t *testing.T, script, name, kernel string, limit time.Duration) (output string, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := b.python.Command(ctx, script, name)
	cmd.Env = append(append(cmd.Env, b.env...), "CASE_KERNEL="+kernel)
	begun := time.Now()
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.New("no answer within " + limit.String())
	}
	return string(out), time.Since(begun), err
}

// cases lists our own cases.
func (b bench) cases(t *testing.T) []string {
	t.Helper()
	out, err := b.python.Command(t.Context(), "cases.py", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(out))
	if len(names) < 40 {
		t.Fatalf("cases.py lists %d cases", len(names))
	}
	return names
}

// TestKernel runs every case on the kernel.
func TestKernel(t *testing.T) {
	b := open(t)
	for _, c := range suite {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, took, err := b.run(t, "suite.py", c.name, "netdiffus"+c.gopls, limit)
			switch {
			case err != nil && c.reason == "":
				t.Errorf("%v after %v\n%s", err, took.Round(time.Second), out)
			case err == nil && c.reason != "":
				t.Errorf("passes now: docs/kernel.md says that it does not, because %s", c.reason)
			}
		})
	}
	for _, name := range b.cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, took, err := b.run(t, "cases.py", name, "netdiffus", limit)
			if err != nil {
				t.Errorf("%v after %v\n%s", err, took.Round(time.Second), out)
			} else if out != "" {
				t.Log(strings.TrimSpace(out))
			}
		})
	}
}

// TestTable prints how plain GoNB and this kernel fare, as docs/kernel.md has it.
func TestTable(t *testing.T) {
	if !*before {
		t.Skip("run with -before")
	}
	// What plain GoNB leaves behind is found by this mark.
	mark := t.TempDir()
	t.Setenv(keeper.DirEnv, "")
	b := open(t)
	b.env = append(b.env, "CASE_LEFT="+mark, "CASE_SLOW=2")
	type row struct{ name, script, gopls string }
	var rows []row
	for _, c := range suite {
		rows = append(rows, row{c.name, "suite.py", c.gopls})
	}
	for _, name := range b.cases(t) {
		rows = append(rows, row{name, "cases.py", ""})
	}
	lines := make([]string, len(rows))
	var wait sync.WaitGroup
	slots := make(chan bool, 2)
	for i, r := range rows {
		wait.Add(1)
		go func() {
			defer wait.Done()
			slots <- true
			defer func() { <-slots }()
			said := func(kernel string, limit time.Duration) string {
				_, took, err := b.run(t, r.script, r.name, kernel+r.gopls, limit)
				switch {
				case err == nil:
					return fmt.Sprintf("pass (%.1f s)", took.Seconds())
				case took > limit-time.Second:
					return "**hangs**"
				}
				return "**fails**"
			}
			lines[i] = fmt.Sprintf("| %s | %s | %s |", r.name, said("plain", limitBefore), said("netdiffus", limit))
		}()
	}
	wait.Wait()
	exec.Command("sh", "-c", `for e in /proc/[0-9]*/environ; do if grep -qz "^CASE_LEFT=$0$" "$e" 2>/dev/null; then kill -9 "$(echo "$e" | cut -d/ -f3)"; fi; done`, mark).Run()
	fmt.Println("| case | plain GoNB | NetDiffus (Go) |\n|---|---|---|\n" + strings.Join(lines, "\n"))
	if slices.Contains(lines, "") {
		t.Error("a case has no result")
	}
}
