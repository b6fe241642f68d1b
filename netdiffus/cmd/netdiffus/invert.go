package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func invertCommand() *cobra.Command {
	var o invertOptions
	c := &cobra.Command{
		Use:   "invert --in DIR --out FILE",
		Short: "Turn images back into flows",
		Long: `Invert reads the flows off a folder of images and writes them as Parquet with
the columns PL, DIR and LABEL, or as any other kind that 'netdiffus flows' writes.

The folder is one that 'convert' or 'sample' wrote: its manifest holds the scale.
Files of the reference, which have no manifest, need --scale. Images that
'convert' made give back exactly the packets that went in. A drawn image does not
say how long its flow is: values that round to 0 bytes are padding there, and are
left out unless --keep_padding is given.`,
		Example: `  netdiffus invert --in runs/synthetic --out synthetic.parquet
  netdiffus invert --in samples_10_per_class_signed --scale -1460,1460 --out seed.parquet`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			recipe, err := o.recipe()
			if err != nil {
				return usageOf(c, err)
			}
			return o.run(c.Context(), recipe, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.in, "in", "", "folder of images, or one .npz file")
	flags.StringVar(&o.out, "out", "", "file to write: .parquet, .csv, .tsv, .jsonl or .pcap, or DIR/ for a folder of captures")
	flags.StringVar(&o.scale, "scale", "", "MIN,MAX of the lengths, bytes, for images without a manifest")
	flags.BoolVar(&o.unsigned, "unsigned", false, "with --scale: the images hold lengths without direction; all flows get DIR 0")
	flags.StringVar(&o.decode, "decode", "diagonal", "read GASF images by their diagonal, or by the whole matrix (least squares, for noisy images)")
	flags.BoolVar(&o.keepPadding, "keep_padding", false, "keep padding as packets of 0 bytes, as the reference does: all flows get the same number of packets")
	return c
}

// invertOptions are invert's flags.
type invertOptions struct {
	in, out, scale, decode string
	unsigned, keepPadding  bool
}

// recipe is what the flags say of images without a manifest. Its errors are of
// usage.
func (o invertOptions) recipe() (dataset.Recipe, error) {
	var r dataset.Recipe
	if err := required("in", o.in, "out", o.out); err != nil {
		return r, err
	}
	if o.decode != "diagonal" && o.decode != "matrix" {
		return r, fmt.Errorf("--decode %q: want diagonal or matrix (head and argmax are decided when sampling)", o.decode)
	}
	if o.unsigned {
		if o.scale == "" {
			return r, errors.New("--unsigned is for images without a manifest: give --scale as well")
		}
		r.Feature = dataset.Length{}
	}
	if o.scale != "" {
		m, err := parseScale(o.scale)
		if err != nil {
			return r, err
		}
		r.Codec = m
	}
	return r, nil
}

func (o invertOptions) run(ctx context.Context, recipe dataset.Recipe, stdout, stderr io.Writer) error {
	set, err := dataset.OpenAs(o.in, recipe)
	if err != nil {
		return err
	}
	if !set.Fitted() {
		return fmt.Errorf("%s has no manifest to take the scale from: give --scale MIN,MAX", o.in)
	}
	if o.decode == "matrix" {
		if _, ok := set.Recipe.Image.(imaging.GASF); !ok && set.Recipe.Image != nil {
			return fmt.Errorf("%s: --decode matrix is for GASF images, these are %s", o.in, set.Recipe.Image.Name())
		}
		set.Recipe.Image = imaging.WholeGASF{}
	}
	flows, written := set.Flows(), 0
	if o.keepPadding {
		flows = set.PaddedFlows()
	}
	bar := newProgress(stderr, "flow", set.Len())
	err = traffic.Write(o.out, watched(ctx, flows, func() {
		written++
		bar.set(written, "")
	}))
	bar.finish()
	if err != nil {
		return err
	}
	o.print(stdout, set, written)
	return nil
}

func (o invertOptions) print(w io.Writer, set *dataset.Set, written int) {
	fmt.Fprintf(w, "%d flows of %d classes in %s\n", written, len(set.Classes), o.out)
	if empty := set.Len() - written; empty > 0 {
		fmt.Fprintf(w, "  left out     %d images of nothing but padding\n", empty)
	}
	gasf, ok := set.Recipe.Image.(interface {
		MeanConsistency(imaging.Images) float64
	})
	if ok && set.Len() > 0 {
		fmt.Fprintf(w, "  consistency  %.2g: how far pixels lie, on average, from what the diagonal implies\n", gasf.MeanConsistency(set.Images))
	}
}

// watched ranges over flows, tells after each, and stops with ctx.
func watched(ctx context.Context, flows iter.Seq2[traffic.Flow, error], tell func()) iter.Seq2[traffic.Flow, error] {
	return func(yield func(traffic.Flow, error) bool) {
		for f, err := range flows {
			if err == nil {
				err = ctx.Err()
			}
			if !yield(f, err) || err != nil {
				return
			}
			tell()
		}
	}
}
