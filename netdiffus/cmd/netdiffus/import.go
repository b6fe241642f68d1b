package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/ema"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/pytorch"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// importFlags are the flags of import besides the settings.
type importFlags struct {
	run, data, opt, labels, classes, scale string
	averages                               []string
	unsigned                               bool
	step                                   int
	given                                  *settingWords
}

func importCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import FILE.pt --run RUN",
		Short: "Take over a model that was trained with PyTorch",
		Long: `Import reads a checkpoint of guided-diffusion, modelNNNNNN.pt or
ema_RATE_NNNNNN.pt, and makes a run directory of it, which sample draws from and
train goes on with.

The network's shape is found from the tensors. They do not tell the steps and
schedule of the diffusion, which must be given, nor the number of heads, for
which guided-diffusion's 4 is taken. What the flags say beyond that is checked
against the tensors. The images' scale and the names of the classes come from
--data_dir, or from --scale and --label_map or --classes.

Only tensors and plain containers are read: nothing that the file holds is run.`,
		Example: `  netdiffus import model001000.pt --run runs/old --data_dir gasf \
    --diffusion_steps 100 --noise_schedule cosine
  netdiffus import model001000.pt --ema ema_0.9999_001000.pt --opt opt001000.pt --run runs/old \
    --scale -1460,1460 --label_map label_map.csv --diffusion_steps 100 --noise_schedule cosine`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.execute(c, args[0]) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.run, "run", "", "run `folder` to make (needed)")
	flags.StringArrayVar(&f.averages, "ema", nil, "`file` with a moving average of the weights, ema_RATE_NNNNNN.pt; may be given several times")
	flags.StringVar(&f.opt, "opt", "", "`file` with the optimiser's state, optNNNNNN.pt, for train to go on as if it had never stopped")
	flags.StringVar(&f.data, "data_dir", "", "`folder` of the images that the model was trained on, for their scale and classes")
	flags.StringVar(&f.scale, "scale", "", "MIN,MAX of the packets' lengths, bytes, that the images were made with")
	flags.BoolVar(&f.unsigned, "unsigned", false, "with --scale: the images hold lengths without direction")
	flags.StringVar(&f.labels, "label_map", "", "`file` with the classes' names, label_map.csv: label,index")
	flags.StringVar(&f.classes, "classes", "", "`names` of the classes in the order of their numbers, with commas")
	flags.IntVar(&f.step, "step", -1, "training `steps` that the model has seen; -1 means as the file's name says")
	f.given = addSettings(flags, netdiffus.Seed(), append(append([]setting{}, modelSettings...), trainSettings...)...)
	for _, s := range f.given.settings {
		flags.Lookup(s.name).DefValue = ""
	}
	addUnused(flags)
	return c
}

// imported is a checkpoint of PyTorch as it is being taken over.
type imported struct {
	step     int
	weights  []pytorch.Named
	averages map[float64][]pytorch.Named
	rates    []float64     // of the averages, in the order given
	adam     *pytorch.Adam // nil without
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
	var set *dataset.Set
	if f.data != "" {
		var err error
		if set, err = dataset.Open(f.data); err != nil {
			return err
		}
	}
	model, err := f.read(path)
	if err != nil {
		return err
	}
	cfg, err := f.config(model, set)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	state, err := model.state(cfg)
	if err != nil {
		return err
	}
	session := track.NewSession()
	session.Flags, session.FromStep, session.Seed = given(c), model.step, cfg.Training.Seed
	for _, file := range append([]string{path, f.opt}, f.averages...) {
		if file == "" {
			continue
		}
		input, err := track.HashInput(file)
		if err != nil {
			return err
		}
		session.Inputs = append(session.Inputs, input)
	}
	if err := writeRun(f.run, cfg, state, session); err != nil {
		return err
	}
	f.report(c.ErrOrStderr(), path, model, cfg)
	fmt.Fprintln(c.OutOrStdout(), f.run)
	return nil
}

// check finds mistakes of the command line.
func (f *importFlags) check() error {
	if err := required("run", f.run); err != nil {
		return err
	}
	for _, name := range []string{"diffusion_steps", "noise_schedule"} {
		if _, ok := f.given.words[name]; !ok {
			return fmt.Errorf("--%s is missing: the weights do not tell it (the reference's flags are --diffusion_steps 100 --noise_schedule cosine)", name)
		}
	}
	if f.data == "" && f.scale == "" {
		return errors.New("--data_dir or --scale is missing: samples need the way back from images to packets")
	}
	if f.data != "" && (f.scale != "" || f.labels != "" || f.classes != "") {
		return errors.New("--data_dir says the scale and the classes itself: leave out --scale, --label_map and --classes")
	}
	if f.labels != "" && f.classes != "" {
		return errors.New("--label_map and --classes both name the classes: give one of them")
	}
	return nil
}

