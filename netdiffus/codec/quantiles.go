package codec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Quantiles is a codec for series of numbers that hardly repeat, as bytes a time bin:
// every class has, for every place of the series, a table of quantiles of the values
// seen there. A value's probability q, its rank among them, is interpolated between two
// quantiles, and its code is √u with
//
//	u = low + (1-low)·(1/2 + z/(2·MaxScore)),  z = Φ⁻¹(q),
//
// so that the diagonal of its GASF, 2u-1, is linear in the value's normal score z: what
// is Gaussian there can be computed with exactly. Decode interpolates as well, so that
// values never seen come out, though none beyond the extremes that were.
//
// Where a channel is silent at times (SilentFrom), 0 is a value of its own: its code is
// 0, those of the other values, whose quantiles are then taken without the zeros, have
// u from 1/4 up.
//
// Where many values are multiples of a unit, as of the payload of a full packet, so are as
// many of those that come out (Units): a value interpolated next to a multiple turns out as
// the multiple with the probability that values of the class are multiples there.
//
// A value beyond the extremes of its place moves to them; all others come back exactly, but
// for rounding: of float32 images, by some 1e-5 of the distance between two quantiles,
// and not at all where the value is a quantile itself, or where all values are whole
// numbers. A series must have a value at every place: there is no padding.
//
// The zero value is not fitted: the tables come from the data.
type Quantiles struct {
	// Knots is the largest number of quantiles in a table; 0 means 200.
	Knots int `json:"knots,omitempty"`
	// SilentFrom is the share of zeros among a channel's values from which 0 is a
	// value of its own; 0 means 0.05, and 1 or more never.
	SilentFrom float64 `json:"silent_from,omitempty"`

	// UnitsFrom is the share of multiples among a channel's values from which whole numbers
	// have a unit; 0 means 0.02, and 1 or more never.
	UnitsFrom float64 `json:"units_from,omitempty"`

	// Silent is whether 0 is a value of its own, Whole whether all values are whole
	// numbers; both come from the data.
	Silent bool `json:"silent,omitempty"`
	Whole  bool `json:"whole,omitempty"`
	// Units are what many of the values are whole multiples of, four at most; they come from
	// the data.
	Units []float64 `json:"units,omitempty"`
	// Tables hold the quantiles of every class, one table a place.
	Tables map[string][]QuantileTable `json:"tables,omitempty"`
}

// QuantileTable is the distribution of one class's values at one place.
type QuantileTable struct {
	// Values are the quantiles of the probabilities (i+1/2)/len(Values), not falling. A
	// value that repeats is there as often as its share asks for. Empty means that the
	// class is silent everywhere.
	Values []float64 `json:"values"`
	// Shares are how many of the values are multiples of each of the codec's units, and not
	// of one before; none means that none are.
	Shares []float64 `json:"shares,omitempty"`
}

// MaxScore is the largest normal score that has a code of its own.
const MaxScore = 3

// silentLow is low where 0 is a value of its own.
const silentLow = 0.25

// snap is how near to a quantile a rank is taken for it: far more than float32 images
// lose, far less than a drawn sample would show.
const snap = 1e-4

// Name returns "quantiles".
func (*Quantiles) Name() string { return "quantiles" }

// low is the least u of a value that is not silence.
func (q *Quantiles) low() float64 {
	if q.Silent {
		return silentLow
	}
	return 0
}

// Line returns the diagonal pixel 2u-1 as a function of the normal score z:
// offset + slope·z. That of silence is -1.
func (q *Quantiles) Line() (offset, slope float64) {
	return q.low(), (1 - q.low()) / MaxScore
}

// Code returns the code of the normal score z, held within ±MaxScore.
func (q *Quantiles) Code(z float64) float64 {
	offset, slope := q.Line()
	z = min(max(z, -MaxScore), MaxScore)
	return math.Sqrt(max(0, (1+offset+slope*z)/2))
}

// Score returns the normal score of a code, within ±MaxScore, or that it is nearer to
// silence's.
func (q *Quantiles) Score(code float64) (z float64, silent bool) {
	u := code * code
	if q.Silent && !(u >= silentLow/2) { // NaN too
		return 0, true
	}
	offset, slope := q.Line()
	z = (2*u - 1 - offset) / slope
	if math.IsNaN(z) {
		return -MaxScore, false
	}
	return min(max(z, -MaxScore), MaxScore), false
}

