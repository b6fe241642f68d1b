package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
)

// sampleFlags are the flags of sample besides the model's settings.
type sampleFlags struct {
	model, out, classes, weights string
	format, sampler              string
	useDDIM, clip, overwrite     bool
	shards, shard                int // how many there are, and which to draw; below 0 all
	device                       *deviceChoice
	request                      sample.Request
	given                        *settingWords
}

func sampleCommand() *cobra.Command {
	f := sampleFlags{clip: true}
	c := &cobra.Command{
		Use:   "sample",
		Short: "Draw images from a trained model",
		Long: `Draw images from a trained model, so many of each class.

They are written as CLASS_synthetic_samples.npz, key images, float32 [N,H,W,1],
with a manifest that holds what decoding them needs, for invert and plot. A
model of pictures (trained on PNG) writes guided-diffusion's samples_NxHxWx3.npz,
arr_0 uint8 and arr_1 the classes' numbers, or with --format png a picture a
sample; samples.png shows some. The
model's own settings come from the run directory; the flags that say them again,
as guided-diffusion's image_sample needs them, are checked against it.

The same seed draws the same sample i of a class, whatever else is drawn. Samples are
written while others are drawn: memory does not grow with their number, but with --pool.

To go on after a crash, or for several machines, --shards N draws them in N parts, each
a folder in --out, which 'netdiffus merge' puts together, checked, and 'netdiffus invert'
reads as they are. Shards that are there already are kept by the same command; --shard I
draws only one, from 0.`,
		Example: `  netdiffus sample --run runs/first --out samples --num-samples 100
  netdiffus sample --run runs/first --out fast --sampler ddim --timestep-respacing 25 --classes dns,ssh
  netdiffus sample --run runs/first/checkpoints/step-00001000 --out early --seed 7
  netdiffus sample --run runs/first --out many --num-samples 100000 --shards 50
  netdiffus sample --run runs/first --out many --num-samples 100000 --shards 50 --shard $SLURM_ARRAY_TASK_ID`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.execute(c) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	r := &f.request
	flags.StringVar(&f.model, "run", "", "run `folder` of train, or a checkpoint in it (needed)")
	flags.StringVar(&f.out, "out", "", "`folder` to write; it must be new or empty (needed)")
	flags.IntVar(&r.N, "num-samples", 10, "samples of each class")
	flags.BoolVar(&r.Independent, "independent", false, "chains and causal models: draw each sample independently of the others, and not evenly")
	flags.IntVar(&r.Pool, "pool", 1, "draw so many times --num-samples and keep an even choice of them: a better few")
	flags.IntVar(&f.shards, "shards", 0, "draw the samples in so many parts, each a folder in --out; those that are there are kept")
	flags.IntVar(&f.shard, "shard", -1, "of --shards, draw only this one, from 0; below 0 means all, one after the other")
	flags.StringVar(&f.classes, "classes", "", "`names` of the classes to draw, with commas; empty means all")
	flags.Uint64Var(&r.Seed, "seed", 0, "of the noise: the same seed draws the same samples")
	flags.StringVar(&f.sampler, "sampler", "", "way from noise to image, a `name`: "+strings.Join(netdiffus.Samplers.Names(), ", ")+"; empty means ddim for a network over series, else ancestral")
	flags.BoolVar(&f.useDDIM, "use-ddim", false, "the same as --sampler ddim")
	flags.StringVar(&r.Steps, "timestep-respacing", "", `fewer steps than in training: "25", "10,10,20", "ddim25"; empty means as the run has it, or else all`)
	flags.Float64Var(&r.Eta, "eta", 0, "of ddim: noise added, 0 is none and 1 as much as ancestral")
	flags.Float64Var(&r.Guidance, "guidance", 0, "scale of classifier-free guidance, above 1 for sharper classes; 0 means none")
	flags.Float64Var(&r.Grain, "grain", 0, "models over atoms: standard deviation of the noise left on finished images; 0 means the run's, below 0 none")
	flags.StringVar(&r.Decode, "decode", "diagonal", "what finished images show, a `name`: diagonal (as they come), head or argmax (the atoms that a model over atoms draws or finds most probable), head or mean (the values that a network over series draws or expects), matrix (the series nearest to all pixels)")
	flags.BoolVar(&f.clip, "clip-denoised", true, "hold each step's clean image within -1 and 1")
	flags.StringVar(&f.weights, "weights", "", "weights to draw with: model, ema or ema_RATE; empty means the average where there is one")
	flags.IntVar(&r.Batch, "batch-size", 0, "samples computed at once; 0 means 64, or 448 for a model over atoms, or all where they are fewer")
	flags.StringVar((*string)(&r.Noise), "noise", "", "generator of the noise, a `name`: chacha8 or philox, which draw other samples; empty means the run's")
	flags.StringVar(&f.format, "format", "npz", "files of a model of pictures: npz (samples_NxHxWxC.npz) or png (CLASS/CLASS_i.png)")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace an earlier data set in --out")
	f.device = deviceFlags(flags)
	f.device.registerSeveral(flags)
	f.given = addSettings(flags, netdiffus.Default(), modelSettings...)
	for _, s := range modelSettings {
		flags.Lookup(s.name).Usage = "checked against the run: " + s.usage
		flags.Lookup(s.name).DefValue = ""
	}
	addUnused(flags)
	return c
}

func (f *sampleFlags) execute(c *cobra.Command) error {
	w, r := c.ErrOrStderr(), &f.request
	for name, value := range map[string]string{"run": f.model, "out": f.out} {
		if value == "" {
			return usageOf(c, fmt.Errorf("--%s is needed", name))
		}
	}
	if f.useDDIM {
		f.sampler = "ddim"
	}
	if f.sampler != "" {
		if err := setPart(&r.Sampler, netdiffus.Samplers, f.sampler); err != nil {
			return usageOf(c, fmt.Errorf("--sampler %q: %w", f.sampler, err))
		}
	}
	if r.N < 1 || r.Batch < 0 || r.Pool < 1 {
		return usageOf(c, fmt.Errorf("--num-samples %d, --pool %d and --batch-size %d: want positive numbers", r.N, r.Pool, r.Batch))
	}
	if err := r.Noise.Check(); err != nil {
		return usageOf(c, fmt.Errorf("--noise: %w", err))
	}
	if _, err := f.device.wanted(); err != nil {
		return usageOf(c, err)
	}
	if err := f.checkShards(); err != nil {
		return usageOf(c, err)
	}
	if f.format != "npz" && f.format != "png" {
		return usageOf(c, fmt.Errorf("--format %q: want npz or png", f.format))
	}
	if f.classes != "" {
		r.Classes = strings.Split(f.classes, ",")
	}
	r.NoClip = !f.clip
	warnUnused(c)

	b, _, err := openDevice(c.Context(), w, *f.device)
	if err != nil {
		return err
	}
	if r.Devices, err = f.device.count(b); err != nil {
		return usageOf(c, err)
	}
	g, err := sample.OpenWeights(b, f.model, sample.Weights(f.weights))
	if err != nil {
		return err
	}
	if err := f.given.check(g.Config); err != nil {
		return usageOf(c, err)
	}
	if !slices.Contains(g.Decodings(), r.Decode) {
		return usageOf(c, fmt.Errorf("--decode %q: this model has %s", r.Decode, strings.Join(g.Decodings(), ", ")))
	}
	if f.format == "png" && g.Config.Encoding.Rendering() == nil {
		return usageOf(c, errors.New("--format png is for models of pictures; this one is of numbers, which the verb plot draws"))
	}
	layout := dataset.Samples
	switch {
	case f.format == "png":
		layout = dataset.Pictures
	case g.Config.Encoding.Rendering() != nil:
		layout = dataset.Arrays
	}
	if f.shards > 0 {
		return f.drawShards(c, g, layout)
	}
	start := time.Now()
	printDrawing(w, g)
	watched, finish := watchDrawing(w, *r)
	n, err := g.DrawTo(c.Context(), watched, f.out, dataset.SaveOptions{Layout: layout, Overwrite: f.overwrite})
	finish()
	if err != nil {
		return err
	}
	if layout != dataset.Samples {
		if err := saveGrid(f.out); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "%d samples in %v\n", n, time.Since(start).Round(time.Millisecond))
	fmt.Fprintln(c.OutOrStdout(), f.out)
	return nil
}

// checkShards reports shards that cannot be asked for.
func (f *sampleFlags) checkShards() error {
	switch {
	case f.shards < 0:
		return fmt.Errorf("--shards %d: want a positive number", f.shards)
	case f.shards == 0 && f.shard >= 0:
		return fmt.Errorf("--shard %d: say with --shards how many there are", f.shard)
	case f.shards == 0:
		return nil
	case f.request.Pool > 1:
		return errors.New("--pool chooses among all samples of a class, which --shards keeps apart: leave one out")
	}
	if err := (dataset.Shard{Index: max(f.shard, 0), Of: f.shards, N: f.request.N}).Check(); err != nil {
		return fmt.Errorf("--shards: %w", err)
	}
	return nil
}

// drawShards draws the shard that is asked for, or all of them.
func (f *sampleFlags) drawShards(c *cobra.Command, g *sample.Generator, layout dataset.Layout) error {
	w, r := c.ErrOrStderr(), f.request
	first, end := f.shard, f.shard+1
	if f.shard < 0 {
		first, end = 0, f.shards
	}
	printDrawing(w, g)
	for i := first; i < end; i++ {
		r.Shard = dataset.Shard{Index: i, Of: f.shards, N: r.N}
		start := time.Now()
		watched, finish := watchDrawing(w, r)
		folder, drawn, err := g.DrawShard(c.Context(), watched, f.out, dataset.SaveOptions{Layout: layout, Overwrite: f.overwrite})
		finish()
		switch {
		case err != nil:
			return err
		case drawn:
			from, to := r.Shard.Range()
			fmt.Fprintf(w, "%v: %d samples of each class in %v\n", r.Shard, to-from, time.Since(start).Round(time.Millisecond))
		default:
			fmt.Fprintf(w, "%v is there already\n", r.Shard)
		}
		fmt.Fprintln(c.OutOrStdout(), folder)
	}
	return nil
}
