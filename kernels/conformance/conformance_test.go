// Package conformance tests the kernel's protocol with Jupyter's own client: with the
// cases of jupyter_kernel_test, and with cases of our own for every improvement on
// plain GoNB that docs/kernel.md lists.
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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/kerneltest"
	"github.com/netdiffus/netdiffus-go/kernels/pyenv"
	"github.com/netdiffus/netdiffus-go/kernels/setup"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
)

func TestMain(m *testing.M) { kerneltest.Main(m) }

// before adds the results of plain GoNB. This takes a quarter of an hour, because a
// case that GoNB does not answer lasts until its limit.
var before = flag.Bool("before", false, "run the cases on plain GoNB too, and write "+tableFile)

// tableFile is the file that TestTable writes.
const tableFile = "testdata/conformance.md"

// limit is how long a case may take on a busy machine; on an idle one none takes 15 s.
const limit = 3 * time.Minute

// limitBefore is the limit on plain GoNB, some of whose answers never come.
const limitBefore = 30 * time.Second

// suite lists the cases of jupyter_kernel_test. Those with a reason fail, because a
// kernel whose cells are programs cannot do what they require.
var suite = []struct{ name, reason string }{
	{"test_kernel_info", ""},
	{"test_execute_stdout", ""},
	{"test_execute_stderr", ""},
	{"test_completion", ""},
	{"test_is_complete", ""},
	{"test_pager", "%help is shown as Markdown below the cell, where notebooks show it; notebooks have no pager"},
	{"test_error", ""},
	{"test_execute_result", "a Go cell is a program and has no value"},
	{"test_display_data", ""},
	{"test_history", ""},
	{"test_inspect", ""},
	{"test_clear_output", ""},
}

// bench holds what the cases run with.
type bench struct {
	python pyenv.Env
	env    []string
}

func open(t *testing.T) bench {
	t.Helper()
	if testing.Short() {
		t.Skip("starts kernels")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the cases look for processes in /proc")
	}
	if _, err := os.Stat("/bin/bash"); err != nil {
		kerneltest.Skip(t, "GoNB's shell, /bin/bash, is not on this machine")
	}
	python := kerneltest.Python(t)
	tools, err := setup.Tools{}.Build(t.Context())
	if err != nil {
		kerneltest.Skip(t, fmt.Sprintf("GoNB cannot be built: %v", err))
	}
	dir := t.TempDir()
	program := kerneltest.Program(t)
	library, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	// gopls occupies a core for seconds, and most cases do not need it.
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
	writeKernelspec(t, dir, "netdiffus", run(small), "")
	writeKernelspec(t, dir, "netdiffus-gopls", run(tools), "")
	writeKernelspec(t, dir, "plain", plain, small)
	writeKernelspec(t, dir, "plain-gopls", plain, tools)
	modules, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return bench{python, []string{
		"JUPYTER_PATH=" + dir, "JUPYTER_RUNTIME_DIR=" + t.TempDir(), "PYTHONDONTWRITEBYTECODE=1",
		"CASE_GOMODCACHE=" + strings.TrimSpace(string(modules)),
	}}
}

// writeKernelspec writes a kernelspec. path, if not empty, is put first on the PATH.
func writeKernelspec(t *testing.T, dir, name string, argv []string, path string) {
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

// run runs a script on a kernel.
func (b bench) run(t *testing.T, kernel string, limit time.Duration, script string, args ...string) (output string, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := b.python.Command(ctx, append([]string{script}, args...)...)
	cmd.Env = append(append(cmd.Env, b.env...), "CASE_KERNEL="+kernel)
	begun := time.Now()
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.New("no answer within " + limit.String())
	}
	return string(out), time.Since(begun), err
}

// result is how a case of jupyter_kernel_test went.
type result struct {
	passed bool
	took   time.Duration
	detail string
}

