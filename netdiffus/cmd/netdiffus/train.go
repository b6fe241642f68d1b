package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// trainFlags are the flags of train besides the settings.
type trainFlags struct {
	data, run, config, preset, resume string
	classFrom, image                  string
	steps, save, keep, log            int
	print, dry                        bool
	device                            *deviceChoice
	begun                             string // the preset begun with, "" where the run's own settings are
	given                             *settingWords
	track                             trackFlags
}

func trainCommand() *cobra.Command {
	var f trainFlags
	c := &cobra.Command{
		Use:   "train",
		Short: "Train a diffusion model on converted flows",
		Long: `Train a diffusion model on a data set that convert made.

The run directory holds all that sample needs. Where it holds checkpoints
already, training continues from the newest one up to --steps, with the settings
it was begun with; other settings, classes or an otherwise encoded data set are refused.
With --resume-from-checkpoint and a new --run, training goes on there from another run's
checkpoint and settings, of which flags may change what does not change the model:
another rate, after one that diverged. manifest.json says what differs. Ctrl-C finishes
the step, saves, and prints the command to continue.

The command lines of guided-diffusion's image_train work as they are, underscores,
True and False included.`,
		Example: `  netdiffus train --data-dir gasf --run runs/first --steps 2000
  netdiffus train --data-dir atoms --run runs/quick --preset quick
  netdiffus train --data-dir gasf --run runs/reference --preset reference --steps 20000
  netdiffus train --data_dir gasf --run runs/flags --steps 2000 --image_size 10 \
    --num_channels 128 --num_res_blocks 3 --diffusion_steps 100 --noise_schedule cosine \
    --learn_sigma True --class_cond True --rescale_learned_sigmas False \
    --rescale_timesteps False --lr 1e-4 --batch_size 4`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return withHints(f.execute(c)) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.data, "data-dir", "", "data set to train on: the `folder` that convert wrote, or of PNG or NPZ files in folders of classes (needed)")
	flags.StringVar(&f.classFrom, "class-from", string(dataset.FromLeaf), "folders without a manifest: what names a file's class, a `word`: leaf, the folder it lies in; first, the outermost; file, its name up to _")
	flags.StringVar(&f.image, "image", "", "none: take a data set's series themselves, and not the images of them, which trains and samples in half the time")
	flags.StringVar(&f.run, "run", "", "run `folder`; empty means a new one below runs")
	flags.IntVar(&f.steps, "steps", 0, "training `steps` in all; 0 means as many as the preset plans, --lr-anneal-steps, or else until Ctrl-C")
	flags.StringVar(&f.preset, "preset", "", "settings to begin with, a `name`: "+strings.Join(presetNames(), ", ")+
		"; empty means default for a data set of atoms, copula for series in quantiles, classic for others")
	flags.StringVar(&f.config, "config", "", "`file` with settings, JSON or YAML; flags overrule it")
	flags.BoolVar(&f.print, "print-config", false, "print the settings and stop")
	flags.BoolVar(&f.dry, "dry-run", false, "print the plan, the model's size and the memory it takes, and stop")
	flags.StringVar(&f.resume, "resume-from-checkpoint", "", "checkpoint to continue from: latest (which is the default) or a checkpoint's `folder`")
	flags.IntVar(&f.save, "save-interval", 1000, "steps between two checkpoints")
	flags.IntVar(&f.keep, "checkpoints-total-limit", 3, "checkpoints to keep, the newest ones")
	flags.IntVar(&f.log, "log-interval", 10, "steps that a line of metrics.jsonl is the mean of")
	f.track.register(flags)
	addNoHost(flags)
	for _, name := range []string{"epsilon", "delta"} { // chain's: say so to who looks for them here
		flags.Float64(name, 0, "not offered here: see 'netdiffus chain --help'")
		_ = flags.MarkHidden(name)
	}
	f.device = deviceFlags(flags)
	f.device.registerSeveral(flags)
	settings := append(append(append([]setting{}, modelSettings...), respacing), trainSettings...)
	f.given = addSettings(flags, netdiffus.Default(), settings...)
	addUnused(flags)
	return c
}

