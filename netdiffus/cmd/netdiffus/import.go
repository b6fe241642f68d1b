package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/guided"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/flowflags"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// importFlags are the flags of import besides the settings.
type importFlags struct {
	run, data, opt, labels, classes, scale string
	color                                  string
	averages                               []string
	unsigned                               bool
	step, length                           int
	given                                  *settingWords
}

func importCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import FILE.pt --run RUN",
		Short: "Take over a model that was trained with PyTorch",
		Long: `Import reads a checkpoint of guided-diffusion, modelNNNNNN.pt or
ema_RATE_NNNNNN.pt, and makes a run directory of it, which sample draws from and
train continues.

The network's shape is found from the tensors. They do not hold the steps and
schedule of the diffusion, which must be given, nor the number of heads, for
which guided-diffusion's 4 is taken. What else the flags set is checked
against the tensors. The images' scale and the names of the classes come from
--data-dir, or from --scale and --label-map or --classes.

Only tensors and plain containers are read: nothing that the file holds is run.`,
		Example: `  netdiffus import model001000.pt --run runs/old --data-dir gasf \
    --diffusion-steps 100 --noise-schedule cosine
  netdiffus import model001000.pt --ema ema_0.9999_001000.pt --opt opt001000.pt --run runs/old \
    --scale -1460,1460 --label-map label_map.csv --diffusion-steps 100 --noise-schedule cosine`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return withHints(f.execute(c, args[0])) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.run, "run", "", "run `folder` to make (needed)")
	flags.StringArrayVar(&f.averages, "ema", nil, "`file` with a moving average of the weights, ema_RATE_NNNNNN.pt; may be given several times")
	flags.StringVar(&f.opt, "opt", "", "`file` with the optimiser's state, optNNNNNN.pt, for train to continue as if it had never stopped")
	flags.StringVar(&f.data, "data-dir", "", "`folder` of the images that the model was trained on, for their scale and classes")
	flags.StringVar(&f.scale, "scale", "", "MIN,MAX of the packets' lengths, bytes, that the images were made with")
	flags.BoolVar(&f.unsigned, "unsigned", false, "with --scale: the images hold lengths without direction")
	flags.StringVar(&f.color, "color", "jet", "models of pictures, 3 channels, with --scale: their `colours`, jet or gray")
	flags.IntVar(&f.length, "length", 0, "models of pictures, with --scale: `packets` of a flow; 0 means as many as a side has pixels")
	flags.StringVar(&f.labels, "label-map", "", "`file` with the classes' names, label_map.csv: label,index")
	flags.StringVar(&f.classes, "classes", "", "`names` of the classes in the order of their numbers, with commas")
	flags.IntVar(&f.step, "step", -1, "training `steps` that the model has seen; -1 means that in the file's name")
	f.given = addSettings(flags, netdiffus.Reference(), append(append([]setting{}, modelSettings...), trainSettings...)...)
	for _, s := range f.given.settings {
		flags.Lookup(s.name).DefValue = ""
	}
	addUnused(flags)
	return c
}

func (f *importFlags) execute(c *cobra.Command, path string) error {
	if err := f.check(); err != nil {
		return usageOf(c, err)
	}
	if kept, err := checkpoint.List(track.Checkpoints(f.run)); err != nil {
		return err
	} else if _, err := os.Stat(track.ConfigFile(f.run)); err == nil || len(kept) > 0 {
		return fmt.Errorf("%s holds a run already: choose another folder", f.run)
	}
	warnUnused(c)
	origin, err := f.origin()
	if err != nil {
		return usageOf(c, err)
	}
	if f.data != "" {
		if origin.Set, err = openImages(f.data, &dataset.OpenOptions{Side: origin.ImageSize}); err != nil {
			return err
		}
	} else if origin.Classes, err = f.names(); err != nil {
		return err
	}
	model, err := guided.Open(guided.Files{Model: path, Averages: f.averages, Optimizer: f.opt, Step: f.step})
	if err != nil {
		return err
	}
	cfg, err := model.Config(origin)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	state, err := model.State(cfg)
	if err != nil {
		return err
	}
	session := track.NewSession()
	session.Flags, session.FromStep, session.Seed = given(c), model.Step, cfg.Training.Seed
	for _, file := range append([]string{path, f.opt}, f.averages...) {
		if file == "" {
			continue
		}
		input, err := provenance.Hash(c.Context(), file)
		if err != nil {
			return err
		}
		session.Inputs = append(session.Inputs, input)
	}
	if err := guided.WriteRun(f.run, cfg, state, session); err != nil {
		return err
	}
	f.report(c.ErrOrStderr(), path, model, cfg)
	fmt.Fprintln(c.OutOrStdout(), f.run)
	return nil
}

