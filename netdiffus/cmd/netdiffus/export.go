package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/guided"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/pytorch"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// exportFlags are export's flags.
type exportFlags struct {
	run, format, out, weights string
	overwrite                 bool
}

func exportCommand() *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export --run RUN --out FILE",
		Short: "Write a model's weights for other programs",
		Long: `Export writes the weights of a run, or of one checkpoint in it, as a file of
PyTorch's, as safetensors or as NPZ, with the names and the layout that they have
in PyTorch. guided-diffusion's load_state_dict takes the weights of a UNet; those
of a model over atoms have names of their own.

With --weights opt it writes the optimiser's state, as guided-diffusion's
optNNNNNN.pt, to continue training there.`,
		Example: `  netdiffus export --run runs/first --out model001000.pt --weights model
  netdiffus export --run runs/first --out ema_0.999_001000.pt
  netdiffus export --run runs/first/checkpoints/step-00001000 --format safetensors --out first.safetensors`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && f.run == "":
				f.run = args[0]
			case len(args) == 1:
				return usageOf(c, fmt.Errorf("--run %s and the argument %s: give one of them", f.run, args[0]))
			case f.run == "":
				return usageOf(c, errors.New("--run is needed"))
			}
			return f.execute(c)
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.run, "run", "", "run `folder`, or a checkpoint in it; it may also stand as an argument (needed)")
	flags.StringVar(&f.format, "format", "", "`format` of the file: "+strings.Join(guided.Formats, ", ")+"; empty goes by its name: .pt, .safetensors, .npz")
	flags.StringVar(&f.out, "out", "", "`file` to write (needed)")
	flags.StringVar(&f.weights, "weights", "", "weights to write: model, ema, ema_RATE or opt; empty means the average where there is one, as sample does")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace a file that is there")
	return c
}

func (f *exportFlags) execute(c *cobra.Command) error {
	if err := required("out", f.out); err != nil {
		return usageOf(c, err)
	}
	f.format = cmp.Or(f.format, guided.FormatOf(f.out))
	if !slices.Contains(guided.Formats, f.format) {
		return usageOf(c, fmt.Errorf("--format %q: want one of %s", f.format, strings.Join(guided.Formats, ", ")))
	}
	if _, err := os.Lstat(f.out); err == nil && !f.overwrite {
		return fmt.Errorf("%s exists: choose another name, or --overwrite", f.out)
	}
	cfg, from, err := openRun(f.run)
	if err != nil {
		return err
	}
	m, err := cfg.Model()
	if err != nil {
		return err
	}
	params := m.Params()
	if len(params) == 0 {
		return fmt.Errorf("%s: the model has no weights", f.run)
	}
	what, err := f.write(cfg, from, params)
	if err != nil {
		return fmt.Errorf("%s: %w", from.Path, err)
	}
	w := c.ErrOrStderr()
	fmt.Fprintf(w, "%s of %s, trained for %d steps: %d tensors, %d parameters\n", what, from.Path, from.Step, len(params), nn.Count(params))
	if !m.Traits().GuidedDiffusion {
		fmt.Fprintln(w, "the weights have names of their own: guided-diffusion has no network for them")
	}
	fmt.Fprintln(c.OutOrStdout(), f.out)
	return nil
}

// write writes the file and returns what it holds.
func (f *exportFlags) write(cfg netdiffus.Config, from *checkpoint.Checkpoint, params []nn.Param) (what string, err error) {
	if f.weights == "opt" {
		return "the optimiser's state", f.writeAdam(cfg, from, params)
	}
	t, rate, err := sample.Weights(f.weights).Read(from, cfg.Training.EMA)
	if err != nil {
		return "", err
	}
	what = "the weights"
	if rate != "" {
		what = "the moving average with rate " + rate
	}
	list, err := guided.Weights(params, t)
	if err != nil {
		return "", err
	}
	return what, guided.Write(f.out, f.format, list)
}

func (f *exportFlags) writeAdam(cfg netdiffus.Config, from *checkpoint.Checkpoint, params []nn.Param) error {
	if f.format != "pytorch" {
		return errors.New("--weights opt is for --format pytorch")
	}
	t, err := from.Optim()
	if err != nil {
		return err
	}
	tr := cfg.Training
	a, err := guided.Adam(params, t, from.Step, pytorch.Adam{
		LR: tr.LR, Beta1: 0.9, Beta2: cmp.Or(tr.Beta2, 0.999), Eps: 1e-8, WeightDecay: tr.WeightDecay,
	})
	if err != nil {
		return err
	}
	return pytorch.Write(f.out, a.State())
}

// openRun opens the newest intact checkpoint of a run directory, or the checkpoint in
// one that dir is.
func openRun(dir string) (cfg netdiffus.Config, from *checkpoint.Checkpoint, err error) {
	run, from, err := sample.Find(dir)
	if err == nil {
		err = track.ReadConfig(run, &cfg)
	}
	return cfg, from, err
}