func (f *trainFlags) execute(c *cobra.Command) error {
	if c.Flags().Changed("epsilon") || c.Flags().Changed("delta") {
		return usageOf(c, errors.New("--epsilon: training guarantees nothing by itself; draw flows with a guarantee, 'netdiffus chain --in FLOWS --epsilon 2 --delta 1e-6 --out private.parquet', then convert those and train on them: what is made of them is as private as they are"))
	}
	if _, err := f.device.wanted(); err != nil {
		return usageOf(c, err)
	}
	if f.data == "" && !f.print {
		return usageOf(c, errors.New("--data-dir is needed: the folder that convert wrote"))
	}
	if _, ok := netdiffus.Presets[f.preset]; !ok && f.preset != "" {
		return usageOf(c, fmt.Errorf("--preset %q: want one of %s", f.preset, strings.Join(presetNames(), ", ")))
	}
	if f.image != "" && f.image != (imaging.Series{}).Name() {
		return usageOf(c, fmt.Errorf("--image %q: want none; other kinds of image are convert's", f.image))
	}
	var data trainData
	if f.data != "" {
		var err error
		if data, err = f.open(c); err != nil {
			return err
		}
		defer data.close()
	}
	cfg, err := f.settings(c, data.set)
	if err != nil {
		return err
	}
	cfg.Training.Stream = cfg.Training.Stream || data.stored != nil
	warnUnused(c)
	f.warnCounted(c, cfg)
	if cfg.Training.RandomFlip {
		fmt.Fprintln(c.ErrOrStderr(), "warning: --random-flip mirrors images, and a mirrored GASF is the image of no flow")
	}
	if f.print && f.data == "" {
		return printConfig(c, cfg)
	}
	if cfg.Training.Decay && f.steps > 0 {
		cfg.Training.Steps = f.steps
	}
	known := cfg.Encoding
	if cfg, err = data.fit(cfg); err != nil {
		return err
	}
	if known != nil { // the run's own, without the flows held out, which its tables are of
		cfg.Encoding = known
	}
	if f.steps == 0 {
		f.steps = cmp.Or(cfg.Training.Steps, cfg.Training.AnnealSteps)
	}
	switch {
	case f.print:
		return printConfig(c, cfg)
	case f.dry:
		return f.plan(c.OutOrStdout(), cfg, data)
	}
	return f.train(c, cfg, data)
}

// withoutImages is set as its series themselves, where the flag or the run that is
// continued wants that.
func (f *trainFlags) withoutImages(c *cobra.Command, set *dataset.Set) (*dataset.Set, error) {
	none := imaging.Series{}
	wanted := f.image == none.Name()
	if !wanted {
		cfg, err := f.base(c, nil)
		if err != nil {
			return nil, err
		}
		wanted = cfg.Encoding != nil && cfg.Encoding.Image() == imaging.Encoder(none) && set.Encoding.Record() == dataset.Series
	}
	if !wanted || set.Encoding.Image() == imaging.Encoder(none) {
		return set, nil
	}
	set, err := set.Redrawn(none)
	if err != nil {
		return nil, fmt.Errorf("--image none: %w", err)
	}
	return set, nil
}

// printConfig prints the settings as JSON.
func printConfig(c *cobra.Command, cfg netdiffus.Config) error {
	text, err := cfg.JSON()
	if err == nil {
		_, err = c.OutOrStdout().Write(text)
	}
	return err
}

// openOptions are how to read the data: pictures with the size and channels that
// the flags or the run want.
func (f *trainFlags) openOptions(c *cobra.Command) (o dataset.OpenOptions, err error) {
	if o.ClassFrom, err = classFrom(f.classFrom); err != nil {
		return o, err
	}
	cfg, err := f.base(c, nil)
	if err != nil {
		return o, err
	}
	// Which other settings there are depends on the preset, and so on the data.
	if err := f.given.apply(&cfg, "image-size"); err != nil {
		return o, usageOf(c, err)
	}
	o.Side, o.Channels = cfg.Image.Side, cfg.Image.Channels
	if o.Channels != 1 && o.Channels != 3 {
		o.Channels = 0
	}
	return o, nil
}

// settings puts the configuration together: the run's own where it has one,
// else the preset, then --config, then the flags.
//
// set is the data to train on, nil where only the settings are asked for.
func (f *trainFlags) settings(c *cobra.Command, set *dataset.Set) (netdiffus.Config, error) {
	cfg, err := f.base(c, set)
	if err != nil {
		return cfg, err
	}
	if err := f.given.apply(&cfg); err != nil {
		return cfg, usageOf(c, err)
	}
	return cfg, nil
}

