package dp

import (
	crand "crypto/rand"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// MaxVariance is the greatest variance that Gaussian draws: beyond it, its whole numbers
// would not fit in 64 bits. It is a standard deviation of 8,192.
const MaxVariance = 1 << 26

// Secure returns random numbers of the operating system, which nobody can foresee or
// repeat: those that privacy needs. Anyone who knows the seed of other ones can take the
// noise away again.
func Secure() *rand.Rand { return rand.New(&secure{}) }

// secure is a rand.Source of crypto/rand, read in pieces.
type secure struct {
	buffer [4096]byte
	left   []byte
}

func (s *secure) Uint64() uint64 {
	if len(s.left) < 8 {
		crand.Read(s.buffer[:]) // never fails: it ends the program instead
		s.left = s.buffer[:]
	}
	n := binary.LittleEndian.Uint64(s.left)
	clear(s.left[:8]) // what was drawn is not kept
	s.left = s.left[8:]
	return n
}

// Gaussian draws from the discrete Gaussian distribution N_Z(0, σ²), P(n) ∝
// exp(−n²/(2σ²)) over the whole numbers, exactly: by Algorithm 3 of Canonne, Kamath and
// Steinke, in whole numbers.
type Gaussian struct {
	variance uint64
	scale    uint64 // of the Laplace distribution to reject from, ⌊σ⌋+1
	rng      *rand.Rand
}

// NewGaussian returns the distribution of a variance, which is at most MaxVariance; of 0
// all draws are 0.
func NewGaussian(variance uint64, rng *rand.Rand) *Gaussian {
	if variance > MaxVariance {
		panic("dp: variance beyond MaxVariance")
	}
	return &Gaussian{variance: variance, scale: root(variance) + 1, rng: rng}
}

// root is ⌊√n⌋.
func root(n uint64) uint64 {
	r := uint64(1) << ((bits.Len64(n) + 1) / 2)
	for r*r > n { // Newton's iteration from above
		r = (r + n/r) / 2
	}
	return r
}

// Draw draws a number.
func (g *Gaussian) Draw() int64 {
	if g.variance == 0 {
		return 0
	}
	t, n := g.scale, g.variance
	for {
		size, negative := g.laplace()
		// Accept with probability exp(−(|y| − σ²/t)²/(2σ²)) = exp(−(|y|t − σ²)²/(2σ²t²)).
		// |y| is below 2⁴⁰ unless a coin fell on one side millions of times.
		far := size*t - n
		if size*t < n {
			far = n - size*t
		}
		high, low := bits.Mul64(far, far)
		whole, rest := bits.Div64(high, low, 2*n*t*t)
		if !g.powersOfE(whole) || !g.expMinus(rest, 2*n*t*t) {
			continue
		}
		if negative {
			return -int64(size)
		}
		return int64(size)
	}
}

// laplace draws from the discrete Laplace distribution, P(y) ∝ exp(−|y|/t): Algorithm 2.
func (g *Gaussian) laplace() (size uint64, negative bool) {
	for {
		u := g.rng.Uint64N(g.scale)
		if !g.expMinus(u, g.scale) {
			continue
		}
		v := uint64(0)
		for g.expMinus(1, 1) {
			v++
		}
		size, negative = u+g.scale*v, g.rng.Uint64N(2) == 1
		if !(negative && size == 0) { // or 0 would come twice
			return size, negative
		}
	}
}

// powersOfE is true with probability exp(−n).
func (g *Gaussian) powersOfE(n uint64) bool {
	for range n {
		if !g.expMinus(1, 1) {
			return false
		}
	}
	return true
}

// expMinus is true with probability exp(−x/y), for x ≤ y: Algorithm 1. Σ (−x/y)^k/k! is
// the probability that the first k-th coin of probability x/(yk) that fails is an odd one.
func (g *Gaussian) expMinus(x, y uint64) bool {
	for k := uint64(1); ; k++ {
		if !(g.rng.Uint64N(y) < x && g.rng.Uint64N(k) == 0) {
			return k%2 == 1
		}
	}
}
