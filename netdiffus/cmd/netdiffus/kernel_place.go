package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/kernels/setup"
	"github.com/netdiffus/netdiffus-go/kernels/spec"
)

// placeFlags registers the flags that say where a kernelspec lies. What it
// returns is to be called after the command line was read.
func placeFlags(c *cobra.Command) func() (spec.Place, error) {
	var p spec.Place
	var user bool
	c.Flags().BoolVar(&user, "user", false, "among the user's own kernels (the default)")
	c.Flags().BoolVar(&p.SysPrefix, "sys-prefix", false, "in the active Python environment: $VIRTUAL_ENV, $CONDA_PREFIX, or that of the jupyter or python3 on the PATH")
	c.Flags().StringVar(&p.Prefix, "prefix", "", "below this folder, as PREFIX/share/jupyter")
	return func() (spec.Place, error) {
		if user && (p.SysPrefix || p.Prefix != "") || p.SysPrefix && p.Prefix != "" {
			return p, usageOf(c, errors.New("--user, --sys-prefix and --prefix exclude each other"))
		}
		return p, nil
	}
}

// placeGiven reports whether the command line says where a kernelspec lies.
func placeGiven(c *cobra.Command) bool {
	return c.Flags().Changed("user") || c.Flags().Changed("sys-prefix") || c.Flags().Changed("prefix")
}

func nameFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "name", setup.DefaultName, "name of the kernel")
}
