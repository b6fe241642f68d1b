package copula

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// sweeps is how often values and silence are drawn by turns where no series is given to
// begin with.
const sweeps = 20

// Drawer draws series of one variant. It is for one goroutine.
type Drawer struct {
	m *Copula
	g *gaussian
	k []chain

	z, noise   *mat.VecDense // z: the scores less their shifts
	silent     []bool
	shift      []float64 // of the scores, by silent
	active     []int
	miss       []float64
	likelihood [][]float64 // by place; memory for the chains
}

// Drawer returns one for a variant.
func (m *Copula) Drawer(variant int) *Drawer {
	n := m.size()
	d := &Drawer{
		m: m, g: m.variants[variant].gaussian, k: m.variants[variant].silence,
		z: mat.NewVecDense(n, nil), noise: mat.NewVecDense(n, nil), silent: make([]bool, n), shift: make([]float64, n), miss: make([]float64, n),
	}
	d.shiftAll()
	return d
}

// Draw draws a series from its posterior given the noisy diagonal
//
//	x = signal·(2u-1) + noise·ε,  ε standard normal,
//
// by channel and place, and writes its codes √u into codes. Without silence the draw is
// exact. With silence it is one step, from the series whose codes are before, of a Markov
// chain (Gibbs sampling) that leaves the posterior as it is: where before is a draw from
// the posterior, as the one of the step before is when sampling, so is codes. nil starts
// anew, and draws nearly from the posterior. codes and before may be the same.
func (d *Drawer) Draw(r *rand.Rand, x [][]float64, signal, noise float64, before, codes [][]float64) {
	if len(d.k) == 0 {
		d.values(r, x, signal, noise)
		d.write(codes)
		return
	}
	rounds := sweeps
	if before == nil {
		if signal < noise/10 {
			rounds = 2 // x shows next to nothing, and the prior is what is drawn from
		}
		d.prior(r)
		d.silence(r, x, signal, noise, true)
		d.valuesOfActive(r, x, signal, noise)
	} else {
		d.read(r, before)
		rounds = 1
	}
	for range rounds {
		d.silence(r, x, signal, noise, false)
		d.valuesOfActive(r, x, signal, noise)
	}
	d.write(codes)
}

// prior draws scores and silence.
func (d *Drawer) prior(r *rand.Rand) {
	d.scores(r)
	for _, k := range d.k {
		k.draw(r, nil, d.m.places, d.silent)
	}
	d.shiftAll()
}

// shiftAll sets the shifts by what is silent.
func (d *Drawer) shiftAll() { d.m.shiftsOf(d.k, d.g.centre, d.silent, d.shift) }

// scores draws z from the prior.
func (d *Drawer) scores(r *rand.Rand) {
	d.normal(r)
	d.z.MulVec(d.g.root, d.noise)
}

func (d *Drawer) normal(r *rand.Rand) {
	for i := range d.noise.RawVector().Data {
		d.noise.RawVector().Data[i] = r.NormFloat64()
	}
}

// values draws z given x, where nothing is silent: a draw from the prior, corrected by
// the filter's response to the difference between x and what that draw would have shown
// (Matheron's rule).
func (d *Drawer) values(r *rand.Rand, x [][]float64, signal, noise float64) {
	n := d.m.size()
	d.scores(r)
	d.normal(r)
	rest, turned := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
	for i := range n {
		seen := x[i/d.m.places][i%d.m.places] - signal*(d.m.offset(i)+d.m.slope(i)*d.shift[i])
		rest.SetVec(i, seen-signal*d.m.slope(i)*d.z.AtVec(i)-noise*d.noise.AtVec(i))
	}
	turned.MulVec(d.g.vectors.T(), rest)
	for k, v := range d.g.values {
		turned.SetVec(k, turned.AtVec(k)*signal*v/(signal*signal*v+noise*noise))
	}
	rest.MulVec(d.g.vectors, turned)
	for i := range n {
		d.z.SetVec(i, d.z.AtVec(i)+rest.AtVec(i)/d.m.slope(i))
	}
}