// fileName is what guided-diffusion calls its files: model001000.pt,
// opt001000.pt, ema_0.9999_001000.pt.
var fileName = regexp.MustCompile(`^(?:(?:model|opt)_?|ema_([0-9.eE-]+)_)([0-9]+)\.[a-z]+$`)

// nameOf reads a file's name: the rate, 0 where it has none, and the step, -1
// where it has none.
func nameOf(path string) (rate float64, step int) {
	m := fileName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return 0, -1
	}
	rate, _ = strconv.ParseFloat(m[1], 64)
	step, err := strconv.Atoi(m[2])
	if err != nil {
		step = -1
	}
	return rate, step
}

// read reads all the files.
func (f *importFlags) read(path string) (*imported, error) {
	file, err := pytorch.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m := &imported{step: f.step, averages: map[float64][]pytorch.Named{}}
	if m.weights, err = file.StateDict(); err != nil {
		return nil, err
	}
	rate, step := nameOf(path)
	if m.step < 0 {
		m.step = step
	}
	if inside, ok := file.Step(); ok && m.step < 0 {
		m.step = inside
	}
	if rate > 0 { // an average for a model
		m.averages[rate], m.rates = m.weights, []float64{rate}
	}
	for _, average := range f.averages {
		rate, _ := nameOf(average)
		if !(rate > 0 && rate < 1) {
			return nil, fmt.Errorf("--ema %s: the name does not tell the average's rate, as ema_0.9999_001000.pt does", average)
		}
		if m.averages[rate] != nil {
			return nil, fmt.Errorf("--ema %s: there are two averages with the rate %v", average, rate)
		}
		if m.averages[rate], err = readWeights(average); err != nil {
			return nil, err
		}
		m.rates = append(m.rates, rate)
	}
	if f.opt != "" {
		if m.adam, err = readAdam(f.opt); err != nil {
			return nil, err
		}
		if m.step < 0 && len(m.adam.Moments) > 0 {
			m.step = m.adam.Moments[0].Step
		}
	}
	if m.step < 0 {
		return nil, fmt.Errorf("%s: the name does not tell the training steps, as model001000.pt does: give --step", path)
	}
	return m, nil
}

func readWeights(path string) ([]pytorch.Named, error) {
	file, err := pytorch.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return file.StateDict()
}

func readAdam(path string) (*pytorch.Adam, error) {
	file, err := pytorch.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	adam, err := file.Adam()
	return &adam, err
}

// config is the configuration of the model: what the tensors tell, then the
// optimiser, then the flags. set may be nil.
func (f *importFlags) config(m *imported, set *dataset.Set) (netdiffus.Config, error) {
	cfg := netdiffus.Seed()
	shapes := shapesOf(m.weights)
	network, err := f.infer(shapes, set)
	if err != nil {
		return cfg, err
	}
	if network.Outputs != 0 {
		return cfg, fmt.Errorf("the output has %d channels, for images of %d: want as many or twice as many", network.Outputs, network.InChannels)
	}
	rows := network.Classes
	network.Heads = 4 // guided-diffusion's, where the flags say no other
	network.Classes = 0
	cfg.UNet, cfg.ClassCond = network, rows > 0
	if !network.LearnSigma {
		cfg.Diffusion.Variance = "fixed_large" // as its sigma_small False
	}
	if len(m.rates) > 0 {
		cfg.Training.EMA = m.rates
	}
	if m.adam != nil {
		cfg.Training.LR, cfg.Training.WeightDecay = m.adam.LR, m.adam.WeightDecay
		if m.adam.Beta2 != 0.999 {
			cfg.Training.Beta2 = m.adam.Beta2
		}
	}
	if err := f.given.apply(&cfg); err != nil {
		return cfg, err
	}
	if cfg, err = f.fit(cfg, rows, set); err != nil {
		return cfg, err
	}
	if err := errors.Join(cfg.Validate(), cfg.UNet.Fits(shapes)); err != nil {
		return cfg, err
	}
	for rate, weights := range m.averages {
		if err := cfg.UNet.Fits(shapesOf(weights)); err != nil {
			return cfg, fmt.Errorf("the average with rate %v: %w", rate, err)
		}
	}
	return cfg, nil
}

