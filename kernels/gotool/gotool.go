// Package gotool stands in for the go command where GoNB calls it, so that the
// library and the modules it is built with can be imported in the very first
// cell, at exactly the versions that the library pins and without a network.
//
// GoNB makes a module for the cells (go mod init), fetches what a cell imports
// before each build (go get), and builds. Here the module begins as a copy of the
// library's, and fetching is skipped where every import is at hand, which also
// saves most of a second a cell. Every other command line goes to the go command.
//
// This leans on how GoNB 0.11.5 calls go, which is pinned.
package gotool

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

// Env is the environment variable that tells the stand-in what to use.
const Env = "NETDIFFUS_KERNEL_GO"

// Setup is what the stand-in uses.
type Setup struct {
	Go       string  `json:"go"` // the go command
	Root     string  `json:"root"`
	ModCache string  `json:"mod_cache"`
	Cache    string  `json:"cache"` // of builds
	Library  Library `json:"library"`
	Gopls    string  `json:"gopls,omitempty"`
}

// Library says where cells import the library from.
type Library struct {
	Folder  string `json:"folder,omitempty"`  // of its go.mod
	Version string `json:"version,omitempty"` // in the module cache, where there is no folder
}

// Find asks the go command at path (empty: the first on the PATH, or where Go is
// as a rule) about itself.
func Find(ctx context.Context, path string, lib Library) (Setup, error) {
	s := Setup{Library: lib}
	var err error
	if s.Go, err = command.FindGo(path); err != nil {
		return s, fmt.Errorf("gotool: no go command: %w; install Go and put it on the PATH", err)
	}
	if lib.Folder != "" {
		if s.Library.Folder, err = filepath.Abs(lib.Folder); err != nil {
			return s, fmt.Errorf("gotool: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, s.Go, "env", "-json", "GOROOT", "GOMODCACHE", "GOCACHE")
	c.Env = append(os.Environ(), "GOTOOLCHAIN=local")
	out, err := c.Output()
	if err != nil {
		return s, fmt.Errorf("gotool: %s env: %w", s.Go, err)
	}
	var env struct{ GOROOT, GOMODCACHE, GOCACHE string }
	if err := json.Unmarshal(out, &env); err != nil {
		return s, fmt.Errorf("gotool: %s env: %w", s.Go, err)
	}
	s.Root, s.ModCache, s.Cache = env.GOROOT, env.GOMODCACHE, env.GOCACHE
	return s, nil
}

// Environment returns the variables that GoNB and all below it need beside what
// they have. goproxy is GOPROXY; empty means off. scratch is a folder for a build
// cache where the user's own cannot be written.
func (s Setup) Environment(goproxy, scratch string) ([]string, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("gotool: %w", err)
	}
	if goproxy == "" {
		goproxy = "off"
	}
	env := []string{
		Env + "=" + string(text),
		"GOPROXY=" + goproxy,
		"GOTOOLCHAIN=local", // no other Go is fetched
		"GOWORK=off",        // nothing outside of the cells' module decides what they are built with
		"GOFLAGS=" + goflags(os.Getenv("GOFLAGS")),
	}
	if atomicfile.CheckWritable(s.Cache) != nil {
		env = append(env, "GOCACHE="+filepath.Join(scratch, "gocache"))
	}
	return env, nil
}

// goflags adds to the user's GOFLAGS that no debug information is written: linking
// is most of the time that an edited cell takes, and that is half of it.
func goflags(own string) string {
	if strings.Contains(own, "-ldflags") {
		return own
	}
	return strings.TrimSpace(own + " -ldflags=-w")
}

// setup is what the kernel has set up for this process.
func setup() (Setup, error) {
	var s Setup
	if err := json.Unmarshal([]byte(os.Getenv(Env)), &s); err != nil {
		return s, fmt.Errorf("%s is not set as a kernel sets it: %w", Env, err)
	}
	return s, nil
}