// valuesOfActive draws z given x and which values are silent, those of silent ones
// included.
func (d *Drawer) valuesOfActive(r *rand.Rand, x [][]float64, signal, noise float64) {
	d.scores(r)
	d.active, d.miss = d.active[:0], d.miss[:0]
	for i, silent := range d.silent {
		if !silent {
			seen := x[i/d.m.places][i%d.m.places] - signal*(d.m.offset(i)+d.m.slope(i)*d.shift[i])
			d.active = append(d.active, i)
			d.miss = append(d.miss, seen-signal*d.m.slope(i)*d.z.AtVec(i)-noise*r.NormFloat64())
		}
	}
	d.correct(signal, noise)
}

// correct adds to z the filter's response to miss, the errors of what z shows at the
// active places.
func (d *Drawer) correct(signal, noise float64) {
	k := len(d.active)
	if k == 0 || signal == 0 {
		return
	}
	seen := mat.NewSymDense(k, nil)
	for a, i := range d.active {
		for b, j := range d.active[:a+1] {
			v := signal * signal * d.m.slope(i) * d.m.slope(j) * d.g.covariance.At(i, j)
			if a == b {
				v += noise * noise
			}
			seen.SetSym(a, b, v)
		}
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(seen) {
		return // the noise is beyond what float64 distinguishes from none
	}
	weights := mat.NewVecDense(k, nil)
	if cholesky.SolveVecTo(weights, mat.NewVecDense(k, d.miss)) != nil {
		return
	}
	for i := range d.m.size() {
		sum := 0.0
		for a, j := range d.active {
			sum += d.g.covariance.At(i, j) * d.m.slope(j) * weights.AtVec(a)
		}
		d.z.SetVec(i, d.z.AtVec(i)+signal*sum)
	}
}

// silence draws which values are silent given x and the scores but for their shifts; of
// any where anyScore is set.
func (d *Drawer) silence(r *rand.Rand, x [][]float64, signal, noise float64, anyScore bool) {
	square := max(noise*noise, 1e-12)
	for _, k := range d.k {
		n := k.states
		d.likelihood = d.likelihood[:0]
		before := k.state(d.silent, d.m.places, 0)
		for j := range d.m.places {
			at := make([]float64, n*n)
			now := k.state(d.silent, d.m.places, j)
			for c, row := range x {
				i := c*d.m.places + j
				bit, own := k.has(c)
				if !own && (k.shifts == nil || d.silent[i]) {
					continue // tells nothing of k
				}
				// The score without k's part, which the states at hand have in d.shift.
				score, spread := d.shift[i]-k.shift(c, before, now), square
				if anyScore {
					spread += math.Pow(signal*d.m.slope(i)*d.g.own[i], 2)
				} else {
					score += d.z.AtVec(i)
				}
				silence := logNormal(row[j]+signal, square)
				for pair := range at {
					if own && pair%n&(1<<bit) != 0 {
						at[pair] += silence
					} else {
						seen := signal * (d.m.offset(i) + d.m.slope(i)*(score+k.shift(c, pair/n, pair%n)))
						at[pair] += logNormal(row[j]-seen, spread)
					}
				}
			}
			d.likelihood = append(d.likelihood, at)
			before = now
		}
		k.draw(r, d.likelihood, d.m.places, d.silent)
		d.shiftAll()
	}
}

// read sets the state to a series, and draws the scores behind its silence.
func (d *Drawer) read(r *rand.Rand, codes [][]float64) {
	d.scores(r)
	d.active, d.miss = d.active[:0], d.miss[:0]
	for c, row := range codes {
		for j, code := range row {
			i := c*d.m.places + j
			var z float64
			if z, d.silent[i] = d.m.codecs[c].Score(code); !d.silent[i] {
				d.active = append(d.active, i)
				d.miss = append(d.miss, z)
			}
		}
	}
	d.shiftAll()
	for a, i := range d.active {
		d.miss[a] = d.m.slope(i) * (d.miss[a] - d.shift[i] - d.z.AtVec(i))
	}
	d.correct(1, 0)
}

// write writes the codes.
func (d *Drawer) write(codes [][]float64) {
	for c, row := range codes {
		for j := range row {
			i := c*d.m.places + j
			row[j] = 0
			if !d.silent[i] {
				row[j] = d.m.codecs[c].Code(d.z.AtVec(i) + d.shift[i])
			}
		}
	}
}
