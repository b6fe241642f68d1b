package setup

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// small is an opener that builds one program of the Go distribution: no network.
func small(t *testing.T) (Tools, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	return Tools{
		Log: slog.New(slog.NewTextHandler(&log, nil)), CacheDir: t.TempDir(),
		tools: []tool{{name: "gofmt", pkg: "cmd/gofmt"}},
		goMod: []byte("module tools\n\ngo 1.26\n"), goSum: []byte{},
	}, &log
}

func TestOpenOnceForMany(t *testing.T) {
	o, _ := small(t)
	logs := make([]bytes.Buffer, 3)
	var all sync.WaitGroup
	for i := range logs {
		all.Go(func() {
			mine := o
			mine.Log = slog.New(slog.NewTextHandler(&logs[i], nil))
			dir, err := mine.Build(t.Context())
			if err == nil {
				err = exec.Command(o.tools[0].path(dir), "-l", dir).Run()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	built := 0
	for i := range logs {
		built += strings.Count(logs[i].String(), "building gofmt")
	}
	if built != 1 {
		t.Errorf("the tools were built %d times, want once", built)
	}
}

func TestOpenMendsDamage(t *testing.T) {
	o, log := small(t)
	dir, err := o.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gofmt := o.tools[0].path(dir)
	for what, damage := range map[string]func() error{
		"no receipt":      func() error { return os.Remove(filepath.Join(dir, receiptName)) },
		"damaged receipt": func() error { return os.WriteFile(filepath.Join(dir, receiptName), []byte("["), 0o644) },
		"no program":      func() error { return os.Remove(gofmt) },
		"cut short":       func() error { return os.Truncate(gofmt, 1000) },
		"may not run":     func() error { return os.Chmod(gofmt, 0o644) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && checkTools(dir) == nil {
			t.Errorf("%s: Check found nothing", what)
		}
		log.Reset()
		if _, err := o.Build(t.Context()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := checkTools(dir); err != nil {
			t.Errorf("after Open over %q: %v", what, err)
		}
	}
	left := filepath.Join(o.CacheDir, "x.tmp-1-1")
	if err := os.Mkdir(left, 0o755); err != nil {
		t.Fatal(err)
	}
	os.Remove(gofmt)
	if _, err := o.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what a dead process left is still there")
	}
}

func TestOpenLeavesNothingWhereABuildFails(t *testing.T) {
	o, _ := small(t)
	o.tools = append(o.tools, tool{name: "nosuch", pkg: "cmd/nosuch"})
	_, err := o.Build(t.Context())
	if err == nil || !strings.Contains(err.Error(), "build nosuch") {
		t.Errorf("Open = %v, want the program's name", err)
	}
	entries, err := os.ReadDir(o.CacheDir)
	if err != nil || len(entries) != 1 {
		t.Errorf("a failed Open leaves %v, want the lock alone", entries)
	}
}

func TestFindGo(t *testing.T) {
	g, err := findGo(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if !filepath.IsAbs(g.Path) || !strings.HasPrefix(g.Version, "go1.") {
		t.Errorf("findGo = %+v", g)
	}
	if runtime.GOOS == "windows" {
		t.Skip("the fake go is a shell script")
	}
	for name, c := range map[string]struct{ script, want string }{
		"old":      {"echo go1.21.3; echo 1; echo gcc", "go1.21.3; install " + oldestGo},
		"broken":   {"exit 3", "exit status 3"},
		"strange":  {"echo hello", "hello; install"},
		"too near": {"echo go1.26.4", "go1.26.4; install"},
	} {
		path := filepath.Join(t.TempDir(), "go")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := findGo(t.Context(), path); !errors.Is(err, errNoGo) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: findGo = %v, want errNoGo with %q", name, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		script string
		want   goCommand
	}{
		"built from source": {"echo 'devel go1.28-abcdef Mon Jan 1'; echo 1; echo sh", goCommand{Version: "go1.28-abcdef", Cgo: true, Compiler: "sh"}},
		"no compiler":       {"echo go1.27.1; echo 1; echo no-such-cc", goCommand{Version: "go1.27.1", Compiler: "no-such-cc"}},
		"with arguments":    {"echo go1.27.1; echo 1; echo sh -m64", goCommand{Version: "go1.27.1", Cgo: true, Compiler: "sh -m64"}},
		"cgo off":           {"echo go1.27.1; echo 0; echo sh", goCommand{Version: "go1.27.1", Compiler: "sh"}},
	} {
		path := filepath.Join(t.TempDir(), "go")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		c.want.Path = path
		if got, err := findGo(t.Context(), path); err != nil || got != c.want {
			t.Errorf("%s: findGo = %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	if _, err := findGo(t.Context(), filepath.Join(t.TempDir(), "go")); !errors.Is(err, errNoGo) {
		t.Errorf("findGo of nothing = %v, want errNoGo", err)
	}
}

// TestPins holds the embedded pins to kernels/tools, and the oldest Go to the
// library's.
func TestPins(t *testing.T) {
	for name, embedded := range map[string][]byte{"go.mod": goMod, "go.sum": goSum} {
		if module, err := os.ReadFile(filepath.Join("..", "tools", name)); err != nil || !bytes.Equal(module, embedded) {
			t.Errorf("pins/%s.txt differs from kernels/tools/%s: run go generate here (%v)", name, name, err)
		}
	}
	library, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?m)^go (.*)$`).FindSubmatch(library); found == nil || "go"+string(found[1]) != oldestGo {
		t.Errorf("the library asks for Go %q, and oldestGo is %s", found, oldestGo)
	}
}

// TestTools builds the real tools where they are not in the cache yet, two
// minutes, and looks at what they were built from.
func TestTools(t *testing.T) {
	if testing.Short() {
		t.Skip("builds three programs")
	}
	dir, err := Tools{}.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range allTools {
		info, err := buildinfo.ReadFile(p.path(dir))
		if err != nil {
			t.Error(err)
			continue
		}
		if pin := p.module + " " + info.Main.Version + " "; info.Main.Path != p.module || !bytes.Contains(goMod, []byte("\t"+pin)) {
			t.Errorf("%s was built from %s, which is not pinned", p.name, pin)
		}
	}
}
