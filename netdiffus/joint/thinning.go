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
// the series kept have the lengths of real ones, too. The zero value keeps all.
type Thinning struct {
	// Ends are the most places that the series of each length have, rising; the last length
	// has no end.
	Ends []int `json:"ends"`
	// Keep [lengths][metric.RepeatKinds] are the probabilities.
	Keep [][]float64 `json:"keep"`
}

const (
	// leastShare is added to the shares that are compared, since small ones say little; more, so
	// many series, where few were drawn.
	leastShare  = 0.005
	leastSeries = 1
	// MostTries is how many series are drawn for one that is kept: of so many the last is kept.
	MostTries = 40
	// lengths is how many groups of lengths there are at most.
	lengths = 4
)

// Thin sets the thinning that series drawn, of atoms, need. most is the most that a group may count
// as against how often it is drawn among those of its length: the less that is, the fewer series
// are drawn for one that is kept, and the more copies may be left.
func (t *Thinner) Thin(drawn [][]int32, most float64) {
	t.Thinning = Thinning{}
	real := evenly(t.series, mostOwn)
	if len(real) == 0 || len(drawn) == 0 {
		return
	}
	sizes := make([]int, len(real))
	for i, atoms := range real {
		sizes[i] = size(t.row(atoms))
	}
	slices.Sort(sizes)
	for k := 1; k < lengths; k++ {
		if end := sizes[k*len(sizes)/lengths]; end < sizes[len(sizes)-1] && !slices.Contains(t.Ends, end) {
			t.Ends = append(t.Ends, end)
		}
	}
	shares := func(series [][]int32, own bool) [][]float64 {
		all := t.table()
		for _, atoms := range series {
			row := t.row(atoms)
			all[t.length(row)][t.records.Repeat(row, own)] += 1 / float64(len(series))
		}
		return all
	}
	t.weigh(shares(real, true), shares(drawn, false), max(leastShare, leastSeries/float64(len(drawn))), most)
}

// weigh sets what is kept so that the shares of the groups are as wanted, and not as they are had.
// little is added to those that are compared.
func (t *Thinning) weigh(wanted, had [][]float64, little, limit float64) {
	t.Keep = t.table()
	most := 0.0
	for g, keep := range t.Keep {
		left, target := 0.0, 0.0 // of the series of this length, before and after
		for k := range keep {
			keep[k] = min(limit, (wanted[g][k]+little)/(had[g][k]+little))
			left += had[g][k] * keep[k]
			target += wanted[g][k]
		}
		for k := range keep {
			keep[k] *= (target + little) / (left + little)
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

// Thinner thins series of a class. It is safe for several goroutines.
type Thinner struct {
	Thinning
	values  [][]float64 // by place and atom; 0 of padding
	series  [][]int32   // those fitted to
	records *metric.Records
}

// NewThinner returns one that keeps all, for series that were fitted to: atoms of a class of the
// codec, one a place.
func NewThinner(a *codec.Atoms, class string, series [][]int32) *Thinner {
	t := &Thinner{series: series}
	for _, table := range a.Tables[class] {
		t.values = append(t.values, append(slices.Clone(table.Values), 0))
	}
	rows := make([][]float64, len(series))
	for i, atoms := range series {
		rows[i] = t.row(atoms)
	}
	t.records = metric.NewRecords(rows)
	return t
}

// thinner is that of tables from a file.
func (t ClassTables) thinner(a *codec.Atoms, class string) (*Thinner, error) {
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
	if err := t.Thinning.Check(); err != nil {
		return nil, err
	}
	made := NewThinner(a, class, t.Series)
	made.Thinning = *t.Thinning
	return made, nil
}

// Check returns what is wrong with a thinning from a file.
func (t Thinning) Check() error {
	if t.Keep == nil && t.Ends == nil {
		return nil
	}
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
func (t *Thinner) row(atoms []int32) []float64 {
	row := make([]float64, len(t.values))
	for j, atom := range atoms {
		row[j] = t.values[j][atom]
	}
	return row
}

// Keeps decides whether a series of atoms, one a place, is kept. Without a Thinner, or a Thinning,
// all are, and rng is not used.
func (t *Thinner) Keeps(rng *rand.Rand, atoms []int32) bool {
	if t == nil || t.Keep == nil {
		return true
	}
	row := t.row(atoms)
	return rng.Float64() < t.Keep[t.length(row)][t.records.Repeat(row, false)]
}
