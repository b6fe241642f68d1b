package netdiffus

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/categorical"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Names gives the parts of one kind the names they have in configurations and
// on the command line.
type Names[T any] struct {
	kind  string
	parts map[string]T
}

// Get returns the part called name. The error lists the names there are.
func (n Names[T]) Get(name string) (T, error) {
	part, ok := n.parts[name]
	if !ok {
		return part, fmt.Errorf("netdiffus: no %s %q: want one of %s", n.kind, name, strings.Join(n.Names(), ", "))
	}
	return part, nil
}

// Names returns the names, sorted.
func (n Names[T]) Names() []string { return slices.Sorted(maps.Keys(n.parts)) }

// The parts by name. This is the only place that knows the names.
var (
	Schedules = Names[func(steps int) (schedule.Schedule, error)]{"noise schedule", map[string]func(int) (schedule.Schedule, error){
		"linear":  schedule.Linear,
		"cosine":  schedule.Cosine,
		"angular": schedule.Angular,
	}}
	Parameterizations = Names[diffusion.Parameterization]{"parameterization", map[string]diffusion.Parameterization{
		"eps":      diffusion.Epsilon{},
		"x0":       diffusion.Start{},
		"previous": diffusion.Previous{},
		"v":        diffusion.Velocity{},
	}}
	Variances = Names[diffusion.LogVariance]{"variance", map[string]diffusion.LogVariance{
		"fixed_small":   diffusion.FixedSmall{},
		"fixed_large":   diffusion.FixedLarge{},
		"learned":       diffusion.Learned{},
		"learned_range": diffusion.LearnedRange{},
	}}
	Losses = Names[diffusion.Objective]{"loss", map[string]diffusion.Objective{
		"mse":          diffusion.MSE,
		"rescaled_mse": diffusion.RescaledMSE,
		"kl":           diffusion.KL,
		"rescaled_kl":  diffusion.RescaledKL,
	}}
	TimestepSamplers = Names[func(steps int) diffusion.Timesteps]{"schedule sampler", map[string]func(int) diffusion.Timesteps{
		"uniform":            func(steps int) diffusion.Timesteps { return &diffusion.Uniform{T: steps} },
		"stratified":         func(steps int) diffusion.Timesteps { return &diffusion.Stratified{T: steps} },
		"loss-second-moment": func(steps int) diffusion.Timesteps { return diffusion.NewLossSecondMoment(steps) },
	}}
	Bases = Names[categorical.Base]{"base", map[string]categorical.Base{
		"chain":       categorical.Chain,
		"field":       categorical.Field,
		"independent": categorical.Independent,
	}}
	Samplers = Names[func(eta float64) diffusion.Sampler]{"sampler", map[string]func(float64) diffusion.Sampler{
		"ancestral": func(float64) diffusion.Sampler { return diffusion.Ancestral },
		"ddim":      diffusion.DDIM,
		"dpm++":     func(float64) diffusion.Sampler { return diffusion.DPMSolver2M },
	}}
)
