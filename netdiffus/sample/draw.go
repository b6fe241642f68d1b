package sample

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Request says what to draw. Its zero value is 10 samples of every class, by
// ancestral sampling over all steps that the model was trained with.
type Request struct {
	N       int      // samples a class; 0 means 10
	Classes []string // in any order; nil means all
	Seed    uint64

	Sampler string  // a name in netdiffus.Samplers; "" means "ancestral"
	Steps   string  // as schedule.Respace takes it: "25", "ddim25"; "" means as trained
	Eta     float64 // of "ddim": 0 draws no noise, 1 as much as "ancestral" does
	// Guidance is the scale of classifier-free guidance, above 1 for sharper
	// classes; 0 means none. The model must have been trained with label
	// dropout.
	Guidance float64
	// NoClip leaves each step's clean image as the network says. Otherwise it
	// is held within [-1,1].
	NoClip bool

	// Batch is how many samples are computed at once; 0 means 64, or all where
	// they are fewer. A sample's noise does not depend on it.
	Batch int

	// Progress is told how many denoising steps of how many are done, counted
	// for each sample. May be nil.
	Progress func(done, total int)
	// Status is told in a few words what is done while nothing comes:
	// "compiling the denoising step". May be nil.
	Status func(message string)
}

// Step is the images between two denoising steps.
type Step struct {
	T      int            // steps that are left; 0 is the finished image
	Images imaging.Images // [N,H,W,C] float64, as the sampler has them
	X0     imaging.Images // what the model takes for the clean images; empty before the first step
}

// Draw draws what r asks for: a data set of the classes drawn, one after the
// other, with the training set's recipe and without the flows' lengths, which
// images do not tell.
//
// Sample i of a class is the same for the same seed, whatever else is drawn
// beside it: to the bit with the same batch size; with another one, XLA may
// round sums in another order.
func (g *Generator) Draw(ctx context.Context, r Request) (*dataset.Set, error) {
	p, err := g.plan(r)
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	set := p.set()
	done, total := 0, len(p.items)*p.steps()
	for from := 0; from < len(p.items); from += p.batch {
		part := p.items[from:min(from+p.batch, len(p.items))]
		err := p.denoise(ctx, part, func(s Step) bool {
			if s.T < p.steps() {
				done += len(part)
				p.Progress(done, total)
			}
			if s.T == 0 {
				copy(set.Images.Data[from*p.pixels():], s.Images.Data)
			}
			return true
		})
		if err != nil {
			return nil, fmt.Errorf("sample: %w", err)
		}
	}
	return set, nil
}

// Steps draws what r asks for in one batch and yields the images before, and
// after each of, the denoising steps: to watch the noise leave. The images are
// in the order of Draw, and the last ones the same. They are the caller's.
func (g *Generator) Steps(ctx context.Context, r Request) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		p, err := g.plan(r)
		if err == nil && len(p.items) > p.batch {
			err = fmt.Errorf("%d samples do not fit into a batch of %d", len(p.items), p.batch)
		}
		if err == nil {
			err = p.denoise(ctx, p.items, func(s Step) bool { return yield(s, nil) })
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(Step{}, fmt.Errorf("sample: %w", err))
		}
	}
}

// plan is a request that can be carried out.
type plan struct {
	Request
	g     *Generator
	exec  *model.Exec // the denoising step; see Generator.step
	times []int       // numbers of the steps, in the order of sampling
	items []item
	batch int
	fresh bool // the step is not compiled yet
}

// item is one sample to draw: number i of a class.
type item struct {
	class int // index into the configuration's classes
	i     int
}

func (g *Generator) plan(r Request) (*plan, error) {
	c := g.Config
	r.N = cmp.Or(r.N, 10)
	r.Sampler = cmp.Or(r.Sampler, "ancestral")
	if r.Classes == nil {
		r.Classes = c.Classes
	}
	if r.Progress == nil {
		r.Progress = func(int, int) {}
	}
	if r.Status == nil {
		r.Status = func(string) {}
	}
	if r.N < 0 || r.Batch < 0 {
		return nil, fmt.Errorf("%d samples a class in batches of %d: want positive numbers", r.N, r.Batch)
	}
	r.Classes = slices.Compact(slices.Sorted(slices.Values(r.Classes)))
	p := &plan{Request: r, g: g}
	for _, class := range r.Classes {
		number := slices.Index(c.Classes, class)
		if number < 0 {
			return nil, fmt.Errorf("no class %q: the model has %s", class, strings.Join(c.Classes, ", "))
		}
		for i := range r.N {
			p.items = append(p.items, item{number, i})
		}
	}
	if r.Guidance != 0 && !c.UNet.NullClass {
		return nil, errors.New("guidance needs a model trained with label dropout")
	}
	p.batch = cmp.Or(r.Batch, min(64, max(len(p.items), 1)))
	var err error
	key := stepKey{r.Sampler, r.Steps, r.Eta, r.Guidance, r.NoClip, p.batch}
	_, known := g.execs[key]
	p.fresh = !known
	p.exec, p.times, err = g.step(key)
	return p, err
}

// steps is the number of denoising steps.
func (p *plan) steps() int { return len(p.times) }

