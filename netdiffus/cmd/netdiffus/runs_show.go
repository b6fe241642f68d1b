package main

import (
	"github.com/spf13/cobra"
)

func runsShowCommand() *cobra.Command {
	var p runPlaces
	var asJSON bool
	c := &cobra.Command{
		Use:   "show RUN",
		Short: "Show everything about a run, with its curves",
		Example: `  netdiffus runs show first
  netdiffus runs show runs/first --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			chosen, err := p.choose(c, args)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), chosen[0])
			}
			return chosen[0].Describe(c.Context(), c.OutOrStdout(), columns(c.OutOrStdout()))
		},
	}
	flags := c.Flags()
	p.register(flags)
	flags.BoolVar(&asJSON, "json", false, "print it as JSON")
	return c
}
