package categorical

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// randomClass is a class whose tables have so many atoms.
func randomClass(rng *rand.Rand, atoms ...int) ClassPrior {
	var c ClassPrior
	distribution := func(n int) []float64 {
		p := make([]float64, n)
		for k := range p {
			p[k] = rng.Float64()
		}
		normalise(p)
		return p
	}
	for j, n := range atoms {
		c.Middles = append(c.Middles, distribution(n))
		c.Shares = append(c.Shares, distribution(n))
		var matrix []float64
		if j > 0 {
			for range atoms[j-1] {
				matrix = append(matrix, distribution(n)...)
			}
		}
		c.Transitions = append(c.Transitions, matrix)
	}
	return c
}

// TestSmoothingTogether: classes of other sizes are smoothed together as each by itself, what is
// seen being as unlikely as may be for some.
func TestSmoothingTogether(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	classes := []ClassPrior{randomClass(rng, 3, 5, 2, 4), randomClass(rng, 6, 1, 7, 2), randomClass(rng, 2, 2, 2, 9)}
	const images, width = 3, 9
	var seen []float32
	for _, class := range classes {
		for range images {
			for j := range 4 {
				for k := range width {
					switch {
					case k >= class.atoms(j):
						seen = append(seen, 0)
					case rng.IntN(3) == 0:
						seen = append(seen, float32(math.Exp(leastEvidence)))
					default:
						seen = append(seen, float32(rng.Float64()))
					}
				}
			}
		}
	}
	out := run(t, func(in []*graph.Node) []*graph.Node {
		var alone []*graph.Node
		for c, class := range classes {
			one := newTables(in[0].Graph(), []ClassPrior{class}, images)
			own := graph.Slice(in[0], graph.AxisRange(c*images, (c+1)*images), graph.AxisRange(), graph.AxisRange(0, one.width))
			alone = append(alone, graph.GrowRight(one.smooth(own), -1, width-one.width, 0))
		}
		return []*graph.Node{newTables(in[0].Graph(), classes, images).smooth(in[0]), graph.Concatenate(alone, 0)}
	}, tensors.FromFlatDataAndDimensions(seen, len(classes)*images, 4, width))
	for i, want := range out[1] {
		if got := out[0][i]; math.Abs(float64(got-want)) > 1e-6 || math.IsNaN(float64(want)) {
			t.Fatalf("together %v, alone %v", out[0], out[1])
		}
	}
}
