package netdiffus

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
)

// causalTimes is the second channel of a causal model: its values, the times between packets,
// are put into bins, the same for all classes and places, and the model is one of bins. A bin
// is drawn as one of the values that its class and place has in it.
type causalTimes struct {
	codec   *codec.Atoms
	rarity  *joint.Rarity // of the codec, which merges nothing
	middles []float64     // the median of each bin, rising
	bins    [][]timeBins  // by class and place
}

// timeBins is the bins of one class and place.
type timeBins struct {
	of      []int32     // by atom but padding: its bin
	atoms   [][]int32   // by bin
	weights [][]float64 // of these atoms, sums to 1 where there are any
}

// mostTimeBins is how many bins there are at most.
const mostTimeBins = 64

func newTimes(a *codec.Atoms, classes []string) *causalTimes {
	type value struct{ value, weight float64 }
	var all []value
	total := 0.0
	for _, class := range classes {
		for _, t := range a.Tables[class] {
			for k, v := range t.Values {
				all = append(all, value{v, t.Weights[k]})
				total += t.Weights[k]
			}
		}
	}
	slices.SortFunc(all, func(x, y value) int { return cmp.Compare(x.value, y.value) })
	// A bin ends where the share of what is below reaches the next whole part. A value that
	// is a part by itself, as 0 at the first packet, has a bin of its own.
	t := &causalTimes{codec: a, rarity: joint.NewRarity(a, classes, joint.Settings{}, false)}
	var ends []float64 // the greatest value of each bin
	var members []float64
	below, part := 0.0, -1
	for i := 0; i < len(all); {
		next, weight := i, 0.0
		for ; next < len(all) && all[next].value == all[i].value; next++ {
			weight += all[next].weight
		}
		if p := int((below + weight/2) / total * mostTimeBins); p != part {
			if part = p; members != nil {
				ends, t.middles = append(ends, members[len(members)-1]), append(t.middles, members[len(members)/2])
			}
			members = nil
		}
		members = append(members, all[i].value)
		below += weight
		i = next
	}
	if members != nil {
		ends, t.middles = append(ends, members[len(members)-1]), append(t.middles, members[len(members)/2])
	}
	for _, class := range classes {
		var places []timeBins
		for _, table := range a.Tables[class] {
			b := timeBins{of: make([]int32, len(table.Values)), atoms: make([][]int32, len(ends)), weights: make([][]float64, len(ends))}
			for atom, v := range table.Values {
				bin, _ := slices.BinarySearch(ends, v)
				b.of[atom] = int32(bin)
				b.atoms[bin] = append(b.atoms[bin], int32(atom))
				b.weights[bin] = append(b.weights[bin], table.Weights[atom])
			}
			for _, w := range b.weights {
				sum := 0.0
				for _, x := range w {
					sum += x
				}
				for i := range w {
					w[i] /= sum
				}
			}
			places = append(places, b)
		}
		t.bins = append(t.bins, places)
	}
	return t
}

// allowed returns, by class and place, which bins have values.
func (t *causalTimes) allowed() [][][]bool {
	var all [][][]bool
	for _, class := range t.bins {
		var places [][]bool
		for _, b := range class {
			has := make([]bool, len(b.atoms))
			for bin, atoms := range b.atoms {
				has[bin] = len(atoms) > 0
			}
			places = append(places, has)
		}
		all = append(all, places)
	}
	return all
}

// means writes, by bin, the mean of values, by atom, over its atoms; 0 where it has none.
func (b timeBins) means(values, dst []float64) {
	clear(dst)
	for bin, atoms := range b.atoms {
		for i, atom := range atoms {
			dst[bin] += b.weights[bin][i] * values[atom]
		}
	}
}

// draw draws an atom of a bin, in proportion to likelihood, by atom (nil: all alike).
func (b timeBins) draw(rng *rand.Rand, bin int32, likelihood []float64) int32 {
	atoms := b.atoms[bin]
	if len(atoms) == 1 {
		return atoms[0]
	}
	weights := slices.Clone(b.weights[bin])
	if likelihood != nil {
		sum := 0.0
		for i, atom := range atoms {
			weights[i] *= likelihood[atom]
			sum += weights[i]
		}
		if sum == 0 { // the image shows another bin
			copy(weights, b.weights[bin])
		}
	}
	return atoms[markov.Choose(rng, weights)]
}
