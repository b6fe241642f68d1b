package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Keys of the random streams of a run. Each is drawn from noise.Stream(seed,
// key, step or epoch), so that any step can be drawn without the ones before:
// a run that continues needs the step's number and nothing else.
const (
	streamOrder uint64 = iota + 1
	streamTimestep
	streamNoise
	streamLabelDropout
	streamDropout
	streamFlip
	streamValidation

	// streamStratum and the numbers after it order the images of each class.
	streamStratum uint64 = 1000
)

// batch is what one training step draws on the host, whatever the weights.
type batch struct {
	step  int       // counted from 0
	x     []float32 // [B,H,W,C] images, or [B,F] what the model extracts of them
	noise []float32 // of the same shape, standard normal
	y     []int32   // [B] classes, or variants, nil without classes
	err   error     // what kept the images from being read; the batch then is of no use
}

// order is the order of n samples in epochs, each shuffled anew. The stream of
// positions is endless, without a last, shorter batch: a batch may end one epoch
// and begin the next.
type order struct {
	seed  uint64
	key   uint64 // of its random stream
	n     int
	epoch int
	perm  []int // of epoch; nil before the first call
}

// at returns the sample at position p of the endless stream.
func (o *order) at(p int) int {
	if epoch := p / o.n; o.perm == nil || epoch != o.epoch {
		o.epoch = epoch
		o.perm = noise.Stream(o.seed, o.key, uint64(epoch)).Perm(o.n)
	}
	return o.perm[p%o.n]
}

// feed draws the batches of a run.
type feed struct {
	set      *dataset.Set
	rows     [][]float32 // what the model extracts of the images, in place of them; nil is the images
	variants []int32     // of the images, where the model divides classes; nil is their labels
	seed     uint64
	size     int     // samples in a batch
	classes  int     // 0 for an unconditional model
	drop     float64 // share of labels replaced by the null class, number `classes`
	flip     bool    // half of the images are mirrored, drawn anew each time
	order    order

	// groups, where not nil, is how many images of each class a batch holds,
	// sorted by class; strata then are the classes' images.
	groups []int
	strata []stratum

	// streams, where not nil, read the images from the disk, in place of set's: one stream
	// of each class where batches are grouped, else one of all.
	streams []*stream
}

// stratum is the images of one class.
type stratum struct {
	samples []int // in the set
	order   order
}

// newFeed draws from set as tr has it, for a model conditioned on so many classes.
func newFeed(set *dataset.Set, tr netdiffus.Training, classes int, grouped bool) *feed {
	f := &feed{
		set: set, seed: tr.Seed, size: tr.BatchSize,
		classes: classes, drop: tr.LabelDropout, flip: tr.RandomFlip,
		order: order{seed: tr.Seed, key: streamOrder, n: set.Images.N},
	}
	if grouped {
		f.strata = strata(set, tr.Seed)
		f.groups = groups(set.Counts(), tr.BatchSize, tr.Balance)
	}
	return f
}

// newStreamFeed draws from a set that is stored, for the model m, and returns the flows that
// are held out, as far as they are measured; nil where none are.
func newStreamFeed(stored *dataset.Stored, tr netdiffus.Training, classes int, m netdiffus.Model, status func(string)) (*feed, *dataset.Set, error) {
	_, extracts := m.(netdiffus.Extractor)
	_, divided := m.(netdiffus.Divided)
	if extracts || divided {
		return nil, nil, fmt.Errorf("train: %w", netdiffus.ErrWholeSet)
	}
	if tr.LimitCopies {
		return nil, nil, errors.New("train: limit_copies compares with all training flows, and these stay on the disk")
	}
	f := &feed{set: stored.Head(), seed: tr.Seed, size: tr.BatchSize, classes: classes, drop: tr.LabelDropout, flip: tr.RandomFlip}
	var out func(class, image int) bool
	if tr.Validation > 0 {
		out = heldBy(tr.Seed, tr.Validation)
	}
	counts := stored.Counts()
	var all []int // classes
	for class := range counts {
		all = append(all, class)
	}
	if !m.Traits().Grouped {
		f.streams = []*stream{newStream(stored, all, tr.Seed, streamOrder, 1, out)}
	} else {
		for class := range counts {
			s := newStream(stored, []int{class}, tr.Seed, streamStratum+uint64(class), 1/float64(len(counts)), out)
			f.streams, counts[class] = append(f.streams, s), s.n
		}
		f.groups = groups(counts, tr.BatchSize, tr.Balance)
	}
	trained := 0
	for _, s := range f.streams {
		trained += s.n
	}
	if trained == 0 {
		return nil, nil, errors.New("train: no images are left to train on")
	}
	if out == nil {
		return f, nil, nil
	}
	held, err := readHeld(stored, out, stored.Len()-trained, mostMeasured(m))
	if err == nil && held.Len() == 0 {
		err = fmt.Errorf("train: validation %v: none of %d flows is held out", tr.Validation, stored.Len())
	}
	if err != nil {
		return nil, nil, err
	}
	status(fmt.Sprintf("holding out %d flows, training on %d", stored.Len()-trained, trained))
	return f, held, nil
}

// newHeldFeed draws the whole of set as one batch.
func newHeldFeed(set *dataset.Set, seed uint64, classes int, grouped bool) *feed {
	f := &feed{set: set, seed: seed, size: set.Len(), classes: classes, order: order{n: set.Len()}}
	if grouped {
		f.strata, f.groups = strata(set, seed), set.Counts()
	}
	return f
}

// strata returns set's classes, each in an order of its own drawn by seed.
func strata(set *dataset.Set, seed uint64) []stratum {
	all := make([]stratum, len(set.Classes))
	for i, label := range set.Labels {
		all[label].samples = append(all[label].samples, i)
	}
	for c := range all {
		all[c].order = order{seed: seed, key: streamStratum + uint64(c), n: len(all[c].samples)}
	}
	return all
}

// groups divides a batch of size images among the classes in proportion to
// counts[c]^balance, by largest remainders; a class that has images gets at
// least one.
func groups(counts []int, size int, balance float64) []int {
	shares, total := make([]float64, len(counts)), 0.0
	for c, n := range counts {
		if n > 0 {
			shares[c] = math.Pow(float64(n), balance)
			total += shares[c]
		}
	}
	parts, rest := make([]int, len(counts)), size
	for c := range parts {
		shares[c] *= float64(size) / total
		if counts[c] > 0 {
			parts[c] = max(1, int(shares[c]))
		}
		rest -= parts[c]
	}
	for ; rest != 0; rest -= sign(rest) {
		best := -1
		for c := range parts { // the class furthest from its share, on the right side
			if counts[c] == 0 || rest < 0 && parts[c] == 1 {
				continue
			}
			if best < 0 || float64(sign(rest))*(shares[c]-float64(parts[c])-shares[best]+float64(parts[best])) > 0 {
				best = c
			}
		}
		parts[best] += sign(rest)
	}
	return parts
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}

// pick returns the samples of the batch of step.
func (f *feed) pick(step int) []int {
	samples := make([]int, 0, f.size)
	if f.groups == nil {
		for i := range f.size {
			samples = append(samples, f.order.at(step*f.size+i))
		}
		return samples
	}
	for c, n := range f.groups {
		for i := range n {
			samples = append(samples, f.strata[c].samples[f.strata[c].order.at(step*n+i)])
		}
	}
	return samples
}

// extract makes the feed one of what the model extracts of the images, and of the variants that
// it divides classes into, if it does so.
func (f *feed) extract(m netdiffus.Model, counted bool) *feed {
	if e, ok := m.(netdiffus.Extractor); ok {
		f.rows = e.Extract(f.set.Images, f.set.Labels, counted)
	}
	if d, ok := m.(netdiffus.Divided); ok {
		f.variants = d.VariantsOf(f.set.Images, f.set.Labels)
	}
	return f
}

// shape is that of a batch of n samples.
func (f *feed) shape(n int) []int {
	if f.rows != nil {
		return []int{n, len(f.rows[0])}
	}
	return []int{n, f.set.Images.H, f.set.Images.W, f.set.Images.C}
}

// numbers is how many numbers a sample has.
func (f *feed) numbers() int {
	n := 1
	for _, d := range f.shape(1) {
		n *= d
	}
	return n
}

// read writes a sample's numbers into dst.
func (f *feed) read(sample int, dst []float32) {
	if f.rows != nil {
		copy(dst, f.rows[sample])
		return
	}
	f.set.Images.Read(sample, dst)
}

// fill puts the images of the batch's step, and their classes, into b.
func (f *feed) fill(ctx context.Context, b *batch) {
	size := f.numbers()
	if f.streams != nil {
		b.err = f.readStreams(ctx, b)
		return
	}
	for i, sample := range f.pick(b.step) {
		f.read(sample, b.x[i*size:(i+1)*size])
		if b.y != nil {
			if b.y[i] = int32(f.set.Labels[sample]); f.variants != nil {
				b.y[i] = f.variants[sample]
			}
		}
	}
}

// readStreams is fill from the disk.
func (f *feed) readStreams(ctx context.Context, b *batch) error {
	size, i := f.numbers(), 0
	groups := f.groups
	if groups == nil {
		groups = []int{f.size}
	}
	for c, n := range groups {
		for j := range n {
			label, err := f.streams[c].read(ctx, b.step*n+j, b.x[i*size:(i+1)*size])
			if err != nil {
				return err
			}
			if b.y != nil {
				b.y[i] = label
			}
			i++
		}
	}
	return nil
}

// draw returns the batch of step, counted from 0.
func (f *feed) draw(ctx context.Context, step int) batch {
	size := f.numbers()
	b := batch{step: step, x: make([]float32, f.size*size), noise: make([]float32, f.size*size)}
	if f.classes > 0 {
		b.y = make([]int32, f.size)
	}
	f.fill(ctx, &b)
	if f.drop > 0 && b.y != nil {
		r := noise.Stream(f.seed, streamLabelDropout, uint64(step))
		for i := range b.y {
			if r.Float64() < f.drop {
				b.y[i] = int32(f.classes)
			}
		}
	}
	if f.flip {
		r := noise.Stream(f.seed, streamFlip, uint64(step))
		for i := range f.size {
			if r.Float64() < 0.5 {
				mirror(b.x[i*size:(i+1)*size], f.set.Images.W, f.set.Images.C)
			}
		}
	}
	noise.Normal(noise.Stream(f.seed, streamNoise, uint64(step)), b.noise)
	return b
}

// mirror flips an image [H,W,C] from left to right.
func mirror(img []float32, w, c int) {
	for row := range slices.Chunk(img, w*c) {
		for left, right := 0, w-1; left < right; left, right = left+1, right-1 {
			for k := range c {
				row[left*c+k], row[right*c+k] = row[right*c+k], row[left*c+k]
			}
		}
	}
}

// ahead is how many batches are drawn before the device needs them. With two it
// never waits for the host, whose share of a step is a hundredth.
const ahead = 2

// run draws the batches of steps [from, to) ahead of their use, until ctx ends.
func (f *feed) run(ctx context.Context, from, to int) <-chan batch {
	out := make(chan batch, ahead)
	go func() {
		defer close(out)
		for step := from; step < to; step++ {
			select {
			case out <- f.draw(ctx, step):
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// stop waits until nothing is drawn any more, once the context of run has ended.
func (f *feed) stop(batches <-chan batch) {
	for range batches {
	}
	for _, s := range f.streams {
		s.stop()
	}
}
