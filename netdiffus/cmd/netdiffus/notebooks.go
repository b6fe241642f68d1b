package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/kernels/pyenv"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

func notebooksCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "notebooks",
		Short: "List, open, test and render the notebooks",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		notebooksListCommand(),
		notebooksLabCommand(),
		notebooksTestCommand(),
		notebooksRenderCommand(),
	)
	return c
}

func notebooksListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list [FILES]",
		Short: "List notebooks with their titles, and whether their outputs are up to date",
		RunE: func(c *cobra.Command, args []string) error {
			paths, err := notebookPaths(args)
			if err != nil {
				return err
			}
			for _, path := range paths {
				n, err := jupyter.Read(path)
				if err != nil {
					return err
				}
				state := n.Stale()
				if state == "" {
					state = "up to date"
				}
				fmt.Fprintf(c.OutOrStdout(), "%-28s%-40s%s\n", filepath.Base(path), n.Title(), state)
			}
			return nil
		},
	}
}

func notebooksTestCommand() *cobra.Command {
	var o notebookRun
	c := &cobra.Command{
		Use:   "test [FILES]",
		Short: "Execute notebooks, each on a fresh kernel, and check their outputs",
		Long: `Test executes notebooks in a temporary copy of their folder, each on a fresh
kernel, and checks the outputs: no error, nothing on the standard error, exactly
one picture in every cell tagged plot, no file outside the folder runs. It also
checks that the outputs in the files come from a full run of the present cells.
It does not change the files. The default FILES are those of the folder notebooks.

It needs Python 3.10 or later, with which it makes an environment of its own.`,
		Example: "  netdiffus notebooks test\n" +
			"  netdiffus notebooks test notebooks/03_train.ipynb --profile full",
		RunE: func(c *cobra.Command, args []string) error {
			return o.each(c, args, func(r jupyter.Runner, path string, stage *jupyter.Stage) (*jupyter.Result, error) {
				result, err := r.Execute(c.Context(), path, stage)
				if err == nil {
					result.Problems = append(committed(path), result.Problems...)
				}
				return result, err
			})
		},
	}
	o.flags(c, jupyter.Smoke)
	return c
}

// committed checks the outputs in the file.
func committed(path string) []jupyter.Problem {
	n, err := jupyter.Read(path)
	if err != nil {
		return []jupyter.Problem{{Text: err.Error()}}
	}
	if why := n.Stale(); why != "" {
		return []jupyter.Problem{{Text: why + ": run netdiffus notebooks render " + path}}
	}
	return append(n.Check(), n.Style()...)
}

func notebooksRenderCommand() *cobra.Command {
	var o notebookRun
	var html string
	var stale bool
	c := &cobra.Command{
		Use:   "render [FILES]",
		Short: "Execute notebooks in full and write them with their outputs",
		Long: `Render executes notebooks as test does, in full, and replaces each by itself with
the new outputs, unless there is a problem. It leaves out what differs from run to
run (times, random names), and stores a hash of the cells, by which test finds
outputs that are older than their cells.`,
		Example: "  netdiffus notebooks render\n" +
			"  netdiffus notebooks render --stale --html /tmp/pages",
		RunE: func(c *cobra.Command, args []string) error {
			return o.each(c, args, func(r jupyter.Runner, path string, stage *jupyter.Stage) (*jupyter.Result, error) {
				if stale {
					n, err := jupyter.Read(path)
					if err != nil {
						return nil, err
					}
					if n.Stale() == "" {
						return nil, nil
					}
				}
				result, err := r.Render(c.Context(), path, stage)
				if err == nil && html != "" {
					err = r.HTML(c.Context(), path, html)
				}
				return result, err
			})
		},
	}
	o.flags(c, jupyter.Full)
	c.Flags().StringVar(&html, "html", "", "also write each notebook as an HTML page into this folder")
	c.Flags().BoolVar(&stale, "stale", false, "only those whose outputs are not up to date")
	return c
}

// notebookRun holds the flags that test and render share.
type notebookRun struct {
	profile string
	kernel  string
	limit   time.Duration
}

func (o *notebookRun) flags(c *cobra.Command, profile string) {
	c.Flags().StringVar(&o.profile, "profile", profile, "how much the notebooks compute: full or smoke")
	c.Flags().StringVar(&o.kernel, "kernel", "", "name of the kernel to run on (default: this program's own, installed temporarily)")
	c.Flags().DurationVar(&o.limit, "limit", 10*time.Minute, "longest time that a cell may take")
}

