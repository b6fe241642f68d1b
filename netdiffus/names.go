package netdiffus

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/categorical"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// Types of the parts that are made for a model.
type (
	// NewSchedule makes the noise schedule of so many steps.
	NewSchedule = func(steps int) (schedule.Schedule, error)
	// NewTimesteps makes what draws the steps to train on, of a process of so many.
	NewTimesteps = func(steps int) diffusion.Timesteps
	// NewSampler makes a sampler that adds eta times the noise of ancestral
	// sampling, where it has the choice.
	NewSampler = func(eta float64) diffusion.Sampler
	// NewTrunk makes the network of a model over atoms with these settings, for
	// images of this shape.
	NewTrunk = func(a Atoms, network unet.Config, shape categorical.Shape) categorical.Trunk
)

// The parts by name. No other place holds names of parts; Register adds to them.
var (
	Schedules = newRegistry("Schedules", "noise schedule", map[string]NewSchedule{
		"linear":  schedule.Linear,
		"cosine":  schedule.Cosine,
		"angular": schedule.Angular,
	})
	Parameterizations = newRegistry("Parameterizations", "parameterization", map[string]diffusion.Parameterization{
		"eps":      diffusion.Epsilon{},
		"x0":       diffusion.Start{},
		"previous": diffusion.Previous{},
		"v":        diffusion.Velocity{},
	})
	Variances = newRegistry("Variances", "variance", map[string]diffusion.LogVariance{
		"fixed_small":   diffusion.FixedSmall{},
		"fixed_large":   diffusion.FixedLarge{},
		"learned":       diffusion.Learned{},
		"learned_range": diffusion.LearnedRange{},
	})
	Losses = newRegistry("Losses", "loss", map[string]diffusion.Objective{
		"mse":          diffusion.MSE,
		"rescaled_mse": diffusion.RescaledMSE,
		"kl":           diffusion.KL,
		"rescaled_kl":  diffusion.RescaledKL,
	})
	TimestepSamplers = newRegistry("TimestepSamplers", "schedule sampler", map[string]NewTimesteps{
		"uniform":            func(steps int) diffusion.Timesteps { return &diffusion.Uniform{T: steps} },
		"stratified":         func(steps int) diffusion.Timesteps { return &diffusion.Stratified{T: steps} },
		"loss-second-moment": func(steps int) diffusion.Timesteps { return diffusion.NewLossSecondMoment(steps) },
	})
	Samplers = newRegistry("Samplers", "sampler", map[string]NewSampler{
		"ancestral": func(float64) diffusion.Sampler { return diffusion.Ancestral },
		"ddim":      diffusion.DDIM,
		"dpm++":     func(float64) diffusion.Sampler { return diffusion.DPMSolver2M },
	})
	Bases = newRegistry("Bases", "base", map[string]categorical.Base{
		"chain":       categorical.Chain,
		"field":       categorical.Field,
		"independent": categorical.Independent,
	})
	Trunks = newRegistry("Trunks", "trunk", map[string]NewTrunk{
		"mlp":  newMLP,
		"unet": newUNet,
	})
	// Kinds are the kinds of model. A kind's settings stand in config.json under its
	// name.
	Kinds = newKinds(map[string]Kind{
		"pixels":  Pixels{},
		"atoms":   Atoms{},
		"chain":   Chain{},
		"causal":  Causal{},
		"copula":  Copula{},
		"numbers": Numbers{},
	})
)

func newKinds(kinds map[string]Kind) *Registry[Kind] {
	r := newRegistry("Kinds", "kind of model", kinds)
	r.allowed = kindAllowed
	return r
}

// kindAllowed returns why a kind cannot be saved under name beside others.
func kindAllowed(others map[string]Kind, name string, k Kind) error {
	t := reflect.TypeOf(k)
	if t == nil || t.Kind() != reflect.Struct {
		return fmt.Errorf("netdiffus: the kind of model %T is not a struct", k)
	}
	config := reflect.TypeFor[Config]()
	for i := range config.NumField() {
		if setting, _, _ := strings.Cut(config.Field(i).Tag.Get("json"), ","); setting == name {
			return fmt.Errorf("netdiffus: the name %q is that of a setting of every model", name)
		}
	}
	for other, registered := range others {
		if reflect.TypeOf(registered) == t {
			return fmt.Errorf("netdiffus: the kind of model %T is registered already, as %q", k, other)
		}
	}
	return nil
}
