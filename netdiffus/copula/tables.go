package copula

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// Tables are a copula's numbers, by class, as they are saved.
type Tables struct {
	Classes []ClassTables `json:"classes"`
}

// ClassTables are a class's numbers.
type ClassTables struct {
	// Correlation of the normal scores, by channel and then by place: its lower triangle
	// without the diagonal, row by row.
	Correlation []float32 `json:"correlation"`
	// Silence are the chains over silent or not: none, one, or one a silent channel.
	Silence []ChainTables `json:"silence,omitempty"`
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

// Tables returns what m is made of again.
func (m *Copula) Tables() *Tables {
	t := &Tables{}
	for c, g := range m.gaussian {
		var one ClassTables
		for i := range m.size() {
			for j := range i {
				one.Correlation = append(one.Correlation, float32(g.correlation.At(i, j)))
			}
		}
		for _, k := range m.silence[c] {
			one.Silence = append(one.Silence, k.tables())
		}
		t.Classes = append(t.Classes, one)
	}
	return t
}

func (k chain) tables() ChainTables { return ChainTables{k.channels, k.start, k.steps, k.shifts} }

// Copula returns the model of the tables, for the codecs and the classes that it was
// fitted to. It fails where they do not fit each other.
func (t *Tables) Copula(codecs []*codec.Quantiles, classes []string) (*Copula, error) {
	if len(codecs) == 0 || len(classes) == 0 || len(t.Classes) != len(classes) {
		return nil, fmt.Errorf("copula: tables of %d classes for %d classes and %d channels", len(t.Classes), len(classes), len(codecs))
	}
	m := &Copula{codecs: codecs, classes: classes, places: len(codecs[0].Tables[classes[0]])}
	n := m.size()
	for c, one := range t.Classes {
		if n == 0 || len(one.Correlation) != n*(n-1)/2 {
			return nil, fmt.Errorf("copula: class %q: %d correlations, want those of %d places of %d channels", classes[c], len(one.Correlation), m.places, len(codecs))
		}
		correlation := mat.NewSymDense(n, nil)
		at := 0
		for i := range n {
			correlation.SetSym(i, i, 1)
			for j := range i {
				r := float64(one.Correlation[at])
				if at++; !(math.Abs(r) <= 1) {
					return nil, fmt.Errorf("copula: class %q: correlation %v", classes[c], r)
				}
				correlation.SetSym(i, j, r)
			}
		}
		var chains []chain
		for _, k := range one.Silence {
			if err := k.check(m.places, len(codecs)); err != nil {
				return nil, fmt.Errorf("copula: class %q: %w", classes[c], err)
			}
			chains = append(chains, chain{channels: k.Channels, states: len(k.Start), start: k.Start, steps: k.Steps, shifts: k.Shifts})
		}
		m.gaussian = append(m.gaussian, m.newGaussian(correlation, chains))
		m.silence = append(m.silence, chains)
	}
	return m, nil
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
