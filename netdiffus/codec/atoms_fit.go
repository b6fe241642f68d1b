package codec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Fitter returns what counts the atoms, or nil where the tables are given.
func (a *Atoms) Fitter(length int) Fitter {
	if len(a.Tables) > 0 {
		return nil
	}
	return &atomFitter{settings: *a, length: length, classes: map[string]*tally{}}
}

// Unfitted returns the codec's settings without the tables, to be fitted anew.
func (a *Atoms) Unfitted() Codec {
	c := *a
	c.Tables, c.middles = nil, nil
	return &c
}

// atomFitter counts the values of every class.
type atomFitter struct {
	settings Atoms
	length   int
	classes  map[string]*tally
}

// tally counts one class's values. Its fields are what gob writes of it.
type tally struct {
	Series int
	Seen   []map[float64]float64    // by place, how often each value
	Pairs  []map[[2]float64]float64 // by place, how often each value after which; past stands for padding
	Joint  []map[[2]float64]float64 // by place, how often each value with which of the lead channel
}

func newTally(length int) *tally {
	c := &tally{}
	for range length {
		c.Seen = append(c.Seen, map[float64]float64{})
		c.Pairs = append(c.Pairs, map[[2]float64]float64{})
		c.Joint = append(c.Joint, map[[2]float64]float64{})
	}
	return c
}

// merge adds what another tally has counted. The counts are whole numbers, so that it does
// not matter which is added to which.
func (c *tally) merge(other *tally) error {
	if len(other.Seen) != len(c.Seen) || len(other.Pairs) != len(c.Seen) || len(other.Joint) != len(c.Seen) {
		return fmt.Errorf("a summary of %d places, want %d", len(other.Seen), len(c.Seen))
	}
	c.Series += other.Series
	for j := range c.Seen {
		addCounts(c.Seen[j], other.Seen[j])
		addCounts(c.Pairs[j], other.Pairs[j])
		addCounts(c.Joint[j], other.Joint[j])
	}
	return nil
}

func addCounts[K comparable](to, counts map[K]float64) {
	for k, n := range counts {
		to[k] += n
	}
}

// MarshalBinary implements MergingFitter.
func (f *atomFitter) MarshalBinary() ([]byte, error) { return summaryOf(f.classes) }

// Merge implements MergingFitter.
func (f *atomFitter) Merge(summary []byte) error {
	var classes map[string]*tally
	if err := readSummary(summary, &classes); err != nil {
		return fmt.Errorf("codec: atoms: %w", err)
	}
	for class, other := range classes {
		if f.classes[class] == nil {
			f.classes[class] = newTally(f.length)
		}
		if err := f.classes[class].merge(other); err != nil {
			return fmt.Errorf("codec: atoms: class %q: %w", class, err)
		}
	}
	return nil
}

// past is the value after the end of a series, above all others.
var past = math.Inf(1)

func (f *atomFitter) Add(class string, v []float64) error {
	_, err := f.add(class, v)
	return err
}

// AddConditional implements ConditionalFitter.
func (f *atomFitter) AddConditional(class string, v, lead []float64) error {
	if len(v) != len(lead) {
		return fmt.Errorf("codec: atoms: %d values, want %d as in the lead channel", len(v), len(lead))
	}
	c, err := f.add(class, v)
	if err != nil {
		return err
	}
	for j := range v {
		c.Joint[j][[2]float64{lead[j] + 0, f.value(v[j])}]++
	}
	return nil
}

// value is v as it is counted: values that will be binned are rounded, so that long recordings do not
// fill the memory.
func (f *atomFitter) value(v float64) float64 {
	if f.settings.Bins > 0 {
		v = FourDigits(v)
	}
	return v + 0 // +0: -0 is no atom of its own
}

func (f *atomFitter) add(class string, v []float64) (*tally, error) {
	for j, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("codec: atoms: value at place %d is %v", j, x)
		}
	}
	c := f.classes[class]
	if c == nil {
		c = newTally(f.length)
		f.classes[class] = c
	}
	c.Series++
	for j := range min(len(v)+1, f.length) {
		x := past
		if j < len(v) {
			x = f.value(v[j])
			c.Seen[j][x]++
		}
		if j > 0 {
			c.Pairs[j][[2]float64{f.value(v[j-1]), x}]++
		}
	}
	return c, nil
}

func (f *atomFitter) Codec() (Codec, error) { return f.ConditionalCodec(nil) }

// ConditionalCodec implements ConditionalFitter.
func (f *atomFitter) ConditionalCodec(lead Codec) (Codec, error) {
	first, _ := lead.(*Atoms)
	a := f.settings
	if !(a.Smooth >= 0 && a.Smooth < 1) {
		return nil, fmt.Errorf("codec: atoms: smooth %v: want one in [0,1)", a.Smooth)
	}
	if !(a.Tau >= 0 && a.Tau <= 1) {
		return nil, fmt.Errorf("codec: atoms: tau %v: want one in [0,1]", a.Tau)
	}
	if a.Bins < 0 {
		return nil, fmt.Errorf("codec: atoms: %d bins: want 0 or more", a.Bins)
	}
	if a.Novel < 0 {
		return nil, fmt.Errorf("codec: atoms: novel %d: want 0 or more", a.Novel)
	}
	if len(f.classes) == 0 {
		return nil, errors.New("codec: atoms: no values to make tables of")
	}
	a.Tables = map[string][]AtomTable{}
	for class, c := range f.classes {
		everywhere := map[float64]float64{}
		for _, seen := range c.Seen {
			for v, n := range seen {
				everywhere[v] += n
			}
		}
		tables := make([]AtomTable, f.length)
		for j, seen := range c.Seen {
			tables[j] = f.table(c.Series, seen, everywhere)
			if j > 0 {
				tables[j].After = successors(tables[j-1], tables[j], c.Pairs[j])
			}
			if first != nil && len(first.Tables[class]) == f.length {
				tables[j].Conditional = successors(first.Tables[class][j], tables[j], c.Joint[j])
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
	if bins := f.settings.Bins; bins > 0 {
		kept = quantize(kept, weights, bins, float64(f.settings.MinCount))
	} else if f.settings.MinCount > 1 {
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
		t.Weights[Nearest(kept, v)] += weights[v]
	}
	if f.settings.Novel > 1 && f.settings.Bins == 0 && len(t.Values) > 0 {
		t.addNovel(f.settings.Novel)
	}
	return t
}

// successors counts, between the atoms of two places, the pairs of values.
func successors(before, t AtomTable, pairs map[[2]float64]float64) []Successors {
	if len(before.Values) == 0 || len(pairs) == 0 {
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
