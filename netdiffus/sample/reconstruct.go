package sample

import (
	"context"
	"fmt"
	"iter"
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
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Reconstruction is a model's estimate of clean images from images noised up to step T.
type Reconstruction struct {
	T     int
	Noisy imaging.Images // x_t, [N,H,W,C], in the order of the set
	X0    imaging.Images // the model's estimate of the clean images

	// EpsMSE is the squared error of the noise that X0 implies, mean over pixels
	// and images: the loss that the reference minimises, were X0 not held within
	// [-1,1]. X0MSE is that of the clean images themselves.
	EpsMSE, X0MSE float64
}

// Reconstruct noises the images of set up to each of the steps t, from 0 to one less
// than the schedule has (Config.Diffusion), and yields the model's estimates of the
// clean images: to see how good they are, and where. All of set is computed at once. An
// image's noise is the same at all steps, and depends on seed and its place.
func (g *Generator) Reconstruct(ctx context.Context, set *dataset.Set, seed uint64, t ...int) iter.Seq2[Reconstruction, error] {
	return func(yield func(Reconstruction, error) bool) {
		r, err := g.newReconstructor(set, seed)
		for i := 0; i < len(t) && err == nil; i++ {
			if err = ctx.Err(); err != nil {
				break
			}
			var one Reconstruction
			if one, err = r.at(t[i]); err == nil && !yield(one, nil) {
				return
			}
		}
		if err != nil {
			yield(Reconstruction{}, fmt.Errorf("sample: reconstructing %d images: %w", set.Len(), err))
		}
	}
}

// reconstructor is a batch to reconstruct, its images sorted by class, as grouped
// batches are.
type reconstructor struct {
	order  []int // of the set's images
	images imaging.Images
	steps  int
	args   []any // clean images, noise and classes
	exec   *model.Exec
	eps    []float32

	// Of models whose clean images are computed by Go, in place of exec.
	host     netdiffus.HostDenoiser
	schedule schedule.Schedule
	y        []int32 // classes, or variants
	seed     uint64
}

func (g *Generator) newReconstructor(set *dataset.Set, seed uint64) (*reconstructor, error) {
	c := g.Config
	if im := set.Images; set.Len() == 0 || im.H != c.Image.Height() || im.W != c.Image.Side || im.C != c.Image.Channels {
		return nil, fmt.Errorf("%dx%dx%d pixels: the model has %dx%dx%d", im.H, im.W, im.C, c.Image.Height(), c.Image.Side, c.Image.Channels)
	}
	l := &reconstructor{images: set.Images}
	classes := make([]int, set.Len())
	groups := make([]int, len(c.Classes))
	for i, label := range set.Labels {
		if classes[i] = slices.Index(c.Classes, set.Classes[label]); classes[i] < 0 {
			return nil, fmt.Errorf("no class %q: the model has %s", set.Classes[label], strings.Join(c.Classes, ", "))
		}
		groups[classes[i]]++
		l.order = append(l.order, i)
	}
	slices.SortStableFunc(l.order, func(a, b int) int { return classes[a] - classes[b] })
	s, err := c.Diffusion.NewSchedule("")
	if err != nil {
		return nil, err
	}
	m := g.model.Bind(s, groups)
	l.steps = s.Len()
	var variants []int32
	if divided, ok := g.model.(netdiffus.Divided); ok {
		variants = divided.VariantsOf(set.Images, classes)
	}
	var x0 []float32
	var y []int32
	for _, i := range l.order {
		for _, v := range set.Images.At(i) {
			x0 = append(x0, float32(v))
		}
		eps := make([]float32, len(set.Images.At(i)))
		noise.Normal(noise.Stream(seed, noise.Key("look"), uint64(i)), eps) // an earlier name; another would be other noise
		l.eps = append(l.eps, eps...)
		if variants != nil {
			y = append(y, variants[i])
		} else {
			y = append(y, int32(classes[i]))
		}
	}
	host, err := netdiffus.HostDenoiserOf(m, g.backend, g.store.Scope(g.scope))
	if err != nil {
		return nil, err
	}
	if host != nil {
		l.host, l.schedule, l.y, l.seed = host, s, y, seed
		return l, nil
	}
	shape := []int{set.Len(), set.Images.H, set.Images.W, set.Images.C}
	l.args = []any{tensors.FromFlatDataAndDimensions(x0, shape...), tensors.FromFlatDataAndDimensions(l.eps, shape...)}
	if c.NumClasses() > 0 {
		l.args = append(l.args, tensors.FromFlatDataAndDimensions(y, set.Len()))
	}
	l.exec, err = model.NewExec(g.backend, g.store, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		t, x0, eps := in[0], in[1], in[2]
		var y *graph.Node
		if len(in) > 3 {
			y = in[3]
		}
		t = graph.BroadcastToDims(t, x0.Shape().Dim(0))
		x := diffusion.QSample(s, x0, t, eps)
		p := g.denoiser(m, s, Request{}, nil)(g.store.Scope(g.scope), x, t, y)
		return []*graph.Node{x, p.X0, diffusion.EpsFromX0(s, p.X0, x, t)}
	})
	return l, err
}

