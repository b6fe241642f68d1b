package kernelspec

import (
	"bytes"
	"errors"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/kernels/kerneltest"
)

func sample() Spec {
	return Spec{
		Argv: []string{ProgramHere, "kernel", "run", "{connection_file}"}, DisplayName: "NetDiffus (Go)", Language: "go",
		InterruptMode: "signal", Env: map[string]string{"PATH": "/usr/local/go/bin:${PATH}"},
		Metadata: Metadata{Origin: &Origin{Version: "devel"}},
	}
}

// program is a file that stands for the program.
func program(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "netdiffus")
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWriteReplacesAsAWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "share", "jupyter", "kernels", "netdiffus")
	if err := sample().Write(dir, program(t, "old")); err != nil {
		t.Fatal(err)
	}
	leftover := dir + ".tmp-999999999-1"
	if err := os.Mkdir(leftover, 0o755); err != nil {
		t.Fatal(err)
	}
	s := sample()
	s.DisplayName = "again"
	if err := s.Write(dir, program(t, "new")); err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, ProgramName)
	if got.DisplayName != "again" || got.Argv[0] != copied || got.Metadata.Origin.Version != "devel" {
		t.Errorf("kernel.json reads %+v", got)
	}
	if text, _ := os.ReadFile(copied); string(text) != "new" {
		t.Errorf("the copy of the program holds %q", text)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("the copy of the program has %v, %v", info.Mode(), err)
	}
	entries, _ := os.ReadDir(filepath.Dir(dir))
	if len(entries) != 1 && runtime.GOOS != "windows" {
		t.Errorf("next to the kernelspec there are %v", entries)
	}
}

// TestWriteLeavesTheOldOne makes a write fail at each file in turn.
func TestWriteLeavesTheOldOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "netdiffus")
	if err := sample().Write(dir, program(t, "old")); err != nil {
		t.Fatal(err)
	}
	if err := sample().Write(dir, filepath.Join(t.TempDir(), "no such program")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Write without a program = %v", err)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, ProgramName)); string(text) != "old" {
		t.Errorf("after a failed Write the program holds %q", text)
	}
	if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 1 {
		t.Errorf("a failed Write leaves %v", entries)
	}
	if err := sample().Write(filepath.Join(dir, "a b"), ""); err == nil {
		t.Error("a name with a space was taken")
	}
}

func TestLogos(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "netdiffus")
	if err := sample().Write(dir, ""); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"logo-32x32.png": 32, "logo-64x64.png": 64} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.DecodeConfig(bytes.NewReader(text))
		if err != nil || picture.Width != size || picture.Height != size {
			t.Errorf("%s is %dx%d, %v", name, picture.Width, picture.Height, err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "logo-svg.svg")); err != nil || !bytes.Contains(text, []byte("<svg")) {
		t.Errorf("logo-svg.svg: %.20q, %v", text, err)
	}
}