// Encode writes the codes of v into dst.
func (q *Quantiles) Encode(class string, v, dst []float64) error {
	tables, err := q.tables(class, len(dst))
	if err != nil {
		return err
	}
	if len(v) != len(dst) {
		return fmt.Errorf("codec: quantiles: %d values for %d places: a series has a value at every place", len(v), len(dst))
	}
	for j, x := range v {
		switch {
		case math.IsNaN(x) || math.IsInf(x, 0):
			return fmt.Errorf("codec: quantiles: value at place %d is %v", j, x)
		case q.Silent && x == 0:
			dst[j] = 0
		case len(tables[j].Values) == 0:
			return fmt.Errorf("codec: quantiles: value %v at place %d: every series of class %q seen so far was 0 everywhere", x, j, class)
		default:
			dst[j] = q.Code(normalScore(tables[j].probability(x, q.Units)))
		}
	}
	return nil
}

// Decode returns the value at every place. A class without tables gives zeros.
func (q *Quantiles) Decode(class string, codes []float64) []float64 {
	v := make([]float64, len(codes))
	tables, err := q.tables(class, len(codes))
	if err != nil {
		return v
	}
	for j, t := range tables {
		z, silent := q.Score(codes[j])
		if silent || len(t.Values) == 0 {
			continue
		}
		v[j] = t.value(normal(z), q.Units)
		if q.Whole {
			v[j] = math.Round(v[j])
		}
		if q.Silent && v[j] == 0 { // between two quantiles on both sides of 0
			v[j] = t.nonzero(normal(z))
		}
	}
	return v
}

// probability is the share of the values below v, of those as large a half: in
// [1/2m, 1-1/2m] with m the number of quantiles.
func (t QuantileTable) probability(v float64, sizes []float64) float64 {
	v = min(max(v, t.Values[0]), t.Values[len(t.Values)-1])
	units, rest := t.units(sizes)
	from, to := t.span(v, units, rest)
	return ((from+to)/2 + 0.5) / float64(len(t.Values))
}

// ranks are those of the first and the last quantile that is v, or twice the same between
// two of them.
func (t QuantileTable) ranks(v float64) (first, last float64) {
	m := len(t.Values)
	at, found := slices.BinarySearch(t.Values, v)
	switch {
	case found:
		end := at
		for end+1 < m && t.Values[end+1] == v {
			end++
		}
		return float64(at), float64(end)
	case at == 0: // below all
		return 0, 0
	case at == m:
		return float64(m - 1), float64(m - 1)
	}
	below, above := t.Values[at-1], t.Values[at]
	rank := float64(at-1) + (v-below)/(above-below)
	return rank, rank
}

// value is the quantile of the probability q.
func (t QuantileTable) value(q float64, sizes []float64) float64 {
	if units, rest := t.units(sizes); len(units) > 0 {
		return t.valueWith(min(max(q*float64(len(t.Values))-0.5, 0), float64(len(t.Values)-1)), units, rest)
	}
	return t.at(t.rank(q))
}

// at is the value of a rank.
func (t QuantileTable) at(rank float64) float64 {
	at, rest := math.Modf(rank)
	i := int(at)
	if rest == 0 || t.Values[i] == t.Values[i+1] {
		return t.Values[i]
	}
	return t.Values[i] + rest*(t.Values[i+1]-t.Values[i])
}

// rank is that of the probability q, within the quantiles, and one of them where it is
// as near as rounding leaves it.
func (t QuantileTable) rank(q float64) float64 {
	rank := q*float64(len(t.Values)) - 0.5
	if near := math.Round(rank); math.Abs(rank-near) < snap {
		rank = near
	}
	return min(max(rank, 0), float64(len(t.Values)-1))
}

// nonzero is the quantile nearest to the probability q.
func (t QuantileTable) nonzero(q float64) float64 {
	return t.Values[int(math.Round(t.rank(q)))]
}

// normal is the standard normal distribution function, normalScore its inverse.
func normal(z float64) float64      { return math.Erfc(-z/math.Sqrt2) / 2 }
func normalScore(q float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*q) }

func (q *Quantiles) tables(class string, length int) ([]QuantileTable, error) {
	if len(q.Tables) == 0 {
		return nil, errors.New("codec: quantiles: no tables: they are neither given nor fitted")
	}
	tables, ok := q.Tables[class]
	if !ok {
		return nil, fmt.Errorf("codec: quantiles: no tables for class %q; there are %q", class, slices.Sorted(maps.Keys(q.Tables)))
	}
	if len(tables) != length {
		return nil, fmt.Errorf("codec: quantiles: tables for %d places, series of %d", len(tables), length)
	}
	return tables, nil
}
