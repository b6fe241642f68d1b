package baseline

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// arOrder is how many bins back an autoregressive model looks, at most.
const arOrder = 6

// arRidge is added to the diagonal of the normal equations, as a share of the number of
// equations: values are scaled, and a constant channel must not stop the fit.
const arRidge = 1e-3

// autoregression is a vector autoregressive model of one class: the scaled values of all
// channels are a linear function of those of the last order bins, plus what was left over
// at the same bin of some real series.
type autoregression struct {
	order       int
	mean, scale [][]float64   // by channel and bin
	low, high   []float64     // by channel, over the class
	weights     *mat.Dense    // [order·channels, channels]
	starts      [][][]float64 // by series: the scaled values of the first bins, [bin][channel]
	residuals   [][][]float64 // by series: [bin after the first][channel]
}

type autoregressions []*autoregression

// fitAR fits a vector autoregressive model of order 6 to the values of each class, scaled
// at each bin by the class's mean and standard deviation there. The residuals of a bin
// are drawn together for all channels from those of the real series at that bin
// (Efron and Tibshirani 1993), the first bins are those of a real series, and values are
// kept between the least and the greatest of the class.
func fitAR(ctx context.Context, d Data) (Model, error) {
	out := make(autoregressions, len(d.Traces))
	for c, traces := range d.Traces {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		a, err := newAutoregression(d, traces)
		if err != nil {
			return nil, fmt.Errorf("class %q: %w", d.Classes[c], err)
		}
		out[c] = a
	}
	return out, nil
}

func newAutoregression(d Data, traces [][][]float64) (*autoregression, error) {
	channels, bins := d.shape()
	a := &autoregression{order: min(arOrder, max(1, bins/4)), mean: d.values(), scale: d.values()}
	for k := range channels {
		low, high := math.Inf(1), math.Inf(-1)
		for j := range bins {
			var m moments
			for _, trace := range traces {
				m.add(trace[k][j])
				low, high = min(low, trace[k][j]), max(high, trace[k][j])
			}
			a.mean[k][j], a.scale[k][j] = m.mean, m.deviation()
		}
		a.low, a.high = append(a.low, low), append(a.high, high)
	}
	scaled := make([][][]float64, len(traces)) // [series][bin][channel]
	for i, trace := range traces {
		for j := range bins {
			row := make([]float64, channels)
			for k := range row {
				row[k] = (trace[k][j] - a.mean[k][j]) / a.scale[k][j]
			}
			scaled[i] = append(scaled[i], row)
		}
	}
	if err := a.solve(scaled, channels, bins); err != nil {
		return nil, err
	}
	for _, z := range scaled {
		var left [][]float64
		for j := a.order; j < bins; j++ {
			row := a.predict(z[:j])
			for k := range row {
				row[k] = z[j][k] - row[k]
			}
			left = append(left, row)
		}
		a.starts, a.residuals = append(a.starts, z[:min(a.order, bins)]), append(a.residuals, left)
	}
	return a, nil
}

// solve finds the weights by least squares with a small ridge.
func (a *autoregression) solve(scaled [][][]float64, channels, bins int) error {
	width := a.order * channels
	left, right := mat.NewSymDense(width, nil), mat.NewDense(width, channels, nil)
	n := 0
	for _, z := range scaled {
		for j := a.order; j < bins; j++ {
			x := mat.NewVecDense(width, history(z[:j], a.order))
			left.SymRankOne(left, 1, x)
			right.RankOne(right, 1, x, mat.NewVecDense(channels, z[j]))
			n++
		}
	}
	for i := range width {
		left.SetSym(i, i, left.At(i, i)+arRidge*float64(n)+1e-9)
	}
	var root mat.Cholesky
	if !root.Factorize(left) {
		return fmt.Errorf("the equations of the %d last bins have no solution", a.order)
	}
	a.weights = mat.NewDense(width, channels, nil)
	return root.SolveTo(a.weights, right)
}

// history is the last n bins, the last first, all channels of each.
func history(z [][]float64, n int) []float64 {
	var x []float64
	for _, row := range slices.Backward(z[len(z)-n:]) {
		x = append(x, row...)
	}
	return x
}

// predict is the expected bin after z.
func (a *autoregression) predict(z [][]float64) []float64 {
	var out mat.VecDense
	out.MulVec(a.weights.T(), mat.NewVecDense(a.weights.RawMatrix().Rows, history(z, a.order)))
	return out.RawVector().Data
}

// Draw draws a series of a class.
func (m autoregressions) Draw(class int, r *rand.Rand) [][]float64 {
	a := m[class]
	z := slices.Clone(a.starts[r.IntN(len(a.starts))])
	for j := range a.residuals[0] {
		row := a.predict(z)
		for k, e := range a.residuals[r.IntN(len(a.residuals))][j] {
			row[k] += e
		}
		z = append(z, row)
	}
	out := make([][]float64, len(a.mean))
	for k := range out {
		for j, row := range z {
			v := a.mean[k][j] + a.scale[k][j]*row[k]
			out[k] = append(out[k], min(max(v, a.low[k]), a.high[k]))
		}
	}
	return out
}

// moments are the mean and the spread of numbers that are added one by one.
type moments struct{ n, mean, squares float64 }

func (m *moments) add(v float64) {
	m.n++
	gap := v - m.mean
	m.mean += gap / m.n
	m.squares += gap * (v - m.mean)
}

// deviation is the standard deviation, divisor n, or 1 where nothing varies.
func (m *moments) deviation() float64 {
	if sd := math.Sqrt(m.squares / m.n); sd > 1e-12*math.Abs(m.mean) {
		return sd
	}
	return 1
}
