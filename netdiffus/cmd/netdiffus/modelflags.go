package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/categorical"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// A setting is a flag that stands for a field of the configuration, under the
// name it has on guided-diffusion's command line where it has one. get and set
// take and return the flag's words: "true", "16,8".
type setting struct {
	name, kind, usage string
	get               func(c *netdiffus.Config) string
	set               func(c *netdiffus.Config, word string) error
	of                netdiffus.Kind // the kind of model that alone has the setting; nil means all have
}

// modelSettings are the settings that make the model. sample takes them too,
// because the reference's users repeat them there.
var modelSettings = []setting{
	intSetting("image-size", "height and width of the images; 0 takes the data set's", func(c *netdiffus.Config) *int { return &c.Image.Side }),
	intSetting("num-channels", "channels of the network's first level, a multiple of 32", func(c *netdiffus.Config) *int { return &c.UNet.Channels }),
	intSetting("num-res-blocks", "residual blocks a level", func(c *netdiffus.Config) *int { return &c.UNet.ResBlocks }),
	{
		name: "channel-mult", kind: "LIST", usage: "channels of each level in units of --num-channels, as 1,2; empty goes by the image's size",
		get: func(c *netdiffus.Config) string { return join(c.UNet.ChannelMult) },
		set: func(c *netdiffus.Config, word string) (err error) {
			c.UNet.ChannelMult, err = split(word, parseFloat)
			if err == nil && len(c.UNet.ChannelMult) == 0 && c.Image.Side > 0 {
				c.UNet.ChannelMult = unet.DefaultChannelMult(c.Image.Side)
			}
			return err
		},
	},
	{
		name: "attention-resolutions", kind: "LIST", usage: "sizes with attention, as 16,8; size r means reduced by --image-size/r, rounded down",
		get: func(c *netdiffus.Config) string { return join(c.UNet.Attention) },
		set: func(c *netdiffus.Config, word string) (err error) {
			c.UNet.Attention, err = split(word, strconv.Atoi)
			return err
		},
	},
	intSetting("num-heads", "attention heads", func(c *netdiffus.Config) *int { return &c.UNet.Heads }),
	unsetSetting("num-heads-upsample", "attention heads on the way up; -1 means as on the way down", func(c *netdiffus.Config) *int { return &c.UNet.UpsampleHeads }),
	unsetSetting("num-head-channels", "channels of a head, instead of the number of heads; -1 means by --num-heads", func(c *netdiffus.Config) *int { return &c.UNet.HeadChannels }),
	floatSetting("dropout", "share of features dropped in training", func(c *netdiffus.Config) *float64 { return &c.UNet.Dropout }),
	boolSetting("use-scale-shift-norm", "scale and shift features by the time's embedding instead of adding it",
		func(c *netdiffus.Config) bool { return !c.UNet.AddEmbedding },
		func(c *netdiffus.Config, on bool) { c.UNet.AddEmbedding = !on }),
	boolSetting("resblock-updown", "resize within residual blocks",
		func(c *netdiffus.Config) bool { return c.UNet.ResBlockUpDown },
		func(c *netdiffus.Config, on bool) { c.UNet.ResBlockUpDown = on }),
	boolSetting("use-new-attention-order", "split queries, keys and values before the heads",
		func(c *netdiffus.Config) bool { return c.UNet.NewAttentionOrder },
		func(c *netdiffus.Config, on bool) { c.UNet.NewAttentionOrder = on }),
	boolSetting("class-cond", "condition the model on the class",
		func(c *netdiffus.Config) bool { return c.ClassCond },
		func(c *netdiffus.Config, on bool) { c.ClassCond = on }),
	boolSetting("learn-sigma", "learn the variance of each denoising step",
		func(c *netdiffus.Config) bool { return c.Diffusion.Learned() },
		func(c *netdiffus.Config, on bool) {
			switch {
			case !on:
				c.Diffusion.Variance = netdiffus.Variances.Must("fixed_large")
			case !c.Diffusion.Learned():
				c.Diffusion.Variance = netdiffus.Variances.Must("learned_range")
			}
		}),
	intSetting("diffusion-steps", "steps from data to noise", func(c *netdiffus.Config) *int { return &c.Diffusion.Steps }),
	partSetting("noise-schedule", "how fast the noise grows", netdiffus.Schedules,
		func(c *netdiffus.Config) *netdiffus.Part[netdiffus.NewSchedule] { return &c.Diffusion.Schedule }),
	partSetting("parameterization", "what the network predicts", netdiffus.Parameterizations, predictOf),
	boolSetting("predict-xstart", "the same as --parameterization x0",
		func(c *netdiffus.Config) bool { return c.Diffusion.Predict.Name() == "x0" },
		choose(netdiffus.Parameterizations, predictOf, "x0", "eps")),
	boolSetting("v-prediction", "the same as --parameterization v",
		func(c *netdiffus.Config) bool { return c.Diffusion.Predict.Name() == "v" },
		choose(netdiffus.Parameterizations, predictOf, "v", "eps")),
	boolSetting("use-kl", "minimise the variational bound",
		func(c *netdiffus.Config) bool { return c.Diffusion.Loss.Name() == "rescaled_kl" },
		choose(netdiffus.Losses, lossOf, "rescaled_kl", "mse")),
	boolSetting("rescale-learned-sigmas", "scale the bound's part of the loss, so that it does not drown the rest",
		func(c *netdiffus.Config) bool { return c.Diffusion.Loss.Name() == "rescaled_mse" },
		choose(netdiffus.Losses, lossOf, "rescaled_mse", "mse")),
	boolSetting("rescale-timesteps", "show the network times from 0 to 1000 whatever --diffusion-steps",
		func(c *netdiffus.Config) bool { return c.Diffusion.RescaleTimesteps },
		func(c *netdiffus.Config, on bool) { c.Diffusion.RescaleTimesteps = on }),
}

