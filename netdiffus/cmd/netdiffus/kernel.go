package main

import "github.com/spf13/cobra"

func kernelCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "kernel",
		Short: "Install, examine and run the Jupyter kernel \"NetDiffus (Go)\"",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		kernelInstallCommand(),
		kernelDoctorCommand(),
		kernelWarmCommand(),
		kernelListCommand(),
		kernelUninstallCommand(),
		kernelRunCommand(),
	)
	return c
}
