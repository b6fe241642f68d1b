package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
	"github.com/netdiffus/netdiffus-go/netdiffus/runs/index"
)

func runsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "runs",
		Short: "List, compare, tag, export, repeat and delete training runs",
		Long: `Looks after what train, demo and sweep leave. The run directories are the truth: an
index of them in the cache directory makes long lists fast, and is made anew where it is
missing.

Runs are looked for below the current folder; --in names other folders, and --all adds
all folders that runs were trained or looked for in before. A RUN is a directory, a name
from the list, the end of a path, or the beginning of an ID.`,
		Example: `  netdiffus runs list --where 'preset=default and tstr>0.88' --sort -tstr
  netdiffus runs show first
  netdiffus runs compare first second --html compare.html`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		runsListCommand(),
		runsShowCommand(),
		runsCompareCommand(),
		runsTagCommand(),
		runsNoteCommand(),
		runsRemoveCommand(),
		runsPruneCommand(),
		runsExportCommand(),
		runsRerunCommand(),
	)
	return c
}

// runPlaces are the flags for where runs are looked for.
type runPlaces struct {
	in  []string
	all bool
}

func (p *runPlaces) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&p.in, "in", nil, "`folder` to look for runs in, with all below it; may be given several times (default: the current folder)")
	flags.BoolVar(&p.all, "all", false, "also look in all folders that runs were trained or looked for in before")
}

// find lists the runs. It does without the index where that cannot be used.
func (p *runPlaces) find(c *cobra.Command) ([]*runs.Run, error) {
	ctx, warn := c.Context(), warnTo(c.ErrOrStderr())
	roots := p.in
	o := runs.ListOptions{Warn: warn}
	x, err := index.Open(ctx, "")
	if err != nil {
		warn(err)
	} else {
		defer x.Close()
		o.Cache = x
		if len(p.in) > 0 {
			if err := x.Remember(ctx, p.in...); err != nil {
				warn(err)
			}
		}
		if p.all {
			known, err := x.Roots(ctx)
			if err != nil {
				warn(err)
			}
			roots = append(roots, known...)
		}
	}
	if len(roots) == 0 || p.all && len(p.in) == 0 {
		roots = append(roots, ".")
	}
	return runs.List(ctx, roots, o)
}

// warnTo prints warnings.
func warnTo(w io.Writer) func(error) {
	return func(err error) { fmt.Fprintf(w, "warning: %s\n", runs.Plain(err.Error())) }
}

// choose returns the runs that the words mean.
func (p *runPlaces) choose(c *cobra.Command, words []string) ([]*runs.Run, error) {
	list, err := p.find(c)
	if err != nil {
		return nil, err
	}
	var chosen []*runs.Run
	for _, word := range words {
		r, err := runs.Choose(list, word)
		if err != nil { // a directory elsewhere
			if other, openErr := runs.Open(c.Context(), word); openErr == nil {
				r, err = other, nil
			}
		}
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, r)
	}
	return chosen, nil
}

// rememberRuns notes for --all that there are runs in dir. It is no matter where that
// fails.
func rememberRuns(ctx context.Context, dir string) {
	x, err := index.Open(ctx, "")
	if err != nil {
		return
	}
	defer x.Close()
	_ = x.Remember(ctx, dir)
}

// columns is the width of the terminal, or 80.
func columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// confirm asks, and reports whether the answer is yes.
func confirm(c *cobra.Command, question string) bool {
	fmt.Fprintf(c.ErrOrStderr(), "%s [y/N] ", question)
	answer, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}
