package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/kernels/setup"
)

func kernelWarmCommand() *cobra.Command {
	var module string
	c := &cobra.Command{
		Use:   "warm",
		Short: "Build what cells import, so that the first cell runs quickly",
		Long: "Warm builds the library, gonum/plot and gonbui with the flags of cells, and leaves\n" +
			"them in Go's build cache. 'kernel install' does so as well; warm is useful after\n" +
			"'git pull' and 'go clean -cache'. It also downloads the modules that the library\n" +
			"pins, because cells download none.",
		Example: "  netdiffus kernel warm",
		Args:    cobra.NoArgs,
	}
	c.Flags().StringVar(&module, "module", "", "folder of a clone of the library (default: the clone that contains the current folder)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		library, err := setup.FindLibrary(module, version())
		if err != nil {
			return withFlags(err)
		}
		if err := setup.Warm(c.Context(), slog.New(plainHandler{c.ErrOrStderr()}), library); err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout(), "Go's build cache holds everything that cells import")
		return nil
	}
	return c
}