// trainSettings are the settings of training alone.
var trainSettings = []setting{
	wordSetting("precision", "float32|bf16", "type that the network computes in: bf16 (bfloat16, with weights, norms and losses in float32) is for GPUs", nn.Float32,
		func(c *netdiffus.Config) *nn.Precision { return &c.Precision }),
	chainSetting("order", "chain: packets that a packet depends on; 0 chooses this and the next four on flows held out", func(k *netdiffus.Chain) *int { return &k.Order }),
	chainSetting("whole", "chain: remember a flow's whole beginning, in place of so many packets, while at least this many flows share it; 0 never does", func(k *netdiffus.Chain) *int { return &k.Whole }),
	chainSetting("rare", "chain: merge values seen fewer times at their class and place into groups of neighbours, which turn out as values that were not seen", func(k *netdiffus.Chain) *int { return &k.Rare }),
	chainSetting("group", "chain: how often the values of such a group were seen together, about; 0 means 8", func(k *netdiffus.Chain) *int { return &k.Group }),
	kindSetting("thin", "bool", "chain: leave out flows, so that those drawn repeat those of the data set as often as these repeat each other", wantsChain,
		func(k netdiffus.Chain) string { return strconv.FormatBool(k.Thin) },
		func(k *netdiffus.Chain, word string) (err error) {
			k.Thin, err = parseSwitch(word)
			return err
		}),
	atomsPart("base", "network over atoms: what it starts from: the class's chain over the diagonal, the same with the evidence of all pixels, or independent packets", netdiffus.Bases, func(a *netdiffus.Atoms) *netdiffus.Part[categorical.Base] { return &a.Base }),
	atomsPart("trunk", "network over atoms: the network below the head", netdiffus.Trunks, func(a *netdiffus.Atoms) *netdiffus.Part[netdiffus.NewTrunk] { return &a.Trunk }),
	atomsSetting("self-condition", "bool", "network over atoms: show the network its own estimate of the clean image at the step before; better for flows of 10 packets, worse for 32",
		func(a netdiffus.Atoms) string { return strconv.FormatBool(a.SelfCondition) },
		func(a *netdiffus.Atoms, word string) (err error) {
			a.SelfCondition, err = parseSwitch(word)
			return err
		}),
	floatSetting("lr", "learning rate", func(c *netdiffus.Config) *float64 { return &c.Training.LR }),
	floatSetting("weight-decay", "decoupled weight decay, of every parameter", func(c *netdiffus.Config) *float64 { return &c.Training.WeightDecay }),
	intSetting("lr-anneal-steps", "let the learning rate fall to 0 at this step; 0 keeps it; also the number of steps without --steps", func(c *netdiffus.Config) *int { return &c.Training.AnnealSteps }),
	intSetting("batch-size", "samples a step", func(c *netdiffus.Config) *int { return &c.Training.BatchSize }),
	unsetSetting("microbatch", "samples computed at once, where a batch does not fit the memory; -1 means all", func(c *netdiffus.Config) *int { return &c.Training.Microbatch }),
	{
		name: "ema-rate", kind: "LIST", usage: "rates of the moving averages of the weights, as 0.9999,0.99; samples are drawn with the first",
		get: func(c *netdiffus.Config) string { return join(c.Training.EMA) },
		set: func(c *netdiffus.Config, word string) (err error) {
			c.Training.EMA, err = split(word, parseFloat)
			return err
		},
	},
	partSetting("schedule-sampler", "which steps of the noise are trained more often", netdiffus.TimestepSamplers,
		func(c *netdiffus.Config) *netdiffus.Part[netdiffus.NewTimesteps] { return &c.Training.Sampler }),
	boolSetting("random-flip", "mirror half of the images left to right, as guided-diffusion does to photographs: a mirrored GASF is the image of no flow",
		func(c *netdiffus.Config) bool { return c.Training.RandomFlip },
		func(c *netdiffus.Config, on bool) { c.Training.RandomFlip = on }),
	{
		name: "seed", kind: "N", usage: "of everything random: the same seed gives the same run",
		get: func(c *netdiffus.Config) string { return strconv.FormatUint(c.Training.Seed, 10) },
		set: func(c *netdiffus.Config, word string) (err error) {
			c.Training.Seed, err = strconv.ParseUint(word, 10, 64)
			return err
		},
	},
	boolSetting("stream", "read the images from the disk as they are needed, shuffled in parts, in memory that does not grow with the data set; by itself for new runs over more than 512 MB of images (some 670,000 flows of 10 packets) in a file a class, where the model allows it",
		func(c *netdiffus.Config) bool { return c.Training.Stream },
		func(c *netdiffus.Config, on bool) { c.Training.Stream = on }),
	floatSetting("validation", "share of the flows held out of training, as 0.1, to measure the loss of now and then; the best checkpoint is kept; 0 means none", func(c *netdiffus.Config) *float64 { return &c.Training.Validation }),
	intSetting("validate-every", "steps between two measurements of the flows held out; 0 means 20 times in all", func(c *netdiffus.Config) *int { return &c.Training.ValidateEvery }),
	intSetting("patience", "stop training when so many measurements of the flows held out in a row are no better than the best; 0 means never", func(c *netdiffus.Config) *int { return &c.Training.Patience }),
	boolSetting("keep-best", "draw samples with the best of the weights that --validation measures; a network that starts from a base, as that over series, is also measured before the first step",
		func(c *netdiffus.Config) bool { return c.Training.KeepBest },
		func(c *netdiffus.Config, on bool) { c.Training.KeepBest = on }),
	boolSetting("choose", "after training, choose by the flows that --validation holds out how samples are drawn: by the network, in several ways, or by its base, a chain (preset causal)",
		func(c *netdiffus.Config) bool { return c.Training.Choose },
		func(c *netdiffus.Config, on bool) { c.Training.Choose = on }),
	boolSetting("limit-copies", "network over atoms: also draw flows at every measurement and count copies of training flows; where they are more than among the flows held out, it is no better than the best",
		func(c *netdiffus.Config) bool { return c.Training.LimitCopies },
		func(c *netdiffus.Config, on bool) { c.Training.LimitCopies = on }),
	floatSetting("label-dropout", "share of labels hidden in training, which makes sample --guidance possible", func(c *netdiffus.Config) *float64 { return &c.Training.LabelDropout }),
	floatSetting("min-snr", "gamma of the min-SNR weighting of the loss (5 in the paper); 0 means none", func(c *netdiffus.Config) *float64 { return &c.Diffusion.MinSNR }),
	wordSetting("noise", "chacha8|philox", "how the noise of samples is drawn: by the program before each step (chacha8, as in runs of before), or by the device (philox)", noise.ChaCha8,
		func(c *netdiffus.Config) *noise.Generator { return &c.Diffusion.Noise }),
	partSetting("variance", "variance of a denoising step, more exactly than --learn-sigma", netdiffus.Variances,
		func(c *netdiffus.Config) *netdiffus.Part[diffusion.LogVariance] { return &c.Diffusion.Variance }),
	partSetting("loss", "what is minimised, more exactly than --use-kl and --rescale-learned-sigmas", netdiffus.Losses, lossOf),
}

