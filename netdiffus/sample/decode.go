package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// Decodes are the names that Request.Decode takes.
var Decodes = []string{"diagonal", "head", "argmax", "matrix"}

// asItComes tells whether finished images stay as the sampler leaves them.
func (r Request) asItComes() bool { return r.Decode == "" || r.Decode == "diagonal" }

// headDecides tells whether finished images are those of the head's atoms.
func (r Request) headDecides() bool { return r.Decode == "head" || r.Decode == "argmax" }

// checkDecode says what keeps the model from what is asked.
func (p *plan) checkDecode() error {
	if p.asItComes() {
		return nil
	}
	if !slices.Contains(Decodes, p.Decode) {
		return fmt.Errorf("no decoding %q: want one of %s", p.Decode, strings.Join(Decodes, ", "))
	}
	if p.headDecides() && p.g.Config.Atoms == nil {
		return fmt.Errorf("decoding %q needs a model over atoms, which has a head to ask; this one takes diagonal or matrix", p.Decode)
	}
	if _, ok := p.g.Config.Encoding.Image().(imaging.GASF); !ok {
		return fmt.Errorf("decoding %q is for GASF images, the model draws %s", p.Decode, p.g.Config.Encoding.Image().Name())
	}
	return nil
}

// decider makes the program that asks the head; nil where it is not to be asked.
// Its arguments are images [B,n,n,C], the clean images that the step before returned,
// the step's number (scalar int32), chances [B,n,C], which "argmax" does not look at,
// and y [B] int32; it returns the atoms' middles, [B,n,C].
func (g *Generator) decider(key stepKey, groups []int) (*model.Exec, error) {
	if !(Request{Decode: key.decode}).headDecides() {
		return nil, nil
	}
	c := g.Config
	if key.steps != "" {
		c.Diffusion.Respacing = key.steps
	}
	h, err := c.Head(groups)
	if err != nil {
		return nil, err
	}
	return model.NewExec(g.backend, g.store, func(_ *model.Scope, in []*graph.Node) *graph.Node {
		x, last, t, chance, y := in[0], in[1], in[2], in[3], in[4]
		if key.decode == "argmax" {
			chance = nil
		}
		t = graph.BroadcastToDims(t, x.Shape().Dim(0))
		return h.Decide(g.store.Scope(g.scope), x, last, t, y, chance)
	})
}

// ask is what the head decides of a batch's images at step t; last is the clean images
// of the step before.
func (p *plan) ask(images, last *tensors.Tensor, t int, y []int32, streams []*rand.Rand) ([]float32, error) {
	n := p.side() * p.channels()
	chance := make([]float32, p.batch*n)
	for i, r := range streams {
		for j := range n {
			if r != nil {
				chance[i*n+j] = r.Float32()
			}
		}
	}
	out, err := p.decide.Call(images, last, tensors.FromScalar(int32(t)),
		tensors.FromFlatDataAndDimensions(chance, p.batch, p.side(), p.channels()),
		tensors.FromFlatDataAndDimensions(y, p.batch))
	if err != nil {
		return nil, err
	}
	return tensors.CopyFlatData[float32](out[0])
}

// redraw makes finished images show what was decided: decided [B,n,C], or nil.
// images are the batch's, without filler.
func (p *plan) redraw(images imaging.Images, decided []float32, part []int) {
	if p.asItComes() {
		return
	}
	n, channels := p.side(), p.channels()
	series, plane := make([]float64, n), make([]float64, n*n)
	at := 0
	for i, number := range part {
		if number == filler {
			continue
		}
		image := images.At(at)
		at++
		for c := range channels {
			for j := range plane {
				plane[j] = image[j*channels+c]
			}
			if decided == nil {
				imaging.WholeGASF{}.Decode(plane, series)
			} else {
				for j := range series {
					series[j] = math.Sqrt(float64(decided[(i*n+j)*channels+c]))
				}
			}
			imaging.GASF{}.Encode(series, plane)
			for j := range plane {
				image[j*channels+c] = plane[j]
			}
		}
	}
}
