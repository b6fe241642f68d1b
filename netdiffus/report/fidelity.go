package report

import (
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// fidelity measures a drawn sample, and the looks of its images where there are
// any, against the test flows: figures of every class, and over all.
// docs/metrics.md defines them by these names.
func (e *evaluation) fidelity(s, looks sample) (overall map[string]float64, classes []map[string]float64) {
	classes = make([]map[string]float64, len(s))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for c := range s {
		group.Go(func() error {
			if len(s[c]) > 0 && len(e.test[c]) > 0 {
				classes[c] = e.classFidelity(c, s[c])
				if looks != nil {
					classes[c]["inconsistency"] = meanLook(looks[c], lookInconsistency)
					classes[c]["holes"] = meanLook(looks[c], lookHole)
				}
			}
			return nil
		})
	}
	_ = group.Wait() // no figure fails
	overall = e.meanOf(classes)
	e.pooled(overall, s)
	return overall, classes
}

// judged tells whether a class takes part in the means over the classes. Where
// there are no synthetic flows of it the baselines' figures of it are left out
// too, or the means would not be of the same.
func (e *evaluation) judged(c int) bool { return len(e.test[c]) > 0 && len(e.synthetic[c]) > 0 }

// meanOf is the mean of every figure over the judged classes that have it: each
// class counts the same, however many flows it has.
func (e *evaluation) meanOf(classes []map[string]float64) map[string]float64 {
	sums, n := map[string]float64{}, map[string]float64{}
	for c, figures := range classes {
		if !e.judged(c) {
			continue
		}
		for name, v := range figures {
			if finite(v) {
				sums[name] += v
				n[name]++
			}
		}
	}
	for name := range sums {
		sums[name] /= n[name]
	}
	return sums
}

// classFidelity measures one class.
func (e *evaluation) classFidelity(c int, rows [][]float64) map[string]float64 {
	test, train := e.test[c], e.train[c]
	f := map[string]float64{}

	real, drawn, edges := lengths(test), lengths(rows), e.fixed.edges[c]
	p, q := metric.Count(real, edges), metric.Count(clamp(drawn, edges), edges)
	distances(f, "pl", p, q)
	f["w1_pl"] = metric.Wasserstein(real, drawn)
	f["ks_pl"] = metric.KS(real, drawn)
	p, q = metric.Align(metric.Tally(real), metric.Tally(drawn))
	f["tv_pl_exact"], f["js_pl_exact"] = metric.TotalVariation(p, q), metric.JensenShannon(p, q)

	if !e.unsigned {
		real, drawn := directions(test), directions(rows)
		p, q := metric.Align(metric.Tally(real), metric.Tally(drawn))
		distances(f, "dir", p, q)
		f["w1_dir"] = metric.Wasserstein(real, drawn)
		f["ks_dir"] = metric.KS(real, drawn)
	}

	f["length_tv"] = metric.Lengths(each(test, packets), each(rows, packets))
	f["first_tv"] = metric.TotalVariation(metric.Align(metric.Tally(firsts(test)), metric.Tally(firsts(rows))))
	f["bigram_js_exact"], f["trigram_js_exact"] = metric.NGram(2, test, rows), metric.NGram(3, test, rows)
	realCells, drawnCells := each(test, e.cells), each(rows, e.cells)
	f["bigram_js"], f["trigram_js"] = metric.NGram(2, realCells, drawnCells), metric.NGram(3, realCells, drawnCells)
	f["autocorrelation"] = e.autocorrelation(test, rows)
	f["seen"] = metric.Seen(slices.Concat(each(rows, packets)...), slices.Concat(each(train, packets)...))

	a, b := e.fixed.scale.all(test), e.fixed.scale.all(rows)
	f["frechet"] = metric.Frechet(a, b)
	f["mmd"] = kernelDistance(a, b)

	f["duplicates"] = metric.Share(metric.Copies(rows, train))
	f["near_duplicates"] = near(closest(rows, train))
	return f
}

// distances adds the distances of two histograms.
func distances(f map[string]float64, feature string, p, q []float64) {
	f["hd_"+feature] = metric.Hellinger(p, q)
	f["js_"+feature] = metric.JensenShannon(p, q)
	f["tv_"+feature] = metric.TotalVariation(p, q)
}

// clamp moves values outside the edges into the first or last bin. Leaving them
// out, as a histogram does, would forgive lengths that no real flow has.
func clamp(x, edges []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = min(max(v, edges[0]), edges[len(edges)-1])
	}
	return out
}

// cells is a row with every length as the number of its cell, from 1; padding
// stays 0.
func (e *evaluation) cells(row []float64) []float64 {
	out := make([]float64, len(row))
	for j, v := range row {
		if v != 0 {
			out[j] = 1 + float64(e.fixed.cuts.Cell(v))
		}
	}
	return out
}

func each(rows [][]float64, f func([]float64) []float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, row := range rows {
		out[i] = f(row)
	}
	return out
}

