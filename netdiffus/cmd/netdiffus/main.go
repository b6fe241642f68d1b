// Command netdiffus turns packet series into images, trains a diffusion model
// on them, samples new ones and turns those back into packet series.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/kernels"
)

// Exit codes, for scripts.
const (
	exitFailed      = 1   // the run failed
	exitUsage       = 2   // the command line was wrong
	exitInterrupted = 130 // Ctrl-C, 128 + SIGINT; what was done so far is saved
	exitTerminated  = 143 // kill, 128 + SIGTERM; likewise
)

func main() {
	if code, ok := kernels.Helper(os.Args); ok { // a kernel started this program under another name
		os.Exit(code)
	}
	os.Exit(run(os.Args[1:]))
}

// run executes one command line and returns the exit code.
func run(args []string) int {
	ctx, stop, caught := untilSignal()
	defer stop()

	root := rootCommand()
	root.SetArgs(programArgs(root, args))
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(root.ErrOrStderr(), "netdiffus: interrupted")
		return caught()
	case errors.As(err, &usage):
		fmt.Fprintf(root.ErrOrStderr(), "netdiffus: %s\nTry 'netdiffus %s--help'.\n", plain(err), usage.command)
		return exitUsage
	default:
		fmt.Fprintf(root.ErrOrStderr(), "netdiffus: %s\n", plain(err))
		return exitFailed
	}
}

// untilSignal returns a context that ends with Ctrl-C or SIGTERM, and the exit code of
// what came. A second signal kills at once: after the first one the handler is gone.
func untilSignal() (ctx context.Context, stop func(), code func() int) {
	ctx, cancel := context.WithCancel(context.Background())
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	var came atomic.Int32
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			if s == syscall.SIGTERM {
				came.Store(exitTerminated)
			}
			cancel()
		case <-done:
		}
	}()
	stop = sync.OnceFunc(func() { signal.Stop(signals); close(done); cancel() })
	return ctx, stop, func() int { return cmp.Or(int(came.Load()), exitInterrupted) }
}

// plain is err's text without the name that both the program and a package bear.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "netdiffus: ") }

// usageError marks an error of the command line, as opposed to one of the run.
type usageError struct {
	command string // "train ", or "" for the program itself
	err     error
}

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "netdiffus",
		Short:         "Synthetic network traffic from a diffusion model",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(
		demoCommand(),
		convertCommand(),
		flowsCommand(),
		toolsCommand(),
		seriesCommand(),
		trainCommand(),
		sampleCommand(),
		mergeCommand(),
		invertCommand(),
		chainCommand(),
		plotCommand(),
		evaluateCommand(),
		runsCommand(),
		sweepCommand(),
		cardCommand(),
		serveCommand(),
		importCommand(),
		exportCommand(),
		notebooksCommand(),
		doctorCommand(),
		benchCommand(),
		kernelCommand(),
		versionCommand(),
	)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageOf(c, err) })
	markUsage(root)
	root.SetGlobalNormalizationFunc(canonical)
	unifySwitches(root)
	return root
}

// markUsage makes wrong arguments of c and of the commands below it mistakes in
// the command line.
func markUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error { return usageOf(c, check(c, args)) }
	}
	for _, below := range c.Commands() {
		markUsage(below)
	}
}

// usageOf marks err as a mistake in c's command line. It returns nil for nil.
func usageOf(c *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	name := ""
	if c.HasParent() {
		name = strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ") + " "
	}
	return usageError{command: name, err: err}
}
