package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
)

func kernelUninstallCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove the kernel from Jupyter",
		Long: "Uninstall removes a kernelspec that 'kernel install' wrote, with the copy of the\n" +
			"program in it. It does not remove kernels of other programs. Running kernels go on.\n" +
			"The tools and the plugin stay in the cache directory, for another installation.",
		Example: "  netdiffus kernel uninstall\n" +
			"  netdiffus kernel uninstall --prefix /opt/jupyter --name netdiffus-test",
		Args: cobra.NoArgs,
	}
	place := placeFlags(c)
	nameFlag(c, &name)
	c.RunE = func(c *cobra.Command, _ []string) error {
		p, err := place()
		if err != nil {
			return err
		}
		dir, err := p.Dir(name)
		if err != nil {
			return withFlags(err)
		}
		switch err := kernelspec.Remove(dir); {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("there is no kernel in %s; 'netdiffus kernel list' lists the installed ones", dir)
		case err != nil:
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "removed %s\n", dir)
		return nil
	}
	return c
}

func kernelListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the installed kernels of this program",
		Example: "  netdiffus kernel list",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			found := kernelspec.Find(kernelspec.SearchDirs())
			if len(found) == 0 {
				return errors.New("no kernel is installed; 'netdiffus kernel install' installs one")
			}
			for _, f := range found {
				fmt.Fprintf(c.OutOrStdout(), "%-16s%-12s%s\n", f.Name, f.Spec.Metadata.Origin.Version, f.Dir)
			}
			return nil
		},
	}
}