// respacing is timestep_respacing as the reference's training takes it.
var respacing = setting{
	name: "timestep-respacing", kind: "SPEC", usage: `train on some of the steps only, as "25", "10,10,20" or "ddim25"; empty means all`,
	get: func(c *netdiffus.Config) string { return c.Diffusion.Respacing },
	set: func(c *netdiffus.Config, word string) error {
		c.Diffusion.Respacing = word
		return nil
	},
}

func lossOf(c *netdiffus.Config) *netdiffus.Part[diffusion.Objective] { return &c.Diffusion.Loss }

func predictOf(c *netdiffus.Config) *netdiffus.Part[diffusion.Parameterization] {
	return &c.Diffusion.Predict
}

// choose returns the setter of a switch that stands for one of a part's names: true
// sets on, false sets off in its place and leaves other names.
func choose[T any](parts *netdiffus.Registry[T], field func(c *netdiffus.Config) *netdiffus.Part[T], on, off string) func(c *netdiffus.Config, is bool) {
	return func(c *netdiffus.Config, is bool) {
		switch p := field(c); {
		case is:
			*p = parts.Must(on)
		case p.Name() == on:
			*p = parts.Must(off)
		}
	}
}

func intSetting(name, usage string, field func(c *netdiffus.Config) *int) setting {
	return setting{
		name: name, kind: "N", usage: usage,
		get: func(c *netdiffus.Config) string { return strconv.Itoa(*field(c)) },
		set: func(c *netdiffus.Config, word string) (err error) {
			*field(c), err = strconv.Atoi(word)
			return err
		},
	}
}

