package checkup

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/netdiffus/netdiffus-go/kernels/gotool"
	"github.com/netdiffus/netdiffus-go/kernels/setup"
	"github.com/netdiffus/netdiffus-go/kernels/spec"
	"github.com/netdiffus/netdiffus-go/kernels/toolchain"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
)

const noKernel = "there is no kernel"

// program looks at the program that Jupyter would start.
func (e *exam) program(context.Context) {
	if !e.found {
		e.note("program", Skipped, noKernel, "")
		return
	}
	path := e.spec.Argv[0]
	if _, err := exec.LookPath(path); err != nil {
		e.note("program", Broken, "Jupyter cannot start the kernel: "+err.Error(), e.installAgain())
		return
	}
	hash, err := spec.HashOf(path)
	ours := e.spec.Metadata.Ours
	switch {
	case err != nil:
		e.note("program", Broken, err.Error(), e.installAgain())
	case hash != ours.Program:
		e.note("program", Broken, path+" was altered since it was installed", e.installAgain())
	case ours.Version != e.Version:
		e.note("program", Warning, fmt.Sprintf("the kernel is of version %s, this program of %s", ours.Version, e.Version), e.installAgain())
	default:
		e.note("program", OK, path+", version "+ours.Version, "")
	}
}

// library looks where cells import the library from.
func (e *exam) library(ctx context.Context) {
	if !e.found {
		e.note("library", Skipped, noKernel, "")
		return
	}
	if folder := e.argument("--module"); folder != "" {
		if _, err := setup.FindLibrary(folder, ""); err != nil {
			e.note("library", Broken, "cells import the library from a clone that was moved or removed: "+err.Error(),
				"in the clone, where it is now, "+e.installAgain())
			return
		}
		e.note("library", OK, folder, "")
		return
	}
	version := e.argument("--version")
	if e.go_.Path == "" {
		e.note("library", Skipped, "Go would look for version "+version, "")
		return
	}
	dir, err := os.MkdirTemp("", "netdiffus-checkup-")
	if err == nil {
		defer os.RemoveAll(dir)
		var s gotool.Setup
		if s, err = gotool.Find(ctx, e.go_.Path, gotool.Library{Version: version}); err == nil {
			err = s.Seed(ctx, dir, "gonb_checkup")
		}
	}
	if err != nil {
		e.note("library", Broken, err.Error(), e.installAgain())
		return
	}
	e.note("library", OK, gotool.Module+" "+version, "")
}

// tools looks at GoNB, goimports and gopls.
func (e *exam) tools(context.Context) {
	if !e.found {
		e.note("tools", Skipped, noKernel, "")
		return
	}
	dir := e.argument("--tools")
	var missing []string
	for _, p := range toolchain.Programs {
		if _, err := exec.LookPath(p.Path(dir)); err != nil {
			missing = append(missing, p.Name)
		}
	}
	switch text := strings.Join(missing, " and "); {
	case text == "gopls":
		e.note("tools", Warning, "gopls is missing in "+dir+": cells run, but nothing completes or explains", e.installAgain())
	case text != "":
		e.note("tools", Broken, text+" missing in "+dir, e.installAgain())
	default:
		if err := toolchain.Check(dir); err != nil {
			e.note("tools", Broken, err.Error(), e.installAgain())
			return
		}
		e.note("tools", OK, dir, "")
	}
}

// device opens the device of the cells and has it compute.
func (e *exam) device(ctx context.Context) {
	if !e.found {
		e.note("device", Skipped, noKernel, "")
		return
	}
	b, err := backend.Opener{Log: slog.New(slog.DiscardHandler), NoFetch: true}.Open(ctx, setup.Expand(e.spec.Env[backend.Env]))
	if err != nil {
		e.note("device", Broken, err.Error(), "run 'netdiffus doctor' to see which devices there are, then "+e.installAgain())
		return
	}
	defer b.Finalize()
	sum, err := graph.ExecOnce(b, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Mul(x, x)) }, []float32{1, 2, 3})
	if err != nil {
		e.note("device", Broken, err.Error(), "run 'netdiffus doctor'")
		return
	}
	if got := tensors.ToScalar[float32](sum); got != 14 {
		e.note("device", Broken, fmt.Sprintf("1²+2²+3² is %v there, not 14", got), "install the kernel with another --backend")
		return
	}
	described, err := backend.Describe(b)
	if err != nil {
		e.note("device", Broken, err.Error(), e.installAgain())
		return
	}
	if described.Plugin == "" {
		e.note("device", Warning, fmt.Sprintf("pure Go, about %d times slower on convolutions", backend.GoSlowdown), backend.Cure+", then "+e.installAgain())
		return
	}
	e.note("device", OK, described.String()+", 1²+2²+3² = 14", "")
}

// warmth looks whether the build cache holds what cells import.
func (e *exam) warmth(ctx context.Context) {
	if !e.found || e.go_.Path == "" || e.Broken() > 0 {
		e.note("build cache", Skipped, "see above", "")
		return
	}
	cold, err := setup.Cold(ctx, e.go_, e.importedFrom())
	switch {
	case err != nil:
		e.note("build cache", Broken, err.Error(), "run 'netdiffus kernel warm' where there is a network")
	case len(cold) > 0:
		e.note("build cache", Warning, fmt.Sprintf("%d packages that cells import are not built yet: the first cell will wait for them, up to a minute", len(cold)), "run 'netdiffus kernel warm'")
	default:
		e.note("build cache", OK, "holds all that cells import", "")
	}
}

// importedFrom is where the kernel's cells import the library from.
func (e *exam) importedFrom() gotool.Library {
	if folder := e.argument("--module"); folder != "" {
		return gotool.Library{Folder: filepath.Clean(folder)}
	}
	return gotool.Library{Version: e.argument("--version")}
}

// cell runs a cell on the kernel, started as Jupyter starts it.
func (e *exam) cell(ctx context.Context) {
	if e.NoCell {
		return
	}
	if !e.found || e.Broken() > 0 {
		e.note("cell", Skipped, "see above", "")
		return
	}
	if err := setup.Try(ctx, e.spec, strings.HasPrefix(e.spec.Env[backend.Env], "go")); err != nil {
		e.note("cell", Broken, err.Error(), e.installAgain())
		return
	}
	e.note("cell", OK, "the kernel runs a cell that computes on the device", "")
}
