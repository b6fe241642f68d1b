package sample

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Request is what to draw. Its zero value is 10 samples of every class, by
// the model's own sampler over all steps that it was trained with.
type Request struct {
	N       int      // samples a class; 0 means 10
	Classes []string // in any order; nil means all
	Seed    uint64
	// Pool draws so many times N samples of a class and keeps an even choice of N of
	// them (dataset.Set.Evenly), which is more like all the model's flows than N drawn
	// at random. 0 and 1 draw N. Which samples are kept depends on N.
	Pool int
	// Independent draws each sample independently of the others, in place of evenly (noise.Even), which
	// chains and causal models can be (joint.Evenly). Some samples of many that were drawn evenly, taken at random, are not even:
	// draw as many as are used.
	Independent bool
	// Shard draws a part of the N samples of each class: the same samples as if all were
	// drawn at once. Its own N is set to that of the request. The zero value draws all.
	Shard dataset.Shard

	// Sampler is one of netdiffus.Samplers (netdiffus.Samplers.Get("ddim")) or the
	// caller's own (netdiffus.Samplers.Of); the zero Part means the model's own, most often "ancestral".
	Sampler netdiffus.Part[netdiffus.NewSampler]
	Steps   string  // as schedule.Respace takes it: "25", "ddim25"; "" means as the configuration has it, or else all
	Eta     float64 // of "ddim": 0 draws no noise, 1 as much as "ancestral" does
	// Guidance is the scale of classifier-free guidance, above 1 for sharper
	// classes; 0 means none. The model must have been trained with label
	// dropout.
	Guidance float64
	// Grain is the standard deviation of the noise left on finished images; 0 means
	// the model's (netdiffus.Traits), below 0 none. Only images that Decode leaves as
	// they are keep any.
	Grain float64
	// Decode is what finished images show: "diagonal" or "" leaves them as the
	// sampler returns them, to be read off their diagonal; "matrix" redraws each as the
	// image of the series nearest to all its pixels (GASF); other names are the
	// model's own (Generator.Decodings), such as "head" and "argmax" of a model over
	// atoms: the image of the atoms that it draws, or finds most probable, before the
	// last step. The diagonal then reads what was decided.
	Decode string
	// NoClip leaves each step's clean image as the model predicts it. Otherwise it is
	// held near [-1,1] (netdiffus.Traits.Reach).
	NoClip bool

	// Batch is how many samples are computed at once; 0 means the model's default
	// (netdiffus.Traits.Batch), or all where they are fewer. A sample's noise does not
	// depend on it.
	Batch int

	// Noise is the generator of the samples' noise; "" means the configuration's
	// (netdiffus.Diffusion). The samples of one are not those of another. Models whose
	// clean images are computed by Go know noise.ChaCha8 alone.
	Noise noise.Generator

	// Devices is how many devices of the backend, the first ones, draw batches at the same
	// time; 0 means one. The samples do not depend on it. Models whose clean images are
	// computed by Go use one.
	Devices int

	// Progress, if not nil, is called with the completed and total denoising steps,
	// counted for each sample.
	Progress func(completed, total int)
	// Status, if not nil, is called with a few words about what is done before the
	// first step: "compiling the denoising step".
	Status func(message string)
}

// defaultN is how many samples of a class are drawn where none are asked for.
const defaultN = 10

// withDefaults returns r with its zero values replaced, for a model of the configuration
// and its sampler.
func (r Request) withDefaults(c netdiffus.Config, sampler string) Request {
	r.N = cmp.Or(r.N, defaultN)
	r.Noise = cmp.Or(r.Noise, c.Diffusion.Noise, noise.ChaCha8)
	r.Shard.N = r.N
	if !r.Sampler.IsSet() {
		r.Sampler = netdiffus.Samplers.Must(cmp.Or(sampler, "ancestral"))
	}
	if r.Classes == nil {
		r.Classes = c.Classes
	}
	r.Classes = slices.Compact(slices.Sorted(slices.Values(r.Classes)))
	if r.Progress == nil {
		r.Progress = func(int, int) {}
	}
	if r.Status == nil {
		r.Status = func(string) {}
	}
	return r
}