// unsetSetting is an int that is -1 on the reference's command line, and 0 in
// the configuration, while it is not set.
func unsetSetting(name, usage string, field func(c *netdiffus.Config) *int) setting {
	return setting{
		name: name, kind: "N", usage: usage,
		get: func(c *netdiffus.Config) string {
			if *field(c) == 0 {
				return "-1"
			}
			return strconv.Itoa(*field(c))
		},
		set: func(c *netdiffus.Config, word string) error {
			n, err := strconv.Atoi(word)
			if err == nil {
				*field(c) = max(n, 0)
			}
			return err
		},
	}
}

func floatSetting(name, usage string, field func(c *netdiffus.Config) *float64) setting {
	return setting{
		name: name, kind: "X", usage: usage,
		get: func(c *netdiffus.Config) string { return formatFloat(*field(c)) },
		set: func(c *netdiffus.Config, word string) (err error) {
			*field(c), err = parseFloat(word)
			return err
		},
	}
}

// wordSetting is a setting that is one of some words, of which usual is kept as "", as runs
// of before there was another have it.
func wordSetting[T interface {
	~string
	Check() error
}](name, kind, usage string, usual T, field func(*netdiffus.Config) *T) setting {
	return setting{
		name: name, kind: kind, usage: usage,
		get: func(c *netdiffus.Config) string { return string(cmp.Or(*field(c), usual)) },
		set: func(c *netdiffus.Config, word string) error {
			f := field(c)
			if *f = T(word); *f == usual {
				*f = ""
			}
			return (*f).Check()
		},
	}
}

func boolSetting(name, usage string, get func(c *netdiffus.Config) bool, set func(c *netdiffus.Config, on bool)) setting {
	return setting{
		name: name, kind: "bool", usage: usage,
		get: func(c *netdiffus.Config) string {
			return strconv.FormatBool(get(c))
		},
		set: func(c *netdiffus.Config, word string) error {
			on, err := parseSwitch(word)
			if err == nil {
				set(c, on)
			}
			return err
		},
	}
}

// partSetting is the name of a part.
func partSetting[T any](name, usage string, parts *netdiffus.Registry[T], field func(c *netdiffus.Config) *netdiffus.Part[T]) setting {
	return setting{
		name: name, kind: strings.Join(parts.Names(), "|"), usage: usage,
		get: func(c *netdiffus.Config) string { return field(c).Name() },
		set: func(c *netdiffus.Config, word string) (err error) { return setPart(field(c), parts, word) },
	}
}

// setPart sets p to the part called name.
func setPart[T any](p *netdiffus.Part[T], parts *netdiffus.Registry[T], name string) error {
	found, err := parts.Get(name)
	if err != nil {
		return fmt.Errorf("want one of %s", strings.Join(parts.Names(), ", "))
	}
	*p = found
	return nil
}

