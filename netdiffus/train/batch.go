package train

import (
	"context"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Keys of the random streams of a run. Each is drawn from noise.Stream(seed,
// key, step or epoch), so that any step can be drawn without the ones before:
// a run that resumes needs the step's number and nothing else.
const (
	streamOrder uint64 = iota + 1
	streamTimestep
	streamNoise
	streamLabelDropout
	streamDropout
)

// batch is what one training step draws on the host, whatever the weights.
type batch struct {
	step  int       // counted from 0
	x     []float32 // [B,H,W,C] images
	noise []float32 // [B,H,W,C] standard normal
	y     []int32   // [B] classes, nil without classes
}

// order walks a data set of n samples in epochs, each shuffled anew. The
// stream of positions is endless and knows no last, shorter batch: a batch
// may end one epoch and begin the next.
type order struct {
	seed  uint64
	n     int
	epoch int
	perm  []int // of epoch; nil before the first call
}

// at returns the sample at position p of the endless stream.
func (o *order) at(p int) int {
	if epoch := p / o.n; o.perm == nil || epoch != o.epoch {
		o.epoch = epoch
		o.perm = noise.Stream(o.seed, streamOrder, uint64(epoch)).Perm(o.n)
	}
	return o.perm[p%o.n]
}

// feed draws the batches of a run.
type feed struct {
	set     *dataset.Set
	seed    uint64
	size    int     // samples in a batch
	classes int     // 0 for an unconditional model
	drop    float64 // share of labels replaced by the null class, number `classes`
	order   order
}

// draw returns the batch of step, counted from 0.
func (f *feed) draw(step int) batch {
	im := f.set.Images
	pixels := im.H * im.W * im.C
	b := batch{step: step, x: make([]float32, f.size*pixels), noise: make([]float32, f.size*pixels)}
	if f.classes > 0 {
		b.y = make([]int32, f.size)
	}
	for i := range f.size {
		sample := f.order.at(step*f.size + i)
		for j, v := range im.At(sample) {
			b.x[i*pixels+j] = float32(v)
		}
		if b.y != nil {
			b.y[i] = int32(f.set.Labels[sample])
		}
	}
	if f.drop > 0 && b.y != nil {
		r := noise.Stream(f.seed, streamLabelDropout, uint64(step))
		for i := range b.y {
			if r.Float64() < f.drop {
				b.y[i] = int32(f.classes)
			}
		}
	}
	noise.Normal(noise.Stream(f.seed, streamNoise, uint64(step)), b.noise)
	return b
}

// ahead is how many batches wait for the device. Two are enough for it never
// to wait for the host, whose share of a step is a hundredth.
const ahead = 2

// run draws the batches of steps [from, to) ahead of their use, until ctx ends.
func (f *feed) run(ctx context.Context, from, to int) <-chan batch {
	out := make(chan batch, ahead)
	go func() {
		defer close(out)
		for step := from; step < to; step++ {
			select {
			case out <- f.draw(step):
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}
