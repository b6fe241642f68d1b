package setup

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
	"github.com/netdiffus/netdiffus-go/kernels/standin"
)

var quiet = slog.New(slog.DiscardHandler)

// clone is a folder with a go.mod of that module.
func clone(t *testing.T, module string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module "+module+"\n\ngo 1.26\n"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFindLibrary(t *testing.T) {
	ours, others := clone(t, standin.LibraryPath), clone(t, "example.com/other")
	below := filepath.Join(ours, "notebooks", "deep")
	nested := filepath.Join(ours, "kernels", "tools") // a module of its own in the clone
	for _, dir := range []string{below, nested} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(nested, "go.mod"), []byte("module "+standin.LibraryPath+"/kernels/tools\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		here, module, version string
		want                  standin.Library
		why                   string
	}{
		"in the clone":            {ours, "", "devel", standin.Library{Folder: ours}, ""},
		"below the clone":         {below, "", "v1.2.3", standin.Library{Folder: ours}, ""},
		"in a module inside it":   {nested, "", "devel", standin.Library{Folder: ours}, ""},
		"named":                   {others, ours, "devel", standin.Library{Folder: ours}, ""},
		"named by a short path":   {below, "../..", "devel", standin.Library{Folder: ours}, ""},
		"a released program":      {others, "", "v1.2.3", standin.Library{Version: "v1.2.3"}, ""},
		"a clone's program away":  {others, "", "devel", standin.Library{}, ErrNoClone.Error()},
		"changed since a release": {others, "", "v1.2.4-0.20260101000000-abcdefabcdef+dirty", standin.Library{}, ErrNoClone.Error()},
		"another module named":    {ours, others, "devel", standin.Library{}, "not a clone"},
		"nothing named":           {ours, filepath.Join(ours, "none"), "devel", standin.Library{}, "not a clone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(c.here)
			got, err := FindLibrary(c.module, c.version)
			if c.why != "" {
				if err == nil || !strings.Contains(err.Error(), c.why) {
					t.Errorf("FindLibrary = %+v, %v, want an error with %q", got, err, c.why)
				}
			} else if err != nil || got != c.want {
				t.Errorf("FindLibrary = %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestEnvironmentAsJupyterMakesIt(t *testing.T) {
	t.Setenv("SOME", "thing")
	s := kernelspec.Spec{Env: map[string]string{"A": "x:${SOME}:$SOME", "B": literal("a$SOME$"), "C": "${NOT_SET_AT_ALL}"}}
	env := environment(s)
	for _, want := range []string{"A=x:thing:thing", "B=a$SOME$", "C="} {
		if !slices.Contains(env, want) {
			t.Errorf("the kernel's environment lacks %q", want)
		}
	}
}

func TestSearchPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths of Unix")
	}
	got := searchPath(goCommand{Path: "/opt/go $1/bin/go", Compiler: "no-such-compiler"})
	if want := "${PATH}:/opt/go $$1/bin:/usr/local/bin:/usr/bin:/bin"; got != want {
		t.Errorf("searchPath = %q, want %q", got, want)
	}
}

// TestInstallSaysWhatIsMissing: each before anything that takes long.
func TestInstallSaysWhatIsMissing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		set     map[string]string
		options Options
		is      error
		want    string
	}{
		"name":        {nil, Options{Name: "a b"}, nil, "cannot be the name"},
		"place":       {nil, Options{Place: kernelspec.Place{Prefix: file}}, kernelspec.ErrPlace, "cannot be written"},
		"module":      {nil, Options{Module: filepath.Dir(file)}, nil, "not a clone"},
		"compiler":    {map[string]string{"CC": "no-such-compiler"}, Options{}, errNoCompiler, "apt install gcc"},
		"cgo":         {map[string]string{"CGO_ENABLED": "0"}, Options{}, errNoCompiler, "unset it"},
		"cache":       {map[string]string{"XDG_CACHE_HOME": file}, Options{}, nil, "XDG_CACHE_HOME"},
		"no home":     {map[string]string{"HOME": "", "XDG_DATA_HOME": "", "JUPYTER_DATA_DIR": ""}, Options{Place: kernelspec.Place{}}, kernelspec.ErrPlace, "JUPYTER_DATA_DIR"},
		"environment": {map[string]string{"PATH": filepath.Dir(file), "VIRTUAL_ENV": "", "CONDA_PREFIX": ""}, Options{Place: kernelspec.Place{SysPrefix: true}}, kernelspec.ErrPlace, "activate one"},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS != "linux" && (name == "cache" || name == "no home") {
				t.Skip("environment of Linux")
			}
			o := c.options
			if o.Place == (kernelspec.Place{}) && name != "no home" {
				o.Place.Prefix = t.TempDir()
			}
			if o.Module == "" {
				o.Module = "../.."
			}
			o.Log = quiet
			for name, value := range c.set {
				t.Setenv(name, value)
			}
			begun := time.Now()
			_, err := Install(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("Install = %v, want %q", err, c.want)
			}
			if took := time.Since(begun); took > time.Minute {
				t.Errorf("it took %v to say so", took)
			}
		})
	}
}

