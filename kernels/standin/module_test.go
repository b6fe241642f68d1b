//go:build unix

package standin

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// proxyOf makes a folder that is a module proxy with one version of a module, and
// returns the value of GOPROXY for it.
func proxyOf(t *testing.T, path, version string, files map[string]string) string {
	t.Helper()
	source, proxy := t.TempDir(), t.TempDir()
	for name, text := range files {
		file := filepath.Join(source, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(proxy, filepath.FromSlash(path), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"list": version + "\n", version + ".info": `{"Version":"` + version + `"}`, version + ".mod": files["go.mod"],
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := zip.CreateFromDir(f, module.Version{Path: path, Version: version}, source); err != nil {
		t.Fatal(err)
	}
	return "file://" + proxy
}

// ownModCache gives the test a module cache that it may delete, and no checksum
// database.
func ownModCache(t *testing.T) {
	t.Helper()
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOFLAGS", "-modcacherw")
}

// TestLibraryWithoutAClone has the library in the module cache only.
func TestLibraryWithoutAClone(t *testing.T) {
	ownModCache(t)
	proxy := proxyOf(t, LibraryPath, "v1.2.3", map[string]string{
		"go.mod":              "module " + LibraryPath + "\n\ngo 1.26\n",
		"netdiffus/answer.go": "package netdiffus\n\nconst Answer = 42\n",
	})
	t.Setenv("GOPROXY", proxy)
	g, err := FindGo(t.Context(), "", Library{Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := g.WriteModule(t.Context(), dir, "gonb_1"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOPROXY", "off") // and from here without a network
	if err := g.WriteModule(t.Context(), dir, "gonb_1"); err != nil {
		t.Fatal(err)
	}
	const cell = "package main\nimport \"" + LibraryPath + "/netdiffus\"\nfunc main() { println(netdiffus.Answer) }\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(cell), 0o600); err != nil {
		t.Fatal(err)
	}
	if missing, err := g.missing(dir); err != nil || len(missing) > 0 {
		t.Errorf("missing %q, %v", missing, err)
	}
	run := exec.Command(g.Command, "run", ".")
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil || string(out) != "42\n" {
		t.Errorf("the cell printed %s, %v", out, err)
	}
	g.Library.Version = "v9.9.9"
	if err := g.WriteModule(t.Context(), dir, "gonb_1"); err == nil || !strings.Contains(err.Error(), "go mod download") {
		t.Errorf("a version that is not there: %v", err)
	}
}

// TestFetchingWhereAllowed lets a cell bring a module that the library does not pin.
func TestFetchingWhereAllowed(t *testing.T) {
	proxy := proxyOf(t, "example.org/extra", "v0.1.0", map[string]string{
		"go.mod": "module example.org/extra\n\ngo 1.26\n", "extra.go": "package extra\n\nconst X = 7\n",
	})
	c := newCell(t, proxy)
	cache := t.TempDir()
	// The library's modules come from the user's cache, as a proxy.
	c.env = append(c.env, "GOMODCACHE="+cache, "GOSUMDB=off", "GOFLAGS=-modcacherw", "GOPROXY="+proxy+",file://"+filepath.Join(find(t).ModCache, "cache", "download"))
	c.run("mod", "init", "gonb_0abc")
	c.write("main.go", "package main\nimport \"example.org/extra\"\nfunc main() { println(extra.X) }\n")
	if out, ok := c.run("get"); !ok {
		t.Fatalf("go get: %s", out)
	}
	if out, ok := c.run("run", "."); !ok || out != "7\n" {
		t.Errorf("the cell printed %s", out)
	}
}