// check returns what keeps g from drawing r.
func (g *Generator) check(r Request) error {
	if err := backend.CheckDevices(g.backend, r.Devices); err != nil {
		return err
	}
	if r.N < 0 || r.Batch < 0 || r.Pool < 0 {
		return fmt.Errorf("%d samples a class of %d times as many in batches of %d: want positive numbers", r.N, r.Pool, r.Batch)
	}
	if err := r.Shard.Check(); err != nil {
		return err
	}
	if err := r.Noise.Check(); err != nil {
		return err
	}
	for _, class := range r.Classes {
		if !slices.Contains(g.Config.Classes, class) {
			return fmt.Errorf("no class %q: the model has %s", class, strings.Join(g.Config.Classes, ", "))
		}
	}
	if _, ok := g.Config.NullClass(); r.Guidance != 0 && !ok {
		return errors.New("guidance needs a model trained with label dropout")
	}
	return g.checkDecode(r)
}

// evenly reports whether samples of r are drawn evenly.
func (g *Generator) evenly(r Request) bool { return g.model.Traits().Even && !r.Independent }

// plan is a request that can be carried out.
type plan struct {
	Request
	program
	g     *Generator
	drawn []int // the classes to draw, as indices into the configuration's
	first int   // number of the first sample of each class
	n     int   // of each class
	batch int   // images in a batch
	each  int   // of them of every class asked for, where batches are grouped; else 0
}

// item is one sample to draw: number i of a class.
type item struct {
	class int // index into the configuration's classes
	i     int
}

func (g *Generator) plan(r Request) (*plan, error) {
	r = r.withDefaults(g.Config, g.model.Traits().Sampler)
	if err := g.check(r); err != nil {
		return nil, err
	}
	p := &plan{Request: r, g: g}
	first, end := r.Shard.Range()
	p.first, p.n = first, end-first
	for _, class := range r.Classes {
		p.drawn = append(p.drawn, slices.Index(g.Config.Classes, class))
	}
	traits := g.model.Traits()
	usual := cmp.Or(traits.Batch, 64)
	// The batch goes by all samples, so that those of a shard are the same to the bit.
	p.batch = cmp.Or(r.Batch, min(usual, max(r.N*len(r.Classes), 1)))
	var groups []int
	if traits.Grouped {
		slices.Sort(p.drawn)
		p.each = max(1, min(r.N, cmp.Or(r.Batch, usual)/max(len(r.Classes), 1)))
		p.batch = p.each * len(r.Classes)
		groups = p.groups()
	}
	var err error
	p.program, err = g.program(r, p.batch, groups)
	return p, err
}

// groups is how many images of each of the model's classes a grouped batch holds.
func (p *plan) groups() []int {
	groups := make([]int, len(p.g.Config.Classes))
	for _, class := range p.Classes {
		groups[slices.Index(p.g.Config.Classes, class)] += p.each
	}
	return groups
}

func (p *plan) image() netdiffus.Image { return p.g.Config.Image }

// len is the number of samples.
func (p *plan) len() int { return len(p.drawn) * p.n }

// item is the sample of that number: they are counted class after class.
func (p *plan) item(number int) item { return item{p.drawn[number/p.n], p.first + number%p.n} }

// set is the data set to be, without its images.
func (p *plan) set() *dataset.Set {
	return &dataset.Set{
		Encoding: p.g.Config.Encoding, Connections: p.g.Config.Connections,
		Classes: slices.Clone(p.Classes),
		Images:  p.images(0),
		Origin:  p.origin(),
	}
}

// images are n images of the set, empty.
func (p *plan) images(n int) imaging.Images {
	images := p.g.Config.Encoding.NewImages(n)
	if im := p.image(); images.H != im.Height() || images.W != im.Side || images.C != im.Channels { // an encoding that leaves them open
		images = imaging.New(n, im.Height(), im.Side, im.Channels)
	}
	return images
}