// suite runs the cases of jupyter_kernel_test, each within limit.
func (b bench) suite(t *testing.T, kernel string, limit time.Duration) map[string]result {
	t.Helper()
	args := []string{fmt.Sprint(int(limit.Seconds()))}
	for _, c := range suite {
		args = append(args, c.name)
	}
	out, _, err := b.run(t, kernel, 2*limit*time.Duration(len(suite)), "suite.py", args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	results := map[string]result{}
	last := ""
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) == 3 && (f[0] == "pass" || f[0] == "fail") {
			seconds, _ := strconv.ParseFloat(f[2], 64)
			last = f[1]
			results[last] = result{f[0] == "pass", time.Duration(seconds * float64(time.Second)), ""}
		} else if r, ok := results[last]; ok {
			r.detail += line
			results[last] = r
		}
	}
	return results
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

// short lists our own cases that run without long tests: one of each kind of thing
// that a kernel does, and none that takes long by itself.
var short = []string{
	"counts_go_up", "declarations_last", "failing_shell_line", "first_cell_imports", "heartbeat", "imports_are_added",
	"interrupt_endless_prints", "is_complete", "kernel_info", "killed_kernel_leaves_nothing", "missing_import_is_named",
	"plot_shows_again", "restarts", "stdin_round_trip", "unicode", "unknown_request_is_refused",
}

// TestKernel runs every case on the kernel, or those of short.
func TestKernel(t *testing.T) {
	b := open(t)
	names := b.cases(t)
	if !longtest.On() {
		for _, name := range short {
			if !slices.Contains(names, name) {
				t.Errorf("cases.py has no case %q", name)
			}
		}
		names = short
	}
	t.Run("jupyter_kernel_test", func(t *testing.T) {
		longtest.Only(t, "completes and inspects with gopls")
		t.Parallel()
		results := b.suite(t, "netdiffus-gopls", limit)
		for _, c := range suite {
			r, ran := results[c.name]
			switch {
			case !ran:
				t.Errorf("%s has not run", c.name)
			case !r.passed && c.reason == "":
				t.Errorf("%s fails after %v\n%s", c.name, r.took, r.detail)
			case r.passed && c.reason != "":
				t.Errorf("%s passes, which docs/kernel.md denies, because %s", c.name, c.reason)
			}
		}
	})
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, took, err := b.run(t, "netdiffus", limit, "cases.py", name)
			if err != nil {
				t.Errorf("%v after %v\n%s", err, took.Round(time.Second), out)
			} else if out != "" {
				t.Log(strings.TrimSpace(out))
			}
		})
	}
}

// TestTable runs every case on plain GoNB and on this kernel, and writes tableFile.
func TestTable(t *testing.T) {
	if !*before {
		t.Skip("run with -before")
	}
	b := open(t)
	mark := "CASE_LEFT=" + t.TempDir() // marks the processes that plain GoNB leaves behind
	b.env = append(b.env, mark)
	var table strings.Builder
	table.WriteString("# Conformance of plain GoNB 0.11.5 and of this kernel\n\n" +
		"Written by `go test ./kernels/conformance -run TestTable -before`.\n\n" +
		"| case | plain GoNB | NetDiffus (Go) |\n|---|---|---|\n")
	outcome := func(passed bool, took, limit time.Duration) string {
		switch {
		case passed:
			return "pass"
		case took > limit-time.Second:
			return "**no answer**"
		}
		return "**fail**"
	}
	old, now := b.suite(t, "plain-gopls", limitBefore), b.suite(t, "netdiffus-gopls", limit)
	for _, c := range suite {
		x, y := old[c.name], now[c.name]
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", c.name, outcome(x.passed, x.took, limitBefore), outcome(y.passed, y.took, limit))
	}
	for _, name := range b.cases(t) {
		_, tookOld, errOld := b.run(t, "plain", limitBefore, "cases.py", name)
		_, took, err := b.run(t, "netdiffus", limit, "cases.py", name)
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", name, outcome(errOld == nil, tookOld, limitBefore), outcome(err == nil, took, limit))
	}
	endMarked(t, mark)
	if err := os.WriteFile(tableFile, []byte(table.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// endMarked kills the processes whose environment holds mark.
func endMarked(t *testing.T, mark string) {
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		text, err := os.ReadFile(path)
		if err != nil || !slices.Contains(strings.Split(string(text), "\x00"), mark) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			if p, err := os.FindProcess(pid); err == nil && p.Kill() == nil {
				t.Logf("plain GoNB left process %d", pid)
			}
		}
	}
}
