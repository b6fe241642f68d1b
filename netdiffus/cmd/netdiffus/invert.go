package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func invertCommand() *cobra.Command {
	var o invertOptions
	c := &cobra.Command{
		Use:   "invert --in DIR --out FILE",
		Short: "Turn images back into flows or time series",
		Long: `Invert reads the flows off a folder of images and writes them as Parquet with
the columns PL, DIR and LABEL, or as any other kind that 'netdiffus flows' writes.

The folder is one that 'convert' or 'sample' wrote: its manifest holds the scale.
Files of the reference, which have no manifest, need --scale. Images that
'convert' made give back exactly the packets that went in. A drawn image does not
hold how long its flow is: values that round to 0 bytes are padding there, and are
left out unless --keep-padding is given.

Images of series give back series, written as .csv, .tsv, .parquet, .npz, .jsonl, or
as DIR/, a folder of a CSV file each, LABEL/LABEL_0.csv. 'convert' prints how exact
they are.

Of pictures each pixel is read as the nearest colour's number, and of resized ones
the image that fits all pixels best. 8 bits do not hold a length to the byte: what
'convert' measured is printed again.`,
		Example: `  netdiffus invert --in runs/synthetic --out synthetic.parquet
  netdiffus invert --in runs/series-drawn --out drawn.csv
  netdiffus invert --in samples_10_per_class_signed --scale -1460,1460 --out seed.parquet
  netdiffus invert --in pictures/ --color jet --length 10 --scale -1460,1460 --out pictures.parquet`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			open, err := o.options()
			if err != nil {
				return usageOf(c, err)
			}
			return o.run(c.Context(), open, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.in, "in", "", "folder of images or of PNG pictures, or one .npz file")
	flags.StringVar(&o.out, "out", "", "file to write: .parquet, .csv, .tsv, .jsonl, of flows also .pcap and of series .npz, or DIR/ for a folder of captures, or of a file a series")
	flags.StringVar(&o.decode, "decode", "diagonal", "read GASF images by their diagonal, or by the whole matrix (least squares, for noisy images)")
	o.foreign.register(flags)
	flags.BoolVar(&o.keepPadding, "keep-padding", false, "keep padding as packets of 0 bytes, as the reference does: all flows get the same number of packets")
	return c
}

// invertOptions are invert's flags.
type invertOptions struct {
	in, out, decode string
	foreign         foreignFlags
	keepPadding     bool
}

// options are the flags for images without a manifest. Its errors are of usage.
func (o invertOptions) options() (dataset.OpenOptions, error) {
	if err := required("in", o.in, "out", o.out); err != nil {
		return dataset.OpenOptions{}, err
	}
	if !slices.Contains([]string{"", "diagonal", "matrix"}, o.decode) {
		return dataset.OpenOptions{}, fmt.Errorf("--decode %q: want diagonal or matrix (head and argmax are decided when sampling)", o.decode)
	}
	return o.foreign.options()
}

func (o invertOptions) run(ctx context.Context, open dataset.OpenOptions, stdout, stderr io.Writer) error {
	set, err := dataset.Open(o.in, &open)
	if err != nil {
		return err
	}
	if !set.Encoding.Fitted() {
		return whyUnfitted(o.in, set)
	}
	plain, off, err := set.Plain()
	if err != nil {
		return err
	}
	if o.decode == "matrix" {
		if image := set.Encoding.Image(); image != (imaging.GASF{}) {
			return fmt.Errorf("%s: --decode matrix is for GASF images, these are %s", o.in, image.Name())
		}
		if set.Encoding, err = set.Encoding.DecodedBy(imaging.WholeGASF{}); err != nil {
			return err
		}
	}
	run := ""
	if set.Origin != nil {
		run = set.Origin.Run
	}
	written := 0
	bar := newProgress(stderr, "image", set.Len())
	done := func() {
		written++
		bar.set(written, "")
	}
	switch {
	case set.Encoding.Record() == dataset.Series && o.keepPadding:
		err = fmt.Errorf("%s: --keep-padding is for flows: series have no padding", o.in)
	case set.Encoding.Record() == dataset.Series:
		err = writeSeries(o.out, watched(ctx, set.AllSeries(), done), run)
	case o.keepPadding:
		err = traffic.Writer{Run: run}.Write(o.out, watched(ctx, set.PaddedFlows(), done))
	default:
		err = traffic.Writer{Run: run}.Write(o.out, watched(ctx, set.Traffic(), done))
	}
	bar.finish()
	if err != nil {
		return err
	}
	o.print(stdout, plain, written)
	if seen := set.Encoding.Rendering(); seen != nil {
		fmt.Fprintf(stdout, "  colours      %.2g: how far pixels lie, on average, from the colours of %s, of 255\n", off, seen.Color)
		if loss, err := dataset.LossOf(o.in); err == nil {
			printLoss(stdout, loss)
		}
	}
	return nil
}

func (o invertOptions) print(w io.Writer, set *dataset.Set, written int) {
	fmt.Fprintf(w, "%d %s of %d classes in %s\n", written, set.Encoding.Record(), len(set.Classes), o.out)
	if empty := set.Len() - written; empty > 0 {
		fmt.Fprintf(w, "  left out     %d images of nothing but padding\n", empty)
	}
	gasf, ok := set.Encoding.Image().(interface {
		MeanConsistency(imaging.Images) float64
	})
	if ok && set.Len() > 0 {
		fmt.Fprintf(w, "  consistency  %.2g: how far pixels lie, on average, from what the diagonal implies\n", gasf.MeanConsistency(set.Images))
	}
}

// watched ranges over flows or series, calls done after each, and stops with ctx.
func watched[T any](ctx context.Context, all iter.Seq2[T, error], done func()) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for f, err := range all {
			if err == nil {
				err = ctx.Err()
			}
			if !yield(f, err) || err != nil {
				return
			}
			done()
		}
	}
}
