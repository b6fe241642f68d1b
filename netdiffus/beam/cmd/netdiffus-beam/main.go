// Command netdiffus-beam runs NetDiffus as pipelines of Apache Beam.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/s3" // gs:// comes with beamx
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx" // all runners
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/beam"
)

func main() {
	beam.Main(os.Args)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := rootCommand()
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "netdiffus-beam: %s\n", strings.TrimPrefix(err.Error(), "beam: "))
		code := 1
		if errors.As(err, new(usageError)) {
			code = 2
		}
		os.Exit(code)
	}
}

// usageError is an error of the command line.
type usageError struct{ error }

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "netdiffus-beam",
		Short: "NetDiffus as pipelines of Apache Beam",
		Long: `Netdiffus-beam converts flows, and draws and judges samples, on as many machines as a
runner of Apache Beam has. Paths are local, or gs://bucket/… or s3://bucket/….

The runner is --runner prism by default, which is within this program; flink, spark and
portable need the --endpoint of Beam's job server, dataflow a project (--project,
--region, --staging_location). All flags of Beam are taken: 'netdiffus-beam flags' lists
them. docs/scale.md of NetDiffus has examples.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(convertCommand(), sampleCommand(), evaluateCommand(), poolCommand(), flagsCommand())
	beamFlags(root.PersistentFlags())
	return root
}

// shown are the flags of Beam that the help of every command has.
var shown = map[string]string{
	"runner":             "prism, flink, spark, dataflow, or portable; empty means prism",
	"endpoint":           "`address` of the job server of flink, spark or portable, host:port",
	"environment_type":   "where workers run: LOOPBACK (in this process), EXTERNAL (a pool), DOCKER or PROCESS; empty means LOOPBACK with prism, else DOCKER",
	"environment_config": "of EXTERNAL the pool's host:port, of DOCKER the image",
	"parallelism":        "pieces of work that flink does at once; below 1 means its own setting",
}

// beamFlags adds the flags that Beam's packages have registered, most of them hidden.
func beamFlags(flags *pflag.FlagSet) {
	flags.AddGoFlagSet(flag.CommandLine)
	flags.VisitAll(func(f *pflag.Flag) {
		usage, ok := shown[f.Name]
		f.Hidden = !ok
		if ok {
			f.Usage = usage
		}
	})
}

func flagsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "flags",
		Short: "List all flags of Beam and its runners",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			flag.CommandLine.SetOutput(c.OutOrStdout())
			flag.PrintDefaults()
			return nil
		},
	}
}

// triesFlag registers --tries.
func triesFlag(flags *pflag.FlagSet) *int {
	return flags.Int("tries", 3, "run the pipeline so often at most, where it fails; what was done stays done")
}

// run runs a pipeline by the runner that the flags name, and returns its counters.
func run(ctx context.Context, tries int, build func(sdk.Scope)) (map[string]int64, error) {
	runner := *runners.Runner
	if runner == "" {
		runner = "prism"
	}
	result, err := beam.Run(ctx, runner, tries, build)
	if err != nil || result == nil {
		return nil, err
	}
	counts := map[string]int64{}
	for _, c := range result.Metrics().AllMetrics().Counters() {
		counts[c.Name()] += max(c.Attempted, c.Committed)
	}
	return counts, nil
}

// need reports flags that must be given and were not.
func need(c *cobra.Command, names ...string) error {
	names = slices.DeleteFunc(names, func(name string) bool { return c.Flags().Changed(name) })
	if len(names) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("--%s is needed", names[0])}
}
