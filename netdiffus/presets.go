package netdiffus

import (
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// Default is a small class-conditional model for 10x10 images that trains in
// minutes on a CPU. Whatever the reference's command line leaves at its default
// is at that default here.
func Default() Config {
	return Config{
		Kind:      Pixels{},
		UNet:      unet.Config{Channels: 64, ResBlocks: 1, Heads: 4, Attention: []int{16, 8}},
		ClassCond: true,
		Diffusion: Diffusion{
			Steps: 100, Schedule: Schedules.Must("cosine"),
			Predict: Parameterizations.Must("eps"), Variance: Variances.Must("learned_range"), Loss: Losses.Must("rescaled_mse"),
		},
		Training: Training{BatchSize: 32, LR: 3e-4, EMA: []float64{0.999}, Sampler: TimestepSamplers.Must("uniform")},
	}
}

// Categorical is a model over atoms with the multilayer trunk, for data sets made
// with the codec "atoms": it trains for epochs passes over the data, but no more
// than maxSteps steps. The settings are those found best in docs/fidelity.md.
func Categorical(epochs float64, maxSteps int) Config {
	return Config{
		Kind:      Atoms{Base: Bases.Must("chain"), Trunk: Trunks.Must("mlp"), SelfCondition: true, Grain: 0.0035},
		ClassCond: true,
		Diffusion: Diffusion{
			Steps: 1000, Schedule: Schedules.Must("angular"), SampleSteps: "30",
			Predict: Parameterizations.Must("x0"), Variance: Variances.Must("fixed_small"), Loss: Losses.Must("mse"),
		},
		Training: Training{
			BatchSize: 128, LR: 2e-3, WeightDecay: 1e-4, Clip: 1, Beta2: 0.99,
			Epochs: epochs, MaxSteps: maxSteps, Warmup: 50, Decay: true,
			EMA: []float64{0.999}, EMAWarmup: true, Balance: 1, Sampler: TimestepSamplers.Must("stratified"),
		},
	}
}

// Reference is the reference's model: NetDiffus 2.0 with the flags of its README,
// trained with its training script's moving average.
func Reference() Config {
	c := Default()
	c.UNet.Channels, c.UNet.ResBlocks = 128, 3
	c.Diffusion.Loss = Losses.Must("mse")
	c.Training = Training{BatchSize: 4, LR: 1e-4, EMA: []float64{0.999}, Sampler: TimestepSamplers.Must("uniform")}
	return c
}

// Counted is a chain, for data sets made with the codec "atoms": order 0 chooses its
// settings on flows held out.
func Counted(s joint.Settings) Config {
	c := Categorical(0, 0)
	c.Kind = Chain{Settings: s}
	c.Diffusion.SampleSteps = "4" // samples are distributed alike at any number
	c.Training = Training{BatchSize: 1, LR: 1, Sampler: TimestepSamplers.Must("uniform")}
	return c
}

// Estimated is a copula, for data sets of series made with the codec "quantiles".
func Estimated() Config {
	c := Counted(joint.Settings{})
	c.Kind = Copula{}
	c.Diffusion.SampleSteps = "10"
	return c
}

// Sequential is the causal model, for data sets made with the codec "atoms": it trains for
// epochs passes over the data, but no more than maxSteps steps, keeps the weights that are
// best on a tenth of the flows, which is held out, and draws by the network or by its base,
// whichever is better by these flows.
func Sequential(epochs float64, maxSteps int) Config {
	c := Counted(joint.Settings{})
	c.Kind = Causal{Dropout: 0.2, CausalDrawing: CausalDrawing{Rare: 2, KeepRare: true}}
	c.Training = Training{
		BatchSize: 64, LR: 2e-3, WeightDecay: 0.02, Clip: 1, Beta2: 0.98,
		Epochs: epochs, MaxSteps: maxSteps, Warmup: 200, Decay: true,
		EMA: []float64{0.998}, EMAWarmup: true, Validation: 0.1, KeepBest: true, Choose: true, Sampler: TimestepSamplers.Must("uniform"),
	}
	return c
}

// Transformer is the network of Sequential without its chains, trained as that is: what is usual for
// sequences of symbols, to compare others with.
func Transformer(epochs float64, maxSteps int) Config {
	c := Sequential(epochs, maxSteps)
	c.Kind = Causal{Dropout: 0.2, Alone: true}
	c.Training.Choose = false
	return c
}

// Series is the network over a copula, for data sets of series made with the codec
// "quantiles": it trains for epochs passes over the data, but no more than maxSteps steps.
func Series(epochs float64, maxSteps int) Config {
	c := Categorical(epochs, maxSteps)
	c.Kind = Numbers{Dropout: 0.1}
	c.Diffusion.SampleSteps = "30"
	c.Training.Balance, c.Training.EMA = 0, []float64{0.998}
	return c
}

// Presets are the configurations with names. Times are those of some 13,000
// flows on two cores.
var Presets = map[string]func() Config{
	"default":     func() Config { return Counted(joint.Settings{}) }, // half a minute
	"quick":       func() Config { return Categorical(25, 2500) },     // 2 minutes, samples included
	"network":     func() Config { return Categorical(44, 20_000) },   // 3 minutes
	"best":        best,                                               // some 20 minutes
	"causal":      func() Config { return Sequential(32, 6000) },      // some 10 minutes
	"transformer": func() Config { return Transformer(32, 6000) },     // as long
	"series":      func() Config { return Series(48, 2000) },          // of series: a minute
	"copula":      Estimated,                                          // of series: seconds
	"classic":     Default,
	"reference":   Reference,
}

// suited are the presets that PresetFor chooses from: the first whose kind of model
// has the data set's codec.
var suited = []string{"default", "copula", "classic"}

// PresetFor is the name of the preset that suits a data set: "default" where its
// codec is of atoms, "copula" where it is of quantiles, "classic" for others.
func PresetFor(set *dataset.Set) string {
	last := suited[len(suited)-1]
	for _, name := range suited {
		c := Presets[name]().kind().Codec()
		if c == nil || c.Name() == set.Encoding.Channels()[0].Codec.Name() {
			return name
		}
	}
	return last
}

// best is the model over atoms with a UNet.
func best() Config {
	c := Categorical(90, 100_000)
	atoms := c.Kind.(Atoms)
	atoms.Trunk, atoms.Base, atoms.SelfCondition = Trunks.Must("unet"), Bases.Must("field"), false
	c.Kind = atoms
	c.UNet = unet.Config{Channels: 48, ChannelMult: []float64{1}, ResBlocks: 1, Attention: []int{}, NormGroups: 8, Dense: 512}
	c.Training.LR, c.Training.Balance = 1.5e-3, 0.5
	return c
}
