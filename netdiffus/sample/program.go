package sample

import (
	"cmp"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// program is a compiled denoising step.
type program struct {
	// exec's arguments are the images x_t [B,H,W,C], the estimate of the clean images
	// that it returned the step before, t (scalar int32), noise [B,H,W,C] and, with
	// classes, y [B] int32; it returns x_{t-1}, t-1 and the new estimate. With start, the
	// counters of diffusion.NormalNoise [B,4] are in the place of the noise.
	exec *model.Exec
	// start, where the device draws the noise, returns x_T for the counters; nil where the
	// host draws.
	start *graph.Exec
	// host, where it is not nil, computes the clean images, in place of the model's graph:
	// exec is given them, and does not return them.
	host netdiffus.HostDenoiser
	// decide is the program of the model's decoding, see Generator.decider; nil where
	// there is none to apply.
	decide  *model.Exec
	steps   int
	classes bool // exec takes y
	fresh   bool // not compiled yet
}

// programKey is what a program depends on.
type programKey struct {
	sampler, steps string
	eta, guidance  float64
	noClip         bool
	batch          int
	groups         string // of a batch, by class
	decode         string // as Request has it
	noise          noise.Generator
}

// The draws of a sample's counter (noise.Counter). A step's noise is the draw drawStep+t.
const (
	drawStart  uint32 = 0
	drawStep   uint32 = 1
	drawChance uint32 = math.MaxUint32 - 1
	drawGrain  uint32 = math.MaxUint32
)

// program returns the denoising step for r and batches of so many images. Programs
// are kept, but for those with a sampler that has no name to find them by.
func (g *Generator) program(r Request, batch int, groups []int) (program, error) {
	key := programKey{r.Sampler.Name(), cmp.Or(r.Steps, g.Config.Diffusion.SampleSteps), r.Eta, r.Guidance, r.NoClip, batch, fmt.Sprint(groups), r.Decode, r.Noise}
	if p, ok := g.known[key]; ok {
		return p, nil
	}
	s, err := g.Config.Diffusion.NewSchedule(key.steps)
	if err != nil {
		return program{}, err
	}
	m := g.model.Bind(s, groups)
	p := program{steps: s.Len(), classes: g.Config.NumClasses() > 0}
	if p.host, err = netdiffus.HostDenoiserOf(m, g.backend, g.store.Scope(g.scope)); err != nil {
		return program{}, err
	}
	im := g.Config.Image
	dims := []int{im.Height(), im.Side, im.Channels}
	onDevice := r.Noise == noise.Philox
	if onDevice {
		if p.host != nil {
			return program{}, fmt.Errorf("the clean images of this model are computed by Go, which draws the noise too: choose the generator %s instead of %s, or none", noise.ChaCha8, r.Noise)
		}
		p.start, err = graph.NewExec(g.backend, func(counters *graph.Node) *graph.Node {
			return diffusion.NormalNoise(counters, graph.Const(counters.Graph(), drawStart), dims...)
		})
		if err != nil {
			return program{}, err
		}
	}
	sampler := r.Sampler.Value(r.Eta)
	p.exec, err = model.NewExec(g.backend, g.store, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		x, previous, t, z := in[0], in[1], in[2], in[3]
		var y *graph.Node
		if p.classes {
			y = in[4]
		}
		if onDevice {
			z = diffusion.NormalNoise(z, graph.AddScalar(graph.ConvertDType(t, dtypes.Uint32), drawStep), dims...)
		}
		left := graph.AddScalar(t, int32(-1))
		t = graph.BroadcastToDims(t, x.Shape().Dim(0))
		if p.host != nil {
			x0 := previous // of this step: see estimate
			return []*graph.Node{sampler(s, diffusion.FromX0(s, x0, x, t), x, t, z), left}
		}
		d := diffusion.WithLastX0(g.denoiser(m, s, r, previous), previous)
		next, x0 := diffusion.Step(g.store.Scope(g.scope), d, sampler, s, x, t, y, z)
		return []*graph.Node{next, left, x0}
	})
	if err != nil {
		return program{}, err
	}
	if p.decide, err = g.decider(m, r.Decode, onDevice); err != nil {
		return program{}, err
	}
	if key.sampler != "" {
		g.known[key] = p
	}
	p.fresh = true
	return p, nil
}

// denoiser is the model's, guided and clipped as r has it.
func (g *Generator) denoiser(m netdiffus.Bound, s schedule.Schedule, r Request, previous *graph.Node) diffusion.Denoiser {
	d := m.Denoiser(previous)
	if r.Guidance != 0 {
		null, _ := g.Config.NullClass()
		d = diffusion.Guide(d, r.Guidance, null)
	}
	if r.NoClip {
		return d
	}
	reach := cmp.Or(g.model.Traits().Reach, 1)
	return diffusion.MapX0(d, s, func(x0 *graph.Node) *graph.Node {
		return graph.MaxScalar(graph.MinScalar(x0, reach), -reach)
	})
}