func (p *plan) side() int     { return p.g.Config.UNet.ImageSize }
func (p *plan) channels() int { return p.g.Config.UNet.InChannels }
func (p *plan) pixels() int   { return p.side() * p.side() * p.channels() }

func (p *plan) images(n int) imaging.Images {
	return imaging.New(n, p.side(), p.side(), p.channels())
}

// set is the data set to be, with its images empty.
func (p *plan) set() *dataset.Set {
	set := &dataset.Set{
		Recipe:  *p.g.Config.Recipe,
		Classes: slices.Clone(p.Classes),
		Images:  p.images(len(p.items)),
	}
	for i := range p.items {
		set.Labels = append(set.Labels, i/p.N)
	}
	return set
}

// errEnough says that the caller stopped.
var errEnough = errors.New("enough")

// denoise draws items, at most a batch, and shows the images before and after
// each step. The batch is filled up, so that one compiled program does for all.
func (p *plan) denoise(ctx context.Context, items []item, show func(Step) bool) error {
	pixels := p.pixels()
	streams := make([]*rand.Rand, len(items))
	y := make([]int32, p.batch)
	x, eps := make([]float32, p.batch*pixels), make([]float32, p.batch*pixels)
	fill := func(dst []float32) {
		for i, r := range streams {
			noise.Normal(r, dst[i*pixels:(i+1)*pixels])
		}
	}
	for i, it := range items {
		streams[i] = noise.Stream(p.Seed, noise.Key(p.g.Config.Classes[it.class]), uint64(it.i))
		y[i] = int32(it.class)
	}
	fill(x)
	if !show(Step{T: p.steps(), Images: p.wide(x, len(items))}) {
		return errEnough
	}
	shape := []int{p.batch, p.side(), p.side(), p.channels()}
	image := tensors.FromFlatDataAndDimensions(x, shape...)
	for k, t := range p.times {
		if err := ctx.Err(); err != nil {
			return err
		}
		if k == 0 && p.fresh {
			p.Status("compiling the denoising step")
			p.fresh = false
		}
		fill(eps)
		args := []any{image, tensors.FromScalar(int32(t)), tensors.FromFlatDataAndDimensions(eps, shape...)}
		if p.g.Config.UNet.Classes > 0 {
			args = append(args, tensors.FromFlatDataAndDimensions(y, p.batch))
		}
		out, err := p.exec.Call(args...)
		if err != nil {
			return err
		}
		image = out[0]
		step := Step{T: len(p.times) - 1 - k}
		if step.Images, err = p.read(out[0], len(items)); err != nil {
			return err
		}
		if step.X0, err = p.read(out[1], len(items)); err != nil {
			return err
		}
		if !show(step) {
			return errEnough
		}
	}
	return nil
}

// read copies the first n images of a batch from the device.
func (p *plan) read(batch *tensors.Tensor, n int) (imaging.Images, error) {
	values, err := tensors.CopyFlatData[float32](batch)
	if err != nil {
		return imaging.Images{}, err
	}
	return p.wide(values, n), nil
}

// wide is the first n images of a batch.
func (p *plan) wide(batch []float32, n int) imaging.Images {
	images := p.images(n)
	for i := range images.Data {
		images.Data[i] = float64(batch[i])
	}
	return images
}

// stepKey is what the compiled denoising step depends on.
type stepKey struct {
	sampler, steps string
	eta, guidance  float64
	noClip         bool
	batch          int
}

// step returns the compiled denoising step and the numbers of the steps in the
// order of sampling. Its arguments are the images [B,H,W,C], the step's number
// (scalar int32), noise [B,H,W,C] and, with classes, y [B] int32; it returns the
// next images and the clean images the model sees.
func (g *Generator) step(key stepKey) (*model.Exec, []int, error) {
	m, err := g.Config.Model()
	if err != nil {
		return nil, nil, err
	}
	if key.steps != "" { // of the steps before any respacing in training
		whole := g.Config.Diffusion
		whole.Respacing = key.steps
		c := g.Config
		c.Diffusion = whole
		if m, err = c.Model(); err != nil {
			return nil, nil, err
		}
	}
	newSampler, err := netdiffus.Samplers.Get(key.sampler)
	if err != nil {
		return nil, nil, err
	}
	times := make([]int, m.Schedule.Len())
	for i := range times {
		times[i] = len(times) - 1 - i
	}
	if exec, ok := g.execs[key]; ok {
		return exec, times, nil
	}
	denoiser := diffusion.Denoiser(m.Denoise)
	if key.guidance != 0 {
		denoiser = diffusion.Guide(denoiser, key.guidance, g.Config.UNet.Classes)
	}
	if !key.noClip {
		denoiser = diffusion.ClipX0(denoiser, m.Schedule)
	}
	sampler := newSampler(key.eta)
	exec, err := model.NewExec(g.backend, g.store, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		x, t, eps := in[0], in[1], in[2]
		var y *graph.Node
		if len(in) > 3 {
			y = in[3]
		}
		t = graph.BroadcastToDims(t, x.Shape().Dim(0))
		next, x0 := diffusion.Step(g.store.Scope(weightScope), denoiser, sampler, m.Schedule, x, t, y, eps)
		return []*graph.Node{next, x0}
	})
	if err != nil {
		return nil, nil, err
	}
	g.execs[key] = exec
	return exec, times, nil
}
