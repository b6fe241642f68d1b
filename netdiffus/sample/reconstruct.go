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

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Look is what a model makes of images that were noised up to step T.
type Look struct {
	T     int
	Noisy imaging.Images // x_t, [N,H,W,C], in the order of the set
	X0    imaging.Images // what the model takes for the clean images

	// EpsMSE is the squared error of the noise that X0 implies, mean over pixels
	// and images: the loss that the reference minimises, were X0 not held within
	// [-1,1]. X0MSE is that of the clean images themselves.
	EpsMSE, X0MSE float64
}

// Look noises the images of set up to each of the steps t, from 0 to one less
// than the schedule has (Config.Diffusion), and asks the model for the clean
// images: to see how well it does, and where. All of set is computed at once. An
// image's noise is the same at all steps, and depends on seed and its place.
func (g *Generator) Look(ctx context.Context, set *dataset.Set, seed uint64, t ...int) iter.Seq2[Look, error] {
	return func(yield func(Look, error) bool) {
		l, err := g.looker(set, seed)
		for i := 0; i < len(t) && err == nil; i++ {
			if err = ctx.Err(); err != nil {
				break
			}
			var look Look
			if look, err = l.look(t[i]); err == nil && !yield(look, nil) {
				return
			}
		}
		if err != nil {
			yield(Look{}, fmt.Errorf("sample: looking at %d images: %w", set.Len(), err))
		}
	}
}

// looker is a batch to look at, its images sorted by class, as a model over
// atoms wants them.
type looker struct {
	order  []int // of the set's images
	images imaging.Images
	steps  int
	args   []any // clean images, noise and classes
	exec   *model.Exec
	eps    []float32
}

func (g *Generator) looker(set *dataset.Set, seed uint64) (*looker, error) {
	c := g.Config
	if set.Len() == 0 || set.Images.H != c.UNet.ImageSize || set.Images.W != c.UNet.ImageSize || set.Images.C != c.UNet.InChannels {
		return nil, fmt.Errorf("%dx%dx%d pixels: the model has %dx%[4]dx%d", set.Images.H, set.Images.W, set.Images.C, c.UNet.ImageSize, c.UNet.InChannels)
	}
	l := &looker{images: set.Images}
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
	denoiser, s, err := g.denoiser(stepKey{}, groups)
	if err != nil {
		return nil, err
	}
	l.steps = s.Len()
	var x0 []float32
	var y []int32
	for _, i := range l.order {
		for _, v := range set.Images.At(i) {
			x0 = append(x0, float32(v))
		}
		eps := make([]float32, len(set.Images.At(i)))
		noise.Normal(noise.Stream(seed, noise.Key("look"), uint64(i)), eps)
		l.eps = append(l.eps, eps...)
		y = append(y, int32(classes[i]))
	}
	shape := []int{set.Len(), set.Images.H, set.Images.W, set.Images.C}
	l.args = []any{tensors.FromFlatDataAndDimensions(x0, shape...), tensors.FromFlatDataAndDimensions(l.eps, shape...)}
	if c.ClassCond {
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
		p := denoiser(nil)(g.store.Scope(g.scope), x, t, y)
		return []*graph.Node{x, p.X0, diffusion.EpsFromX0(s, p.X0, x, t)}
	})
	return l, err
}

// look is the batch at step t.
func (l *looker) look(t int) (Look, error) {
	if t < 0 || t >= l.steps {
		return Look{}, fmt.Errorf("step %d: want one from 0 to %d", t, l.steps-1)
	}
	out, err := l.exec.Call(append([]any{tensors.FromScalar(int32(t))}, l.args...)...)
	if err != nil {
		return Look{}, err
	}
	m := l.images
	look := Look{T: t, Noisy: imaging.New(m.N, m.H, m.W, m.C), X0: imaging.New(m.N, m.H, m.W, m.C)}
	var flat [3][]float32
	for k := range flat {
		if flat[k], err = tensors.CopyFlatData[float32](out[k]); err != nil {
			return Look{}, err
		}
	}
	pixels := len(flat[0]) / m.N
	for at, i := range l.order {
		clean, noisy, x0 := m.At(i), look.Noisy.At(i), look.X0.At(i)
		for j := range pixels {
			k := at*pixels + j
			noisy[j], x0[j] = float64(flat[0][k]), float64(flat[1][k])
			look.X0MSE += (x0[j] - clean[j]) * (x0[j] - clean[j])
			d := float64(flat[2][k]) - float64(l.eps[k])
			look.EpsMSE += d * d
		}
	}
	n := float64(len(flat[0]))
	look.EpsMSE, look.X0MSE = look.EpsMSE/n, look.X0MSE/n
	return look, nil
}
