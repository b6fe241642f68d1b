package pyenv

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
)

// bare is an opener whose environments hold no packages: they need no network
// and take a second. It skips without Python.
func bare(t *testing.T) (Opener, *bytes.Buffer) {
	t.Helper()
	python, err := findPython(t.Context())
	if err != nil {
		t.Skip(err)
	}
	var log bytes.Buffer
	return Opener{Log: slog.New(slog.NewTextHandler(&log, nil)), CacheDir: t.TempDir(), Python: python, requirements: "# nothing\n"}, &log
}

func TestOpenOnceForMany(t *testing.T) {
	o, _ := bare(t)
	logs := make([]bytes.Buffer, 4)
	var all sync.WaitGroup
	for i := range logs {
		all.Go(func() {
			mine := o
			mine.Log = slog.New(slog.NewTextHandler(&logs[i], nil))
			env, err := mine.Open(t.Context())
			if err == nil {
				err = env.Command(t.Context(), "-c", "import sys; assert sys.prefix != sys.base_prefix").Run()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	made := 0
	for i := range logs {
		made += strings.Count(logs[i].String(), "making the Python environment")
	}
	if made != 1 {
		t.Errorf("the environment was made %d times, want once", made)
	}
}

func TestOpenMendsDamage(t *testing.T) {
	o, log := bare(t)
	env, err := o.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	site, err := env.sitePackages()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(site, "some_package"), 0o755); err != nil { // as pip would
		t.Fatal(err)
	}
	if err := env.writeReceipt(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		damage func() error
	}{
		{"some_package is missing", func() error { return os.RemoveAll(filepath.Join(site, "some_package")) }},
		{"does not run", func() error { return os.Remove(env.Python()) }},
		{"receipt is damaged", func() error { return os.WriteFile(filepath.Join(env.Dir, receiptName), []byte("{"), 0o644) }},
		{"was not finished", func() error { return os.Remove(filepath.Join(env.Dir, receiptName)) }},
	} {
		what := c.what
		if err := c.damage(); err != nil {
			t.Fatal(err)
		}
		if err := env.check(t.Context()); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("check = %v, want that it %s", err, what)
		}
		if what == "some_package is missing" { // the later ones have less and less left
			if err := env.writeReceipt(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := o.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); !strings.Contains(got, "environment again") || !strings.Contains(got, "was not finished") {
		t.Errorf("Open logs %q, want it made again, and why", got)
	}
	if err := env.check(t.Context()); err != nil {
		t.Errorf("after Open: %v", err)
	}
}

func TestOpenWithoutPackages(t *testing.T) {
	o, _ := bare(t)
	t.Setenv("PIP_NO_INDEX", "1")
	o.requirements = "netdiffus-has-no-such-package==1.0\n"
	_, err := o.Open(t.Context())
	if !errors.Is(err, ErrNoPackages) || !strings.Contains(err.Error(), "netdiffus-has-no-such-package") {
		t.Errorf("Open = %v, want ErrNoPackages and the package's name", err)
	}
	left, err := filepath.Glob(filepath.Join(o.CacheDir, "*"))
	if err != nil || len(left) != 1 || !strings.HasSuffix(left[0], ".lock") {
		t.Errorf("a failed Open leaves %q, want the lock alone", left)
	}
}

func TestOpenStopsWithContext(t *testing.T) {
	o, _ := bare(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Open(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Open = %v, want context.Canceled", err)
	}
}

// fakePython puts a python3 that runs script alone on the PATH.
func fakePython(t *testing.T, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the fake Python is a shell script")
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
}

func TestOpenWithoutPython(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"none":        {"", `"python3": executable file not found`},
		"old":         {"echo 3.8", "3.10 is the oldest"},
		"two":         {"echo 2.7", "3.10 is the oldest"},
		"broken":      {"exit 3", "does not run"},
		"no venv":     {`case "$1" in -I) echo 3.12;; *) echo "No module named venv"; exit 1;; esac`, "apt install python3-venv"},
		"venv breaks": {`case "$1$2" in -I*) echo 3.12;; -mpip) echo pip 24;; *) echo boom; exit 1;; esac`, "boom"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.script == "" {
				t.Setenv("PATH", t.TempDir())
			} else {
				fakePython(t, c.script)
			}
			_, err := Opener{CacheDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}.Open(t.Context())
			if !errors.Is(err, ErrNoPython) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open = %v, want ErrNoPython with %q", err, c.want)
			}
		})
	}
}

// TestOpenWithOldPip is a pip that cannot install elsewhere: the environment
// gets its own.
func TestOpenWithOldPip(t *testing.T) {
	longtest.Only(t, "puts pip into an environment")
	o, _ := bare(t)
	real := o.Python
	fakePython(t, fmt.Sprintf(`if [ "$2 $3" = "pip --python" ]; then echo "no such option: --python"; exit 2; fi
exec %q "$@"`, real))
	o.Python = filepath.Join(os.Getenv("PATH"), "python3")
	env, err := o.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(t.Context(), env.Python(), "-m", "pip", "--version"); err != nil {
		t.Errorf("the environment has no pip of its own: %v", err)
	}
}

func TestOpenWhereNothingCanBeWritten(t *testing.T) {
	o, _ := bare(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	o.CacheDir = filepath.Join(file, "python")
	if _, err := o.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "XDG_CACHE_HOME") {
		t.Errorf("Open = %v, want a cure", err)
	}
}

func TestCommandKeepsOtherPythonsOut(t *testing.T) {
	o, _ := bare(t)
	t.Setenv("PYTHONPATH", "/elsewhere")
	env, err := o.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := env.Command(t.Context(), "-c", "import sys, shutil; print('/elsewhere' in sys.path, shutil.which('python'))").Output()
	if want := "False " + env.Python(); err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("the environment's Python prints %q, %v, want %q", out, err, want)
	}
}

// Every package has hashes: pip then takes no file that has none of them.
func TestRequirementsHaveHashes(t *testing.T) {
	packages := 0
	for line := range strings.SplitSeq(strings.ReplaceAll(requirements, "\\\n", " "), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if packages++; !strings.Contains(line, "==") || !strings.Contains(line, "--hash=sha256:") {
			t.Errorf("%.80q has no version or no hash", line)
		}
	}
	if packages < 50 {
		t.Errorf("%d packages, want those of JupyterLab", packages)
	}
}

// A package whose file is another than the one whose hash is known is not installed.
func TestOpenRefusesAnotherFile(t *testing.T) {
	o, _ := bare(t)
	files := t.TempDir()
	var wheel bytes.Buffer
	z := zip.NewWriter(&wheel)
	for _, f := range [][2]string{
		{"netdiffus_tiny.py", ""},
		{"netdiffus_tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: netdiffus-tiny\nVersion: 1.0\n"},
		{"netdiffus_tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{"netdiffus_tiny-1.0.dist-info/RECORD", "netdiffus_tiny.py,,\nnetdiffus_tiny-1.0.dist-info/METADATA,,\nnetdiffus_tiny-1.0.dist-info/WHEEL,,\nnetdiffus_tiny-1.0.dist-info/RECORD,,\n"},
	} {
		w, err := z.Create(f[0])
		if err == nil {
			_, err = w.Write([]byte(f[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(files, "netdiffus_tiny-1.0-py3-none-any.whl"), wheel.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PIP_NO_INDEX", "1")
	t.Setenv("PIP_FIND_LINKS", files)
	sum := sha256.Sum256(wheel.Bytes())
	o.requirements = fmt.Sprintf("netdiffus-tiny==1.0 --hash=sha256:%x\n", sum)
	if _, err := o.Open(t.Context()); err != nil {
		t.Errorf("the file whose hash it is: %v", err)
	}
	sum[0]++
	o.requirements = fmt.Sprintf("netdiffus-tiny==1.0 --hash=sha256:%x\n", sum)
	if _, err := o.Open(t.Context()); !errors.Is(err, ErrNoPackages) {
		t.Errorf("another file: %v, want ErrNoPackages", err)
	} else {
		t.Log(err)
	}
}
