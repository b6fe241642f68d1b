package sample

import (
	"cmp"
	"fmt"
	"math/rand/v2"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// program is a compiled denoising step.
type program struct {
	// exec's arguments are the images x_t [B,H,W,C], the estimate of the clean images
	// that it returned the step before, t (scalar int32), noise [B,H,W,C] and, with
	// classes, y [B] int32; it returns x_{t-1} and the new estimate.
	exec *model.Exec
	// host, where it is not nil, computes the clean images, in place of the model's graph:
	// exec is given them, and returns them as they are.
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
}

// program returns the denoising step for r and batches of so many images. Programs
// are kept, but for those with a sampler that has no name to find them by.
func (g *Generator) program(r Request, batch int, groups []int) (program, error) {
	key := programKey{r.Sampler.Name(), cmp.Or(r.Steps, g.Config.Diffusion.SampleSteps), r.Eta, r.Guidance, r.NoClip, batch, fmt.Sprint(groups), r.Decode}
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
	sampler := r.Sampler.Value(r.Eta)
	p.exec, err = model.NewExec(g.backend, g.store, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		x, previous, t, z := in[0], in[1], in[2], in[3]
		var y *graph.Node
		if p.classes {
			y = in[4]
		}
		t = graph.BroadcastToDims(t, x.Shape().Dim(0))
		if p.host != nil {
			x0 := previous // of this step: see estimate
			return []*graph.Node{sampler(s, diffusion.FromX0(s, x0, x, t), x, t, z), x0}
		}
		d := diffusion.WithLastX0(g.denoiser(m, s, r, previous), previous)
		next, x0 := diffusion.Step(g.store.Scope(g.scope), d, sampler, s, x, t, y, z)
		return []*graph.Node{next, x0}
	})
	if err != nil {
		return program{}, err
	}
	if p.decide, err = g.decider(m, r.Decode); err != nil {
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

// step runs the program: from x_t to x_{t-1}.
func (p program) step(x, x0 *tensors.Tensor, t int, z *tensors.Tensor, y []int32) (next, estimate *tensors.Tensor, err error) {
	args := []any{x, x0, tensors.FromScalar(int32(t)), z}
	if p.classes {
		args = append(args, tensors.FromFlatDataAndDimensions(y, len(y)))
	}
	out, err := p.exec.Call(args...)
	if err != nil {
		return nil, nil, err
	}
	return out[0], out[1], nil
}

// estimate returns the clean images of x_t as p.host computes them; previous are those
// of the step before.
func (p program) estimate(b *batch, x, previous *tensors.Tensor, t int) (*tensors.Tensor, error) {
	images, err := b.read(x)
	if err != nil {
		return nil, err
	}
	x0, err := b.read(previous)
	if err != nil {
		return nil, err
	}
	var y []int32
	var streams []*rand.Rand
	for i, number := range b.part {
		if number != filler {
			y, streams = append(y, b.y[i]), append(streams, b.streams[i])
		}
	}
	if err := p.host.EstimateX0(images, t, y, streams, x0); err != nil {
		return nil, err
	}
	return b.tensor(b.values(x0)), nil
}
