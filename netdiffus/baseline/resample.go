package baseline

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
)

// This file has the baselines that put real values together anew.

// fitIndependent draws every bin from another series of the class, with all channels.
func fitIndependent(_ context.Context, d Data) (Model, error) { return d.blocks(1), nil }

// blockBins is the length of a block, bins: long enough to keep most of the correlation
// of neighbours, short enough for a series of 64 to be of four.
const blockBins = 16

// fitBlocks draws blocks of bins, each from another series of the class and from the
// same place in it.
func fitBlocks(_ context.Context, d Data) (Model, error) {
	_, bins := d.shape()
	return d.blocks(min(blockBins, max(1, bins/2))), nil
}

// blocks draws so many bins at a time from one series.
func (d Data) blocks(n int) drawer {
	_, bins := d.shape()
	return func(class int, r *rand.Rand) [][]float64 {
		out := d.values()
		for from := 0; from < bins; from += n {
			trace, to := d.oneOf(class, r), min(from+n, bins)
			for k := range out {
				copy(out[k][from:to], trace[k][from:to])
			}
		}
		return out
	}
}

// jitterShare is the standard deviation of jitter, as a share of the value.
const jitterShare = 0.05

// fitJitter draws a real series and multiplies every value with 1 + 5 % noise (Um et al.
// 2017). It is a copy.
func fitJitter(_ context.Context, d Data) (Model, error) {
	return drawer(func(class int, r *rand.Rand) [][]float64 {
		out, trace := d.values(), d.oneOf(class, r)
		for k := range out {
			for j, v := range trace[k] {
				out[k][j] = v * max(0, 1+jitterShare*r.NormFloat64())
			}
		}
		return out
	}), nil
}

// neighbours is how many nearest series SMOTE chooses from.
const neighbours = 5

// fitSMOTE draws a random point between a real series and one of the five nearest of its
// class (Chawla et al. 2002), each channel scaled by its standard deviation. It is nearly
// a copy.
func fitSMOTE(ctx context.Context, d Data) (Model, error) {
	scale := d.deviations()
	nearest := make([][][]int, len(d.Traces))
	for c, traces := range d.Traces {
		for i, a := range traces {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			type other struct {
				index    int
				distance float64
			}
			var others []other
			for o, b := range traces {
				if o == i {
					continue
				}
				sum := 0.0
				for k := range a {
					for j := range a[k] {
						gap := (a[k][j] - b[k][j]) / scale[k]
						sum += gap * gap
					}
				}
				others = append(others, other{o, sum})
			}
			slices.SortFunc(others, func(x, y other) int { return cmp.Compare(x.distance, y.distance) })
			var some []int
			for _, o := range others[:min(neighbours, len(others))] {
				some = append(some, o.index)
			}
			nearest[c] = append(nearest[c], some)
		}
	}
	return drawer(func(class int, r *rand.Rand) [][]float64 {
		i := r.IntN(len(d.Traces[class]))
		out, a := d.values(), d.Traces[class][i]
		b, share := a, r.Float64()
		if some := nearest[class][i]; len(some) > 0 {
			b = d.Traces[class][some[r.IntN(len(some))]]
		}
		for k := range out {
			for j := range out[k] {
				out[k][j] = a[k][j] + share*(b[k][j]-a[k][j])
			}
		}
		return out
	}), nil
}

// deviations are the standard deviations of the channels over all series, 1 where a
// channel does not vary.
func (d Data) deviations() []float64 {
	channels, _ := d.shape()
	out := make([]float64, channels)
	for k := range out {
		var all moments
		for _, traces := range d.Traces {
			for _, trace := range traces {
				for _, v := range trace[k] {
					all.add(v)
				}
			}
		}
		out[k] = all.deviation()
	}
	return out
}
