package categorical

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// chainOf is the chain of one class and what is seen of its atoms.
type chainOf struct {
	tables
	evidence *Node // [B,n,K]
}

// smooth is the forward-backward algorithm: P(atom at j | all evidence), by chain.
// Chains of similar size are smoothed together.
func smooth(chains []chainOf) []*Node {
	all := make([]*Node, len(chains))
	var short []int // the chains that are not smoothed by a loop
	for c, t := range chains {
		if len(t.Middles) > longest && loops(t.evidence.Graph()) {
			all[c] = t.smoothLong(t.evidence)
		} else {
			short = append(short, c)
		}
	}
	for _, members := range alike(chains, short) {
		b := bucketOf(chains, members)
		smoothed := normalize(b.smooth(chains[0].evidence.Graph()))
		for i, c := range members {
			t := chains[c]
			part := Slice(smoothed, AxisElem(i), AxisRange(0, t.images()), AxisRange(), AxisRange(0, t.width))
			all[c] = Squeeze(part, 0)
		}
	}
	return all
}

// images is B.
func (t chainOf) images() int { return t.evidence.Shape().Dim(0) }

// bucket is chains that are computed together, as if all had as many images and as many
// atoms at each place as the largest of them.
type bucket struct {
	chains []chainOf
	images int   // B
	widths []int // W_j, atoms at each place
}

func bucketOf(chains []chainOf, members []int) bucket {
	b := bucket{widths: make([]int, len(chains[members[0]].Middles))}
	for _, c := range members {
		t := chains[c]
		b.chains = append(b.chains, t)
		b.images = max(b.images, t.images())
		for j := range b.widths {
			b.widths[j] = max(b.widths[j], t.atoms(j))
		}
	}
	return b
}

// matrixReads is how many images' worth of arithmetic it costs to read a matrix.
const matrixReads = 8

// cost is the bucket's arithmetic, in multiplications of its products.
func (b bucket) cost() int {
	sum := 0
	for j := 1; j < len(b.widths); j++ {
		sum += b.widths[j-1] * b.widths[j]
	}
	return len(b.chains) * (b.images + matrixReads) * sum
}

// What smoothing chains together may cost in arithmetic: a share of what they cost by
// themselves, and so many multiplications, which take no longer than a few operations.
const (
	spareShare = 0.1
	spareCost  = 1 << 20
)

// alike divides chains, by their numbers, into buckets. XLA compiles each operation by
// itself, so that the time for it grows with the number of buckets; and each costs time
// at every step. The two that cost least together are joined, as long as there is
// something to spare.
func alike(chains []chainOf, numbers []int) (buckets [][]int) {
	cost := 0
	for _, c := range numbers {
		buckets = append(buckets, []int{c})
		cost += bucketOf(chains, []int{c}).cost()
	}
	spare := spareCost + int(spareShare*float64(cost))
	for len(buckets) > 1 {
		least, first, second := 0, -1, -1
		for i, a := range buckets {
			for j, b := range buckets[:i] {
				more := bucketOf(chains, slices.Concat(a, b)).cost() - bucketOf(chains, a).cost() - bucketOf(chains, b).cost()
				if first < 0 || more < least {
					least, first, second = more, j, i
				}
			}
		}
		if least > spare {
			break
		}
		spare -= least
		buckets[first] = append(buckets[first], buckets[second]...)
		buckets = slices.Delete(buckets, second, second+1)
	}
	return buckets
}

// smooth returns what is proportional to P(atom at j | all evidence): [G,B,n,W], with G
// chains and W the most atoms of a place, 0 where a chain has no such image or atom.
//
// XLA compiles every reduction by itself, which takes it as long as a product. So the
// sums that keep the messages finite are not reductions: each step's matrix has a further
// column and row of ones, whose products with a message are its sum. Messages are
// [G,B,W_j+1], with 0 there.
func (b bucket) smooth(g *Graph) *Node {
	n, widest := len(b.widths), slices.Max(b.widths)
	var shares, evidence []*Node
	for _, t := range b.chains {
		shares = append(shares, GrowRight(t.shares, -1, widest+1-t.width, 0))
		e := GrowRight(t.evidence, -1, widest+1-t.width, 0)
		evidence = append(evidence, GrowRight(e, 0, b.images-t.images(), 0))
	}
	whole, share := Stack(evidence, 0), Stack(shares, 0)
	seen := make([]*Node, n)    // evidence, as messages are
	forward := make([]*Node, n) // P(atom at j | evidence up to j); at the last place ∝
	steps := make([]*Node, n)   // [G,W_{j-1}+1,W_j+1]
	var message *Node           // ∝ P(atom at j, evidence up to j)
	for j := range n {
		seen[j] = Squeeze(Slice(whole, AxisRange(), AxisRange(), AxisElem(j), AxisRange(0, b.widths[j]+1)), 2)
		if j == 0 {
			message = Mul(Slice(share, AxisRange(), AxisElem(0), AxisRange(0, b.widths[0]+1)), seen[0])
			continue
		}
		steps[j] = b.step(g, j)
		next := EinsumAxes(message, steps[j], [][2]int{{2, 1}}, [][2]int{{0, 0}})
		sum := massOf(next)
		forward[j-1] = Div(message, sum)
		message = Mul(Div(next, sum), seen[j])
	}
	forward[n-1] = message
	all := make([]*Node, n)
	var backward *Node // ∝ P(evidence after j | atom at j); nil at the end, where it is 1
	for j := n - 1; j >= 0; j-- {
		both, ahead := forward[j], seen[j]
		if backward != nil {
			both, ahead = Mul(both, backward), Mul(ahead, backward)
		}
		both = SliceAxis(both, -1, AxisRange(0, b.widths[j]))
		all[j] = InsertAxes(GrowRight(both, -1, widest-b.widths[j], 0), 2)
		if j > 0 {
			backward = EinsumAxes(ahead, steps[j], [][2]int{{2, 2}}, [][2]int{{0, 0}}) // [G,B,W_{j-1}+1]
			backward = Div(backward, massOf(backward))
		}
	}
	return Concatenate(all, 2)
}

// step is the matrices of place j, with a column and a row of ones, and 0 where they
// meet: [G,W_{j-1}+1,W_j+1].
func (b bucket) step(g *Graph, j int) *Node {
	rows, columns := b.widths[j-1]+1, b.widths[j]+1
	values := make([]float32, len(b.chains)*rows*columns)
	for i, t := range b.chains {
		m := values[i*rows*columns:][:rows*columns]
		own := t.atoms(j)
		for k := range t.atoms(j - 1) {
			row := m[k*columns:][:columns]
			for l, p := range t.Transitions[j][k*own:][:own] {
				row[l] = float32(p)
			}
			row[columns-1] = 1
		}
		for l := range own {
			m[(rows-1)*columns+l] = 1
		}
	}
	return nn.Fixed(g, values, len(b.chains), rows, columns)
}

// massOf is the sum that a product with a matrix of step has last, [G,B,1].
func massOf(product *Node) *Node {
	return MaxScalar(SliceAxis(product, -1, AxisRange(-1)), leastMass)
}
