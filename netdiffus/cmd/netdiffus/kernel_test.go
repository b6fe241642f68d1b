package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/netdiffus/netdiffus-go/kernels"
	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
	"github.com/netdiffus/netdiffus-go/kernels/setup"
)

// TestMain lets the test's own binary be the program, as an installed kernel and
// the commands below start it.
func TestMain(m *testing.M) {
	if code, ok := kernels.Helper(os.Args); ok {
		os.Exit(code)
	}
	if os.Getenv(asProgram) != "" {
		os.Exit(runAsProgram())
	}
	if len(os.Args) > 1 && (os.Args[1] == "kernel" || os.Args[1] == "notebooks" || os.Args[1] == "sweep") {
		os.Exit(run(os.Args[1:]))
	}
	// What the tests train is not to be found by --all afterwards.
	scratch, err := os.MkdirTemp("", "netdiffus-index-")
	if err != nil {
		panic(err)
	}
	os.Setenv("NETDIFFUS_RUNS_INDEX", scratch)
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// emptyHome is a home that holds nothing yet; what Go and this program keep in
// caches stays where it is.
func emptyHome(t *testing.T) (home string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	dirs := strings.Split(string(out), "\n")
	home = t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "XDG_CACHE_HOME": cache, "GOCACHE": dirs[0], "GOMODCACHE": dirs[1],
		"XDG_DATA_HOME": "", "JUPYTER_DATA_DIR": "", "JUPYTER_PATH": "", "VIRTUAL_ENV": "", "CONDA_PREFIX": "", "DISPLAY": "",
	} {
		t.Setenv(name, value)
	}
	return home
}

// kernelCommandLine runs "netdiffus kernel ARGS" as a process of its own.
func kernelCommandLine(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), me, append([]string{"kernel"}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// TestKernelInstall goes the whole way twice at once: tools, device, build cache,
// a cell on the real kernel, the kernelspec; then looks at it, and removes it.
func TestKernelInstall(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the kernel's tools and the library where they are not in the caches yet")
	}
	home := emptyHome(t)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			out, errs, err := kernelCommandLine(t, "install")
			if err != nil || !strings.Contains(out, `installed  "NetDiffus (Go)"`) {
				t.Errorf("kernel install: %v\n%s%s", err, out, errs)
			}
		})
	}
	both.Wait()
	if t.Failed() {
		t.FailNow()
	}
	kernelsDir := filepath.Join(home, ".local", "share", "jupyter", "kernels")
	entries, err := os.ReadDir(kernelsDir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "netdiffus" {
		t.Fatalf("%s holds %v, %v, want netdiffus alone", kernelsDir, entries, err)
	}
	s, err := kernelspec.Read(filepath.Join(kernelsDir, "netdiffus"))
	if err != nil || s.DisplayName != "NetDiffus (Go)" || s.Language != "go" || !filepath.IsAbs(s.Argv[0]) {
		t.Errorf("the kernelspec is %+v, %v", s, err)
	}

	out, errs, err := kernelCommandLine(t, "doctor", "--json")
	if err != nil {
		t.Errorf("kernel doctor: %v\n%s%s", err, out, errs)
	}
	var report setup.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if last := report.Checks[len(report.Checks)-1]; last.Part != "cell" || last.Status != setup.OK {
		t.Errorf("the last check is %+v, want a cell that ran", last)
	}
	if out, _, err := kernelCommandLine(t, "list"); err != nil || !strings.Contains(out, kernelsDir) {
		t.Errorf("kernel list: %v\n%s", err, out)
	}
	if out, _, err := kernelCommandLine(t, "uninstall"); err != nil || !strings.Contains(out, "removed") {
		t.Errorf("kernel uninstall: %v\n%s", err, out)
	}
	if entries, _ := os.ReadDir(kernelsDir); len(entries) != 0 {
		t.Errorf("kernel uninstall leaves %v", entries)
	}
	for _, args := range [][]string{{"uninstall"}, {"list"}, {"doctor"}} {
		if _, errs, err := kernelCommandLine(t, args...); err == nil || !strings.HasPrefix(errs, "netdiffus: ") {
			t.Errorf("kernel %s without a kernel: %v, %q", args[0], err, errs)
		}
	}
}

func TestKernelDoctorText(t *testing.T) {
	emptyHome(t)
	out, errs, err := kernelCommandLine(t, "doctor")
	if err == nil || !strings.Contains(errs, "does not work") {
		t.Errorf("kernel doctor on a machine without the kernel: %v, %q", err, errs)
	}
	for _, want := range []string{"kernelspec    broken", "cure     run 'netdiffus kernel install'", "device        skipped"} {
		if !strings.Contains(out, want) {
			t.Errorf("kernel doctor does not print %q:\n%s", want, out)
		}
	}
}

func TestKernelUsage(t *testing.T) {
	for _, args := range [][]string{
		{"kernel", "install", "--user", "--sys-prefix"},
		{"kernel", "install", "here"},
		{"kernel", "doctor", "--nosuch"},
		{"kernel", "uninstall", "--prefix", "/p", "--user"},
	} {
		if got := run(args); got != exitUsage {
			t.Errorf("netdiffus %s exits with %d, want %d", strings.Join(args, " "), got, exitUsage)
		}
	}
}
