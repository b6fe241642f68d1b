package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
)

func runsCompareCommand() *cobra.Command {
	var p runPlaces
	var page string
	var asJSON bool
	c := &cobra.Command{
		Use:   "compare RUN RUN…",
		Short: "Compare runs: settings, curves, fidelity, time and size",
		Long: `Shows the settings in which runs differ, their metrics, the figures of their newest
reports beside the best baseline of each, and their curves. It says where a comparison
would be unfair: other data, other test flows, another machine.

--html writes one page with everything in it.`,
		Example: `  netdiffus runs compare first second
  netdiffus runs compare runs/a runs/b runs/c --html compare.html
  netdiffus runs compare first second --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return errors.New("name two runs or more")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			chosen, err := p.choose(c, args)
			if err != nil {
				return err
			}
			comparison, err := runs.Compare(c.Context(), chosen...)
			if err != nil {
				return err
			}
			if page != "" {
				text, err := comparison.HTML()
				if err == nil {
					err = atomicfile.WriteFile(page, text)
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(c.ErrOrStderr(), "the page is %s\n", page)
			}
			switch {
			case asJSON:
				return printJSON(c.OutOrStdout(), comparison)
			case page != "":
				return nil
			}
			return comparison.Text(c.OutOrStdout(), columns(c.OutOrStdout()))
		},
	}
	flags := c.Flags()
	p.register(flags)
	flags.StringVar(&page, "html", "", "`file` to write one page to, with all pictures in it")
	flags.BoolVar(&asJSON, "json", false, "print the comparison as JSON")
	return c
}