// origin is what the flags hold of the model's data and settings.
func (f *importFlags) origin() (o guided.Origin, err error) {
	var asked netdiffus.Config
	if err := f.given.apply(&asked); err != nil {
		return o, err
	}
	o = guided.Origin{ImageSize: asked.Image.Side, Unsigned: f.unsigned, Color: f.color, Packets: f.length, Settings: func(c *netdiffus.Config) error { return f.given.apply(c) }}
	if f.data != "" {
		return o, nil
	}
	o.Scale, err = flowflags.ParseScale(f.scale)
	return o, err
}

// names are the classes as the flags name them.
func (f *importFlags) names() ([]string, error) {
	if f.classes != "" {
		return strings.Split(f.classes, ","), nil
	}
	if f.labels == "" {
		return nil, nil
	}
	file, err := os.Open(f.labels)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	names, err := dataset.ReadLabelMap(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.labels, err)
	}
	return names, nil
}

// check finds mistakes of the command line.
func (f *importFlags) check() error {
	if err := required("run", f.run); err != nil {
		return err
	}
	for _, name := range []string{"diffusion-steps", "noise-schedule"} {
		if _, ok := f.given.words[name]; !ok {
			return fmt.Errorf("--%s is missing: the weights do not hold it (the reference's flags are --diffusion-steps 100 --noise-schedule cosine)", name)
		}
	}
	if f.data == "" && f.scale == "" {
		return errors.New("--data-dir or --scale is missing: samples cannot be decoded to packets without the images' scale")
	}
	if f.data != "" && (f.scale != "" || f.labels != "" || f.classes != "") {
		return errors.New("--data-dir holds the scale and the classes: leave out --scale, --label-map and --classes")
	}
	if f.labels != "" && f.classes != "" {
		return errors.New("--label-map and --classes both name the classes: give one of them")
	}
	return nil
}

// report prints what was taken over, and what was assumed.
func (f *importFlags) report(w io.Writer, path string, m *guided.Checkpoint, cfg netdiffus.Config) {
	n := 0
	for _, t := range m.Weights {
		n += nn.Param{Shape: t.Shape}.Size()
	}
	u := cfg.Network()
	fmt.Fprintf(w, "%s: step %d, %d tensors, %d parameters\n", path, m.Step, len(m.Weights), n)
	fmt.Fprintf(w, "  found    images of %d channels, num-channels %d, channel-mult %s, num-res-blocks %d, attention-resolutions %s, learn-sigma %t, %d classes\n",
		u.InChannels, u.Channels, join(u.ChannelMult), u.ResBlocks, join(u.Attention), u.LearnSigma, u.Classes)
	var assumed []string
	for _, s := range modelSettings {
		_, given := f.given.words[s.name]
		switch s.name {
		case "image-size":
			given = given || f.data != ""
		case "num-heads", "use-new-attention-order", "parameterization", "rescale-timesteps":
		default:
			given = true // found, or of no consequence for the weights
		}
		if !given {
			assumed = append(assumed, s.name+" "+s.get(&cfg))
		}
	}
	if len(assumed) > 0 {
		fmt.Fprintf(w, "  assumed  %s: the tensors do not hold it; flags set it\n", strings.Join(assumed, ", "))
	}
	neighbour := func(pattern string) string { // a file of the same step
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(path), fmt.Sprintf(pattern, m.Step)))
		if len(found) == 0 {
			return ""
		}
		return ", such as " + found[0]
	}
	for _, rate := range cfg.Training.EMA {
		if m.Averages[rate] == nil {
			fmt.Fprintf(w, "  average  with rate %v starts as a copy of the weights: give --ema for the trained one%s\n", rate, neighbour("ema_*_%06d.pt"))
		}
	}
	switch a := m.Adam; {
	case a == nil:
		fmt.Fprintf(w, "  training would continue with a new optimiser: give --opt to continue as before%s\n", neighbour("opt%06d.pt"))
	case a.Beta1 != 0.9 || a.Eps != 1e-8:
		fmt.Fprintf(w, "  training continues with beta1 0.9 and eps 1e-8, not %v and %v\n", a.Beta1, a.Eps)
	case len(a.Moments) > 0 && (a.Moments[0].Step < m.Step || a.Moments[0].Step > m.Step+1): // the files' names may be one short
		fmt.Fprintf(w, "  the optimiser has seen %d steps, the model %d\n", a.Moments[0].Step, m.Step)
	}
	fmt.Fprintf(w, "draw samples with:\n  netdiffus sample --run %s --out %s\n", command.Quote(f.run), command.Quote(filepath.Join(f.run, "samples", "drawn")))
}
