package private

import (
	"math"
	"slices"
)

// A row of counts of so many flows was noised. What the counts were most likely, given
// what shares of the flows are expected, are their posterior means: the shares are taken
// to be drawn from a Dirichlet distribution around those expected, which makes each count
// negative binomial. How near rows keep to what is expected of them, the distribution's
// concentration, is chosen by the likelihood of the noised counts: it costs no privacy,
// for it looks at nothing else.

// observed is a noised count of a row: the share of the row's flows that is expected.
type observed struct{ noised, share, flows float64 }

// concentrations are those tried: the more, the nearer rows keep to what is expected.
var concentrations = []float64{3000, 1000, 300, 100, 30, 10, 3, 1, 0.3}

// novel is the share of a row that is expected anywhere: what is expected is noised, too.
const novel = 0.01

// denoise returns the posterior means of rows of counts noised with a variance. A row is
// averaged over the concentrations, by their likelihood in this row and their frequency in
// all rows, which is found by expectation maximisation.
func denoise(rows [][]observed, variance float64) [][]float64 {
	means := make([][]float64, len(rows))
	if variance == 0 {
		for i, row := range rows {
			for _, o := range row {
				means[i] = append(means[i], o.noised)
			}
		}
		return means
	}
	// By row and concentration: the means, and the likelihoods relative to the highest.
	each := make([][][]float64, len(rows))
	likelihood := make([][]float64, len(rows))
	for i, row := range rows {
		each[i], likelihood[i] = make([][]float64, len(concentrations)), make([]float64, len(concentrations))
		for k, a := range concentrations {
			each[i][k] = make([]float64, len(row))
			for x, o := range row {
				o.share = (1-novel)*o.share + novel/float64(len(row))
				mean, l := o.posterior(a, variance)
				each[i][k][x] = mean
				likelihood[i][k] += l
			}
		}
		highest := slices.Max(likelihood[i])
		for k, l := range likelihood[i] {
			likelihood[i][k] = math.Exp(l - highest)
		}
	}
	const rounds = 30
	frequency := normalized(make([]float64, len(concentrations)))
	for range rounds {
		next := make([]float64, len(frequency))
		for _, l := range likelihood {
			for k, w := range weighted(l, frequency) {
				next[k] += w
			}
		}
		frequency = normalized(next)
	}
	for i, row := range rows {
		means[i] = make([]float64, len(row))
		for k, w := range weighted(likelihood[i], frequency) {
			for x, mean := range each[i][k] {
				means[i][x] += w * mean
			}
		}
	}
	return means
}

// weighted are products of x and y, as shares of their sum.
func weighted(x, y []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = x[i] * y[i]
	}
	return normalized(out)
}

// posterior returns the mean of a count given what it was noised to, and the logarithm of
// the likelihood, up to what all concentrations share.
func (o observed) posterior(concentration, variance float64) (mean, likelihood float64) {
	sd := math.Sqrt(variance)
	low := math.Max(0, math.Floor(o.noised-6*sd))
	high := math.Ceil(math.Max(o.noised, 0) + 6*sd)
	shape := concentration*o.share + 1e-12
	ratio := o.flows / (o.flows + concentration)
	// The negative binomial distribution at low; above it, each by its ratio to the one before.
	p, scale := 1.0, shape*math.Log1p(-ratio)
	if low > 0 {
		a, _ := math.Lgamma(low + shape)
		b, _ := math.Lgamma(low + 1)
		c, _ := math.Lgamma(shape)
		scale += a - b - c + low*math.Log(ratio) // p would be too small
	}
	// The noise's density, relative to that at 0 where the count is below it.
	g := 1.0
	if low > 0 || o.noised > 0 {
		g = math.Exp(-(low - o.noised) * (low - o.noised) / (2 * variance))
	}
	factor, shrink := math.Exp(-(2*(low-o.noised)+1)/(2*variance)), math.Exp(-1/variance)
	var sum, moment float64
	for n := low; n <= high; n++ {
		w := g * p
		sum += w
		moment += w * n
		g *= factor
		factor *= shrink
		p *= ratio * (n + shape) / (n + 1)
	}
	if !(sum > 0) {
		return math.Max(0, math.Min(o.noised, o.flows)), math.Inf(-1)
	}
	return moment / sum, math.Log(sum) + scale
}