// infer finds the network. Its images' size, which no tensor tells, is the data
// set's or --image_size, or else the reference's 10 where the network has few
// enough levels.
func (f *importFlags) infer(shapes map[string][]int, set *dataset.Set) (unet.Config, error) {
	var asked netdiffus.Config
	if word, ok := f.given.words["image_size"]; ok {
		if err := (&settingWords{f.given.settings, map[string]string{"image_size": word}}).apply(&asked); err != nil {
			return unet.Config{}, err
		}
	}
	size := asked.UNet.ImageSize
	if set != nil && size == 0 {
		size = set.Images.H
	}
	if size != 0 {
		return unet.Infer(shapes, size)
	}
	network, err := unet.Infer(shapes, 10)
	if err != nil {
		if larger, ok := unet.Infer(shapes, 512); ok == nil {
			return network, fmt.Errorf("--image_size is needed: the network has %d levels, more than 10x10 pixels can be halved for", len(larger.ChannelMult))
		}
	}
	return network, err
}

// fit sets what the data tell: classes and recipe. rows is the number of
// classes that the network knows, 0 where it is unconditional.
func (f *importFlags) fit(cfg netdiffus.Config, rows int, set *dataset.Set) (netdiffus.Config, error) {
	if set != nil {
		if !set.Fitted() {
			return cfg, fmt.Errorf("%s has no manifest to take the scale from: give --scale, and --label_map or --classes, instead of --data_dir", f.data)
		}
		cfg.Classes = slices.Clone(set.Classes)
	} else {
		var err error
		if cfg.Classes, err = f.names(); err != nil {
			return cfg, err
		}
		if cfg.Recipe, err = f.recipe(cfg.UNet.ImageSize); err != nil {
			return cfg, err
		}
	}
	switch {
	case rows == 0 && len(cfg.Classes) == 0:
		cfg.Classes = []string{"all"} // an unconditional model draws of one class
	case rows > 0 && len(cfg.Classes) == 0:
		return cfg, fmt.Errorf("the model knows %d classes, by number: give their names with --data_dir, --label_map or --classes", rows)
	case rows == len(cfg.Classes)+1 && cfg.Training.LabelDropout == 0:
		return cfg, fmt.Errorf("the model knows %d classes, one more than the %d named: if the last is \"any class\", say so with --label_dropout", rows, len(cfg.Classes))
	case rows > 0 && rows != len(cfg.Classes) && rows != len(cfg.Classes)+1:
		return cfg, fmt.Errorf("the model knows %d classes, but %d are named: %s", rows, len(cfg.Classes), strings.Join(cfg.Classes, ", "))
	}
	cfg.UNet.LearnSigma = cfg.Diffusion.Learned()
	if cfg.ClassCond {
		cfg.UNet.Classes = len(cfg.Classes)
		cfg.UNet.NullClass = cfg.Training.LabelDropout > 0
	}
	if set != nil {
		return cfg.Fit(set)
	}
	return cfg, nil
}

// names are the classes as the flags name them.
func (f *importFlags) names() ([]string, error) {
	if f.labels == "" {
		if f.classes == "" {
			return nil, nil
		}
		return distinct(strings.Split(f.classes, ","))
	}
	file, err := os.Open(f.labels)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	names, err := readLabelMap(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.labels, err)
	}
	return names, nil
}

// readLabelMap reads label,index rows, with a header or without, into names in
// the order of the index.
func readLabelMap(r io.Reader) ([]string, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = 2
	var names []string
	var seen []bool
	for first := true; ; first = false {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := rows.FieldPos(0)
		i, err := strconv.Atoi(strings.TrimSpace(row[1]))
		switch {
		case err != nil && first:
			continue // the header
		case err != nil || i < 0 || i > 1e6:
			return nil, fmt.Errorf("line %d: index %q, want a number from 0 on", line, row[1])
		}
		for len(names) <= i {
			names, seen = append(names, ""), append(seen, false)
		}
		if seen[i] {
			return nil, fmt.Errorf("line %d: index %d is there twice", line, i)
		}
		names[i], seen[i] = row[0], true
	}
	if i := slices.Index(seen, false); i >= 0 {
		return nil, fmt.Errorf("no label has the index %d", i)
	}
	return distinct(names)
}

// distinct returns names if they differ and none is empty.
func distinct(names []string) ([]string, error) {
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		if name == "" || seen[name] {
			return nil, fmt.Errorf("class %d is called %q: want distinct names", i, name)
		}
		seen[name] = true
	}
	return names, nil
}

