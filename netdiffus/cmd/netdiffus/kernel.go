package main

import "github.com/spf13/cobra"

func kernelCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "kernel",
		Short: "The Jupyter kernel \"NetDiffus (Go)\"",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		kernelRunCommand(),
	)
	return c
}