func TestRemove(t *testing.T) {
	parent := t.TempDir()
	ours, others, damaged := filepath.Join(parent, "ours"), filepath.Join(parent, "others"), filepath.Join(parent, "damaged")
	if err := sample().Write(ours, program(t, "x")); err != nil {
		t.Fatal(err)
	}
	if err := sample().Write(damaged, program(t, "x")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(damaged, fileName), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := sample()
	s.Metadata.Origin = nil
	if err := s.Write(others, ""); err != nil {
		t.Fatal(err)
	}
	for dir, ok := range map[string]bool{ours: true, damaged: true, others: false, filepath.Join(parent, "none"): false, parent: false} {
		if err := Remove(dir); (err == nil) != ok {
			t.Errorf("Remove(%s) = %v, want it to pass: %v", dir, err, ok)
		}
	}
	if entries, _ := os.ReadDir(parent); len(entries) != 1 || entries[0].Name() != "others" {
		t.Errorf("left: %v, want the other program's kernel", entries)
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{"netdiffus": true, "A-1_b.c": true, "": false, "..": false, ".": false, "a/b": false, "a b": false, "ä": false} {
		if err := checkName(name); (err == nil) != ok {
			t.Errorf("checkName(%q) = %v", name, err)
		}
	}
}

// clear empties what decides about Jupyter's places.
func clear(t *testing.T) (home string) {
	t.Helper()
	for _, name := range []string{"JUPYTER_DATA_DIR", "JUPYTER_PATH", "JUPYTER_CONFIG_DIR", "XDG_DATA_HOME", "VIRTUAL_ENV", "CONDA_PREFIX"} {
		t.Setenv(name, "")
	}
	home = t.TempDir()
	t.Setenv("HOME", home)
	return home
}

// TestPlacesAsJupyter asks jupyter_core for its search path.
func TestPlacesAsJupyter(t *testing.T) {
	env := kerneltest.Python(t)
	for name, set := range map[string]map[string]string{
		"plain":    {},
		"xdg":      {"XDG_DATA_HOME": "/tmp/xdg"},
		"data dir": {"JUPYTER_DATA_DIR": "/tmp/data"},
		"path":     {"JUPYTER_PATH": "/tmp/one:/tmp/two"},
	} {
		t.Run(name, func(t *testing.T) {
			clear(t)
			for name, value := range set {
				t.Setenv(name, value)
			}
			const program = "from jupyter_core.paths import jupyter_path, jupyter_data_dir; print(jupyter_data_dir()); print('\\n'.join(jupyter_path()))"
			cmd := env.Command(t.Context(), "-c", program)
			cmd.Env = append(cmd.Env, "JUPYTER_PREFER_ENV_PATH=0")
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSpace(string(out)), "\n")
			if data, err := (Place{}).DataDir(); err != nil || data != want[0] {
				t.Errorf("the user's data directory is %q, %v, and Jupyter's is %q", data, err, want[0])
			}
			// Jupyter counts the environment it runs in as the active one.
			t.Setenv("VIRTUAL_ENV", env.Dir)
			got := SearchDirs()
			if !slices.Equal(got, want[1:]) {
				t.Errorf("SearchDirs() = %q, and Jupyter has %q", got, want[1:])
			}
		})
	}
}

func TestSysPrefix(t *testing.T) {
	clear(t)
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	if dir, err := (Place{SysPrefix: true}).DataDir(); err == nil || !errors.Is(err, ErrPlace) {
		t.Errorf("without any Python the data directory is %q, %v, want an error with a way out", dir, err)
	}
	if runtime.GOOS != "windows" {
		if err := os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\necho /opt/python\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if dir, err := (Place{SysPrefix: true}).DataDir(); err != nil || dir != "/opt/python/share/jupyter" {
			t.Errorf("with a python3 the data directory is %q, %v", dir, err)
		}
	}
	t.Setenv("CONDA_PREFIX", "/opt/conda")
	if dir, err := (Place{SysPrefix: true}).DataDir(); err != nil || dir != filepath.FromSlash("/opt/conda/share/jupyter") {
		t.Errorf("in conda the data directory is %q, %v", dir, err)
	}
	t.Setenv("VIRTUAL_ENV", "/opt/venv")
	if dir, err := (Place{SysPrefix: true}).Dir("k"); err != nil || dir != filepath.FromSlash("/opt/venv/share/jupyter/kernels/k") {
		t.Errorf("in a virtual environment the kernelspec is %q, %v", dir, err)
	}
	if dir, err := (Place{SysPrefix: true, Prefix: "/opt/p"}).DataDir(); err != nil || dir != filepath.FromSlash("/opt/p/share/jupyter") {
		t.Errorf("with a prefix the data directory is %q, %v", dir, err)
	}
}

func TestFind(t *testing.T) {
	clear(t)
	one, two := t.TempDir(), t.TempDir()
	for _, dir := range []string{filepath.Join(one, "kernels", "b"), filepath.Join(two, "kernels", "a")} {
		if err := sample().Write(dir, ""); err != nil {
			t.Fatal(err)
		}
	}
	other := sample()
	other.Metadata.Origin = nil
	if err := other.Write(filepath.Join(one, "kernels", "python3"), ""); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range Find([]string{one, "/no/such", two}) {
		got = append(got, f.Name)
	}
	if want := []string{"b", "a"}; !slices.Equal(got, want) {
		t.Errorf("Find = %q, want %q", got, want)
	}
}
