package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
	"github.com/netdiffus/netdiffus-go/kernels/pyenv"
	"github.com/netdiffus/netdiffus-go/kernels/setup"
)

func notebooksLabCommand() *cobra.Command {
	o := pyenv.LabOptions{Folder: "."}
	c := &cobra.Command{
		Use:   "lab [FOLDER] [-- ARGUMENTS OF JUPYTER LAB]",
		Short: "Open JupyterLab with the kernel, in an environment of its own",
		Long: `Lab starts JupyterLab with the kernel "NetDiffus (Go)". JupyterLab is installed, the
first time (350 MB), in a Python environment in the cache directory, apart from all
others. This needs Python 3.10 or later. If the kernel is not installed, lab installs
it for the user. Ctrl-C ends JupyterLab and its kernels.

FOLDER is the folder that JupyterLab opens (default: the folder notebooks of the
clone that contains the current folder, or else the current folder).`,
		Example: "  netdiffus notebooks lab\n" +
			"  netdiffus notebooks lab ~/traffic --no-browser --port 9000\n" +
			"  netdiffus notebooks lab -- --ServerApp.ip=0.0.0.0",
	}
	c.Flags().IntVar(&o.Port, "port", 0, "port; 0 means 8888, or the next one that is free")
	c.Flags().BoolVar(&o.NoBrowser, "no-browser", false, "do not open a browser, only print the address")
	c.Args = func(c *cobra.Command, args []string) error {
		if own := ownArguments(c, args); len(own) > 1 {
			return fmt.Errorf("want at most one folder, and arguments of JupyterLab after --: got %q", own)
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		own := ownArguments(c, args)
		o.Args = args[len(own):]
		if len(own) == 1 {
			o.Folder = own[0]
		} else if folder, err := notebooksFolder(); err == nil {
			o.Folder = folder
		}
		if info, err := os.Stat(o.Folder); err != nil {
			return err
		} else if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", o.Folder)
		}
		return openLab(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), o)
	}
	return c
}

// ownArguments are the arguments before "--".
func ownArguments(c *cobra.Command, args []string) []string {
	if n := c.ArgsLenAtDash(); n >= 0 {
		return args[:n]
	}
	return args
}

// openLab runs JupyterLab until its user ends it or ctx ends.
func openLab(ctx context.Context, stdout, stderr io.Writer, o pyenv.LabOptions) error {
	log := slog.New(plainHandler{stderr})
	found := kernelspec.Find(kernelspec.SearchDirs())
	if len(found) == 0 {
		log.Info("the kernel is not installed: installing it (as 'netdiffus kernel install' does)")
		done, err := setup.Install(ctx, setup.Options{Version: version(), Log: log, Progress: progressTo(stderr)})
		if err != nil {
			return fmt.Errorf("%w; run 'netdiffus kernel install', which has flags for its steps", err)
		}
		found = []kernelspec.Found{{Name: done.Name, Dir: done.Dir}}
	}
	o.Data = filepath.Dir(filepath.Dir(found[0].Dir))
	env, err := pyenv.Opener{Log: log}.Open(ctx)
	if err != nil {
		return err
	}
	cmd, err := env.Lab(ctx, o)
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, stderr
	runtime.LockOSThread() // see Lab
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil // Ctrl-C is the usual way to end JupyterLab
	}
	if err != nil {
		return errors.Join(errors.New("JupyterLab failed"), err)
	}
	return nil
}
