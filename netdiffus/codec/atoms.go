package codec

import (
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
// cannot come out, but for those that Smooth and Novel add.
//
// The zero value is not fitted: the tables come from the data.
type Atoms struct {
	// Tau tempers the shares: 1 gives an atom room as its frequency, 0 the
	// same room to all. 0 stands for DefaultTau.
	Tau float64 `json:"tau,omitempty"`
	// MinCount merges atoms seen fewer times into the nearest kept atom of
	// their table, so that rare values, which may point at a user, do not
	// appear: values are had by MinCount flows or more. That is k-anonymity of
	// single values and no guarantee for flows (docs/privacy.md). 0 and 1 keep all.
	MinCount int `json:"min_count,omitempty"`
	// Smooth is the weight, in [0,1), given at each place to the values that
	// the class has at any place; above 0 a value may appear where it was
	// never seen.
	Smooth float64 `json:"smooth,omitempty"`
	// Bins is for values that hardly repeat, as inter-arrival times: a table
	// gets at most so many atoms, to which the logarithms of the values seen are
	// near, and every value moves to the nearest. What is lost is
	// the place within a bin. 0 keeps every value as an atom.
	Bins int `json:"bins,omitempty"`
	// Novel adds to a table, for every value seen fewer times, a value near it that
	// was not seen. A generator can then draw those in place of the rare values, which
	// otherwise only copies of flows hold. It is not for Bins. 0 and 1 add none.
	Novel int `json:"novel,omitempty"`
	// Tables hold the atoms of every class, one table a place.
	Tables map[string][]AtomTable `json:"tables,omitempty"`

	middles map[string][][]float64 // of Tables; nil where those were set by hand
}

// DefaultTau is the tempering that reads best under noise (docs/fidelity.md).
const DefaultTau = 0.5

// AtomTable is the distribution of one class's values at one place.
type AtomTable struct {
	Values  []float64 `json:"values"`  // rising
	Weights []float64 `json:"weights"` // how often each was seen, above 0; ½ for one that was not
	Padding float64   `json:"padding"` // how often the series had ended; 0 means the table has no padding atom

	// Novel are the indices of the values that were not seen, rising (Atoms.Novel).
	Novel []int `json:"novel,omitempty"`

	// After is what followed what: for each atom of the place before, save
	// its padding, which only padding follows, which atoms of this table came
	// next and how often. It is empty at the first place.
	After []Successors `json:"after,omitempty"`

	// Conditional is, where the series is a further channel of an image, conditional
	// on the lead channel: for each atom of that channel's table at the same place,
	// save its padding, which atoms of this table came with it and how often.
	Conditional []Successors `json:"beside,omitempty"`
}

// Successors are the atoms that followed one atom, or came with it.
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
	return Nearest(t.Values, v)
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

// Nearest returns the index of the number nearest to v in rising numbers; of two as near,
// of the smaller. There must be one.
func Nearest(numbers []float64, v float64) int {
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
// did; only with Bins, or MinCount above 1, do values move to the nearest atom.
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
			if t.Values[k] != v[j] && !a.lossy() {
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
		k := Nearest(a.middlesOf(class, j), codes[j]*codes[j])
		if k == len(t.Values) {
			break
		}
		v[j] = t.Values[k]
	}
	return v
}

// DecodeAlive is Decode for a series that is known to have a value at every
// place: the nearest atom that is not padding. A place where every series of the
// class had ended gives 0.
func (a *Atoms) DecodeAlive(class string, codes []float64) []float64 {
	v := make([]float64, len(codes))
	tables, err := a.tables(class, len(codes))
	if err != nil {
		return v
	}
	for j, t := range tables {
		if k := Nearest(a.middlesOf(class, j)[:len(t.Values)], codes[j]*codes[j]); len(t.Values) > 0 {
			v[j] = t.Values[min(k, len(t.Values)-1)]
		}
	}
	return v
}

// lossy reports whether encoding moves values to other ones.
func (a *Atoms) lossy() bool { return a.MinCount > 1 || a.Bins > 0 }

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
