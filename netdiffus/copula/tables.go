package copula

import (
	"cmp"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats/scalar"
	"gonum.org/v1/gonum/mat"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// Tables are a copula's numbers, by class, as they are saved.
type Tables struct {
	Classes []ClassTables `json:"classes"`
}

// ClassTables are a class's numbers: those of its only variant of traces, or of several.
type ClassTables struct {
	VariantTables
	Variants []VariantTables `json:"variants,omitempty"`
}

// VariantTables are the numbers of a variant.
type VariantTables struct {
	// Correlation of the normal scores, by channel and then by place: its lower triangle
	// without the diagonal, row by row.
	Correlation []float32 `json:"correlation,omitempty"`
	// Silence are the chains over silent or not: none, one, or one a silent channel.
	Silence []ChainTables `json:"silence,omitempty"`
	// Weight is the variant's share of its class; 0 means 1.
	Weight float64 `json:"weight,omitempty"`
	// Mean and Variance are those of its normal scores; none means 0 and 1.
	Mean     []float32 `json:"mean,omitempty"`
	Variance []float32 `json:"variance,omitempty"`
	// Middle is the mean of its traces, as scores, 0 in silence, and then as silence, 1.5 or
	// 0: a trace is of the variant whose middle is nearest. None where there is one variant.
	Middle []float32 `json:"middle,omitempty"`
}

// ChainTables are a Markov chain whose state s means that the channel Channels[i] is
// silent where bit i of s is set.
type ChainTables struct {
	Channels []int       `json:"channels"`
	Start    []float64   `json:"start"` // of the states at the first place
	Steps    [][]float64 `json:"steps"` // by place from the second: from state to state, row by row
	// Shifts are what is added to the normal scores of each channel of the series where the
	// chain goes from state to state, row by row; before the first place it is taken to have
	// been the same. None is no shift.
	Shifts [][]float64 `json:"shifts,omitempty"`
}

// digits are the decimals of scores and correlations in tables, chainDigits those of
// probabilities: far more than traces tell.
const digits, chainDigits = 4, 9

// Tables returns what m is made of again, but for digits that tell nothing.
func (m *Copula) Tables() *Tables {
	t := &Tables{}
	for c := range m.classes {
		variants := m.variants[m.first[c]:m.first[c+1]]
		var all []VariantTables
		for _, k := range variants {
			one := VariantTables{Mean: rounded(k.mean, digits), Variance: rounded(k.variance, digits), Middle: rounded(k.middle, digits)}
			if len(variants) > 1 {
				one.Weight = k.weight
			}
			for i := range m.size() {
				for j := range i {
					one.Correlation = append(one.Correlation, float32(scalar.Round(k.gaussian.correlation.At(i, j), digits)))
				}
			}
			for _, chain := range k.silence {
				one.Silence = append(one.Silence, chain.tables())
			}
			all = append(all, one)
		}
		if len(all) == 1 {
			t.Classes = append(t.Classes, ClassTables{VariantTables: all[0]})
		} else {
			t.Classes = append(t.Classes, ClassTables{Variants: all})
		}
	}
	return t
}

func (k chain) tables() ChainTables {
	t := ChainTables{Channels: k.channels, Start: rounded(k.start, chainDigits)}
	for _, step := range k.steps {
		t.Steps = append(t.Steps, rounded(step, chainDigits))
	}
	for _, shift := range k.shifts {
		t.Shifts = append(t.Shifts, rounded(shift, chainDigits))
	}
	return t
}

// rounded are values of so many decimals; nil stays nil.
func rounded[T float32 | float64](values []T, decimals int) (out []T) {
	for _, v := range values {
		out = append(out, T(scalar.Round(float64(v), decimals)))
	}
	return out
}

// Copula returns the model of the tables, for the codecs and the classes that it was
// fitted to. It fails where they do not fit each other.
func (t *Tables) Copula(codecs []*codec.Quantiles, classes []string) (*Copula, error) {
	if len(codecs) == 0 || len(classes) == 0 || len(t.Classes) != len(classes) {
		return nil, fmt.Errorf("copula: tables of %d classes for %d classes and %d channels", len(t.Classes), len(classes), len(codecs))
	}
	m := &Copula{codecs: codecs, classes: classes, places: len(codecs[0].Tables[classes[0]])}
	for c, class := range t.Classes {
		m.first = append(m.first, len(m.variants))
		tables := class.Variants
		if len(tables) == 0 {
			tables = []VariantTables{class.VariantTables}
		}
		total := 0.0
		for _, one := range tables {
			k, err := m.variantOf(one, len(tables) > 1)
			if err != nil {
				return nil, fmt.Errorf("copula: class %q: %w", classes[c], err)
			}
			m.variants = append(m.variants, k)
			total += k.weight
		}
		for i := range tables {
			m.variants[m.first[c]+i].weight /= total
		}
	}
	m.first = append(m.first, len(m.variants))
	return m, nil
}

// variantOf is the variant of the tables, one of several or the only one.
func (m *Copula) variantOf(t VariantTables, several bool) (variant, error) {
	n := m.size()
	k := variant{weight: cmp.Or(t.Weight, 1)}
	if n == 0 || len(t.Correlation) != n*(n-1)/2 {
		return variant{}, fmt.Errorf("%d correlations, want those of %d places of %d channels", len(t.Correlation), m.places, len(m.codecs))
	}
	if !(k.weight > 0) || math.IsInf(k.weight, 0) {
		return variant{}, fmt.Errorf("a variant of weight %v", t.Weight)
	}
	if several {
		k.mean, k.variance, k.middle = t.Mean, t.Variance, t.Middle
		if len(t.Mean) != n || len(t.Variance) != n || len(t.Middle) != 2*n {
			return variant{}, fmt.Errorf("a variant with %d means, %d variances and a middle of %d numbers, want %d and twice as many", len(t.Mean), len(t.Variance), len(t.Middle), n)
		}
		for i, v := range t.Variance {
			if !(v > 0) || !(v <= codec.MaxScore*codec.MaxScore) || !(math.Abs(float64(t.Mean[i])) <= codec.MaxScore) {
				return variant{}, fmt.Errorf("a variant of mean %v and variance %v", t.Mean[i], v)
			}
		}
		for _, v := range t.Middle {
			if !(math.Abs(float64(v)) <= codec.MaxScore) {
				return variant{}, fmt.Errorf("a variant of middle %v", v)
			}
		}
	}
	correlation := mat.NewSymDense(n, nil)
	at := 0
	for i := range n {
		correlation.SetSym(i, i, 1)
		for j := range i {
			r := float64(t.Correlation[at])
			if at++; !(math.Abs(r) <= 1) {
				return variant{}, fmt.Errorf("correlation %v", r)
			}
			correlation.SetSym(i, j, r)
		}
	}
	for _, one := range t.Silence {
		if err := one.check(m.places, len(m.codecs)); err != nil {
			return variant{}, err
		}
		k.silence = append(k.silence, chain{channels: one.Channels, states: len(one.Start), start: one.Start, steps: one.Steps, shifts: one.Shifts})
	}
	k.gaussian = m.newGaussian(correlation, &k)
	return k, nil
}

// check reports what is wrong with a chain over so many places of so many channels.
func (k ChainTables) check(places, channels int) error {
	states := 1 << len(k.Channels)
	if len(k.Channels) > together || len(k.Start) != states || len(k.Steps) != places-1 {
		return fmt.Errorf("a chain of %d channels with %d states and %d steps, for %d places", len(k.Channels), len(k.Start), len(k.Steps), places)
	}
	for _, c := range k.Channels {
		if c < 0 || c >= channels {
			return fmt.Errorf("a chain of channel %d of %d", c, channels)
		}
	}
	for _, row := range append([][]float64{k.Start}, k.Steps...) {
		for i := 0; i < len(row); i += states {
			sum := 0.0
			for _, p := range row[i:min(i+states, len(row))] {
				if !(p >= 0) {
					return fmt.Errorf("probability %v", p)
				}
				sum += p
			}
			if math.Abs(sum-1) > 1e-6 {
				return fmt.Errorf("probabilities that sum to %v", sum)
			}
		}
	}
	for _, step := range k.Steps {
		if len(step) != states*states {
			return fmt.Errorf("a step of %d numbers between %d states", len(step), states)
		}
	}
	if k.Shifts != nil && len(k.Shifts) != channels {
		return fmt.Errorf("shifts of %d channels, there are %d", len(k.Shifts), channels)
	}
	for _, shift := range k.Shifts {
		if len(shift) != states*states {
			return fmt.Errorf("%d shifts between %d states", len(shift), states)
		}
		for _, v := range shift {
			if !(math.Abs(v) <= codec.MaxScore) {
				return fmt.Errorf("a shift of %v", v)
			}
		}
	}
	return nil
}
