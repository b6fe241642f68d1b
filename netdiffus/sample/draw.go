package sample

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// Step is the images between two denoising steps.
type Step struct {
	T      int            // steps that are left; 0 is the finished image
	Images imaging.Images // x_t, [N,H,W,C] float64, as the sampler returns them
	X0     imaging.Images // the model's estimate of the clean images; empty before the first step
}

// Draw draws what r asks for: a data set of the classes drawn, one after the
// other, with the training set's encoding and without the flows' lengths, which
// images do not hold.
//
// Sample i of a class is the same for the same seed, whatever else is drawn with
// it: to the bit with the same batch size; with another one, XLA may round sums in
// another order. Request.Pool is the exception.
func (g *Generator) Draw(ctx context.Context, r Request) (*dataset.Set, error) {
	if pool := r.Pool; pool > 1 {
		if r.Shard.Of > 1 {
			return nil, errPooledShard
		}
		r.N, r.Pool = pool*cmp.Or(r.N, defaultN), 0
		set, err := g.Draw(ctx, r)
		if err != nil {
			return nil, err
		}
		if set, err = set.Evenly(pool); err != nil {
			return nil, fmt.Errorf("sample: %w", err)
		}
		return set, nil
	}
	p, err := g.plan(r)
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	set := p.set()
	set.Images = p.images(p.len())
	for i := range p.len() {
		set.Labels = append(set.Labels, i/p.n)
	}
	err = p.drawAll(ctx, func(samples []int, images imaging.Images) error {
		for i, sample := range samples {
			set.Images.Set(sample, images.At(i))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	return set, nil
}

// DrawTo draws what r asks for as Draw does, and saves it in the folder dir as
// [dataset.Set.Save] would; it returns the number of images. They are written while others are
// drawn, so that memory does not grow with their number. Request.Pool is the exception, which
// chooses among all.
func (g *Generator) DrawTo(ctx context.Context, r Request, dir string, o dataset.SaveOptions) (int, error) {
	if r.Pool > 1 {
		set, err := g.Draw(ctx, r)
		if err != nil {
			return 0, err
		}
		return set.Len(), set.Save(dir, &o)
	}
	p, err := g.plan(r)
	if err != nil {
		return 0, fmt.Errorf("sample: %w", err)
	}
	if err := p.save(ctx, dir, o); err != nil {
		return 0, fmt.Errorf("sample: %w", err)
	}
	return p.len(), nil
}

// save draws all samples into a folder.
func (p *plan) save(ctx context.Context, dir string, o dataset.SaveOptions) error {
	counts := slices.Repeat([]int{p.n}, len(p.Classes))
	head := p.set()
	return dataset.SaveParts(dir, head, counts, &o, func(add func(*dataset.Set) error) error {
		return p.drawAll(ctx, func(samples []int, images imaging.Images) error {
			part := *head
			part.Images = p.images(len(samples))
			for i, sample := range samples {
				part.Labels = append(part.Labels, sample/p.n)
				part.Images.Set(i, images.At(i))
			}
			return add(&part)
		})
	})
}

// drawAll draws all samples and calls done with the numbers of some of them and their images:
// those of a class in their order, and unless batches are grouped, all in their order.
func (p *plan) drawAll(ctx context.Context, done func(samples []int, images imaging.Images) error) error {
	plans, err := p.plans()
	if err != nil {
		return err
	}
	completed, total := 0, p.len()*p.steps
	return denoiseAll(ctx, plans, func(samples int) {
		completed += samples
		p.Progress(completed, total)
	}, done)
}

var errPooledShard = errors.New("sample: an even choice of samples cannot be made in shards: draw without a pool")

// Steps draws what r asks for in one batch and yields the images before, and
// after each of, the denoising steps: to watch the noise leave. The images are
// in the order of Draw, and the last ones the same. They are the caller's.
func (g *Generator) Steps(ctx context.Context, r Request) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		p, err := g.plan(r)
		if err == nil && p.len() > p.batch {
			err = fmt.Errorf("%d samples do not fit into a batch of %d", p.len(), p.batch)
		}
		if err == nil {
			for part := range p.parts() { // there is one
				err = p.denoise(ctx, part, true, func(s Step) bool { return yield(s, nil) })
			}
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Step{}, fmt.Errorf("sample: %w", err))
		}
	}
}

// errStopped is the error of a loop that its caller left.
var errStopped = errors.New("stopped")

// denoise draws one of parts, from x_T ~ N(0, I) step by step to x_0 (Ho et al. 2020,
// algorithm 2, with any sampler), and shows the images before and after each step. Unless
// all is set only the last one holds images: the others stay on the device.
func (p *plan) denoise(ctx context.Context, part []int, all bool, show func(Step) bool) error {
	if p.fresh {
		p.Status("compiling the denoising step")
		p.fresh = false
	}
	d, err := p.begin(p.newBatch(part))
	if err != nil {
		return err
	}
	defer d.free()
	s := Step{T: p.steps}
	if all {
		if s.Images, err = d.b.read(d.x); err != nil {
			return err
		}
	}
	if !show(s) {
		return errStopped
	}
	for t := p.steps - 1; t >= 0; t-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		z := d.noise()
		var decided []float32
		if t == 0 && p.decide != nil {
			if decided, err = d.decideSeries(); err != nil {
				return err
			}
		}
		if p.host != nil {
			if err := d.estimate(t); err != nil {
				return err
			}
		}
		if err := d.step(z); err != nil {
			return err
		}
		s := Step{T: t}
		if all || t == 0 {
			if s.Images, err = d.b.read(d.x); err != nil {
				return err
			}
		}
		if all {
			if s.X0, err = d.b.read(d.x0); err != nil {
				return err
			}
		}
		if t == 0 {
			d.finish(s.Images, decided)
		}
		if !show(s) {
			return errStopped
		}
	}
	return nil
}

// finish makes finished images show what Decode asks for, or leaves grain on them.
func (d *drawing) finish(images imaging.Images, decided []float32) {
	if !d.p.asDrawn() {
		redraw(images, decided, d.b.part)
		return
	}
	if grain := cmp.Or(d.p.Grain, d.p.g.model.Traits().Grain); grain > 0 {
		for i, z := range d.b.images(d.grain()).Data {
			images.Data[i] += grain * z
		}
	}
}