// each calls work for every notebook, sorted by name and on one stage, so that later
// notebooks find the files of earlier ones.
func (o *notebookRun) each(c *cobra.Command, args []string, work func(jupyter.Runner, string, *jupyter.Stage) (*jupyter.Result, error)) error {
	ctx, w := c.Context(), c.ErrOrStderr()
	if o.profile != jupyter.Full && o.profile != jupyter.Smoke {
		return usageOf(c, fmt.Errorf("--profile %q: want full or smoke", o.profile))
	}
	paths, err := notebookPaths(args)
	if err != nil {
		return err
	}
	stage, err := jupyter.NewStage(filepath.Dir(paths[0]))
	if err != nil {
		return err
	}
	defer stage.Close()
	r, closeKernel, err := o.runner(ctx, w)
	if err != nil {
		return err
	}
	defer closeKernel()
	bad := 0
	for _, path := range paths {
		count := 0
		r.Watch = func(e jupyter.Event) {
			if e.Begins && isTerminal(w) {
				fmt.Fprintf(w, "\r%s cell %d ", filepath.Base(path), e.Cell)
			} else if !e.Begins {
				count++
			}
		}
		result, err := work(r, path, stage)
		if isTerminal(w) {
			fmt.Fprint(w, "\r\x1b[K")
		}
		if err != nil && !errors.Is(err, jupyter.ErrProblems) {
			return err
		}
		if result == nil {
			fmt.Fprintf(c.OutOrStdout(), "%-28sup to date\n", filepath.Base(path))
			continue
		}
		state := "ok"
		if len(result.Problems) > 0 {
			bad++
			state = "FAIL"
		}
		fmt.Fprintf(c.OutOrStdout(), "%-28s%-6s%3d cells %7.1f s\n", filepath.Base(path), state, count, result.Took.Seconds())
		for _, p := range result.Problems {
			fmt.Fprintf(c.OutOrStdout(), "    %s\n", strings.ReplaceAll(p.String(), "\n", "\n        "))
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d notebooks have problems", bad, len(paths))
	}
	return nil
}

// runner opens the Python environment and a kernel.
func (o *notebookRun) runner(ctx context.Context, w io.Writer) (r jupyter.Runner, close func() error, err error) {
	env, err := pyenv.Open(ctx)
	if err != nil {
		return r, nil, err
	}
	r = jupyter.Runner{Python: env.Command, Profile: o.profile, Limit: o.limit, Kernel: jupyter.Kernel{Name: o.kernel}}
	if o.kernel != "" {
		return r, func() error { return nil }, nil
	}
	program, err := os.Executable()
	if err != nil {
		return r, nil, err
	}
	fmt.Fprintln(w, "installing this program's kernel temporarily")
	r.Kernel, close, err = jupyter.TemporaryKernel(ctx, program)
	return r, close, err
}

// notebookPaths returns the notebooks that args name, which must be in one folder. The
// default is the folder that notebooksFolder returns.
func notebookPaths(args []string) ([]string, error) {
	if len(args) == 0 {
		dir, err := notebooksFolder()
		if err != nil {
			return nil, err
		}
		args = []string{dir}
	}
	var paths []string
	for _, arg := range args {
		found := []string{arg}
		if info, err := os.Stat(arg); err != nil {
			return nil, err
		} else if info.IsDir() {
			if found, err = jupyter.Find(arg); err != nil {
				return nil, err
			}
		}
		paths = append(paths, found...)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no notebooks in %s", strings.Join(args, ", "))
	}
	for _, path := range paths {
		if filepath.Dir(path) != filepath.Dir(paths[0]) {
			return nil, fmt.Errorf("%s and %s: want notebooks in the same folder", paths[0], path)
		}
	}
	return paths, nil
}

// notebooksFolder returns the folder notebooks in the current folder or in one of
// those that contain it.
func notebooksFolder() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		folder := filepath.Join(dir, "notebooks")
		if found, err := jupyter.Find(folder); err == nil && len(found) > 0 {
			return folder, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("there is no folder notebooks in %s or above it; name the files", here)
		}
	}
}
