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
		Short: "Run the kernel, as Jupyter does",
		Long: "Run serves the Jupyter kernel that a connection file describes. Jupyter starts it\n" +
			"from the kernelspec; by hand it is of use for looking at a kernel's log.",
		Example: "  netdiffus kernel run connection.json --tools ~/.cache/netdiffus/kernel-tools --module .",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.ConnectionFile, o.Program, o.Stderr = args[0], version(), c.ErrOrStderr()
			// An interrupt is for the cell that runs, not for the kernel.
			return kernels.Run(context.WithoutCancel(c.Context()), o)
		},
	}
	c.Flags().StringVar(&o.Tools, "tools", "", "folder of gonb, goimports and gopls (gopls may be missing: no completion then)")
	c.Flags().StringVar(&o.Module, "module", "", "folder of the library's go.mod; cells import the library from there")
	c.Flags().StringVar(&o.Version, "version", "", "version of the library in the module cache, where there is no folder")
	c.Flags().StringVar(&o.Go, "go", "", "the go command; empty means the one on the PATH")
	c.Flags().StringVar(&o.GoProxy, "goproxy", "off", "where cells may fetch modules from, as GOPROXY; off means nowhere")
	c.MarkFlagsMutuallyExclusive("module", "version")
	return c
}
