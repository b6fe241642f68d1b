package main

import (
	"fmt"
	"log/slog"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/kernels/setup"
)

func kernelInstallCommand() *cobra.Command {
	var o setup.Options
	c := &cobra.Command{
		Use:   "install",
		Short: "Install the kernel, so that Jupyter offers it",
		Long: `Install makes the Jupyter kernel "NetDiffus (Go)" ready: it builds the pinned
GoNB, goimports and gopls, finds or fetches XLA's plugin, builds what cells
import, runs a cell that computes on the device, and only then writes the
kernelspec, whole or not at all. What is there already is not made again, so it
can be repeated; the kernelspec is replaced. The first time takes some minutes.

It needs Go and a C compiler. Jupyter need not be there yet. In a clone, cells
import the library from the clone as it is when they run; elsewhere they import
the version that this program is of.`,
		Example: "  netdiffus kernel install\n" +
			"  netdiffus kernel install --sys-prefix --backend xla:cuda\n" +
			"  netdiffus kernel install --prefix /opt/jupyter --name netdiffus-test",
		Args: cobra.NoArgs,
	}
	place := placeFlags(c)
	nameFlag(c, &o.Name)
	c.Flags().StringVar(&o.Backend, "backend", "", `device of the cells: xla:cuda, xla:cpu, xla:/path/plugin.so, go; empty means $GOMLX_BACKEND, or else the best there is`)
	c.Flags().StringVar(&o.Module, "module", "", "folder of a clone that cells import the library from; empty means the one this command is started in")
	c.Flags().BoolVar(&o.NoWarm, "no-warm", false, "do not build what cells import and do not try a cell: the first cell will take a minute")
	c.RunE = func(c *cobra.Command, _ []string) error {
		var err error
		if o.Place, err = place(); err != nil {
			return err
		}
		o.Version = version()
		o.Log = slog.New(plainHandler{c.ErrOrStderr()})
		o.Progress = progressTo(c.ErrOrStderr())
		done, err := setup.Install(c.Context(), o)
		if err != nil {
			return withFlags(err)
		}
		out := c.OutOrStdout()
		origin := done.Spec.Metadata.Origin
		fmt.Fprintf(out, "installed  %q in %s\n", done.Spec.DisplayName, done.Dir)
		fmt.Fprintf(out, "device     %s\n", origin.Backend)
		if origin.Module != "" {
			fmt.Fprintf(out, "library    %s\n", origin.Module)
		} else {
			fmt.Fprintf(out, "library    version %s\n", origin.Version)
		}
		if _, err := exec.LookPath("jupyter"); err == nil {
			fmt.Fprintln(out, "next       jupyter lab")
		} else {
			fmt.Fprintln(out, "next       netdiffus notebooks lab   (JupyterLab in an environment of its own), or\n"+
				"           python3 -m pip install jupyterlab, and jupyter lab")
		}
		return nil
	}
	return c
}
