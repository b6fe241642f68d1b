package codec

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Atoms is a codec for values that are few and often repeated, as packet
// lengths are: every class has, for every place of the series, a table of the
// values seen there (its atoms), and a value's code is its atom's. Padding is an
// atom of its own, the last one, at the top of [0,1].
//
// An atom takes a share of [0,1] that grows as its frequency p to the power
// Tau, and u is the middle of that share,
//
//	u_k = Σ_{i<k} w_i + w_k/2,   w_k = p_k^τ / Σ p^τ,
//
// so that common values stand far from their neighbours: noise that blurs a
// min-max scale to the next few byte counts leaves them readable. The code is
// √u, which makes the diagonal of its GASF, 2u-1, as sharp at one end as at the
// other. Decode takes the nearest u. A value never seen at that class and place
// cannot come out.
//
// The zero value is not fitted: the tables come from the data.
type Atoms struct {
	// Tau tempers the shares: 1 gives an atom room as its frequency, 0 the
	// same room to all. 0 stands for DefaultTau.
	Tau float64 `json:"tau,omitempty"`
	// MinCount merges atoms seen fewer times into the nearest kept atom of
	// their table, so that rare values, which may point at a user, do not
	// appear. 0 and 1 keep all.
	MinCount int `json:"min_count,omitempty"`
	// Smooth is the weight, in [0,1), given at each place to the values that
	// the class has at any place; above 0 a value may appear where it was
	// never seen.
	Smooth float64 `json:"smooth,omitempty"`
	// Tables hold the atoms of every class, one table a place.
	Tables map[string][]AtomTable `json:"tables,omitempty"`

	middles map[string][][]float64 // of Tables; nil where those were set by hand
}

// DefaultTau is the tempering that reads best under noise (docs/fidelity.md).
const DefaultTau = 0.5

// AtomTable is the distribution of one class's values at one place.
type AtomTable struct {
	Values  []float64 `json:"values"`  // rising
	Weights []float64 `json:"weights"` // how often each was seen, above 0
	Padding float64   `json:"padding"` // how often the series had ended; 0 means the table has no padding atom

	// After tells what followed what: for each atom of the place before, save
	// its padding, which only padding follows, which atoms of this table came
	// next and how often. It is empty at the first place.
	After []Successors `json:"after,omitempty"`
}

// Successors are the atoms that followed one atom.
type Successors struct {
	Atoms  []int     `json:"k"` // rising; len(Values) is padding
	Counts []float64 `json:"n"`
}

// Len is the number of atoms, that of padding included.
func (t AtomTable) Len() int {
	if t.Padding > 0 {
		return len(t.Values) + 1
	}
	return len(t.Values)
}

// Prior returns the atoms' frequencies, padding last: [Len], summing to 1.
func (t AtomTable) Prior() []float64 {
	p := slices.Clone(t.Weights)
	if t.Padding > 0 {
		p = append(p, t.Padding)
	}
	return normalise(p)
}

// Middles returns u of every atom, in [0,1], padding last: [Len], rising.
func (t AtomTable) Middles(tau float64) []float64 {
	u := t.Prior()
	for k, p := range u {
		u[k] = math.Pow(p, tau)
	}
	normalise(u)
	below := 0.0
	for k, w := range u {
		u[k] = below + w/2
		below += w
	}
	return u
}

// Index returns the atom whose value is nearest to v; of two as near, the
// smaller. It returns the padding atom only where there is no other.
func (t AtomTable) Index(v float64) int {
	return nearest(t.Values, v)
}

