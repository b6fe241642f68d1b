package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
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
left out unless --keep-padding is given. A folder of shards ('netdiffus sample
--shards') is read one after the other. Memory does not grow with the images.

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
	parts, err := dataset.OpenParts(o.in, &open)
	if err != nil {
		return err
	}
	images := o.prepared(parts.All())
	// What all parts have in common shows on the first one.
	first, err := firstOf(images)
	if err != nil {
		return err
	}
	run := ""
	if first.Origin != nil {
		run = first.Origin.Run
	}
	done := inverted{sets: images, bar: newProgress(stderr, "image", parts.Len())}
	switch {
	case first.Encoding.Record() == dataset.Series && o.keepPadding:
		err = fmt.Errorf("%s: --keep-padding is for flows: series have no padding", o.in)
	case first.Encoding.Record() == dataset.Series:
		err = writeSeries(o.out, invertAll(ctx, &done, (*dataset.Set).AllSeries), run)
	case o.keepPadding:
		err = traffic.Writer{Run: run}.Write(o.out, invertAll(ctx, &done, (*dataset.Set).PaddedFlows))
	default:
		err = traffic.Writer{Run: run}.Write(o.out, invertAll(ctx, &done, (*dataset.Set).Traffic))
	}
	done.bar.finish()
	if err != nil {
		return err
	}
	o.print(stdout, first, &done)
	return nil
}

// prepared checks that sets can be decoded, and lets them be decoded as o asks.
func (o invertOptions) prepared(sets iter.Seq2[*dataset.Set, error]) iter.Seq2[*dataset.Set, error] {
	return func(yield func(*dataset.Set, error) bool) {
		for set, err := range sets {
			if err == nil {
				set, err = o.prepare(set)
			}
			if !yield(set, err) || err != nil {
				return
			}
		}
	}
}

func (o invertOptions) prepare(set *dataset.Set) (*dataset.Set, error) {
	if !set.Encoding.Fitted() {
		return nil, whyUnfitted(o.in, set)
	}
	if o.decode != "matrix" {
		return set, nil
	}
	if image := set.Encoding.Image(); image != (imaging.GASF{}) {
		return nil, fmt.Errorf("%s: --decode matrix is for GASF images, these are %s", o.in, image.Name())
	}
	decoded := *set
	var err error
	decoded.Encoding, err = set.Encoding.DecodedBy(imaging.WholeGASF{})
	return &decoded, err
}

func firstOf(sets iter.Seq2[*dataset.Set, error]) (*dataset.Set, error) {
	for set, err := range sets {
		return set, err
	}
	return nil, errors.New("no images")
}

// inverted is sets on their way to a file of flows or series, and what is told about them
// afterwards.
type inverted struct {
	sets        iter.Seq2[*dataset.Set, error]
	bar         *progress
	images      int
	written     int
	off         float64 // sum over the images, as Set.Plain has it
	consistency float64 // sum over the images; NaN where the kind of image has none
}

// invertAll ranges over the flows or series of all sets, counts them, anew each time, and
// stops with ctx.
func invertAll[T any](ctx context.Context, v *inverted, of func(*dataset.Set) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		v.images, v.written, v.off, v.consistency = 0, 0, 0, 0
		for set, err := range v.sets {
			if err == nil {
				err = v.add(set)
			}
			if err != nil {
				yield(*new(T), err)
				return
			}
			for f, err := range watched(ctx, of(set), func() { v.written++; v.bar.set(v.written, "") }) {
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// add looks at a set's images.
func (v *inverted) add(set *dataset.Set) error {
	plain, off, err := set.Plain()
	if err != nil {
		return err
	}
	n := float64(set.Len())
	v.images += set.Len()
	v.off += off * n
	gasf, ok := plain.Encoding.Image().(interface {
		MeanConsistency(imaging.Images) float64
	})
	switch {
	case !ok:
		v.consistency = math.NaN()
	case set.Len() > 0:
		v.consistency += gasf.MeanConsistency(plain.Images) * n
	}
	return nil
}

func (o invertOptions) print(w io.Writer, first *dataset.Set, v *inverted) {
	fmt.Fprintf(w, "%d %s of %d classes in %s\n", v.written, first.Encoding.Record(), len(first.Classes), o.out)
	if empty := v.images - v.written; empty > 0 {
		fmt.Fprintf(w, "  left out     %d images of nothing but padding\n", empty)
	}
	n := float64(v.images)
	if v.images > 0 && !math.IsNaN(v.consistency) {
		fmt.Fprintf(w, "  consistency  %.2g: how far pixels lie, on average, from what the diagonal implies\n", v.consistency/n)
	}
	if seen := first.Encoding.Rendering(); seen != nil {
		fmt.Fprintf(w, "  colours      %.2g: how far pixels lie, on average, from the colours of %s, of 255\n", v.off/max(n, 1), seen.Color)
		if loss, err := dataset.LossOf(o.in); err == nil {
			printLoss(w, loss)
		}
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