// recipe is the reference's for the scale of --scale.
func (f *importFlags) recipe(size int) (*dataset.Recipe, error) {
	scale, err := parseScale(f.scale)
	if err != nil {
		return nil, err
	}
	r := &dataset.Recipe{Length: size, Feature: traffic.SignedLength{}, Codec: scale, Image: imaging.GASF{}}
	if f.unsigned {
		r.Feature = dataset.Length{}
	}
	return r, nil
}

// state is the checkpoint of the run to be.
func (m *imported) state(cfg netdiffus.Config) (checkpoint.State, error) {
	s := checkpoint.State{Step: m.step, EMA: map[string]checkpoint.Tensors{}}
	params, err := cfg.Params()
	if err != nil {
		return s, err
	}
	if s.Model, err = fromPyTorch(params, m.weights); err != nil {
		return s, err
	}
	for _, rate := range cfg.Training.EMA {
		weights := s.Model // where there is no average one starts, as a copy
		if average := m.averages[rate]; average != nil {
			if weights, err = fromPyTorch(params, average); err != nil {
				return s, err
			}
		}
		s.EMA[filepath.Base(ema.Path(rate))] = weights
	}
	if s.Optim, err = m.moments(params); err != nil {
		return s, err
	}
	s.Train, err = startOfTraining(cfg)
	return s, err
}

// startOfTraining is what a checkpoint says of a trainer that has seen
// nothing: package train's seed and timesteps.
func startOfTraining(cfg netdiffus.Config) (json.RawMessage, error) {
	model, err := cfg.Model()
	if err != nil {
		return nil, err
	}
	newTimes, err := netdiffus.TimestepSamplers.Get(cfg.Training.Sampler)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"seed": cfg.Training.Seed, "timesteps": newTimes(model.Schedule.Len())})
}

// writeRun makes the run directory. Its configuration, which makes it one,
// comes last; if anything fails nothing stays of a folder that was not there.
func writeRun(dir string, cfg netdiffus.Config, state checkpoint.State, session track.Session) (err error) {
	_, before := os.Stat(dir)
	run, err := track.Create(dir)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, run.Close())
		if err != nil && errors.Is(before, os.ErrNotExist) {
			os.RemoveAll(dir)
		}
	}()
	if _, err := checkpoint.Save(track.Checkpoints(dir), state); err != nil {
		return err
	}
	if err := run.AddSession(session); err != nil {
		return err
	}
	return run.WriteConfig(cfg)
}

// report says what was taken over, and what was assumed.
func (f *importFlags) report(w io.Writer, path string, m *imported, cfg netdiffus.Config) {
	n := 0
	for _, t := range m.weights {
		n += nn.Param{Shape: t.Shape}.Size()
	}
	u := cfg.UNet
	fmt.Fprintf(w, "%s: step %d, %d tensors, %d parameters\n", path, m.step, len(m.weights), n)
	fmt.Fprintf(w, "  found    images of %d channels, num_channels %d, channel_mult %s, num_res_blocks %d, attention_resolutions %s, learn_sigma %s, %d classes\n",
		u.InChannels, u.Channels, join(u.ChannelMult), u.ResBlocks, join(u.Attention), (*boolWord)(&u.LearnSigma), u.Classes)
	var assumed []string
	for _, s := range modelSettings {
		_, given := f.given.words[s.name]
		switch s.name {
		case "image_size":
			given = given || f.data != ""
		case "num_heads", "use_new_attention_order", "parameterization", "rescale_timesteps":
		default:
			given = true // found, or of no consequence for the weights
		}
		if !given {
			assumed = append(assumed, s.name+" "+s.get(&cfg))
		}
	}
	if len(assumed) > 0 {
		fmt.Fprintf(w, "  assumed  %s: the tensors do not tell; flags do\n", strings.Join(assumed, ", "))
	}
	for _, rate := range cfg.Training.EMA {
		if m.averages[rate] == nil {
			fmt.Fprintf(w, "  average  with rate %v starts as a copy of the weights: give --ema for the trained one\n", rate)
		}
	}
	switch a := m.adam; {
	case a == nil:
		fmt.Fprintln(w, "  training would go on with empty moments, whose first steps are too large: give --opt to go on as before")
	case a.Beta1 != 0.9 || a.Eps != 1e-8:
		fmt.Fprintf(w, "  training goes on with beta1 0.9 and eps 1e-8, not %v and %v\n", a.Beta1, a.Eps)
	}
	fmt.Fprintf(w, "draw samples with:\n  netdiffus sample --model_path %s --out %s\n", quote(f.run), quote(filepath.Join(f.run, "samples", "drawn")))
}
