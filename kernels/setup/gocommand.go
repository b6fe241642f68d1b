package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// oldestGo is the Go that the library's go.mod requires; a test compares them.
const oldestGo = "go1.26.5"

// goCommand is a go command and what it builds with.
type goCommand struct {
	Path     string // absolute
	Version  string // "go1.26.8"
	Cgo      bool   // whether it compiles C, which XLA's interface needs
	Compiler string // the C compiler it would call: "gcc", or a path
}

// errNoGo means that there is no Go that can build cells; the error around it names
// a cure.
var errNoGo = errors.New("no Go to build with")

// findGo looks for the go command called name, as command.FindGo does, and asks it
// for its version and compiler. It fails with errNoGo if there is none or if it is
// too old.
func findGo(ctx context.Context, name string) (goCommand, error) {
	path, err := command.FindGo(name)
	if err != nil {
		return goCommand{}, fmt.Errorf("%w: %w; install %s or later from Go's download page, and put it on the PATH", errNoGo, err, oldestGo)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "env", "GOVERSION", "CGO_ENABLED", "CC")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "GOFLAGS=", "GOWORK=off")
	cmd.Dir = os.TempDir() // away from any go.mod that asks for more
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return goCommand{}, ctx.Err()
		}
		return goCommand{}, fmt.Errorf("%w: %s env: %w", errNoGo, path, err)
	}
	lines := strings.Split(string(out)+"\n\n", "\n")
	g := goCommand{Path: path, Version: strings.TrimSpace(lines[0]), Cgo: strings.TrimSpace(lines[1]) == "1", Compiler: strings.TrimSpace(lines[2])}
	// A Go built from source has the version "devel go1.27-…".
	_, plain, devel := strings.Cut(g.Version, "devel ")
	if !devel {
		plain = g.Version
	}
	plain, _, _ = strings.Cut(plain, " ")
	g.Version = plain
	if version.Compare(plain, oldestGo) < 0 {
		return goCommand{}, fmt.Errorf("%w: %s is %s; install %s or later from Go's download page, and put it first on the PATH", errNoGo, path, g.Version, oldestGo)
	}
	if g.Cgo {
		// CC may hold arguments: "gcc -m64".
		compiler, _, _ := strings.Cut(g.Compiler, " ")
		_, err := exec.LookPath(compiler)
		g.Cgo = err == nil
	}
	return g, nil
}

// build builds the package pkg of the module in dir into the file out, without C.
func (g goCommand) build(ctx context.Context, dir, pkg, out string) error {
	cmd := exec.CommandContext(ctx, g.Path, "build", "-o", out, "-ldflags=-s -w", pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PWD="+dir, "GOFLAGS=-mod=readonly", "GOWORK=off", "GO111MODULE=on", "GOTOOLCHAIN=local", "CGO_ENABLED=0")
	cmd.WaitDelay = time.Second
	command.KillGroup(cmd)
	text, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %s", err, firstErrors(text))
}

// firstErrors returns the first three lines of the go command's output that do not
// report downloads or package names.
func firstErrors(text []byte) string {
	var kept []string
	for line := range bytes.Lines(text) {
		line := strings.TrimSpace(string(line))
		if line == "" || strings.HasPrefix(line, "go: downloading") || strings.HasPrefix(line, "#") {
			continue
		}
		if kept = append(kept, line); len(kept) == 3 {
			break
		}
	}
	return strings.Join(kept, "; ")
}
