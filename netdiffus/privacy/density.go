package privacy

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// densityRatio scores records by ln p(row | synthetic, class) − ln p(row | reference,
// class): DOMIAS (van Breugel et al., AISTATS 2023, equation 2). A generator that leans
// towards its training records makes them likelier than the population does.
func densityRatio(attacked, synthetic, reference Records) ([]float64, error) {
	s, err := newGaussian(synthetic)
	if err != nil {
		return nil, fmt.Errorf("privacy: density of the synthetic records: %w", err)
	}
	r, err := newGaussian(reference)
	if err != nil {
		return nil, fmt.Errorf("privacy: density of the reference records: %w", err)
	}
	out := make([]float64, attacked.Len())
	for i, row := range attacked.Rows {
		out[i] = s.log(row, attacked.Classes[i]) - r.log(row, attacked.Classes[i])
	}
	return out, nil
}

// gaussian is a kernel density: of the records of a class, with Gaussian kernels of the
// covariance of all records times n^(−2/(d+4)) (Scott 1992). Where there is one
// class it is scipy.stats.gaussian_kde, which the program of DOMIAS uses.
type gaussian struct {
	whiten *mat.TriDense // the inverse of the kernel's Cholesky factor
	points map[int][][]float64
	norm   float64 // ln of a kernel's height
}

func newGaussian(r Records) (*gaussian, error) {
	n, d := r.Len(), len(r.Rows[0])
	if n < 2 {
		return nil, errors.New("fewer than 2 records have no covariance")
	}
	x := mat.NewDense(n, d, slices.Concat(r.Rows...))
	var cov mat.SymDense
	stat.CovarianceMatrix(&cov, x, nil)
	factor := math.Pow(float64(n), -1/float64(d+4))
	cov.ScaleSym(factor*factor, &cov)
	var chol mat.Cholesky
	// Columns that follow from others make the covariance singular: it gets a little of a
	// sphere, more and more.
	trace := 0.0
	for j := range d {
		trace += cov.At(j, j)
	}
	if trace == 0 {
		trace = float64(d) // all records are equal
	}
	for ridge := 1e-9; !chol.Factorize(&cov) || chol.Cond() > 1e12; ridge *= 10 {
		for j := range d {
			cov.SetSym(j, j, cov.At(j, j)+ridge*trace/float64(d))
		}
	}
	var lower mat.TriDense
	chol.LTo(&lower)
	g := &gaussian{whiten: mat.NewTriDense(d, mat.Lower, nil), points: map[int][][]float64{}, norm: -chol.LogDet()/2 - float64(d)/2*math.Log(2*math.Pi)}
	if err := g.whiten.InverseTri(&lower); err != nil {
		return nil, fmt.Errorf("kernel: %w", err)
	}
	for class, rows := range r.byClass() {
		for _, row := range rows {
			g.points[class] = append(g.points[class], g.white(row))
		}
	}
	return g, nil
}

// white is a row in units of the kernel.
func (g *gaussian) white(row []float64) []float64 {
	out := make([]float64, len(row))
	for i := range out {
		for j := range i + 1 {
			out[i] += g.whiten.At(i, j) * row[j]
		}
	}
	return out
}

func (g *gaussian) log(row []float64, class int) float64 {
	points := g.points[class]
	x, exponents := g.white(row), make([]float64, len(points))
	for k, p := range points {
		sum := 0.0
		for j, v := range x {
			sum += (v - p[j]) * (v - p[j])
		}
		exponents[k] = -sum / 2
	}
	return g.norm + logMean(exponents)
}

// narrow is a kernel density with kernels exp(−|a−b|/width), |a−b| the sum over the places,
// as wide as a fifth of the distance at which records lie: narrow enough for a copy to stand
// out, which Scott's kernel of as many dimensions blurs. It is not scaled, which a ratio
// of two does not need.
//
// To the mean of the kernels a floor is added, a hundredth of what one record gives. Without
// it the ratio of two densities where there are no records is a matter of which record
// is less far, and outliers rank first whether they were trained on or not.
type narrow struct {
	points map[int][][]float64
	floor  map[int]float64 // by class
	width  float64
}

// floorShare is the floor as a share of one record's kernel.
const floorShare = 0.01

// newNarrow has the floors of r, at a distance that is typical for records.
func newNarrow(r Records, distance float64) *narrow {
	n := &narrow{r.byClass(), map[int]float64{}, narrowWidth * distance}
	for class, rows := range n.points {
		n.floor[class] = floorShare / float64(len(rows))
	}
	return n
}

// narrowRatio is [densityRatio] with narrow kernels, and one floor for both densities.
func narrowRatio(attacked, synthetic, reference Records) []float64 {
	distance := typicalDistance(reference)
	s, r := newNarrow(synthetic, distance), newNarrow(reference, distance)
	for class := range s.points {
		both := floorShare / float64(len(s.points[class])+len(r.points[class]))
		s.floor[class], r.floor[class] = both, both
	}
	out := make([]float64, attacked.Len())
	for i, row := range attacked.Rows {
		out[i] = s.log(row, attacked.Classes[i]) - r.log(row, attacked.Classes[i])
	}
	return out
}

func (n *narrow) log(row []float64, class int) float64 {
	points := n.points[class]
	if len(points) == 0 {
		return math.Inf(-1)
	}
	total := 0.0
	for _, p := range points {
		sum := 0.0
		for j, v := range row {
			if sum += math.Abs(v - p[j]); sum > 40*n.width { // e⁻⁴⁰ is nothing
				break
			}
		}
		total += math.Exp(-sum / n.width)
	}
	return math.Log(total/float64(len(points)) + n.floor[class])
}

// logMean is ln of the mean of exp(x); −Inf of none.
func logMean(x []float64) float64 {
	if len(x) == 0 {
		return math.Inf(-1)
	}
	return floats.LogSumExp(x) - math.Log(float64(len(x)))
}

// narrowWidth is the width of narrow kernels, as a share of the typical distance.
const narrowWidth = 0.2

// typicalDistance is the mean distance of records to the nearest other one of their class,
// the sum over the places; 1 where all are copies of another.
func typicalDistance(r Records) float64 {
	sum, n := 0.0, 0.0
	for _, rows := range r.byClass() {
		if len(rows) < 2 {
			continue
		}
		for _, d := range metric.ClosestTwo(rows, rows) { // the nearest is the row itself
			sum += d[1] * float64(len(rows[0]))
			n++
		}
	}
	if !(sum > 0) {
		return 1
	}
	return sum / n
}
