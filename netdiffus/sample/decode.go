package sample

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// Decodings lists the names that Request.Decode takes with this model.
func (g *Generator) Decodings() []string {
	return slices.Concat([]string{"diagonal"}, g.model.Traits().Decodings, []string{"matrix"})
}

// asDrawn reports whether finished images stay as the sampler leaves them.
func (r Request) asDrawn() bool { return r.Decode == "" || r.Decode == "diagonal" }

// checkDecode returns what keeps the model from decoding as r asks.
func (g *Generator) checkDecode(r Request) error {
	if r.asDrawn() {
		return nil
	}
	if !slices.Contains(g.Decodings(), r.Decode) {
		return fmt.Errorf("this model has no decoding %q: want one of %s", r.Decode, strings.Join(g.Decodings(), ", "))
	}
	switch g.Config.Encoding.Image().(type) {
	case imaging.GASF:
		return nil
	case imaging.Series: // there is a diagonal, and no matrix around it
		if r.Decode != "matrix" {
			return nil
		}
	}
	return fmt.Errorf("decoding %q is for GASF images, the model draws %s", r.Decode, g.Config.Encoding.Image().Name())
}

// decider makes the program of one of the model's own decodings; nil for others. Its
// arguments are x [B,n,n,C] before the last step, the estimate of the clean images a
// step before, t, chance [B,n,C] and y [B] int32; it returns u [B,n,C] (netdiffus.Decoder).
// Where the device draws, the counters [B,4] are in the place of chance.
func (g *Generator) decider(m netdiffus.Bound, decoding string, onDevice bool) (*model.Exec, error) {
	if !slices.Contains(g.model.Traits().Decodings, decoding) {
		return nil, nil
	}
	decode := m.Decoder(decoding)
	return model.NewExec(g.backend, g.store, func(_ *model.Scope, in []*graph.Node) *graph.Node {
		x, previous, t, chance, y := in[0], in[1], in[2], in[3], in[4]
		if onDevice {
			chance = diffusion.UniformNoise(chance, graph.Const(x.Graph(), drawChance), x.Shape().Dim(2), x.Shape().Dim(3))
		}
		t = graph.BroadcastToDims(t, x.Shape().Dim(0))
		return decode(g.store.Scope(g.scope), x, previous, t, y, chance)
	})
}

// decideSeries runs the program of the decoding before the last step.
func (d *drawing) decideSeries() ([]float32, error) {
	chance := d.counters
	if chance == nil {
		n, channels := d.b.image.Side, d.b.image.Channels
		chance = tensors.FromFlatDataAndDimensions(d.b.uniform(n*channels), len(d.b.part), n, channels)
	}
	out, err := d.p.decide.Call(d.x, d.x0, d.t, chance, d.y)
	if err != nil {
		return nil, err
	}
	return tensors.CopyFlatData[float32](out[0])
}

// redraw makes finished images, which are part's without filler, those of the series
// decided [B,n,C], or where that is nil of the series nearest to all their pixels.
func redraw(images imaging.Images, decided []float32, part []int) {
	n, channels := images.W, images.C
	series, plane := make([]float64, n), make([]float64, images.H*n)
	var encoder imaging.Encoder = imaging.GASF{}
	if images.H == 1 {
		encoder = imaging.Series{}
	}
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
			encoder.Encode(series, plane)
			for j := range plane {
				image[j*channels+c] = plane[j]
			}
		}
	}
}
