package baseline

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// markovCells is how many cells the values of a bin are quantised in, all channels
// together: with 80 series a class, ten of each cell.
const markovCells = 8

// chain is a Markov chain over the quantised values of one class. As for packets, the
// probabilities are those of each place.
type chain struct {
	order  int
	traces [][][]float64
	// after are, by bin, the series with these cells at the bins before it.
	after []map[string][]int
	cells [][]byte // by series and bin
}

// fitMarkov fits a chain of some order: the cell of a bin depends on those of so many
// bins before, and on the place. A cell of a channel holds as many of the class's values
// at that bin as any other; zeros, where there are many, are one of their own. Several
// channels are quantised more coarsely, so that there are about eight cells of a bin in
// all. The values come from one of the series that took the same step.
func fitMarkov(order int) func(context.Context, Data) (Model, error) {
	return func(ctx context.Context, d Data) (Model, error) {
		channels, bins := d.shape()
		each := max(2, int(math.Round(math.Pow(markovCells, 1/float64(channels)))))
		chains := make([]*chain, len(d.Traces))
		for c, traces := range d.Traces {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			m := &chain{order: order, traces: traces, after: make([]map[string][]int, bins), cells: quantise(traces, channels, bins, each)}
			for j := range m.after {
				m.after[j] = map[string][]int{}
				for i := range traces {
					key := string(m.cells[i][max(0, j-order)*channels : j*channels])
					m.after[j][key] = append(m.after[j][key], i)
				}
			}
			chains[c] = m
		}
		return drawer(func(class int, r *rand.Rand) [][]float64 {
			return chains[class].draw(d.values(), r)
		}), nil
	}
}

// draw fills a series.
func (m *chain) draw(out [][]float64, r *rand.Rand) [][]float64 {
	channels := len(out)
	var drawn []byte
	for j := range m.after {
		some := m.after[j][string(drawn[max(0, j-m.order)*channels:])]
		i := some[r.IntN(len(some))]
		for k := range out {
			out[k][j] = m.traces[i][k][j]
		}
		drawn = append(drawn, m.cells[i][j*channels:(j+1)*channels]...)
	}
	return out
}

// quantise returns the cells of every series: a byte for each bin and channel.
func quantise(traces [][][]float64, channels, bins, cells int) [][]byte {
	out := make([][]byte, len(traces))
	for j := range bins {
		for k := range channels {
			values := make([]float64, len(traces))
			for i, trace := range traces {
				values[i] = trace[k][j]
			}
			slices.Sort(values)
			for i, trace := range traces {
				v := trace[k][j]
				below, _ := slices.BinarySearch(values, v)
				cell := byte(1 + below*cells/len(values))
				if v == 0 {
					cell = 0
				}
				out[i] = append(out[i], cell)
			}
		}
	}
	return out
}
