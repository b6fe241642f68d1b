// Package netdiffus describes a diffusion model of network traffic by names and
// numbers, as JSON in the run directory, and builds it: a Config holds
// everything that sampling needs to know about a training run.
package netdiffus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// Config is a model, the data it is made for and how it is trained.
type Config struct {
	// UNet is the network. Its ImageSize, InChannels and Classes are those of
	// the data set: Fit fills them in where they are 0. LearnSigma and NullClass
	// follow from Diffusion.Variance and Training.LabelDropout.
	UNet unet.Config `json:"unet"`
	// ClassCond conditions the network on the class.
	ClassCond bool `json:"class_cond"`
	// Classes are the names of the classes in the order of their numbers, and of
	// the data set's; empty until Fit has seen one.
	Classes []string `json:"classes,omitempty"`
	// Recipe is the data set's recipe, so that samples carry the way back to
	// packets; nil until Fit has seen a set.
	Recipe *dataset.Recipe `json:"recipe,omitempty"`
	// Diffusion is the noise process and what the network predicts of it.
	Diffusion Diffusion `json:"diffusion"`
	// Training is how the weights are found.
	Training Training `json:"training"`
}

// Diffusion names the parts of the noise process.
type Diffusion struct {
	Steps     int    `json:"diffusion_steps"` // T
	Schedule  string `json:"noise_schedule"`  // a name in Schedules
	Respacing string `json:"timestep_respacing,omitempty"`
	// Predict is what the network's output means, a name in Params; Variance
	// where the variance of a denoising step comes from, a name in Variances;
	// Loss what is minimised, a name in Losses.
	Predict  string `json:"predict"`
	Variance string `json:"variance"`
	Loss     string `json:"loss"`
	// RescaleTimesteps shows the network times in [0,1000) whatever the number
	// of steps.
	RescaleTimesteps bool `json:"rescale_timesteps,omitempty"`
	// MinSNR is γ of the min-SNR weighting (Hang et al. 2023); 0 means none.
	MinSNR float64 `json:"min_snr,omitempty"`
}

// Training is how the weights are found: AdamW with PyTorch's betas (0.9,
// 0.999) and eps (1e-8), and moving averages of the weights.
type Training struct {
	Seed      uint64 `json:"seed"`
	BatchSize int    `json:"batch_size"` // samples a step
	// Microbatch cuts a batch into parts that fit the memory; 0 means no cut.
	// As in guided-diffusion each part's loss is averaged over the part and the
	// gradients are summed, so k parts give k times the gradient.
	Microbatch  int     `json:"microbatch,omitempty"`
	LR          float64 `json:"lr"`
	WeightDecay float64 `json:"weight_decay,omitempty"`
	// AnnealSteps lets the learning rate fall linearly to 0 at that step; 0
	// keeps it constant.
	AnnealSteps int `json:"lr_anneal_steps,omitempty"`
	// EMA are the rates of the moving averages kept; samples are drawn with the
	// first.
	EMA []float64 `json:"ema_rate"`
	// Sampler draws the timesteps, a name in TimestepSamplers.
	Sampler string `json:"schedule_sampler"`
	// LabelDropout is the share of labels hidden from the network, which makes
	// classifier-free guidance possible; 0 means none and no null class.
	LabelDropout float64 `json:"label_dropout,omitempty"`
}

// Default is a small class-conditional model for 10x10 images that trains in
// minutes on a CPU. Whatever the reference's command line leaves at its default
// is at that default here.
func Default() Config {
	return Config{
		UNet:      unet.Config{Channels: 64, ResBlocks: 1, Heads: 4, LearnSigma: true, Attention: []int{16, 8}},
		ClassCond: true,
		Diffusion: Diffusion{
			Steps: 100, Schedule: "cosine",
			Predict: "eps", Variance: "learned_range", Loss: "rescaled_mse",
		},
		Training: Training{BatchSize: 32, LR: 3e-4, EMA: []float64{0.999}, Sampler: "uniform"},
	}
}

// Seed is the reference's model: NetDiffus 2.0 with the flags of its README,
// trained with its training script's moving average.
func Seed() Config {
	c := Default()
	c.UNet.Channels, c.UNet.ResBlocks = 128, 3
	c.Diffusion.Loss = "mse"
	c.Training = Training{BatchSize: 4, LR: 1e-4, EMA: []float64{0.999}, Sampler: "uniform"}
	return c
}

// Presets are the configurations with names.
var Presets = map[string]func() Config{"default": Default, "reference": Seed}

// Load reads the Config in the JSON file at path. A field it does not know is an
// error: a setting that is spelt wrong must not be ignored.
func Load(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("netdiffus: config: %w", err)
	}
	c, err := Decode(data, Config{})
	if err != nil {
		return Config{}, fmt.Errorf("netdiffus: %s: %w", path, err)
	}
	return c, nil
}

// Decode reads JSON over base: a field that data lacks stays as it is in base.
func Decode(data []byte, base Config) (Config, error) {
	c := base.clone()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("config: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("config: more than one JSON value")
	}
	return c, nil
}

// JSON returns c as indented JSON with a line feed at the end.
func (c Config) JSON() []byte {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		panic(err) // only a recipe with parts that have no JSON form, which no data set has
	}
	return append(data, '\n')
}

// clone returns a copy that shares no slice with c.
func (c Config) clone() Config {
	c.UNet.ChannelMult = slices.Clone(c.UNet.ChannelMult)
	c.UNet.Attention = slices.Clone(c.UNet.Attention)
	c.Classes = slices.Clone(c.Classes)
	c.Training.EMA = slices.Clone(c.Training.EMA)
	if c.Recipe != nil {
		recipe := *c.Recipe
		c.Recipe = &recipe
	}
	return c
}
