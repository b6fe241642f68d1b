// Package private draws flows with a guarantee of differential privacy: whoever sees
// them learns next to nothing about whether any one flow was in the data, whatever else
// they know.
//
// Fit counts the flows into a few tables, adds discrete Gaussian noise to every count
// (package dp), and keeps nothing else of them. What is made of the tables afterwards,
// the flows drawn, and models trained on those, is as private as they are.
//
// # The guarantee
//
// Two data sets are neighbours where one is the other with one flow more: one record of
// the input, with its label. A person or a machine that sent k flows is guarded by k times
// the ε (and more δ), so this is a guarantee for flows, not for people.
//
// A flow is cut to its first Length packets, longer payloads than MaxLength are counted
// as that long, and flows of classes that are not named are left out. What is left adds
// at most 1 to one count of each table at each place, or at each value it holds, so a flow
// changes the tables of Length places by at most √Length in Euclidean length; the ledger
// has it for every query.
//
// Public, and so not noised: the names of the classes, the settings, and the format. All
// else that comes out has passed through the noise: which values there are, how many
// flows a class has, how long they are. Times are not counted, and the flows have none.
package private

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/dp"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Settings say what is counted and at what cost. All of them are public.
type Settings struct {
	dp.Budget
	// Length is how many packets of a flow are counted; 0 means 10.
	Length int
	// MaxLength is the longest payload, bytes; 0 means 1500.
	MaxLength int
	// Classes are the labels to count, in any order. Nil means those of the flows, and
	// that there are these labels is then no secret.
	Classes []string
	// Noise draws the noise. Nil means the operating system's random numbers, which is
	// the only private choice: whoever knows the seed of others can take the noise away.
	// The ledger says so.
	Noise *rand.Rand
}

// Limits of the settings.
const (
	defaultLength    = 10
	defaultMaxLength = 1500
	longest          = 128 // packets
	mostClasses      = 1 << 12
	mostCounts       = 1 << 26 // of values, of all classes
)

func (s Settings) withDefaults() Settings {
	if s.Length == 0 {
		s.Length = defaultLength
	}
	if s.MaxLength == 0 {
		s.MaxLength = defaultMaxLength
	}
	return s
}

// Check returns what is wrong with s.
func (s Settings) Check() error {
	if err := s.Budget.Check(); err != nil {
		return err
	}
	s = s.withDefaults()
	if s.Length < 1 || s.Length > longest {
		return fmt.Errorf("private: length %d: want 1 to %d packets", s.Length, longest)
	}
	if s.MaxLength < 1 || s.MaxLength > traffic.MaxLength {
		return fmt.Errorf("private: longest payload %d: want 1 to %d bytes", s.MaxLength, traffic.MaxLength)
	}
	if n := len(s.Classes); n*(2*s.MaxLength+1) > mostCounts {
		return fmt.Errorf("private: %d classes of payloads up to %d bytes: want at most %d counts", n, s.MaxLength, mostCounts)
	}
	if len(s.Classes) > mostClasses {
		return fmt.Errorf("private: %d classes: want at most %d", len(s.Classes), mostClasses)
	}
	sorted := slices.Sorted(slices.Values(s.Classes))
	for i, class := range sorted {
		if class == "" {
			return errors.New("private: a class without a name")
		}
		if i > 0 && class == sorted[i-1] {
			return fmt.Errorf("private: class %q is named twice", class)
		}
	}
	return nil
}

// record is a flow as it is counted: its class, and the signed lengths of at most Length
// packets, none beyond MaxLength.
type record struct {
	class  int
	values []int
}

// collect makes records of the flows, each by itself. It returns the classes, sorted.
func collect(flows iter.Seq2[traffic.Flow, error], s Settings) (records []record, classes []string, err error) {
	classes = slices.Sorted(slices.Values(s.Classes))
	known := map[string]int{}
	for c, class := range classes {
		known[class] = c
	}
	for flow, err := range flows {
		if err != nil {
			return nil, nil, err
		}
		c, named := known[flow.Label]
		switch {
		case !named && s.Classes != nil:
			continue
		case !named:
			c = len(classes)
			known[flow.Label] = c
			classes = append(classes, flow.Label)
		}
		records = append(records, record{c, clipped(flow, s)})
	}
	if len(classes) == 0 {
		return nil, nil, errors.New("private: no flows and no classes named: name the classes to draw")
	}
	if s.Classes == nil { // in the order of their names, not of the flows
		sorted := slices.Sorted(slices.Values(classes))
		for i := range records {
			records[i].class, _ = slices.BinarySearch(sorted, classes[records[i].class])
		}
		classes = sorted
	}
	return records, classes, nil
}

// clipped returns the signed lengths that are counted of a flow.
func clipped(flow traffic.Flow, s Settings) []int {
	packets := flow.Packets[:min(s.Length, len(flow.Packets))]
	values := make([]int, len(packets))
	for j, v := range (traffic.SignedLength{}).Values(packets) {
		values[j] = int(max(-float64(s.MaxLength), min(float64(s.MaxLength), v)))
	}
	return values
}

// A Model is the noised tables, and what follows from them. It holds nothing else of the
// flows.
type Model struct {
	settings Settings
	classes  []string
	sizes    []float64 // flows of each class, at least 1
	alphabet *alphabet
	emit     [][][]float64 // by class and symbol: weights of the symbol's values
	margins  [][][]float64 // by class and place: probability of each symbol
	pairs    rows          // by class, place and the symbol before
	triples  rows          // by class, place and the two before; some
	queries  []dp.Query
}

// shares of the budget, by query. They sum to 1.
type shares struct{ classes, values, margins, pooled, pairs, triples float64 }

// defaultShares were chosen on held-out training flows of one set (docs/privacy.md).
var defaultShares = shares{classes: 0.02, values: 0.2, margins: 0.3, pooled: 0.15, pairs: 0.18, triples: 0.15}

// Fit counts the flows and noises the counts. It fails where flows yields an error, on
// settings out of range, and where there are neither classes named nor flows. A class
// without flows is no error, for that would tell.
//
// Each call spends the whole budget: two models of the same flows are together as private
// as Together says.
func Fit(flows iter.Seq2[traffic.Flow, error], s Settings) (*Model, error) {
	return fit(flows, s, nil)
}

// fit is Fit, telling of each query that was answered.
func fit(flows iter.Seq2[traffic.Flow, error], s Settings, asked func(q query, noised []float64, variance float64)) (*Model, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	m := &Model{settings: s.withDefaults()}
	records, classes, err := collect(flows, m.settings)
	if err != nil {
		return nil, err
	}
	m.classes = classes
	if named := m.settings; named.Classes == nil { // they are as many as the flows have
		named.Classes = classes
		if err := named.Check(); err != nil {
			return nil, err
		}
	}
	accountant, err := dp.NewAccountant(s.Budget)
	if err != nil {
		return nil, err
	}
	f := fitting{Model: m, records: records, accountant: accountant, rng: s.Noise, asked: asked}
	if f.rng == nil {
		f.rng = dp.Secure()
	}
	if err := f.run(defaultShares); err != nil {
		return nil, err
	}
	m.queries = accountant.Queries()
	return m, nil
}

// Classes returns the labels, sorted.
func (m *Model) Classes() []string { return slices.Clone(m.classes) }

// Size returns how many flows a class has, by its noised count, and 0 for other labels.
func (m *Model) Size(label string) int {
	c, known := slices.BinarySearch(m.classes, label)
	if !known {
		return 0
	}
	return int(math.Round(m.sizes[c]))
}
