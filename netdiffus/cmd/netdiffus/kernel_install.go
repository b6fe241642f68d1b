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
		Long: `Install installs the Jupyter kernel "NetDiffus (Go)". It builds the pinned GoNB,
goimports and gopls, finds or downloads XLA's plugin, builds the packages that
cells import, and runs a cell that computes on the device. Only then does it write
the kernelspec. It can be repeated: finished steps are not done again, and the
kernelspec is replaced. The first time takes a few minutes.

It needs Go and a C compiler. Jupyter can be installed later. In a clone, cells
import the library from the clone, as it is when they run; elsewhere they import
the version of this program.`,
		Example: "  netdiffus kernel install\n" +
			"  netdiffus kernel install --sys-prefix --backend xla:cuda\n" +
			"  netdiffus kernel install --prefix /opt/jupyter --name netdiffus-test",
		Args: cobra.NoArgs,
	}
	place := placeFlags(c)
	nameFlag(c, &o.Name)
	c.Flags().StringVar(&o.Backend, "backend", "", `device of the cells: xla:cuda, xla:cpu, xla:/path/plugin.so or go (default: $GOMLX_BACKEND, or else the best available)`)
	c.Flags().StringVar(&o.Module, "module", "", "folder of the clone from which cells import the library (default: the clone that contains the current folder)")
	c.Flags().BoolVar(&o.NoWarm, "no-warm", false, "neither build what cells import nor try a cell; the first cell then takes a minute")
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
			fmt.Fprintln(out, "next       netdiffus notebooks lab   (installs JupyterLab in an environment of its own), or\n"+
				"           python3 -m pip install jupyterlab, and jupyter lab")
		}
		return nil
	}
	return c
}