// kindSetting is a setting of the kind of model K, empty for others. cure is what
// makes a model of that kind.
func kindSetting[K netdiffus.Kind](name, kind, usage, cure string, get func(k K) string, set func(k *K, word string) error) setting {
	var zero K
	return setting{
		name: name, kind: kind, usage: usage, of: zero,
		get: func(c *netdiffus.Config) string {
			k, ok := c.Kind.(K)
			if !ok {
				return ""
			}
			return get(k)
		},
		set: func(c *netdiffus.Config, word string) error {
			k, ok := c.Kind.(K)
			if !ok {
				return errors.New(cure)
			}
			err := set(&k, word)
			c.Kind = k
			return err
		},
	}
}

// atomsSetting is a setting of the network over atoms.
func atomsSetting(name, kind, usage string, get func(a netdiffus.Atoms) string, set func(a *netdiffus.Atoms, word string) error) setting {
	return kindSetting(name, kind, usage, "it is for a network over atoms: --preset quick, network or best, and a data set converted with --codec atoms", get, set)
}

// wantsChain is what a setting of a chain needs.
const wantsChain = "it is for a chain: --preset default, and a data set converted with --codec atoms"

// chainSetting is a number of the chain's settings.
func chainSetting(name, usage string, field func(k *netdiffus.Chain) *int) setting {
	return kindSetting(name, "N", usage, wantsChain,
		func(k netdiffus.Chain) string { return strconv.Itoa(*field(&k)) },
		func(k *netdiffus.Chain, word string) (err error) {
			*field(k), err = strconv.Atoi(word)
			return err
		})
}

// atomsPart is the name of a part of the model over atoms.
func atomsPart[T any](name, usage string, parts *netdiffus.Registry[T], field func(a *netdiffus.Atoms) *netdiffus.Part[T]) setting {
	return atomsSetting(name, strings.Join(parts.Names(), "|"), usage,
		func(a netdiffus.Atoms) string { return field(&a).Name() },
		func(a *netdiffus.Atoms, word string) error { return setPart(field(a), parts, word) })
}

// settingWords are settings as given on one command line, by the flag's name.
type settingWords struct {
	settings []setting
	words    map[string]string
}

// addSettings registers settings as flags, with the defaults of defaults, and
// returns what will be given.
func addSettings(flags *pflag.FlagSet, defaults netdiffus.Config, settings ...setting) *settingWords {
	given := &settingWords{settings: settings, words: map[string]string{}}
	for _, s := range settings {
		flags.Var(&settingValue{s, given.words, s.get(&defaults)}, s.name, s.usage)
	}
	return given
}

// apply sets what was given in c, in the order of the settings; only these, if any are
// named.
func (g *settingWords) apply(c *netdiffus.Config, only ...string) error {
	for _, s := range g.settings {
		if word, ok := g.words[s.name]; ok && (len(only) == 0 || slices.Contains(only, s.name)) {
			if err := s.set(c, word); err != nil {
				return fmt.Errorf("--%s %q: %w", s.name, word, err)
			}
		}
	}
	return nil
}

// check fails where a setting that was given differs from c: the name of the
// flag, its value and c's.
func (g *settingWords) check(c netdiffus.Config) error {
	for _, s := range g.settings {
		word, ok := g.words[s.name]
		if !ok {
			continue
		}
		asked := c
		if err := s.set(&asked, word); err != nil {
			return fmt.Errorf("--%s %q: %w", s.name, word, err)
		}
		if want, got := s.get(&c), s.get(&asked); got != want {
			return fmt.Errorf("--%s %s does not fit the model, which was trained with --%s %s", s.name, word, s.name, want)
		}
	}
	return nil
}

// settingValue is a setting as a pflag.Value: it keeps the word and reports
// whether it can be read at once.
type settingValue struct {
	setting
	words map[string]string
	start string
}

func (v *settingValue) Set(word string) error {
	trial := netdiffus.Default()
	if v.of != nil { // whether the model is of this kind is found by apply
		trial.Kind = v.of
	}
	if err := v.set(&trial, word); err != nil {
		return err
	}
	v.words[v.name] = word
	return nil
}

func (v *settingValue) String() string {
	if word, ok := v.words[v.setting.name]; ok {
		return word
	}
	return v.start
}

func (v *settingValue) Type() string { return v.kind }

func parseFloat(word string) (float64, error) { return strconv.ParseFloat(word, 64) }

func formatFloat(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// split reads a list with commas; an empty word is an empty list.
func split[T any](word string, read func(string) (T, error)) ([]T, error) {
	list := []T{}
	for field := range strings.SplitSeq(word, ",") {
		if strings.TrimSpace(field) == "" {
			continue
		}
		v, err := read(strings.TrimSpace(field))
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func join[T any](list []T) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ",")
}
