package categorical

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
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

// TestSmoothingTogether: classes of other sizes and numbers of images are smoothed
// together as each by itself, what is seen being as unlikely as may be for some.
func TestSmoothingTogether(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	classes := []ClassPrior{randomClass(rng, 3, 5, 2, 4), randomClass(rng, 6, 1, 7, 2), randomClass(rng, 2, 2, 2, 9)}
	images := []int{2, 4, 1}
	var args []any
	for c, class := range classes {
		seen := make([]float32, 0, images[c]*4*class.widest())
		for range images[c] {
			for j := range 4 {
				for k := range class.widest() {
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
		args = append(args, tensors.FromFlatDataAndDimensions(seen, images[c], 4, class.widest()))
	}
	out := run(t, func(in []*graph.Node) []*graph.Node {
		var chains []chainOf
		var alone []*graph.Node
		for c, class := range classes {
			chains = append(chains, chainOf{class.nodes(in[c].Graph()), in[c]})
			alone = append(alone, smooth(chains[c:])[0])
		}
		if buckets := alike(chains, []int{0, 1, 2}); len(buckets) != 1 {
			t.Errorf("small chains are in buckets %v, want them in one", buckets)
		}
		return append(alone, smooth(chains)...)
	}, args...)
	for c := range classes {
		for i, want := range out[c] {
			if got := out[3+c][i]; math.Abs(float64(got-want)) > 1e-6 || math.IsNaN(float64(want)) {
				t.Fatalf("class %d: together %v, alone %v", c, out[3+c], out[c])
			}
		}
	}
}

// TestBuckets: chains of about the same size are computed together, those that would
// waste much are not.
func TestBuckets(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	var classes []ClassPrior
	for _, n := range []int{300, 20, 310, 25, 900} {
		classes = append(classes, randomClass(rng, n, n, n))
	}
	run(t, func(in []*graph.Node) []*graph.Node {
		var chains []chainOf
		for _, class := range classes {
			chains = append(chains, chainOf{class.nodes(in[0].Graph()), graph.BroadcastToDims(in[0], 14, 3, class.widest())})
		}
		buckets := alike(chains, []int{0, 1, 2, 3, 4})
		for _, b := range buckets {
			slices.Sort(b)
		}
		slices.SortFunc(buckets, slices.Compare[[]int])
		if got := fmt.Sprint(buckets); got != "[[0 2] [1 3] [4]]" {
			t.Errorf("buckets %v", got)
		}
		return in
	}, float32(1))
}
