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
		Short: "Build what cells import, so that the first cell is quick",
		Long: "Warm builds the library, gonum/plot and gonbui with the flags that cells are built\n" +
			"with, and leaves them in Go's build cache. Installing does it, too; it is of use\n" +
			"after 'git pull', a new Go, or 'go clean -cache'. It also fetches the modules that\n" +
			"the library pins, because cells fetch none.",
		Example: "  netdiffus kernel warm",
		Args:    cobra.NoArgs,
	}
	c.Flags().StringVar(&module, "module", "", "folder of a clone of the library; empty means the one this command is started in")
	c.RunE = func(c *cobra.Command, _ []string) error {
		library, err := setup.FindLibrary(module, version())
		if err != nil {
			return withFlags(err)
		}
		if err := setup.Warm(c.Context(), slog.New(plainHandler{c.ErrOrStderr()}), library); err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout(), "Go's build cache holds all that cells import")
		return nil
	}
	return c
}
