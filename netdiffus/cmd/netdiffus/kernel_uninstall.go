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
		Long: "Uninstall removes a kernelspec that 'kernel install' wrote, and the program's copy\n" +
			"in it. It refuses other programs' kernels. Kernels that run go on. The tools and\n" +
			"the plugin stay in the cache directory, for another installation.",
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
			return fmt.Errorf("there is no kernel in %s; 'netdiffus kernel list' says where there are some", dir)
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
		Short:   "List this program's kernels where Jupyter looks for some",
		Example: "  netdiffus kernel list",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			found := kernelspec.Find(kernelspec.SearchDirs())
			if len(found) == 0 {
				return errors.New("there are none; 'netdiffus kernel install' makes one")
			}
			for _, f := range found {
				fmt.Fprintf(c.OutOrStdout(), "%-16s%-12s%s\n", f.Name, f.Spec.Metadata.Origin.Version, f.Dir)
			}
			return nil
		},
	}
}
