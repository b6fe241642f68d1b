package joint

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// Thinning leaves out some of the series of a class that were drawn, so that those kept repeat
// the series fitted to as often as real series of the class repeat each other. A model that
// remembers much makes better series and copies more of them. Thinned, it may remember more.
//
// A series is kept with a probability in proportion to p_real/p_drawn of its group, which is how
// long it is and how it repeats one fitted to (rejection sampling, von Neumann 1951). So
// the series kept have the lengths of real ones, too.
type Thinning struct {
	// Ends are the most places that the series of each length have, rising; the last length
	// has no end.
	Ends []int `json:"ends"`
	// Keep [lengths][metric.RepeatKinds] are the probabilities.
	Keep [][]float64 `json:"keep"`
}

const (
	// leastShare is added to the shares that are compared, since small ones say little, and
	// mostWeight is the most that a group may count as against how often it is drawn among
	// those of its length: about so many series are drawn for one that is kept, at most.
	leastShare = 0.005
	mostWeight = 8
	// mostTries is how many series are drawn for one that is kept, of which the last is.
	mostTries = 40
	// lengths is how many groups of lengths there are at most.
	lengths = 4
)

// newThinning is the thinning of series drawn, so that they repeat records as real ones do. Rows
// are padded with 0; the real ones are among the records.
func newThinning(real, drawn [][]float64, records *metric.Records) Thinning {
	sizes := make([]int, len(real))
	for i, row := range real {
		sizes[i] = size(row)
	}
	slices.Sort(sizes)
	var t Thinning
	for k := 1; k < lengths; k++ {
		if end := sizes[k*len(sizes)/lengths]; end < sizes[len(sizes)-1] && !slices.Contains(t.Ends, end) {
			t.Ends = append(t.Ends, end)
		}
	}
	shares := func(rows [][]float64, own bool) [][]float64 {
		all := t.table()
		for _, row := range rows {
			all[t.length(row)][records.Repeat(row, own)] += 1 / float64(len(rows))
		}
		return all
	}
	wanted, had := shares(real, true), shares(drawn, false)
	t.Keep = t.table()
	most := 0.0
	for g, keep := range t.Keep {
		left, target := 0.0, 0.0 // of the series of this length, before and after
		for k := range keep {
			keep[k] = min(mostWeight, (wanted[g][k]+leastShare)/(had[g][k]+leastShare))
			left += had[g][k] * keep[k]
			target += wanted[g][k]
		}
		for k := range keep {
			keep[k] *= (target + leastShare) / (left + leastShare)
			if had[g][k] > 0 { // or else there is nothing to keep
				most = max(most, keep[k])
			}
		}
	}
	for _, keep := range t.Keep {
		for k := range keep {
			keep[k] = min(1, keep[k]/most)
		}
	}
	return t
}

func (t Thinning) table() [][]float64 {
	all := make([][]float64, len(t.Ends)+1)
	for i := range all {
		all[i] = make([]float64, metric.RepeatKinds)
	}
	return all
}

// length is the group of a row's length.
func (t Thinning) length(row []float64) int {
	g, _ := slices.BinarySearch(t.Ends, size(row))
	return g
}

// size is how long a row is without its padding.
func size(row []float64) int {
	n := len(row)
	for n > 0 && row[n-1] == 0 {
		n--
	}
	return n
}

// thinner thins series of atoms.
type thinner struct {
	Thinning
	values  [][]float64 // by place and atom; 0 of padding
	series  [][]int32   // those fitted to
	records *metric.Records
}

// newThinner returns one without a Thinning for series of atoms of a class of the codec, and
// these as rows.
func newThinner(a *codec.Atoms, class string, series [][]int32) (*thinner, [][]float64) {
	t := &thinner{series: series}
	for _, table := range a.Tables[class] {
		t.values = append(t.values, append(slices.Clone(table.Values), 0))
	}
	rows := make([][]float64, len(series))
	for i, atoms := range series {
		rows[i] = t.row(atoms)
	}
	t.records = metric.NewRecords(rows)
	return t, rows
}

// thinner is that of tables from a file.
func (t ClassTables) thinner(a *codec.Atoms, class string) (*thinner, error) {
	if t.Thinning == nil {
		return nil, errors.New("no thinning, which the settings want")
	}
	tables := a.Tables[class]
	for i, atoms := range t.Series {
		if len(atoms) != len(tables) {
			return nil, fmt.Errorf("series %d has %d places, want %d", i, len(atoms), len(tables))
		}
		for j, atom := range atoms {
			if atom < 0 || int(atom) > len(tables[j].Values) {
				return nil, fmt.Errorf("series %d, place %d: atom %d of %d", i, j, atom, len(tables[j].Values))
			}
		}
	}
	if err := t.Thinning.check(); err != nil {
		return nil, err
	}
	made, _ := newThinner(a, class, t.Series)
	made.Thinning = *t.Thinning
	return made, nil
}

// check returns what is wrong with a thinning from a file.
func (t Thinning) check() error {
	if len(t.Keep) != len(t.Ends)+1 || !slices.IsSorted(t.Ends) {
		return fmt.Errorf("thinning of %d lengths up to %v", len(t.Keep), t.Ends)
	}
	for _, keep := range t.Keep {
		if len(keep) != int(metric.RepeatKinds) {
			return fmt.Errorf("thinning of %d kinds, want %d", len(keep), metric.RepeatKinds)
		}
		for _, p := range keep {
			if !(p >= 0 && p <= 1) {
				return fmt.Errorf("thinning keeps a share of %v, want it in [0,1]", p)
			}
		}
	}
	return nil
}

// row is a series of atoms as values.
func (t *thinner) row(atoms []int32) []float64 {
	row := make([]float64, len(t.values))
	for j, atom := range atoms {
		row[j] = t.values[j][atom]
	}
	return row
}

// keeps decides whether a series of atoms, one a place, is kept. One without a thinner is.
func (t *thinner) keeps(rng *rand.Rand, atoms []int32) bool {
	if t == nil {
		return true
	}
	row := t.row(atoms)
	return rng.Float64() < t.Keep[t.length(row)][t.records.Repeat(row, false)]
}
