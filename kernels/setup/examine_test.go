package setup

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// machine is an installed kernel that a test breaks. Its tools are empty files:
// nothing runs them.
type machine struct {
	t      *testing.T
	prefix string
	dir    string // of the kernelspec
	spec   kernelspec.Spec
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the programs are shell scripts")
	}
	g, err := findGo(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, prefix: t.TempDir()}
	m.dir = filepath.Join(m.prefix, "share", "jupyter", "kernels", "netdiffus")
	tools := t.TempDir()
	sizes := map[string]int64{}
	for _, p := range allTools {
		m.script(p.path(tools), "exit 0")
		info, err := os.Stat(p.path(tools))
		if err != nil {
			t.Fatal(err)
		}
		sizes[p.name] = info.Size()
	}
	receipt, err := json.Marshal(sizes)
	if err == nil {
		err = os.WriteFile(filepath.Join(tools, "netdiffus.json"), receipt, 0o644)
	}
	library, absErr := filepath.Abs("../..")
	program := m.script(filepath.Join(t.TempDir(), "netdiffus"), "exit 0")
	hash, hashErr := provenance.Hash(t.Context(), program)
	if err := errors.Join(err, absErr, hashErr); err != nil {
		t.Fatal(err)
	}
	m.spec = kernelspec.Spec{
		Argv:     []string{kernelspec.ProgramHere, "kernel", "run", "{connection_file}", "--tools", tools, "--go", g.Path, "--module", library},
		Env:      map[string]string{backend.Env: "go"},
		Metadata: kernelspec.Metadata{Origin: &kernelspec.Origin{Version: "v1", Program: hash.SHA256}},
	}
	if err := m.spec.Write(m.dir, program); err != nil {
		t.Fatal(err)
	}
	// A jupyter that finds the kernel.
	bin := t.TempDir()
	m.script(filepath.Join(bin, "jupyter"), fmt.Sprintf(`echo '{"kernelspecs": {"netdiffus": {"resource_dir": %q}}}'`, m.dir))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return m
}

// script writes a shell script.
func (m *machine) script(path, text string) string {
	m.t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		m.t.Fatal(err)
	}
	return path
}