func normalise(p []float64) []float64 {
	sum := 0.0
	for _, x := range p {
		sum += x
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// nearest returns the index of the number nearest to v in rising numbers.
func nearest(numbers []float64, v float64) int {
	i, _ := slices.BinarySearch(numbers, v)
	switch {
	case i == 0:
		return 0
	case i == len(numbers) || v-numbers[i-1] <= numbers[i]-v:
		return i - 1
	}
	return i
}

// Name returns "atoms".
func (*Atoms) Name() string { return "atoms" }

// TauOrDefault is the tempering in force.
func (a *Atoms) TauOrDefault() float64 {
	if a.Tau == 0 {
		return DefaultTau
	}
	return a.Tau
}

// Encode writes the codes of v, then those of padding, into dst. A value that
// its table lacks is an error, as is a series that ends where none of its class
// did; only with MinCount above 1 do values move to the nearest atom.
func (a *Atoms) Encode(class string, v, dst []float64) error {
	tables, err := a.tables(class, len(dst))
	if err != nil {
		return err
	}
	if len(v) > len(dst) {
		return fmt.Errorf("codec: atoms: %d values in %d places", len(v), len(dst))
	}
	for j, t := range tables {
		u := a.middlesOf(class, j)
		switch {
		case j >= len(v) && t.Padding > 0:
			dst[j] = math.Sqrt(u[len(u)-1])
		case j >= len(v):
			return fmt.Errorf("codec: atoms: no series of class %q seen so far ended at place %d", class, j)
		case len(t.Values) == 0:
			return fmt.Errorf("codec: atoms: every series of class %q seen so far had ended at place %d", class, j)
		default:
			k := t.Index(v[j])
			if t.Values[k] != v[j] && a.MinCount <= 1 {
				return fmt.Errorf("codec: atoms: value %v at place %d is not in the table of class %q", v[j], j, class)
			}
			dst[j] = math.Sqrt(u[k])
		}
	}
	return nil
}

// Decode returns the value of the nearest atom at every place. The first
// padding ends the series: every place from there on gives 0. A class without
// tables gives zeros.
func (a *Atoms) Decode(class string, codes []float64) []float64 {
	v := make([]float64, len(codes))
	tables, err := a.tables(class, len(codes))
	if err != nil {
		return v
	}
	for j, t := range tables {
		k := nearest(a.middlesOf(class, j), codes[j]*codes[j])
		if k == len(t.Values) {
			break
		}
		v[j] = t.Values[k]
	}
	return v
}

func (a *Atoms) tables(class string, length int) ([]AtomTable, error) {
	if len(a.Tables) == 0 {
		return nil, errors.New("codec: atoms: no tables: they are neither given nor fitted")
	}
	tables, ok := a.Tables[class]
	if !ok {
		return nil, fmt.Errorf("codec: atoms: no tables for class %q; there are %q", class, slices.Sorted(maps.Keys(a.Tables)))
	}
	if len(tables) != length {
		return nil, fmt.Errorf("codec: atoms: tables for %d places, series of %d", len(tables), length)
	}
	return tables, nil
}

// index computes the middles once and for all: they cost a power an atom.
func (a *Atoms) index() {
	a.middles = make(map[string][][]float64, len(a.Tables))
	for class, tables := range a.Tables {
		for _, t := range tables {
			a.middles[class] = append(a.middles[class], t.Middles(a.TauOrDefault()))
		}
	}
}

func (a *Atoms) middlesOf(class string, place int) []float64 {
	if middles, ok := a.middles[class]; ok {
		return middles[place]
	}
	return a.Tables[class][place].Middles(a.TauOrDefault())
}

// Fitter returns what counts the atoms, or nil where the tables are given.
func (a *Atoms) Fitter(length int) Fitter {
	if len(a.Tables) > 0 {
		return nil
	}
	return &atomFitter{settings: *a, length: length, classes: map[string]*tally{}}
}

// atomFitter counts the values of every class.
type atomFitter struct {
	settings Atoms
	length   int
	classes  map[string]*tally
}

// tally counts one class's values.
type tally struct {
	series int
	seen   []map[float64]float64    // by place, how often each value
	pairs  []map[[2]float64]float64 // by place, how often each value after which; past stands for padding
}

// past is the value after the end of a series, above all others.
var past = math.Inf(1)

func (f *atomFitter) Add(class string, v []float64) error {
	for j, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("codec: atoms: value at place %d is %v", j, x)
		}
	}
	c := f.classes[class]
	if c == nil {
		c = &tally{}
		for range f.length {
			c.seen = append(c.seen, map[float64]float64{})
			c.pairs = append(c.pairs, map[[2]float64]float64{})
		}
		f.classes[class] = c
	}
	c.series++
	for j := range min(len(v)+1, f.length) {
		x := past
		if j < len(v) {
			x = v[j] + 0 // +0: -0 is no atom of its own
			c.seen[j][x]++
		}
		if j > 0 {
			c.pairs[j][[2]float64{v[j-1] + 0, x}]++
		}
	}
	return nil
}

func (f *atomFitter) Codec() (Codec, error) {
	a := f.settings
	if !(a.Smooth >= 0 && a.Smooth < 1) {
		return nil, fmt.Errorf("codec: atoms: smooth %v: want one in [0,1)", a.Smooth)
	}
	if !(a.Tau >= 0 && a.Tau <= 1) {
		return nil, fmt.Errorf("codec: atoms: tau %v: want one in [0,1]", a.Tau)
	}
	if len(f.classes) == 0 {
		return nil, errors.New("codec: atoms: no values to make tables of")
	}
	a.Tables = map[string][]AtomTable{}
	for class, c := range f.classes {
		everywhere := map[float64]float64{}
		for _, seen := range c.seen {
			for v, n := range seen {
				everywhere[v] += n
			}
		}
		tables := make([]AtomTable, f.length)
		for j, seen := range c.seen {
			tables[j] = f.table(c.series, seen, everywhere)
			if j > 0 {
				tables[j].After = successors(tables[j-1], tables[j], c.pairs[j])
			}
		}
		a.Tables[class] = tables
	}
	a.index()
	return &a, nil
}