// at is the batch at step t.
func (l *reconstructor) at(t int) (Reconstruction, error) {
	if t < 0 || t >= l.steps {
		return Reconstruction{}, fmt.Errorf("step %d: want one from 0 to %d", t, l.steps-1)
	}
	if l.host != nil {
		return l.onHost(t)
	}
	out, err := l.exec.Call(append([]any{tensors.FromScalar(int32(t))}, l.args...)...)
	if err != nil {
		return Reconstruction{}, err
	}
	m := l.images
	r := Reconstruction{T: t, Noisy: imaging.New(m.N, m.H, m.W, m.C), X0: imaging.New(m.N, m.H, m.W, m.C)}
	var flat [3][]float32
	for k := range flat {
		if flat[k], err = tensors.CopyFlatData[float32](out[k]); err != nil {
			return Reconstruction{}, err
		}
	}
	pixels := len(flat[0]) / m.N
	for place, i := range l.order {
		clean, noisy, x0 := m.At(i), r.Noisy.At(i), r.X0.At(i)
		for j := range pixels {
			k := place*pixels + j
			noisy[j], x0[j] = float64(flat[0][k]), float64(flat[1][k])
			r.X0MSE += (x0[j] - clean[j]) * (x0[j] - clean[j])
			d := float64(flat[2][k]) - float64(l.eps[k])
			r.EpsMSE += d * d
		}
	}
	n := float64(len(flat[0]))
	r.EpsMSE, r.X0MSE = r.EpsMSE/n, r.X0MSE/n
	return r, nil
}

// onHost is at for models whose clean images are computed by Go.
func (l *reconstructor) onHost(t int) (Reconstruction, error) {
	m := l.images
	r := Reconstruction{T: t, Noisy: imaging.New(m.N, m.H, m.W, m.C), X0: imaging.New(m.N, m.H, m.W, m.C)}
	pixels := m.H * m.W * m.C
	noisy, x0 := imaging.New(m.N, m.H, m.W, m.C), imaging.New(m.N, m.H, m.W, m.C) // in l.order
	eps, sources := make([]float64, m.N*pixels), make([]noise.Source, m.N)
	for place, i := range l.order {
		own := eps[place*pixels : (place+1)*pixels]
		for j := range own {
			own[j] = float64(l.eps[place*pixels+j])
		}
		l.schedule.QSample(t, m.At(i), own, noisy.At(place))
		sources[place].Rand = noise.Stream(l.seed, noise.Key("reconstruct"), uint64(i), uint64(t))
	}
	if err := l.host.EstimateX0(noisy, t, l.y, sources, x0); err != nil {
		return Reconstruction{}, err
	}
	implied := make([]float64, pixels)
	for place, i := range l.order {
		r.Noisy.Set(i, noisy.At(place))
		r.X0.Set(i, x0.At(place))
		l.schedule.EpsFromX0(t, x0.At(place), noisy.At(place), implied)
		for j, v := range x0.At(place) {
			r.X0MSE += (v - m.At(i)[j]) * (v - m.At(i)[j])
			d := implied[j] - eps[place*pixels+j]
			r.EpsMSE += d * d
		}
	}
	n := float64(len(eps))
	r.EpsMSE, r.X0MSE = r.EpsMSE/n, r.X0MSE/n
	return r, nil
}
