package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
)

func runsTagCommand() *cobra.Command {
	var p runPlaces
	var remove []string
	c := &cobra.Command{
		Use:   "tag RUN [TAG…]",
		Short: "Give a run tags, or take them away",
		Example: `  netdiffus runs tag first good paper
  netdiffus runs tag first --remove good
  netdiffus runs list --where tag=paper`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 && len(remove) == 0 {
				return usageOf(c, errors.New("name a tag, or --remove one"))
			}
			chosen, err := p.choose(c, args[:1])
			if err != nil {
				return err
			}
			return runs.Tag(c.Context(), chosen[0].Path, args[1:], remove)
		},
	}
	flags := c.Flags()
	p.register(flags)
	flags.StringSliceVar(&remove, "remove", nil, "`tags` to take away, with commas")
	return c
}

func runsNoteCommand() *cobra.Command {
	var p runPlaces
	c := &cobra.Command{
		Use:   "note RUN [TEXT…]",
		Short: "Keep a note with a run; without a text, print it",
		Example: `  netdiffus runs note first "diverged once with lr 0.01"
  netdiffus runs note first
  netdiffus runs note first ""`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			chosen, err := p.choose(c, args[:1])
			if err != nil {
				return err
			}
			if len(args) == 1 {
				_, err := fmt.Fprintln(c.OutOrStdout(), chosen[0].Note)
				return err
			}
			return runs.SetNote(c.Context(), chosen[0].Path, strings.Join(args[1:], " "))
		},
	}
	p.register(c.Flags())
	return c
}