// TestInstallWithoutGo is a PATH without go. Where Go is in one of its usual
// places it is found all the same.
func TestInstallWithoutGo(t *testing.T) {
	if _, err := os.Stat("/usr/local/go/bin/go"); err != nil {
		t.Setenv("PATH", t.TempDir())
		_, err := Install(t.Context(), Options{Place: kernelspec.Place{Prefix: t.TempDir()}, Module: "../..", Log: quiet})
		if !errors.Is(err, errNoGo) || !strings.Contains(err.Error(), "install go1.") {
			t.Errorf("Install = %v, want ErrNoGo with a cure", err)
		}
		return
	}
	t.Setenv("PATH", t.TempDir())
	if g, err := findGo(t.Context(), ""); err != nil || g.Path != "/usr/local/go/bin/go" {
		t.Errorf("FindGo = %+v, %v, want the usual place", g, err)
	}
}

// TestInstallKeepsTheOldOne: a kernel that fails its cell is not installed, and
// what was installed before stays.
func TestInstallKeepsTheOldOne(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tools where they are not in the cache yet")
	}
	sleeper, err := filepath.Abs("testdata/not-a-kernel")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("the program is a shell script")
	}
	o := Options{Place: kernelspec.Place{Prefix: t.TempDir()}, Module: "../..", Program: sleeper, Log: quiet, Version: "devel", Backend: "go"}
	dir, err := o.Place.Dir(DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	old := kernelspec.Spec{Argv: []string{"old"}}
	if err := old.Write(dir, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := Install(t.Context(), o); err == nil || !strings.Contains(err.Error(), "I am no kernel") {
		t.Errorf("Install of a program that is no kernel = %v, want its last words", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Install(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("Install = %v, want context.Canceled", err)
	}
	if s, err := kernelspec.Read(dir); err != nil || s.Argv[0] != "old" {
		t.Errorf("after failed installations there is %+v, %v, want the old one", s, err)
	}
}

// TestWarm builds what cells import, if need be, and finds nothing cold then.
func TestWarm(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the library where it is not in the build cache yet")
	}
	library := standin.Library{}
	var err error
	if library.Folder, err = filepath.Abs("../.."); err != nil {
		t.Fatal(err)
	}
	if err := Warm(t.Context(), quiet, library); err != nil {
		t.Fatal(err)
	}
	g, err := findGo(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if list, err := cold(t.Context(), g, library); err != nil || len(list) > 0 {
		t.Errorf("after Warm these are not built: %q, %v", list, err)
	}
	t.Setenv("GOCACHE", t.TempDir())
	if list, err := cold(t.Context(), g, library); err != nil || !slices.Contains(list, standin.LibraryPath+"/netdiffus/traffic") || !slices.Contains(list, "fmt") {
		t.Errorf("with an empty build cache these are not built: %.200q, %v", list, err)
	}
}
