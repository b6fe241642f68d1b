package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/standin"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// warmCell imports what cells import, so that building it leaves all of that in
// Go's build cache. The library's packages are inserted at %s.
const warmCell = `package main

import (
	_ "github.com/janpfeifer/gonb/gonbui"
	_ "github.com/gomlx/gomlx/core/graph"
	_ "gonum.org/v1/gonum/stat"
	_ "gonum.org/v1/plot"
	_ "gonum.org/v1/plot/plotter"
	_ "gonum.org/v1/plot/vg"
%s)

func main() {}
`

// Warm builds what cells import, with the flags of a cell, so that the first cell of
// a notebook takes seconds. Warm itself takes 50 s on two cores if nothing was built
// before, and 3 s if everything was. It downloads the modules that are missing,
// because cells download none.
func Warm(ctx context.Context, log *slog.Logger, library standin.Library) error {
	g, err := findGo(ctx, "")
	if err == nil && !g.Cgo {
		err = noCompiler(g)
	}
	if err == nil {
		err = warm(ctx, log, g, library)
	}
	if err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	return nil
}

func warm(ctx context.Context, log *slog.Logger, g goCommand, library standin.Library) error {
	w, err := newWarmer(ctx, g, library)
	if err != nil {
		return fmt.Errorf("warm: %w", err)
	}
	defer os.RemoveAll(w.dir)
	if cold, err := w.cold(ctx); err == nil && len(cold) == 0 {
		return nil
	}
	begun := time.Now()
	log.Info("building the packages that cells import (a minute the first time)")
	if err := w.run(ctx, "build", "-o", filepath.Join(w.dir, "cell")); err != nil {
		return fmt.Errorf("warm: %w", err)
	}
	log.Debug("built what cells import", "seconds", time.Since(begun).Seconds())
	return nil
}

// cold lists the packages that a cell may import and that Go's build cache does not
// hold. The first cell that imports one of them waits until it is built.
func cold(ctx context.Context, g goCommand, library standin.Library) ([]string, error) {
	w, err := newWarmer(ctx, g, library)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(w.dir)
	return w.cold(ctx)
}

// warmer builds warmCell in a module like that of cells.
type warmer struct {
	dir string
	cmd standin.Go
	env []string
}

func newWarmer(ctx context.Context, g goCommand, library standin.Library) (*warmer, error) {
	dir, err := os.MkdirTemp("", "netdiffus-warm-")
	if err != nil {
		return nil, err
	}
	w := &warmer{dir: dir}
	if err := w.prepare(ctx, g, library); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return w, nil
}

func (w *warmer) prepare(ctx context.Context, g goCommand, library standin.Library) (err error) {
	if w.cmd, err = standin.FindGo(ctx, g.Path, library); err != nil {
		return err
	}
	proxy, err := goProxy(ctx, g)
	if err != nil {
		return err
	}
	// The settings of a cell, except that downloads are allowed.
	env, err := w.cmd.Environment(proxy, w.dir)
	if err != nil {
		return err
	}
	w.env = append(os.Environ(), env...)
	if err := w.cmd.WriteModule(ctx, w.dir, "gonb_warm"); err != nil {
		return err
	}
	// Cells download nothing, so every module that the library pins must be here.
	// A failure is not the end: without a network everything may be here already,
	// which the next step finds out.
	if err := w.run(ctx, "mod", "download"); err != nil && ctx.Err() != nil {
		return err
	}
	packages, err := w.packages(ctx)
	if err != nil {
		return err
	}
	var imports strings.Builder
	for _, p := range packages {
		fmt.Fprintf(&imports, "\t_ %q\n", p)
	}
	return os.WriteFile(filepath.Join(w.dir, "main.go"), fmt.Appendf(nil, warmCell, imports.String()), 0o600)
}

// goProxy returns the user's own setting of GOPROXY.
func goProxy(ctx context.Context, g goCommand) (string, error) {
	out, err := exec.CommandContext(ctx, g.Path, "env", "GOPROXY").Output()
	if err != nil {
		return "", fmt.Errorf("%s env GOPROXY: %w", g.Path, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// packages lists the library's packages that a cell can import.
func (w *warmer) packages(ctx context.Context) ([]string, error) {
	const library = standin.LibraryPath + "/netdiffus"
	out, err := w.output(ctx, "list", "-f", "{{if ne .Name \"main\"}}{{.ImportPath}}{{end}}", library+"/...")
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(string(out)) {
		p := strings.TrimSpace(line)
		if p != "" && !strings.Contains(p, "/internal/") && !strings.HasSuffix(p, "test") {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("the library has no package that a cell can import")
	}
	return list, nil
}

func (w *warmer) cold(ctx context.Context) ([]string, error) {
	out, err := w.output(ctx, "list", "-deps", "-f", "{{if and .Stale (ne .Name \"main\")}}{{.ImportPath}}{{end}}")
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(out)), nil
}

func (w *warmer) run(ctx context.Context, args ...string) error {
	_, err := w.output(ctx, args...)
	return err
}

// output runs the go command in the module and returns its output.
func (w *warmer) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, w.cmd.Command, args...)
	cmd.Dir = w.dir
	cmd.Env = append(w.env, "PWD="+w.dir)
	cmd.WaitDelay = time.Second
	command.KillGroup(cmd)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, command.LastLines(stderr.String(), 3))
	}
	return stdout.Bytes(), nil
}
