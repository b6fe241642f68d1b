//go:build unix

package standin

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/netdiffus/netdiffus-go/kernels/keeper"
)

func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "go":
		os.Exit(RunGo(os.Args))
	case "gopls":
		os.Exit(RunGopls(os.Args))
	case ShellName:
		os.Exit(RunShell(os.Args))
	}
	os.Exit(m.Run())
}

// libraryFolder is the root of this repository.
func libraryFolder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func find(t *testing.T) Go {
	t.Helper()
	g, err := FindGo(t.Context(), "", Library{Folder: libraryFolder(t)})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// cell is the folder where GoNB would build cells, with this program as go.
type cell struct {
	t      *testing.T
	kernel string
	dir    string
	env    []string
}

func newCell(t *testing.T, goproxy string) cell {
	t.Helper()
	kernel := t.TempDir()
	dir := filepath.Join(kernel, "tmp", "gonb_0abc")
	for _, d := range []string{dir, filepath.Join(kernel, "bin")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go", "gopls"} {
		if err := os.Symlink(self, filepath.Join(kernel, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	g := find(t)
	if g.Gopls, err = exec.LookPath("true"); err != nil {
		t.Fatal(err)
	}
	env, err := g.Environment(goproxy, kernel)
	if err != nil {
		t.Fatal(err)
	}
	env = append(append(os.Environ(), env...), keeper.DirEnv+"="+kernel)
	return cell{t, kernel, dir, env}
}

// run runs the stand-in for go as GoNB does.
func (c cell) run(args ...string) (output string, ok bool) {
	c.t.Helper()
	cmd := exec.Command(filepath.Join(c.kernel, "bin", "go"), args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func (c cell) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// first is a cell that imports the library and what it is built with.
const first = `package main

import (
	"fmt"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"gonum.org/v1/gonum/floats"
)

func main() {
	image := make([]float64, 4)
	imaging.GASF{}.Encode([]float64{0.5, 1}, image)
	fmt.Println(floats.Sum(image) > -9)
}
`

func TestFirstCellImportsTheLibrary(t *testing.T) {
	c := newCell(t, "off")
	if out, ok := c.run("mod", "init", "gonb_0abc"); !ok {
		t.Fatal(out)
	}
	c.write("main.go", first)
	if out, ok := c.run("get"); !ok || out != "" {
		t.Fatalf("go get: %v, %s", ok, out)
	}
	if out, ok := c.run("build", "-o", "cell"); !ok {
		t.Fatal(out)
	}
	out, err := exec.Command(filepath.Join(c.dir, "cell")).Output()
	if err != nil || string(out) != "true\n" {
		t.Errorf("the cell printed %q, %v", out, err)
	}
	// The pins are the library's.
	if out, ok := c.run("list", "-m", "gonum.org/v1/gonum"); !ok || !strings.Contains(libraryModule(t), strings.TrimSpace(out)) {
		t.Errorf("built with %s, which the library's go.mod does not pin", out)
	}
}

func libraryModule(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(libraryFolder(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMissingImportsAreNamedAtOnce(t *testing.T) {
	c := newCell(t, "off")
	c.run("mod", "init", "gonb_0abc")
	for source, want := range map[string]string{
		`import "example.org/none"`:                                    `"example.org/none"`,
		`import ("fmt"; a "gonum.org/v1/gonum/nothere")`:               `"gonum.org/v1/gonum/nothere"`,
		`import "nosuchstd/x"`:                                         `"nosuchstd/x"`,
		`import "github.com/netdiffus/netdiffus-go/netdiffus/nothere"`: "netdiffus/nothere",
	} {
		c.write("main.go", "package main\n"+source+"\nfunc main() {}\n")
		out, ok := c.run("get")
		if ok || !strings.Contains(out, want) || !strings.Contains(out, ErrorPrefix) || !strings.Contains(out, "GOPROXY") {
			t.Errorf("%s: go get: ok %v, %s", source, ok, out)
		}
	}
	c.write("main.go", `package main; import ("C"; "fmt"; "net/http"; "internal/abi"; "embed"); func main() {}`)
	c.write("main_test.go", `package main; import ("testing"; "gonum.org/v1/plot/plotter")`)
	if out, ok := c.run("get", "-t"); !ok {
		t.Errorf("imports that are at hand are refused: %s", out)
	}
}

func TestCodeAfterAFailedShellLineIsNotBuilt(t *testing.T) {
	c := newCell(t, "off")
	c.run("mod", "init", "gonb_0abc")
	c.write("main.go", "package main\nfunc main() {}\n")
	note := filepath.Join(c.kernel, "failure")
	if err := os.WriteFile(note, []byte(`{"command":"!false","code":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"get"}, {"build", "-o", "cell"}, {"test", "-c", "-o", "cell"}} {
		if out, ok := c.run(args...); ok || !strings.Contains(out, "!false") {
			t.Errorf("go %v after a failure: ok %v, %s", args, ok, out)
		}
	}
	os.Remove(note)
	if out, ok := c.run("build", "-o", "cell"); !ok {
		t.Error(out)
	}
}

func TestOtherCommandsReachGo(t *testing.T) {
	c := newCell(t, "off")
	if out, ok := c.run("version"); !ok || !strings.HasPrefix(out, "go version") {
		t.Errorf("go version: %s", out)
	}
	// Outside of the cells' folder a module of that name is like any other.
	c.dir = t.TempDir()
	if out, ok := c.run("mod", "init", "gonb_x"); !ok {
		t.Error(out)
	}
	if text, err := os.ReadFile(filepath.Join(c.dir, "go.mod")); err != nil || strings.Contains(string(text), "netdiffus") {
		t.Errorf("go mod init elsewhere wrote %s, %v", text, err)
	}
	gopls := exec.Command(filepath.Join(c.kernel, "bin", "gopls"), "-listen", "x")
	gopls.Env = c.env
	if out, err := gopls.CombinedOutput(); err != nil {
		t.Errorf("gopls: %v, %s", err, out)
	}
}

func TestGoFlags(t *testing.T) {
	for own, want := range map[string]string{
		"": "-ldflags=-w", "-v": "-v -ldflags=-w", "'-ldflags=-s -w'": "'-ldflags=-s -w'",
	} {
		if got := goflags(own); got != want {
			t.Errorf("goflags(%q) = %q, want %q", own, got, want)
		}
	}
}

func TestReadOnlyHomeGetsACacheOfItsOwn(t *testing.T) {
	if os.Getuid() == 0 && runtime.GOOS != "linux" {
		t.Skip("root may write everywhere")
	}
	g := find(t)
	g.BuildCache = "/proc/nowhere" // not even root makes a folder there
	if runtime.GOOS != "linux" {
		g.BuildCache = filepath.Join(t.TempDir(), "locked", "cache")
		os.Mkdir(filepath.Dir(g.BuildCache), 0o500)
	}
	env, err := g.Environment("", "/scratch")
	if err != nil || !slices.Contains(env, "GOCACHE=/scratch/gocache") || !slices.Contains(env, "GOPROXY=off") {
		t.Errorf("environment %v, %v", env, err)
	}
}

func TestDerive(t *testing.T) {
	const text = "module " + LibraryPath + "\n\ngo 1.26.5\n\nrequire (\n\ta.example/x v1.2.3\n\tb.example/y v0.1.0 // indirect\n)\n\nreplace b.example/y => ./y\n\ntool a.example/x/cmd\n"
	for _, c := range []struct{ version, folder string }{{"v0.0.0", "/lib"}, {"v1.4.0", ""}} {
		f, err := modfile.Parse("go.mod", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := derive(f, "gonb_1", c.version, c.folder)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"module gonb_1\n", "a.example/x v1.2.3", "b.example/y v0.1.0 // indirect", LibraryPath + " " + c.version}
		if c.folder != "" {
			want = append(want, LibraryPath+" => /lib", "b.example/y => /lib/y")
		}
		for _, w := range want {
			if !bytes.Contains(got, []byte(w)) {
				t.Errorf("version %q folder %q: no %q in\n%s", c.version, c.folder, w, got)
			}
		}
		if bytes.Contains(got, []byte("tool")) || c.folder == "" && bytes.Contains(got, []byte(LibraryPath+" =>")) {
			t.Errorf("version %q folder %q:\n%s", c.version, c.folder, got)
		}
	}
}

func TestFindGoReportsWhatIsMissing(t *testing.T) {
	if _, err := FindGo(t.Context(), "/no/such/go", Library{}); err == nil {
		t.Error("a go command that is not there was found")
	}
	g := find(t)
	g.Library = Library{Folder: t.TempDir()}
	if err := g.WriteModule(t.Context(), t.TempDir(), "gonb_1"); err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("WriteModule without a library: %v", err)
	}
	g.Library = Library{}
	if err := g.WriteModule(t.Context(), t.TempDir(), "gonb_1"); err == nil || !strings.Contains(err.Error(), "neither") {
		t.Errorf("WriteModule without a library: %v", err)
	}
}