// firsts are the flows' first packets.
func firsts(rows [][]float64) []float64 {
	out := make([]float64, len(rows))
	for i, row := range rows {
		out[i] = row[0]
	}
	return out
}

// lags is how far apart packets are correlated.
const lags = 3

// autocorrelation is the mean over lags of how far the correlations lie apart.
func (e *evaluation) autocorrelation(real, drawn [][]float64) float64 {
	a, b := each(real, packets), each(drawn, packets)
	sum, n := 0.0, 0.0
	for lag := 1; lag <= min(lags, e.Length-1); lag++ {
		if gap := math.Abs(metric.Autocorrelation(a, lag) - metric.Autocorrelation(b, lag)); finite(gap) {
			sum += gap
			n++
		}
	}
	return sum / n
}

// pooled adds the distances over the packets of all classes, each class with
// the weight that it has among the test flows, whatever the sample's own
// numbers are.
func (e *evaluation) pooled(f map[string]float64, s sample) {
	e.pooledFeature(f, "pl_all", s, lengths, metric.Edges(bins, lengths(slices.Concat(e.test...))))
	if !e.unsigned {
		e.pooledFeature(f, "dir_all", s, directions, []float64{-0.5, 0.5, 1.5})
	}
}

func (e *evaluation) pooledFeature(f map[string]float64, name string, s sample, values func([][]float64) []float64, edges []float64) {
	real, drawn := e.pool(e.test, values, edges), e.pool(s, values, edges)
	distances(f, name, real.counts, drawn.counts)
	f["w1_"+name] = metric.WassersteinWeighted(real.x, real.w, drawn.x, drawn.w)
	f["ks_"+name] = metric.KSWeighted(real.x, real.w, drawn.x, drawn.w)
}

// pool is values of all classes, with weights.
type pool struct{ x, w, counts []float64 }

// pool gives each flow of class c the weight (share of c among the test flows)
// / (flows of c in s).
func (e *evaluation) pool(s sample, values func([][]float64) []float64, edges []float64) pool {
	p := pool{counts: make([]float64, len(edges)-1)}
	for c, rows := range s {
		v := values(rows)
		weight := e.fixed.weights[c] / float64(len(rows))
		p.x = append(p.x, v...)
		for range v {
			p.w = append(p.w, weight)
		}
		for b, n := range metric.Count(clamp(v, edges), edges) {
			if n > 0 {
				p.counts[b] += n * weight
			}
		}
	}
	return p
}

// scale brings the simple features to mean 0 and variance 1 over real flows.
type scale struct{ mean, sd []float64 }

func newScale(s sample) scale {
	rows := each(slices.Concat(s...), simple)
	k := scale{make([]float64, len(rows[0])), make([]float64, len(rows[0]))}
	for _, row := range rows {
		for j, v := range row {
			k.mean[j] += v / float64(len(rows))
		}
	}
	for _, row := range rows {
		for j, v := range row {
			k.sd[j] += (v - k.mean[j]) * (v - k.mean[j]) / float64(len(rows))
		}
	}
	for j, v := range k.sd {
		if k.sd[j] = math.Sqrt(v); !(k.sd[j] > 1e-9) {
			k.sd[j] = 1 // a feature that never varies is compared as it is
		}
	}
	return k
}

func (k scale) all(rows [][]float64) [][]float64 {
	return each(rows, func(row []float64) []float64 {
		x := simple(row)
		for j := range x {
			x[j] = (x[j] - k.mean[j]) / k.sd[j]
		}
		return x
	})
}

// simple are nine features of a flow as a whole: number of packets; ln(1+bytes)
// up, and down; mean, standard deviation and largest of the payload lengths;
// share of packets down; changes of direction; the first packet's signed
// length.
func simple(row []float64) []float64 {
	p := packets(row)
	if len(p) == 0 {
		return make([]float64, 9)
	}
	n := float64(len(p))
	var up, down, sum, squares, largest, downs, changes float64
	for j, v := range p {
		a := math.Abs(v)
		sum += a
		squares += a * a
		largest = max(largest, a)
		if v > 0 {
			down += a
			downs++
		} else {
			up += a
		}
		if j > 0 && (v > 0) != (p[j-1] > 0) {
			changes++
		}
	}
	mean := sum / n
	return []float64{
		n, math.Log1p(up), math.Log1p(down),
		mean, math.Sqrt(max(0, squares/n-mean*mean)), largest,
		downs / n, changes, p[0],
	}
}

// kernelRows bounds the rows that MMD compares, whose cost is their square.
const kernelRows = 250

// kernelDistance is the unbiased squared MMD, the kernel as wide as the median
// distance of real flows.
func kernelDistance(real, drawn [][]float64) float64 {
	real, drawn = real[:min(kernelRows, len(real))], drawn[:min(kernelRows, len(drawn))]
	gamma := metric.MedianGamma(real, nil)
	if !finite(gamma) { // most real flows are alike
		gamma = 1
	}
	return metric.MMD(real, drawn, gamma)
}