// change writes kernel.json again after f has changed it.
func (m *machine) change(f func(*kernelspec.Spec)) {
	m.t.Helper()
	s, err := kernelspec.Read(m.dir)
	if err != nil {
		m.t.Fatal(err)
	}
	f(&s)
	text, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(filepath.Join(m.dir, "kernel.json"), text, 0o644)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// argument changes what follows flag in argv.
func (m *machine) argument(flag, value string) {
	m.change(func(s *kernelspec.Spec) {
		for i, a := range s.Argv {
			if a == flag {
				s.Argv[i+1] = value
			}
		}
	})
}

// tools is the folder of the tools.
func (m *machine) tools() string { return m.spec.Argv[5] }

func (m *machine) run() Report {
	place := kernelspec.Place{Prefix: m.prefix}
	return Examine(m.t.Context(), ExamineOptions{Place: &place, Version: "v1", NoCell: true})
}

func (r Report) part(name string) Check {
	for _, c := range r.Checks {
		if c.Part == name {
			return c
		}
	}
	return Check{}
}

func TestHealthy(t *testing.T) {
	m := newMachine(t)
	r := m.run()
	for _, c := range r.Checks {
		want := OK
		if c.Part == "device" {
			want = Warning // pure Go, to be quick
		}
		// How full the disk is and what was built is the machine's matter.
		if c.Status != want && c.Part != "disk" && c.Part != "build cache" {
			t.Errorf("%s is %s: %s", c.Part, c.Status, c.Detail)
		}
		if (c.Status == OK) != (c.Cure == "") && c.Status != Skipped {
			t.Errorf("%s is %s and its cure is %q", c.Part, c.Status, c.Cure)
		}
	}
	if r.Broken() != 0 || r.Dir != m.dir {
		t.Errorf("Examine = %+v", r)
	}
}

// TestHalfBroken breaks one thing at a time.
func TestHalfBroken(t *testing.T) {
	for name, c := range map[string]struct {
		harm   func(m *machine)
		part   string
		status Status
		detail string
		cure   string
	}{
		"no gopls": {func(m *machine) { os.Remove(filepath.Join(m.tools(), "gopls")) },
			"tools", Warning, "gopls is missing", "kernel install"},
		"no gonb": {func(m *machine) { os.Remove(filepath.Join(m.tools(), "gonb")) },
			"tools", Broken, "gonb missing", "kernel install"},
		"a tool cut short": {func(m *machine) { os.Truncate(filepath.Join(m.tools(), "goimports"), 3) },
			"tools", Broken, "goimports has 3 bytes", "kernel install"},
		"no tools": {func(m *machine) { os.RemoveAll(m.tools()) },
			"tools", Broken, "gonb and goimports and gopls missing", "kernel install"},
		"no plugin": {func(m *machine) {
			m.change(func(s *kernelspec.Spec) { s.Env[backend.Env] = "xla:/no/such/pjrt_c_api_cpu_plugin.so" })
		}, "device", Broken, "no such file", "netdiffus doctor"},
		"a plugin that is none": {func(m *machine) {
			page := filepath.Join(m.prefix, "plugin.so")
			os.WriteFile(page, []byte("<!DOCTYPE html>"), 0o644)
			m.change(func(s *kernelspec.Spec) { s.Env[backend.Env] = "xla:" + page })
		}, "device", Broken, "web page", "netdiffus doctor"},
		"old Go": {func(m *machine) {
			m.argument("--go", m.script(filepath.Join(m.prefix, "go"), "echo go1.21.0; echo 1; echo gcc"))
		}, "go", Broken, "go1.21.0", "install Go"},
		"Go is gone": {func(m *machine) { m.argument("--go", "/no/such/go") },
			"go", Broken, "/no/such/go", "install Go"},
		"no C compiler": {func(m *machine) { m.t.Setenv("CC", "no-such-compiler") },
			"c compiler", Broken, "no-such-compiler", "apt install gcc"},
		"the clone was moved": {func(m *machine) { m.argument("--module", filepath.Join(m.prefix, "clone")) },
			"library", Broken, "moved or removed", "where it is now"},
		"the program was deleted": {func(m *machine) { os.Remove(filepath.Join(m.dir, kernelspec.ProgramName)) },
			"program", Broken, "no such file", "kernel install"},
		"the program was altered": {func(m *machine) { m.script(filepath.Join(m.dir, kernelspec.ProgramName), "echo evil") },
			"program", Broken, "has changed", "kernel install"},
		"another version": {func(m *machine) { m.change(func(s *kernelspec.Spec) { s.Metadata.Origin.Version = "v0" }) },
			"program", Warning, "version v0", "kernel install"},
		"no kernelspec": {func(m *machine) { os.RemoveAll(m.dir) },
			"kernelspec", Broken, "no kernel called netdiffus", "kernel install --prefix"},
		"half a kernelspec": {func(m *machine) { os.Truncate(filepath.Join(m.dir, "kernel.json"), 20) },
			"kernelspec", Broken, "kernel.json", "kernel install"},
		"another program's": {func(m *machine) { m.change(func(s *kernelspec.Spec) { s.Metadata.Origin = nil }) },
			"kernelspec", Broken, "another program", "--name"},
		"Jupyter looks elsewhere": {func(m *machine) {
			bin := filepath.Join(m.prefix, "bin")
			os.Mkdir(bin, 0o755)
			m.script(filepath.Join(bin, "jupyter"), `echo '{"kernelspecs": {"python3": {"resource_dir": "/x"}}}'`)
			m.t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
		}, "jupyter", Broken, "does not find", "JUPYTER_PATH"},
		"Jupyter takes another": {func(m *machine) {
			bin := filepath.Join(m.prefix, "bin")
			os.Mkdir(bin, 0o755)
			m.script(filepath.Join(bin, "jupyter"), `echo '{"kernelspecs": {"netdiffus": {"resource_dir": "/tmp"}}}'`)
			m.t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
		}, "jupyter", Broken, "in /tmp", "uninstall"},
		"Jupyter is broken": {func(m *machine) {
			bin := filepath.Join(m.prefix, "bin")
			os.Mkdir(bin, 0o755)
			m.script(filepath.Join(bin, "jupyter"), "echo Traceback; exit 1")
			m.t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
		}, "jupyter", Warning, "exit status 1", "again"},
		"no temporary folder": {func(m *machine) { m.t.Setenv("TMPDIR", filepath.Join(m.dir, "kernel.json", "tmp")) },
			"folders", Broken, "temporary folder", "TMPDIR"},
		"no build cache": {func(m *machine) { m.t.Setenv("GOCACHE", filepath.Join(m.dir, "kernel.json", "cache")) },
			"folders", Warning, "build cache is not writable", "GOCACHE"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			c.harm(m)
			r := m.run()
			got := r.part(c.part)
			if got.Status != c.status || !strings.Contains(got.Detail, c.detail) || !strings.Contains(got.Cure, c.cure) {
				t.Errorf("%s is %+v, want %s with %q and the cure %q", c.part, got, c.status, c.detail, c.cure)
			}
			if (r.Broken() > 0) != (c.status == Broken) {
				t.Errorf("%d parts are broken: %+v", r.Broken(), r.Checks)
			}
		})
	}
}

func TestWithoutJupyter(t *testing.T) {
	m := newMachine(t)
	g := m.spec.Argv[7]
	t.Setenv("PATH", "/usr/bin:/bin")
	if c := m.run().part("jupyter"); c.Status != Warning && c.Status != OK || c.Status == Warning && !strings.Contains(c.Cure, "notebooks lab") {
		t.Errorf("jupyter is %+v (Go is %s)", c, g)
	}
}
