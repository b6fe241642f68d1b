package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
)

// Names of the files that card writes.
const (
	cardMarkdown = "MODEL_CARD.md"
	cardPage     = "MODEL_CARD.html"
)

func cardCommand() *cobra.Command {
	var p runPlaces
	var o runs.CardOptions
	var out, licence string
	var overwrite bool
	c := &cobra.Command{
		Use:   "card RUN",
		Short: "Write a model card: what a model was made of, how good it is, its limits",
		Long: `Writes MODEL_CARD.md and MODEL_CARD.html, by default into the run directory: the data
with their hashes and counts, the settings, the figures of the newest report beside the
best baseline and real flows, the memorisation figures, limits, and the command to repeat
it. What the run directory does not know, the flags say: the licence of the data first of
all.`,
		Example: `  netdiffus card first --licence "CC BY 4.0, University of Example" --data "Captured in a lab in 2026"
  netdiffus card runs/first --licence-file LICENSE-DATA --out published`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if licence != "" && o.Licence != "" {
				return usageOf(c, errors.New("--licence and --licence-file: give one of them"))
			}
			if licence != "" {
				text, err := os.ReadFile(licence)
				if err != nil {
					return err
				}
				o.Licence = strings.Join(strings.Fields(string(text)), " ")
			}
			chosen, err := p.choose(c, args)
			if err != nil {
				return err
			}
			dir := chosen[0].Path
			if out != "" {
				dir = out
			}
			return writeCard(c, chosen[0], dir, o, overwrite)
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	p.register(flags)
	flags.StringVar(&out, "out", "", "`folder` for the two files (default: the run directory)")
	flags.StringVar(&o.Title, "title", "", "heading (default: the run's name)")
	flags.StringVar(&o.Licence, "licence", "", "licence of the data and the model, a `text`")
	flags.StringVar(&licence, "licence-file", "", "`file` with the same")
	flags.StringVar(&o.Data, "data", "", "what the data are, who recorded them and how, a `text`")
	flags.StringVar(&o.Use, "use", "", "what the model is meant for, a `text`")
	flags.StringVar(&o.Limits, "limits", "", "further limits, a `text`")
	flags.BoolVar(&overwrite, "overwrite", false, "replace an earlier card")
	return c
}

func writeCard(c *cobra.Command, r *runs.Run, dir string, o runs.CardOptions, overwrite bool) error {
	markdown, page, err := r.Card(o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	files := map[string][]byte{cardMarkdown: markdown, cardPage: page}
	for name := range files {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil && !overwrite {
			return fmt.Errorf("%s is there already: give --overwrite to replace it", filepath.Join(dir, name))
		}
	}
	for name, text := range files {
		if err := atomicfile.WriteFile(filepath.Join(dir, name), text); err != nil {
			return err
		}
	}
	if o.Licence == "" {
		fmt.Fprintln(c.ErrOrStderr(), "note: the card says that no licence is stated (--licence)")
	}
	if r.Latest() == nil {
		fmt.Fprintln(c.ErrOrStderr(), "note: the run has no report, so that the card has no figures: draw samples and evaluate them first")
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), filepath.Join(dir, cardMarkdown))
	return err
}
