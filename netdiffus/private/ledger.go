package private

import (
	"encoding/json"
	"fmt"
	"math"
	"os"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/dp"
)

// A Ledger says what is guaranteed of flows that were drawn, and how. Nothing in it
// depends on the flows counted but through the noise: it may be passed on with what was
// drawn. So it names neither the input nor how many flows it had.
type Ledger struct {
	Schema string `json:"schema"` // LedgerSchema
	// Private is whether there is a guarantee at all: not where epsilon is infinite, nor
	// where the noise came from a seed.
	Private bool `json:"private"`
	// Epsilon and Delta are what was asked for, Epsilon nil where it was infinite.
	Epsilon    *float64 `json:"epsilon"`
	Delta      float64  `json:"delta"`
	Neighbours string   `json:"neighbours"`
	Mechanism  string   `json:"mechanism"`
	Noise      string   `json:"noise"`
	Accounting string   `json:"accounting"`
	// Rho is what all queries cost together, in zero-concentrated differential privacy;
	// Spent the epsilon that this is at Delta, and Gaussian that of continuous noise as
	// large, which is exact, for comparison.
	Rho       float64  `json:"rho"`
	Spent     float64  `json:"epsilon_spent"`
	Gaussian  float64  `json:"epsilon_gaussian"`
	Length    int      `json:"length"`
	MaxLength int      `json:"max_length"`
	Classes   []string `json:"classes"`
	Public    []string `json:"public"`
	LeftOut   []string `json:"left_out"`
	Queries   []Asked  `json:"queries"`
	Beware    []string `json:"beware"`
}

// Asked is a query in a ledger.
type Asked struct {
	dp.Query
	Sigma   float64 `json:"sigma"`
	Epsilon float64 `json:"epsilon_alone"` // what this query alone would cost, at the ledger's Delta
}

// LedgerSchema is the version of the form of ledgers.
const LedgerSchema = "netdiffus-privacy/1"

// Ledger returns the model's ledger.
func (m *Model) Ledger() Ledger {
	s := m.settings
	l := Ledger{
		Schema:     LedgerSchema,
		Private:    !math.IsInf(s.Epsilon, 1) && s.Noise == nil,
		Delta:      s.Delta,
		Neighbours: "one flow more or less: a record of the input with its label, not a person or a machine",
		Mechanism:  "discrete Gaussian noise on every count, those of 0 included (Canonne, Kamath, Steinke 2020)",
		Noise:      "the operating system's random numbers (crypto/rand)",
		Accounting: "rho of all queries added up, and turned into epsilon by Corollary 13 of the same",
		Length:     s.Length, MaxLength: s.MaxLength, Classes: m.Classes(),
		Public: []string{
			"the names of the classes", "the settings: epsilon, delta, length, max_length, how the input was read",
			"how many flows were drawn, where it is not a noised count",
		},
		LeftOut: []string{
			"times", fmt.Sprintf("packets after the first %d of a flow", s.Length),
			fmt.Sprintf("payload beyond %d bytes of a packet", s.MaxLength), "flows of other classes",
		},
		Beware: []string{
			"whatever else is published of the same flows adds to the epsilon, other files drawn with this guarantee too",
			"a sender of k flows is guarded by k times the epsilon, at a delta that grows faster than k",
		},
	}
	if s.Classes == nil {
		l.Public[0] += ", which were taken from the input: that it has these, and no others, is given away"
	}
	if s.Noise != nil {
		l.Noise = "a generator that the caller gave: NOT PRIVATE, whoever knows its seed takes the noise away"
	}
	if !math.IsInf(s.Epsilon, 1) {
		l.Epsilon = &s.Epsilon
	} else {
		l.Noise = "none: NOT PRIVATE"
	}
	for _, q := range m.queries {
		l.Queries = append(l.Queries, Asked{q, q.Sigma(), dp.Epsilon(q.Rho, s.Delta)})
		l.Rho += q.Rho
	}
	l.Spent, l.Gaussian = dp.Epsilon(l.Rho, s.Delta), dp.GaussianEpsilon(math.Sqrt(2*l.Rho), s.Delta)
	return l
}

// Together returns the epsilon of several releases of the same flows, at delta. It is
// +Inf where one of them is not private.
func Together(delta float64, ledgers ...Ledger) float64 {
	rho := 0.0
	for _, l := range ledgers {
		if !l.Private {
			return math.Inf(1)
		}
		rho += l.Rho
	}
	return dp.Epsilon(rho, delta)
}

// Write writes the ledger to a file.
func (l Ledger) Write(path string) error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("private: %w", err)
	}
	return atomicfile.WriteFile(path, append(text, '\n'))
}

// ReadLedger reads what Write wrote.
func ReadLedger(path string) (l Ledger, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return l, fmt.Errorf("private: %w", err)
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("private: %s: %w", path, err)
	}
	if l.Schema != LedgerSchema || !(l.Rho >= 0) || !(l.Delta > 0 && l.Delta < 1) {
		return l, fmt.Errorf("private: %s: schema %q, rho %v, delta %v: not a ledger of this version", path, l.Schema, l.Rho, l.Delta)
	}
	return l, nil
}
