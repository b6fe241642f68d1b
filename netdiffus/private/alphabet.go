package private

import (
	"cmp"
	"math"
	"slices"
)

// An alphabet divides the signed lengths into symbols: values that stand for themselves,
// and ranges of the others. The last symbol is the end of a flow.
type alphabet struct {
	maxLength int
	values    [][]int // by symbol, rising
	symbol    []int16 // by value + maxLength
}

// symbols returns the number of symbols, the end included.
func (a *alphabet) symbols() int { return len(a.values) + 1 }

func (a *alphabet) end() int { return len(a.values) }

// at returns the symbol of a record at place j.
func (a *alphabet) at(r record, j int) int {
	if j >= len(r.values) {
		return a.end()
	}
	return int(a.symbol[r.values[j]+a.maxLength])
}

// What an alphabet is made by.
const (
	atomDeviations  = 4.0 // a value stands out where its count is so many standard deviations of the noise
	rangeDeviations = 4.0 // a range is divided where its count is
	atomsAtMost     = 160
	coarsest        = 8  // ranges are no wider than one part in so many of the longest length
	ranges          = 40 // a range is divided where it has more than one part in so many of all
	leastCount      = 8  // flows that an atom must have, whatever the noise
)

// newAlphabet chooses symbols by noised counts of each class and value.
func newAlphabet(noised []float64, variance float64, classes, maxLength int) *alphabet {
	wide := 2*maxLength + 1
	pooled := make([]float64, wide)
	type standing struct {
		value int
		score float64
	}
	var atoms []standing
	sd := math.Sqrt(variance)
	for v := range wide {
		best := 0.0
		for c := range classes {
			n := noised[c*wide+v]
			pooled[v] += n
			best = max(best, min(n/leastCount, n/(atomDeviations*sd+1e-9)))
		}
		best = max(best, min(pooled[v]/leastCount, pooled[v]/(atomDeviations*sd*math.Sqrt(float64(classes))+1e-9)))
		if best > 1 {
			atoms = append(atoms, standing{v, best})
		}
	}
	slices.SortStableFunc(atoms, func(x, y standing) int { return cmp.Compare(y.score, x.score) })
	atoms = atoms[:min(len(atoms), atomsAtMost)]
	a := &alphabet{maxLength: maxLength, symbol: make([]int16, wide)}
	single := make([]bool, wide)
	for _, atom := range atoms {
		single[atom.value] = true
		a.add([]int{atom.value - maxLength})
	}
	total := 0.0
	for v := range wide {
		if !single[v] {
			total += pooled[v]
		}
	}
	var divide func(from, to int) // of indices
	divide = func(from, to int) {
		mass, width := 0.0, 0.0
		var values []int
		for v := from; v < to; v++ {
			if !single[v] {
				mass, width = mass+pooled[v], width+1
				values = append(values, v-maxLength)
			}
		}
		noise := sd * math.Sqrt(float64(classes)*width)
		switch {
		case width == 0:
		case width > 1 && (to-from > maxLength/coarsest || mass > max(total/ranges, rangeDeviations*noise)):
			divide(from, (from+to)/2)
			divide((from+to)/2, to)
		default:
			a.add(values)
		}
	}
	divide(0, maxLength)
	divide(maxLength, maxLength+1)
	divide(maxLength+1, wide)
	return a
}

func (a *alphabet) add(values []int) {
	for _, v := range values {
		a.symbol[v+a.maxLength] = int16(len(a.values))
	}
	a.values = append(a.values, values)
}
