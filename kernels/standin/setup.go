// Package standin is what this program does under the names of other programs that
// GoNB calls: go, gopls and a shell.
//
// GoNB makes a module for the cells (go mod init), fetches what a cell imports
// before each build (go get), and builds. As go, this program makes that module a
// copy of the library's, so that the library and every module it requires can be
// imported in the first cell, at exactly the versions that the library pins and
// without a network. It skips the fetching if every import is on the machine,
// which saves most of a second per cell. Every other command line goes to the go
// command.
//
// As a shell, it makes a failing shell line fail its cell (see [RunShell]).
//
// All of this depends on how GoNB 0.11.5 calls these programs, which is why the
// kernel pins that version.
package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// goEnv is the environment variable that holds the kernel's Go, in JSON, for the
// processes that stand in.
const goEnv = "NETDIFFUS_KERNEL_GO"

// Go is the go command that builds cells, and where it finds their imports.
type Go struct {
	Command    string  `json:"go"` // path of the go command
	Root       string  `json:"root"`
	ModCache   string  `json:"mod_cache"`
	BuildCache string  `json:"cache"`
	Library    Library `json:"library"`
	Gopls      string  `json:"gopls,omitempty"` // path of the real gopls
}

// Library says where cells import the library from.
type Library struct {
	Folder  string `json:"folder,omitempty"`  // of its go.mod
	Version string `json:"version,omitempty"` // in the module cache, if there is no folder
}

// FindGo looks for the go command, as command.FindGo does, and asks it for its
// folders.
func FindGo(ctx context.Context, name string, library Library) (Go, error) {
	g := Go{Library: library}
	var err error
	if g.Command, err = command.FindGo(name); err != nil {
		return g, fmt.Errorf("standin: no go command: %w; install Go and put it on the PATH", err)
	}
	if library.Folder != "" {
		if g.Library.Folder, err = filepath.Abs(library.Folder); err != nil {
			return g, fmt.Errorf("standin: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, g.Command, "env", "-json", "GOROOT", "GOMODCACHE", "GOCACHE")
	c.Env = append(os.Environ(), "GOTOOLCHAIN=local")
	out, err := c.Output()
	if err != nil {
		return g, fmt.Errorf("standin: %s env: %w", g.Command, err)
	}
	var env struct{ GOROOT, GOMODCACHE, GOCACHE string }
	if err := json.Unmarshal(out, &env); err != nil {
		return g, fmt.Errorf("standin: %s env: %w", g.Command, err)
	}
	g.Root, g.ModCache, g.BuildCache = env.GOROOT, env.GOMODCACHE, env.GOCACHE
	return g, nil
}

// Environment returns the variables to be set for GoNB and everything below it.
// goproxy is the value of GOPROXY; empty means off. scratch is a folder for a build
// cache, used if the user's own is not writable.
func (g Go) Environment(goproxy, scratch string) ([]string, error) {
	text, err := json.Marshal(g)
	if err != nil {
		return nil, fmt.Errorf("standin: %w", err)
	}
	if goproxy == "" {
		goproxy = "off"
	}
	env := []string{
		goEnv + "=" + string(text),
		"GOPROXY=" + goproxy,
		"GOTOOLCHAIN=local", // no other Go is fetched
		"GOWORK=off",        // no workspace changes how cells are built
		"GOFLAGS=" + goflags(os.Getenv("GOFLAGS")),
	}
	if atomicfile.CheckWritable(g.BuildCache) != nil {
		env = append(env, "GOCACHE="+filepath.Join(scratch, "gocache"))
	}
	return env, nil
}

// goflags adds to the user's GOFLAGS that no debug information is written. Linking
// takes most of the time of an edited cell, and debug information half of that.
func goflags(own string) string {
	if strings.Contains(own, "-ldflags") {
		return own
	}
	return strings.TrimSpace(own + " -ldflags=-w")
}

// inheritedGo returns the Go that the kernel has put into this process's
// environment.
func inheritedGo() (Go, error) {
	var g Go
	if err := json.Unmarshal([]byte(os.Getenv(goEnv)), &g); err != nil {
		return g, fmt.Errorf("$%s is not what a kernel sets: %w", goEnv, err)
	}
	return g, nil
}
