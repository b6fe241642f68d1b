package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/kernels"
)

func kernelRunCommand() *cobra.Command {
	var o kernels.Options
	c := &cobra.Command{
		Use:   "run CONNECTION_FILE",
		Short: "Run the kernel (started by Jupyter)",
		Long: "Run is the Jupyter kernel. Jupyter starts it, as the kernelspec describes, with a\n" +
			"connection file. Run by hand, it shows the kernel's log.",
		Example: "  netdiffus kernel run connection.json --tools ~/.cache/netdiffus/tools --module .",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.ConnectionFile, o.Program, o.Stderr = args[0], version(), c.ErrOrStderr()
			// An interrupt is for the cell that runs, not for the kernel.
			return kernels.Run(context.WithoutCancel(c.Context()), o)
		},
	}
	c.Flags().StringVar(&o.Tools, "tools", "", "folder of gonb, goimports and gopls (without gopls there is no completion)")
	c.Flags().StringVar(&o.Module, "module", "", "folder of the library's go.mod, from which cells import the library")
	c.Flags().StringVar(&o.Version, "version", "", "version of the library in the module cache, if there is no --module")
	c.Flags().StringVar(&o.Go, "go", "", "the go command (default: the one on the PATH)")
	c.Flags().StringVar(&o.GoProxy, "goproxy", "off", "GOPROXY of cells; off means that cells download no modules")
	c.MarkFlagsMutuallyExclusive("module", "version")
	return c
}
