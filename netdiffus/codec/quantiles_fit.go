package codec

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// mostKept is how many series of a class are kept to take quantiles from, a random
	// choice of those there are. The extremes are those of all.
	mostKept = 2048
	// leastValues is the number of values that a table is made from where they are
	// fewer at its place without silence: those of the places around are taken as well.
	leastValues = 25
)

// Fitter returns what makes the tables, or nil where they are there already.
func (q *Quantiles) Fitter(length int) Fitter {
	if len(q.Tables) > 0 {
		return nil
	}
	return &quantilesFitter{settings: *q, length: length, classes: map[string]*quantilesOfClass{}}
}

// Unfitted returns the codec with its settings and without tables.
func (q *Quantiles) Unfitted() Codec {
	return &Quantiles{Knots: q.Knots, SilentFrom: q.SilentFrom, UnitsFrom: q.UnitsFrom}
}

type quantilesFitter struct {
	settings      Quantiles
	length        int
	classes       map[string]*quantilesOfClass
	values, zeros int
	fractions     bool
}

// quantilesOfClass is what is kept of a class's series.
type quantilesOfClass struct {
	seen     int
	kept     [][]float64
	min, max []float64 // by place, zeros left out; +Inf and -Inf where there are only zeros
	r        *rand.Rand
}

func (f *quantilesFitter) Add(class string, v []float64) error {
	if len(v) != f.length {
		return fmt.Errorf("codec: quantiles: %d values for %d places: a series has a value at every place", len(v), f.length)
	}
	c := f.classes[class]
	if c == nil {
		h := fnv.New64a()
		h.Write([]byte(class))
		c = &quantilesOfClass{
			min: slices.Repeat([]float64{math.Inf(1)}, f.length), max: slices.Repeat([]float64{math.Inf(-1)}, f.length),
			r: rand.New(rand.NewPCG(h.Sum64(), 0)),
		}
		f.classes[class] = c
	}
	for j, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("codec: quantiles: value at place %d is %v", j, x)
		}
		f.values++
		f.fractions = f.fractions || x != math.Trunc(x)
		if x == 0 {
			f.zeros++
			continue
		}
		c.min[j], c.max[j] = min(c.min[j], x), max(c.max[j], x)
	}
	c.seen++
	if len(c.kept) < mostKept {
		c.kept = append(c.kept, slices.Clone(v))
	} else if at := c.r.IntN(c.seen); at < mostKept {
		copy(c.kept[at], v)
	}
	return nil
}

func (f *quantilesFitter) Codec() (Codec, error) {
	if f.values == 0 {
		return nil, errors.New("codec: quantiles: no values to take quantiles from")
	}
	q := f.settings
	q.Silent = q.SilentFrom < 1 && float64(f.zeros) >= cmp.Or(q.SilentFrom, 0.05)*float64(f.values)
	q.Whole = !f.fractions
	if q.Whole && q.UnitsFrom < 1 {
		q.Units = f.unitsOf(cmp.Or(q.UnitsFrom, 0.02))
	}
	q.Tables = map[string][]QuantileTable{}
	for class, c := range f.classes {
		for j := range f.length {
			t := c.table(j, q.Silent, cmp.Or(q.Knots, 200))
			if len(q.Units) > 0 && len(t.Values) > 0 {
				t.Shares = c.shares(j, q.Units, q.Silent)
			}
			q.Tables[class] = append(q.Tables[class], t)
		}
	}
	return &q, nil
}

// table is that of place j, with at most so many quantiles.
func (c *quantilesOfClass) table(j int, silent bool, knots int) QuantileTable {
	var values []float64
	for around := 0; around < len(c.min) && len(values) < leastValues; around++ {
		values = values[:0]
		for i := max(0, j-around); i <= min(len(c.min)-1, j+around); i++ {
			for _, v := range c.kept {
				if !silent || v[i] != 0 {
					values = append(values, v[i])
				}
			}
		}
		if !silent {
			break // there is a value at every place
		}
	}
	if len(values) == 0 {
		return QuantileTable{}
	}
	slices.Sort(values)
	if c.seen > mostKept && !math.IsInf(c.min[j], 1) {
		values[0], values[len(values)-1] = min(values[0], c.min[j]), max(values[len(values)-1], c.max[j])
	}
	return QuantileTable{Values: thinned(values, knots)}
}

// thinned returns so many quantiles of sorted values, the extremes among them; all
// where there are no more.
func thinned(values []float64, n int) []float64 {
	if len(values) <= n || n < 2 {
		return values
	}
	out := make([]float64, n)
	for i := range out {
		rank := (float64(i)+0.5)/float64(n)*float64(len(values)) - 0.5
		out[i] = values[int(math.Round(rank))]
	}
	out[0], out[n-1] = values[0], values[len(values)-1]
	return out
}

// UnmarshalJSON reads and checks the tables.
func (q *Quantiles) UnmarshalJSON(data []byte) error {
	type plain Quantiles
	p := plain(*q)
	p.Tables = nil
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	if p.Knots < 0 || !(p.SilentFrom >= 0) || !(p.UnitsFrom >= 0) {
		return fmt.Errorf("codec: quantiles: %d knots, silence from %v and units from %v, want 0 or more", p.Knots, p.SilentFrom, p.UnitsFrom)
	}
	if len(p.Units) > mostUnits {
		return fmt.Errorf("codec: quantiles: %d units, want %d at most", len(p.Units), mostUnits)
	}
	for _, u := range p.Units {
		if !(u >= 1 && u <= largestUnit) {
			return fmt.Errorf("codec: quantiles: a unit of %v, want it from 1 to %d", u, largestUnit)
		}
	}
	places := -1
	for class, tables := range p.Tables {
		if places >= 0 && len(tables) != places {
			return fmt.Errorf("codec: quantiles: class %q has %d places, others %d", class, len(tables), places)
		}
		places = len(tables)
		for j, t := range tables {
			if err := t.check(p.Silent, len(p.Units)); err != nil {
				return fmt.Errorf("codec: quantiles: class %q, place %d: %w", class, j, err)
			}
		}
	}
	*q = Quantiles(p)
	return nil
}

// check reports what is wrong with a table.
func (t QuantileTable) check(silent bool, units int) error {
	if len(t.Values) == 0 && !silent {
		return errors.New("no quantiles")
	}
	if t.Shares != nil && (len(t.Shares) != units || len(t.Values) == 0) {
		return fmt.Errorf("shares of %d units, there are %d", len(t.Shares), units)
	}
	sum := 0.0
	for _, p := range t.Shares {
		if sum += p; !(p >= 0) || sum > mostShares+1e-9 {
			return fmt.Errorf("shares %v of multiples, want them 0 or more, and %v at most together", t.Shares, mostShares)
		}
	}
	for i, v := range t.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("quantile %v", v)
		}
		if i > 0 && v < t.Values[i-1] {
			return fmt.Errorf("quantile %v after %v, want them not to fall", v, t.Values[i-1])
		}
		if silent && v == 0 {
			return errors.New("0 among the quantiles, although it is a value of its own")
		}
	}
	return nil
}
