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
	"github.com/netdiffus/netdiffus-go/netdiffus/categorical"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Request says what to draw. Its zero value is 10 samples of every class, by
// ancestral sampling over all steps that the model was trained with.
type Request struct {
	N       int      // samples a class; 0 means 10
	Classes []string // in any order; nil means all
	Seed    uint64

	Sampler string  // a name in netdiffus.Samplers; "" means "ancestral"
	Steps   string  // as schedule.Respace takes it: "25", "ddim25"; "" means as the configuration says, all unless told
	Eta     float64 // of "ddim": 0 draws no noise, 1 as much as "ancestral" does
	// Guidance is the scale of classifier-free guidance, above 1 for sharper
	// classes; 0 means none. The model must have been trained with label
	// dropout.
	Guidance float64
	// Grain is the noise left on images of a model over atoms; 0 means the
	// configuration's, below 0 none.
	Grain float64
	// Decode says what finished images show: "diagonal" or "" leaves them as they
	// come, to be read off their diagonal; "matrix" redraws each as the image of the
	// series nearest to all its pixels (GASF); "head" and "argmax", for a model over
	// atoms, as the image of the atoms that its head draws, or finds most probable,
	// before the last step. The diagonal then reads what was decided.
	Decode string
	// NoClip leaves each step's clean image as the network says. Otherwise it
	// is held within [-1,1].
	NoClip bool

	// Batch is how many samples are computed at once; 0 means 64 (448 for a model
	// over atoms, which needs as many of each class), or all where they are
	// fewer. A sample's noise does not depend on it.
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
	for _, part := range p.parts() {
		err := p.denoise(ctx, part, func(s Step) bool {
			if s.T < p.steps() {
				done += s.Images.N
				p.Progress(done, total)
			}
			if s.T == 0 {
				i := 0
				for _, item := range part {
					if item != filler {
						set.Images.Set(item, s.Images.At(i))
						i++
					}
				}
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
			err = p.denoise(ctx, p.parts()[0], func(s Step) bool { return yield(s, nil) })
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(Step{}, fmt.Errorf("sample: %w", err))
		}
	}
}

// plan is a request that can be carried out.
type plan struct {
	Request
	program
	g     *Generator
	items []item
	batch int
	each  int  // images of every class asked for in a batch, for a model over atoms; else 0
	fresh bool // the step is not compiled yet
}

// filler is the place in a batch of no sample: it fills the batch up, so that
// one compiled program does for all.
const filler = -1

// parts cuts the samples into batches: for each its places' samples, as indices
// into items, or filler.
func (p *plan) parts() [][]int {
	classes := 1 // that a batch takes side by side
	each := p.batch
	if p.each > 0 {
		classes, each = len(p.Classes), p.each
	}
	perClass := len(p.items) / classes
	var parts [][]int
	for from := 0; from < perClass; from += each {
		part := make([]int, 0, p.batch)
		for c := range classes {
			for i := from; i < from+each; i++ {
				if i < perClass {
					part = append(part, c*perClass+i)
				} else {
					part = append(part, filler)
				}
			}
		}
		parts = append(parts, part)
	}
	return parts
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
	if c.Atoms != nil {
		slices.SortStableFunc(p.items, func(a, b item) int { return cmp.Compare(a.class, b.class) })
		p.each = max(1, min(r.N, cmp.Or(r.Batch, 448)/max(len(r.Classes), 1)))
		p.batch = p.each * len(r.Classes)
	}
	var err error
	key := stepKey{r.Sampler, cmp.Or(r.Steps, c.Diffusion.SampleSteps), r.Eta, r.Guidance, r.NoClip, p.batch, "", r.Decode}
	var groups []int
	if p.each > 0 {
		groups = p.groups()
		key.groups = fmt.Sprint(groups)
	}
	var known bool
	if err := p.checkDecode(); err != nil {
		return nil, err
	}
	if p.program, known = g.known[key]; !known {
		p.fresh = true
		p.program, err = g.step(key, groups)
	}
	return p, err
}

// groups is how many images of each of the model's classes a batch holds, for a
// model over atoms.
func (p *plan) groups() []int {
	groups := make([]int, len(p.g.Config.Classes))
	for _, class := range p.Classes {
		groups[slices.Index(p.g.Config.Classes, class)] += p.each
	}
	return groups
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
		Encoding: p.g.Config.Encoding,
		Classes:  slices.Clone(p.Classes),
		Images:   p.g.Config.Encoding.NewImages(len(p.items)),
	}
	if set.Images.H != p.side() || set.Images.C != p.channels() { // a recipe that says too little
		set.Images = p.images(len(p.items))
	}
	for i := range p.items {
		set.Labels = append(set.Labels, i/p.N)
	}
	return set
}

// errEnough says that the caller stopped.
var errEnough = errors.New("enough")

// denoise draws one of parts and shows the images before and after each step.
func (p *plan) denoise(ctx context.Context, part []int, show func(Step) bool) error {
	pixels := p.pixels()
	streams := make([]*rand.Rand, p.batch) // nil for filler
	y := make([]int32, p.batch)
	x, eps := make([]float32, p.batch*pixels), make([]float32, p.batch*pixels)
	fill := func(dst []float32) {
		for i, r := range streams {
			if r != nil {
				noise.Normal(r, dst[i*pixels:(i+1)*pixels])
			}
		}
	}
	for i, number := range part {
		if number == filler {
			if i > 0 {
				y[i] = y[i-1] // of the class that it fills up
			}
			continue
		}
		it := p.items[number]
		streams[i] = noise.Stream(p.Seed, noise.Key(p.g.Config.Classes[it.class]), uint64(it.i))
		y[i] = int32(it.class)
	}
	fill(x)
	if !show(Step{T: p.steps(), Images: p.wide(x, part)}) {
		return errEnough
	}
	shape := []int{p.batch, p.side(), p.side(), p.channels()}
	image := tensors.FromFlatDataAndDimensions(x, shape...)
	clean := tensors.FromFlatDataAndDimensions(make([]float32, len(x)), shape...) // as the step before saw it
	for k, t := range p.times {
		if err := ctx.Err(); err != nil {
			return err
		}
		if k == 0 && p.fresh {
			p.Status("compiling the denoising step")
			p.fresh = false
		}
		fill(eps)
		args := []any{image, clean, tensors.FromScalar(int32(t)), tensors.FromFlatDataAndDimensions(eps, shape...)}
		if p.g.Config.ClassCond {
			args = append(args, tensors.FromFlatDataAndDimensions(y, p.batch))
		}
		var decided []float32 // [B,n,C]
		if p.decide != nil && k == len(p.times)-1 {
			var err error
			if decided, err = p.ask(image, clean, t, y, streams); err != nil {
				return err
			}
		}
		out, err := p.exec.Call(args...)
		if err != nil {
			return err
		}
		image, clean = out[0], out[1]
		step := Step{T: len(p.times) - 1 - k}
		if step.Images, err = p.read(out[0], part); err != nil {
			return err
		}
		if step.X0, err = p.read(out[1], part); err != nil {
			return err
		}
		if step.T == 0 {
			p.redraw(step.Images, decided, part)
		}
		if grain := p.grain(); step.T == 0 && grain > 0 {
			fill(eps)
			for i, left := range p.wide(eps, part).Data {
				step.Images.Data[i] += grain * left
			}
		}
		if !show(step) {
			return errEnough
		}
	}
	return nil
}

// grain is the standard deviation of the noise that finished images keep.
func (p *plan) grain() float64 {
	if p.g.Config.Atoms == nil || !p.asItComes() {
		return 0
	}
	return cmp.Or(p.Grain, p.g.Config.Atoms.Grain)
}

// read copies a batch's images from the device.
func (p *plan) read(batch *tensors.Tensor, part []int) (imaging.Images, error) {
	values, err := tensors.CopyFlatData[float32](batch)
	if err != nil {
		return imaging.Images{}, err
	}
	return p.wide(values, part), nil
}

// wide is the images of a batch, without its filler.
func (p *plan) wide(batch []float32, part []int) imaging.Images {
	images := imaging.New(0, p.side(), p.side(), p.channels())
	image := make([]float64, p.pixels())
	for i, number := range part {
		if number == filler {
			continue
		}
		for j := range image {
			image[j] = float64(batch[i*len(image)+j])
		}
		images.Append(image)
	}
	return images
}

// stepKey is what the compiled denoising step depends on.
type stepKey struct {
	sampler, steps string
	eta, guidance  float64
	noClip         bool
	batch          int
	groups         string // of a batch, by class, for a model over atoms
	decode         string // as Request has it
}

// program is a denoising step and the numbers of the steps in the order of
// sampling.
type program struct {
	exec   *model.Exec // see Generator.step
	decide *model.Exec // see Generator.decider; nil where the head has no say
	times  []int
}

// step makes the program of the denoising step and remembers it. Its arguments are
// the images [B,H,W,C], the clean images that the step before returned, the step's
// number (scalar int32), noise [B,H,W,C] and, with classes, y [B] int32; it returns
// the next images and the clean images the model sees.
func (g *Generator) step(key stepKey, groups []int) (program, error) {
	denoiser, s, err := g.denoiser(key, groups)
	if err != nil {
		return program{}, err
	}
	newSampler, err := netdiffus.Samplers.Get(key.sampler)
	if err != nil {
		return program{}, err
	}
	times := make([]int, s.Len())
	for i := range times {
		times[i] = len(times) - 1 - i
	}
	sampler := newSampler(key.eta)
	exec, err := model.NewExec(g.backend, g.store, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		x, last, t, eps := in[0], in[1], in[2], in[3]
		var y *graph.Node
		if len(in) > 4 {
			y = in[4]
		}
		t = graph.BroadcastToDims(t, x.Shape().Dim(0))
		next, x0 := diffusion.Step(g.store.Scope(g.scope), diffusion.WithLastX0(denoiser(last), last), sampler, s, x, t, y, eps)
		return []*graph.Node{next, x0}
	})
	if err != nil {
		return program{}, err
	}
	p := program{exec: exec, times: times}
	if p.decide, err = g.decider(key, groups); err != nil {
		return p, err
	}
	g.known[key] = p
	return p, nil
}

// denoiser is the model as key says, given the clean images of the step before, and
// the schedule that it samples by.
func (g *Generator) denoiser(key stepKey, groups []int) (func(last *graph.Node) diffusion.Denoiser, schedule.Schedule, error) {
	c := g.Config
	if key.steps != "" { // of the steps before any respacing in training
		c.Diffusion.Respacing = key.steps
	}
	if c.Atoms != nil {
		h, err := c.Head(groups)
		return func(last *graph.Node) diffusion.Denoiser {
			d := h.DenoiseAfter(last)
			if !key.noClip {
				d = diffusion.MapX0(d, h.Schedule, categorical.WithinReach)
			}
			return d
		}, h.Schedule, err
	}
	m, err := c.Model()
	d := diffusion.Denoiser(m.Denoise)
	if key.guidance != 0 {
		d = diffusion.Guide(d, key.guidance, c.UNet.Classes)
	}
	if !key.noClip {
		d = diffusion.ClipX0(d, m.Schedule)
	}
	return func(*graph.Node) diffusion.Denoiser { return d }, m.Schedule, err
}
