package setup

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

	"github.com/netdiffus/netdiffus-go/kernels/standin"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

const noKernel = "there is no kernel"

// checkProgram examines the program that Jupyter would start.
func (e *exam) checkProgram(ctx context.Context) {
	if !e.found {
		e.note("program", Skipped, noKernel, "")
		return
	}
	path := e.spec.Argv[0]
	if _, err := exec.LookPath(path); err != nil {
		e.note("program", Broken, "Jupyter cannot start the kernel: "+err.Error(), e.installAgain())
		return
	}
	program, err := provenance.Hash(ctx, path)
	origin := e.spec.Metadata.Origin
	switch {
	case err != nil:
		e.note("program", Broken, err.Error(), e.installAgain())
	case program.SHA256 != origin.Program:
		e.note("program", Broken, path+" has changed since it was installed", e.installAgain())
	case origin.Version != e.Version:
		e.note("program", Warning, fmt.Sprintf("the kernel has version %s, this program has version %s", origin.Version, e.Version), e.installAgain())
	default:
		e.note("program", OK, path+", version "+origin.Version, "")
	}
}

// checkLibrary examines the place that cells import the library from.
func (e *exam) checkLibrary(ctx context.Context) {
	if !e.found {
		e.note("library", Skipped, noKernel, "")
		return
	}
	if folder := e.argument("--module"); folder != "" {
		if _, err := FindLibrary(folder, ""); err != nil {
			e.note("library", Broken, "cells import the library from a clone that was moved or removed: "+err.Error(),
				"in the clone, where it is now, "+e.installAgain())
			return
		}
		e.note("library", OK, folder, "")
		return
	}
	version := e.argument("--version")
	if e.goCmd.Path == "" {
		e.note("library", Skipped, "only Go can find version "+version, "")
		return
	}
	dir, err := os.MkdirTemp("", "netdiffus-examine-")
	if err == nil {
		defer os.RemoveAll(dir)
		var g standin.Go
		if g, err = standin.FindGo(ctx, e.goCmd.Path, standin.Library{Version: version}); err == nil {
			err = g.WriteModule(ctx, dir, "gonb_examine")
		}
	}
	if err != nil {
		e.note("library", Broken, err.Error(), e.installAgain())
		return
	}
	e.note("library", OK, standin.LibraryPath+" "+version, "")
}

// checkTools examines GoNB, goimports and gopls.
func (e *exam) checkTools(context.Context) {
	if !e.found {
		e.note("tools", Skipped, noKernel, "")
		return
	}
	dir := e.argument("--tools")
	var missing []string
	for _, t := range allTools {
		if _, err := exec.LookPath(t.path(dir)); err != nil {
			missing = append(missing, t.name)
		}
	}
	switch text := strings.Join(missing, " and "); {
	case text == "gopls":
		e.note("tools", Warning, "gopls is missing in "+dir+": cells run, but without completion and help", e.installAgain())
	case text != "":
		e.note("tools", Broken, text+" missing in "+dir, e.installAgain())
	default:
		if err := checkTools(dir); err != nil {
			e.note("tools", Broken, err.Error(), e.installAgain())
			return
		}
		e.note("tools", OK, dir, "")
	}
}

// checkDevice opens the device of the cells and computes something on it.
func (e *exam) checkDevice(ctx context.Context) {
	if !e.found {
		e.note("device", Skipped, noKernel, "")
		return
	}
	b, err := backend.Opener{Log: slog.New(slog.DiscardHandler), NoFetch: true}.Open(ctx, expand(e.spec.Env[backend.Env]))
	if err != nil {
		e.note("device", Broken, err.Error(), "run 'netdiffus doctor' to see which devices there are, then "+e.installAgain())
		return
	}
	defer b.Finalize()
	sum, err := graph.CallOnce(b, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Mul(x, x)) }, []float32{1, 2, 3})
	if err != nil {
		e.note("device", Broken, err.Error(), "run 'netdiffus doctor'")
		return
	}
	if got := tensors.ToScalar[float32](sum); got != 14 {
		e.note("device", Broken, fmt.Sprintf("1²+2²+3² is %v on it, not 14", got), "install the kernel with another --backend")
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

// checkBuildCache examines whether the build cache holds what cells import.
func (e *exam) checkBuildCache(ctx context.Context) {
	if !e.found || e.goCmd.Path == "" || e.Broken() > 0 {
		e.note("build cache", Skipped, "see above", "")
		return
	}
	missing, err := cold(ctx, e.goCmd, e.importedFrom())
	switch {
	case err != nil:
		e.note("build cache", Broken, err.Error(), "run 'netdiffus kernel warm' with a network")
	case len(missing) > 0:
		e.note("build cache", Warning, fmt.Sprintf("%d packages that cells import are not built yet: the first cell waits for them, up to a minute", len(missing)), "run 'netdiffus kernel warm'")
	default:
		e.note("build cache", OK, "holds all packages that cells import", "")
	}
}

// importedFrom returns where the kernel's cells import the library from.
func (e *exam) importedFrom() standin.Library {
	if folder := e.argument("--module"); folder != "" {
		return standin.Library{Folder: filepath.Clean(folder)}
	}
	return standin.Library{Version: e.argument("--version")}
}

// checkCell runs a cell on the kernel, started as Jupyter starts it.
func (e *exam) checkCell(ctx context.Context) {
	if e.NoCell {
		return
	}
	if !e.found || e.Broken() > 0 {
		e.note("cell", Skipped, "see above", "")
		return
	}
	if err := try(ctx, e.spec, strings.HasPrefix(e.spec.Env[backend.Env], "go")); err != nil {
		e.note("cell", Broken, err.Error(), e.installAgain())
		return
	}
	e.note("cell", OK, "the kernel runs a cell that computes on the device", "")
}
