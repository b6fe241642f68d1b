package beam

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness/init" // makes Init turn workers into such
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
)

// Main makes a process that one of Beam's runners, or Beam's pool of workers, has started a
// worker, and does not return in it. A program calls it first, with its arguments
// (os.Args); in others it prepares Beam and leaves the arguments alone.
func Main(args []string) {
	if ofWorker(args) {
		// What pools and containers say besides to the program that starts the worker.
		for _, name := range []string{"artifact_endpoint", "provision_endpoint"} {
			if flag.Lookup(name) == nil {
				flag.String(name, "", "unused by the worker")
			}
		}
		flag.CommandLine.Parse(append([]string{"--worker"}, args[1:]...)) // exits where they are wrong
	}
	sdk.Init()
}

// ofWorker reports whether a program's arguments are a worker's.
func ofWorker(args []string) bool {
	for _, arg := range args[1:] {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && (name == "worker" || name == "control_endpoint") {
			return true
		}
	}
	return false
}

// Run builds a pipeline and runs it, by a runner that the program imports ("prism" and the
// like). Where that fails it does so again, up to tries times in all, for runners that,
// as Prism, give a job up with the first worker that dies: what was done stays done.
func Run(ctx context.Context, runner string, tries int, build func(sdk.Scope)) (result sdk.PipelineResult, err error) {
	if *jobopts.WorkerBinary == "" {
		// Beam would build one without cgo, which has no XLA.
		if *jobopts.WorkerBinary, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("beam: %w", err)
		}
	}
	for try := 1; ; try++ {
		p, root := sdk.NewPipelineWithRoot()
		build(root)
		result, err = sdk.Run(ctx, runner, p)
		if err == nil {
			return result, nil
		}
		if ctx.Err() != nil || try >= tries {
			return result, fmt.Errorf("beam: try %d of %d: %w", try, max(tries, 1), err)
		}
		log.Warnf(ctx, "try %d of %d: %v", try, tries, err)
	}
}