// base is settings without the flags.
func (f *trainFlags) base(c *cobra.Command, set *dataset.Set) (netdiffus.Config, error) {
	name := f.preset
	if name == "" {
		name = "classic"
		if set != nil {
			name = netdiffus.PresetFor(set)
		}
	}
	cfg := netdiffus.Presets[name]()
	f.begun = name
	if f.run == "" && f.resume != "" && f.resume != "latest" {
		f.run = track.RunOf(f.resume) // RUN/checkpoints/step-00000100
	}
	if f.run != "" && !c.Flags().Changed("preset") && f.config == "" {
		var own netdiffus.Config // what it leaves out is not the preset's
		err := track.ReadConfig(f.run, &own)
		if errors.Is(err, track.ErrNotRun) && f.resume != "" && f.resume != "latest" {
			err = track.ReadConfig(track.RunOf(f.resume), &own) // a new run goes on from another
		}
		if err != nil && !errors.Is(err, track.ErrNotRun) {
			return cfg, err
		}
		if err == nil {
			cfg, f.begun = own, ""
		}
	}
	if f.config != "" {
		var err error
		if cfg, err = readConfigFile(f.config, cfg); err != nil {
			return cfg, err
		}
	}
	return cfg, nil
}

// readConfigFile reads settings over base.
func readConfigFile(path string, base netdiffus.Config) (netdiffus.Config, error) {
	data, err := track.ConfigText(path) // a run's own file included
	if err != nil {
		return base, err
	}
	if ext := filepath.Ext(path); ext == ".yaml" || ext == ".yml" {
		if data, err = yaml.YAMLToJSON(data); err != nil {
			return base, fmt.Errorf("%s: %w", path, err)
		}
	}
	cfg, err := netdiffus.Decode(data, base)
	if err != nil {
		return base, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

// counted reports whether the model is counted, and not trained: it has no weights.
func counted(cfg netdiffus.Config) bool {
	if _, is := cfg.Kind.(netdiffus.Estimator); !is {
		return false
	}
	m, err := cfg.Model()
	return err == nil && len(m.Params()) == 0
}

// describeModel is a model in a few words: how large it is.
func describeModel(cfg netdiffus.Config, m netdiffus.Model) string {
	if counted(cfg) {
		return "a model that is counted, not trained"
	}
	return fmt.Sprintf("%d parameters", nn.Count(m.Params()))
}

// warnCounted warns of settings of training that were given for a model that is
// counted.
func (f *trainFlags) warnCounted(c *cobra.Command, cfg netdiffus.Config) {
	if !counted(cfg) {
		return
	}
	for _, s := range f.given.settings {
		if _, given := f.given.words[s.name]; given && s.of == nil && s.name != "seed" && s.name != "image-size" && s.name != "diffusion-steps" && s.name != "noise-schedule" && s.name != "class-cond" {
			fmt.Fprintf(c.ErrOrStderr(), "warning: --%s has no effect on a model that is counted; --preset network, or series for series, trains one\n", s.name)
		}
	}
}

// plan prints what would be done.
func (f *trainFlags) plan(w io.Writer, cfg netdiffus.Config, data trainData) error {
	set, n := data.set, data.len()
	m, err := cfg.Model()
	if err != nil {
		return err
	}
	if counted(cfg) {
		_, err = fmt.Fprintf(w, "data        %s: %d images of %dx%dx%d in %d classes\nrun         %s\nmodel       %s\n",
			f.data, n, set.Images.H, set.Images.W, set.Images.C, len(set.Classes),
			f.runOr("a new directory below runs"), describeModel(cfg, m))
		return err
	}
	weights := int64(nn.Count(m.Params())) * 4
	// Weights, two moments and the averages; twice, because a step's new state
	// is written before the old one is freed. Activations are not included.
	copies := int64(3 + len(cfg.Training.EMA))
	steps := "until Ctrl-C"
	if f.steps > 0 {
		epochs := float64(f.steps) * float64(cfg.Training.BatchSize) / float64(n)
		steps = fmt.Sprintf("%d (%.3g passes over the data)", f.steps, epochs)
	}
	_, err = fmt.Fprintf(w, `data        %s: %d images of %dx%dx%d in %d classes, %s
run         %s
steps       %s, %d samples each
model       %d parameters
state       %s on the device, plus the activations of a batch
checkpoint  %s each, the newest %d are kept
`,
		f.data, n, set.Images.H, set.Images.W, set.Images.C, len(set.Classes), data.where(),
		f.runOr("a new directory below runs"), steps, cfg.Training.BatchSize, weights/4,
		megabytes(2*copies*weights), megabytes(copies*weights), f.keep)
	return err
}

func (f *trainFlags) runOr(other string) string {
	if f.run == "" {
		return other
	}
	return f.run
}

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

func (f *trainFlags) train(c *cobra.Command, cfg netdiffus.Config, data trainData) error {
	w := c.ErrOrStderr()
	if f.run == "" {
		if f.resume == "latest" {
			return usageOf(c, errors.New("--resume-from-checkpoint latest needs --run"))
		}
		f.run = filepath.Join("runs", time.Now().Format("2006-01-02-150405"))
	}
	if f.resume == "latest" {
		f.resume = ""
	}
	targets, err := f.track.targets()
	if err != nil {
		return usageOf(c, err)
	}
	b, device, err := openDevice(c.Context(), w, *f.device)
	if err != nil {
		return err
	}
	devices, err := f.device.count(b)
	if err != nil {
		return usageOf(c, err)
	}
	m, err := cfg.Model()
	if err != nil {
		return err
	}
	session := newSession(c, device, f.data)
	session.Preset = f.begun
	together := ""
	if devices > 1 && !counted(cfg) {
		together = fmt.Sprintf(" on %d devices", devices)
	}
	fmt.Fprintf(w, "training on %d images of %d classes%s, %s, run %s\n", data.len(), len(data.set.Classes), together, describeModel(cfg, m), f.run)
	bar := newProgress(w, "step", f.steps)
	opt := train.Options{
		Dir: f.run, Steps: f.steps, Resume: f.resume,
		SaveEvery: f.save, Keep: f.keep, LogEvery: f.log, Devices: devices,
		Session: &session, Status: bar.note,
	}
	last, best, err := follow(bar, tracked(data.run(c.Context(), b, cfg, opt), f.run, targets, bar.note))
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(w, "stopped and saved after step %d; continue with:\n  %s\n", last.Step, f.again())
	}
	if err != nil {
		return err
	}
	if last.Step == 0 && last.Saved == "" {
		if counted(cfg) {
			fmt.Fprintf(w, "%s holds this model already\n", f.run)
		} else {
			fmt.Fprintf(w, "%s has these steps already; more with a larger --steps\n", f.run)
		}
	}
	rememberRuns(c.Context(), filepath.Dir(f.run))
	from := f.run
	if best != "" && best != last.Saved {
		from = best // the run's newest checkpoint is no better
	}
	fmt.Fprintf(w, "draw samples with:\n  netdiffus sample --run %s --out %s\n", command.Quote(from), command.Quote(filepath.Join(f.run, "samples", "drawn")))
	if last.Saved != "" {
		fmt.Fprintln(c.OutOrStdout(), last.Saved)
	}
	return nil
}

// again returns the command that continues the run. The settings are the run's, so
// that it need not repeat them.
func (f *trainFlags) again() string {
	line := "netdiffus train --data-dir " + command.Quote(f.data) + " --run " + command.Quote(f.run)
	if f.steps > 0 {
		line += fmt.Sprintf(" --steps %d", f.steps)
	}
	return line
}

// given lists the flags on the command line.
func given(c *cobra.Command) map[string]string {
	flags := map[string]string{}
	c.Flags().Visit(func(flag *pflag.Flag) { flags[flag.Name] = flag.Value.String() })
	return flags
}

func presetNames() []string { return slices.Sorted(maps.Keys(netdiffus.Presets)) }

// unused are flags of the reference that have no effect here, and why.
var unused = []struct{ name, kind, why string }{
	{"use-fp16", "bool", "weights are float32, as CPUs compute fastest"},
	{"fp16-scale-growth", "X", "it belongs to --use-fp16"},
	{"use-checkpoint", "bool", "XLA itself decides what to compute again; --microbatch saves memory"},
}

// addUnused registers the flags that are taken and ignored.
func addUnused(flags *pflag.FlagSet) {
	for _, u := range unused {
		flags.Var(&ignored{kind: u.kind}, u.name, "taken for the reference's sake and ignored: "+u.why)
		flags.Lookup(u.name).DefValue = ""
	}
}

// warnUnused warns once of each that is ignored, where it would have
// changed something.
func warnUnused(c *cobra.Command) {
	for _, u := range unused {
		flag := c.Flags().Lookup(u.name)
		if flag != nil && flag.Changed && !strings.EqualFold(flag.Value.String(), "false") {
			fmt.Fprintf(c.ErrOrStderr(), "warning: --%s is ignored: %s\n", u.name, u.why)
		}
	}
}

// ignored is a flag's value that takes any word.
type ignored struct{ word, kind string }

func (i *ignored) Set(s string) error { i.word = s; return nil }
func (i *ignored) String() string     { return i.word }
func (i *ignored) Type() string       { return i.kind }
