package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
	"github.com/netdiffus/netdiffus-go/kernels/setup"
)

// placeFlags registers the flags for the place of a kernelspec. The function that it
// returns must be called after the command line has been parsed.
func placeFlags(c *cobra.Command) func() (kernelspec.Place, error) {
	var p kernelspec.Place
	var user bool
	c.Flags().BoolVar(&user, "user", false, "in the user's own folder of kernels (the default)")
	c.Flags().BoolVar(&p.SysPrefix, "sys-prefix", false, "in the active Python environment: that of $VIRTUAL_ENV, of $CONDA_PREFIX, or of the jupyter or python3 on the PATH")
	c.Flags().StringVar(&p.Prefix, "prefix", "", "in share/jupyter of this folder")
	return func() (kernelspec.Place, error) {
		if user && (p.SysPrefix || p.Prefix != "") || p.SysPrefix && p.Prefix != "" {
			return p, usageOf(c, errors.New("--user, --sys-prefix and --prefix exclude each other"))
		}
		return p, nil
	}
}

// withFlags adds to an error of the kernel's packages the flags that may cure it.
func withFlags(err error) error {
	switch {
	case errors.Is(err, kernelspec.ErrPlace):
		return fmt.Errorf("%w: --user, --prefix, or --sys-prefix in a virtual environment", err)
	case errors.Is(err, setup.ErrNoClone):
		return fmt.Errorf("%w with --module", err)
	}
	return err
}

// placeGiven reports whether the command line names the place of a kernelspec.
func placeGiven(c *cobra.Command) bool {
	return c.Flags().Changed("user") || c.Flags().Changed("sys-prefix") || c.Flags().Changed("prefix")
}

func nameFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "name", setup.DefaultName, "name of the kernel")
}