// table is the table of one place where of all series those in seen had not
// ended yet.
func (f *atomFitter) table(series int, seen, everywhere map[float64]float64) AtomTable {
	alive := sum(seen)
	t := AtomTable{Padding: float64(series) - alive}
	weights := maps.Clone(seen)
	if s := f.settings.Smooth; s > 0 && alive > 0 {
		total := sum(everywhere)
		for v := range everywhere {
			weights[v] = (1-s)*seen[v] + s*alive*everywhere[v]/total
		}
	}
	kept := slices.Sorted(maps.Keys(weights))
	if f.settings.MinCount > 1 {
		common := slices.DeleteFunc(slices.Clone(kept), func(v float64) bool {
			return everywhereOr(seen, everywhere, f.settings.Smooth)[v] < float64(f.settings.MinCount)
		})
		if len(common) == 0 && len(kept) > 0 { // nothing is common: the middle one stands for all
			common = kept[len(kept)/2 : len(kept)/2+1]
		}
		kept = common
	}
	t.Values, t.Weights = kept, make([]float64, len(kept))
	for _, v := range slices.Sorted(maps.Keys(weights)) { // sorted: sums must repeat to the last bit
		t.Weights[nearest(kept, v)] += weights[v]
	}
	return t
}

// successors counts, between the atoms of two places, the pairs of values.
func successors(before, t AtomTable, pairs map[[2]float64]float64) []Successors {
	if len(before.Values) == 0 {
		return nil
	}
	rows := make([]map[int]float64, len(before.Values))
	for pair, n := range pairs {
		k := len(t.Values)
		if pair[1] != past {
			k = t.Index(pair[1])
		}
		row := &rows[before.Index(pair[0])]
		if *row == nil {
			*row = map[int]float64{}
		}
		(*row)[k] += n
	}
	after := make([]Successors, len(rows))
	for i, row := range rows {
		after[i].Atoms = slices.Sorted(maps.Keys(row))
		for _, k := range after[i].Atoms {
			after[i].Counts = append(after[i].Counts, row[k])
		}
	}
	return after
}

// everywhereOr are the counts that MinCount looks at: a value moved in by
// smoothing counts as often as its class has it anywhere.
func everywhereOr(seen, everywhere map[float64]float64, smooth float64) map[float64]float64 {
	if smooth > 0 {
		return everywhere
	}
	return seen
}

func sum(counts map[float64]float64) float64 {
	total := 0.0
	for _, n := range counts { // whole numbers: the order does not matter
		total += n
	}
	return total
}

// UnmarshalJSON reads and checks the tables.
func (a *Atoms) UnmarshalJSON(data []byte) error {
	type plain Atoms
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	for class, tables := range p.Tables {
		for j, t := range tables {
			before := 0
			if j > 0 {
				before = len(tables[j-1].Values)
			}
			if err := t.check(before); err != nil {
				return fmt.Errorf("codec: atoms: class %q, place %d: %w", class, j, err)
			}
		}
	}
	*a = Atoms(p)
	a.index()
	return nil
}

// check tells what is wrong with a table behind one of before values.
func (t AtomTable) check(before int) error {
	if len(t.Values) != len(t.Weights) {
		return fmt.Errorf("%d values but %d weights", len(t.Values), len(t.Weights))
	}
	if t.Len() == 0 {
		return errors.New("no atoms")
	}
	if !(t.Padding >= 0) {
		return fmt.Errorf("padding %v, want 0 or more", t.Padding)
	}
	for k := range t.Values {
		if !(t.Weights[k] > 0) {
			return fmt.Errorf("weight %v of value %v, want it above 0", t.Weights[k], t.Values[k])
		}
		if k > 0 && !(t.Values[k] > t.Values[k-1]) {
			return fmt.Errorf("value %v after %v, want them rising", t.Values[k], t.Values[k-1])
		}
	}
	if len(t.After) != 0 && len(t.After) != before {
		return fmt.Errorf("successors of %d atoms, but the place before has %d", len(t.After), before)
	}
	for i, s := range t.After {
		if len(s.Atoms) != len(s.Counts) {
			return fmt.Errorf("atom %d of the place before: %d successors but %d counts", i, len(s.Atoms), len(s.Counts))
		}
		for n, k := range s.Atoms {
			if k < 0 || k >= t.Len() || !(s.Counts[n] > 0) {
				return fmt.Errorf("atom %d of the place before: successor %d with count %v", i, k, s.Counts[n])
			}
		}
	}
	return nil
}
