package noise

import "math/rand/v2"

// Source is the randomness of one sample.
type Source struct {
	*rand.Rand // its own generator
	// Even is its place among the samples that are drawn with it; nil where it is drawn
	// independently of them.
	Even *Even
}

// Even is the place of one sample among those of a class and seed, for models that draw these
// so that they are spread evenly over all that the model can draw: of 300 independent draws of 300
// equally probable things 110 things are drawn by none, on average.
type Even struct{ Seed, Class, Sample uint64 }

// golden is the golden ratio, (√5 − 1)/2, of 2^64.
const golden = 0x9e3779b97f4a7c15

// Spread returns number i of a sequence in [0,1) of which any in a row are spread evenly: the multiples of
// the golden ratio, modulo 1, from a start (Weyl 1916). From starts that are drawn uniformly, as by
// rand.Uint64, each is uniform by itself (Cranley & Patterson 1976).
func Spread(start, i uint64) float64 { return float64((start+golden*i)>>11) / (1 << 53) }

// Path makes choices one after the other: by the digits of one number in [0,1), as far as they
// reach, as a decoder of an arithmetic code does, and from then on by a generator. Numbers that are
// near each other lead to choices that begin alike, so that evenly spread numbers spread evenly over
// what a tree of choices leads to.
type Path struct {
	rng   *rand.Rand
	u     float64 // uniform, given the choices made
	width float64 // the probability of these; 0 where there are no digits
}

// narrow is how improbable choices may be before the digits of a float64 give out.
const narrow = 1. / (1 << 30)

// NewPath returns one that makes all choices by the generator.
func NewPath(r *rand.Rand) *Path { return &Path{rng: r} }

// NewEvenPath returns one that makes the first choices by the digits of u in [0,1).
func NewEvenPath(r *rand.Rand, u float64) *Path { return &Path{r, u, 1} }

// Even reports whether the next choice is made by digits.
func (p *Path) Even() bool { return p.width > narrow }

// Choose returns an index in proportion to its weight. Where all are 0 it returns 0.
func (p *Path) Choose(weights []float64) int32 {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	even := p.Even()
	x := p.u
	if !even {
		x = p.rng.Float64()
	}
	u, last := x*total, 0
	for i, w := range weights {
		if w > 0 {
			if last = i; u < w {
				break
			}
			u -= w
		}
	}
	if w := weights[last]; even && w > 0 {
		p.u = min(u/w, 1-1./(1<<53))
		p.width *= w / total
	}
	return int32(last)
}
