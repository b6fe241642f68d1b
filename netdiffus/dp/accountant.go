package dp

import (
	"errors"
	"fmt"
	"math"
)

// Query is one query that was answered, as the ledger holds it.
type Query struct {
	// Name says what was counted.
	Name string `json:"name"`
	// Squared is the squared Euclidean sensitivity: by how much the squared differences
	// of all counts of the query sum up to between neighbours, at most.
	Squared int `json:"squared_sensitivity"`
	// Variance is σ² of the noise of each count.
	Variance uint64 `json:"variance"`
	// Rho is what it costs, Squared/(2·Variance).
	Rho float64 `json:"rho"`
	// Counts is how many counts were noised, those of 0 included.
	Counts int `json:"counts"`
}

// Sigma returns the standard deviation of the noise.
func (q Query) Sigma() float64 { return math.Sqrt(float64(q.Variance)) }

// Accountant keeps a budget: it says how much noise a query needs that may cost so much,
// and refuses queries beyond the budget. It is not for use by several goroutines.
type Accountant struct {
	budget Budget
	total  float64 // ρ
	spent  float64
	noised []Query
}

// NewAccountant returns an accountant of a whole budget.
func NewAccountant(b Budget) (*Accountant, error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	return &Accountant{budget: b, total: b.Rho()}, nil
}

// ErrSpent is what Ask fails with where nothing of the budget is left for a query.
var ErrSpent = errors.New("the budget is spent")

// Ask enters a query, and returns it with the noise that it needs to cost at most the
// share of the whole budget. squared is its squared sensitivity, counts how many counts
// it has. It fails beyond the budget, and where the noise would be beyond what Gaussian
// can draw; then nothing is spent.
func (a *Accountant) Ask(name string, share float64, squared, counts int) (Query, error) {
	if !(share > 0 && share <= 1) || squared < 1 || counts < 0 {
		return Query{}, fmt.Errorf("dp: query %q: share %v, squared sensitivity %d, %d counts: want a share in (0, 1] and a sensitivity from 1", name, share, squared, counts)
	}
	q := Query{Name: name, Squared: squared, Counts: counts}
	if !math.IsInf(a.total, 1) {
		variance := math.Ceil(float64(squared) / (2 * share * a.total))
		if variance > MaxVariance {
			return Query{}, fmt.Errorf("dp: query %q: noise of variance %.3g, want at most %d: epsilon %v is too small", name, variance, MaxVariance, a.budget.Epsilon)
		}
		q.Variance = uint64(max(1, variance))
		q.Rho = float64(squared) / (2 * float64(q.Variance))
		if a.spent+q.Rho > a.total*(1+1e-12) { // the shares' rounding
			return Query{}, fmt.Errorf("dp: query %q of rho %.4g: %w: %.4g of %.4g", name, q.Rho, ErrSpent, a.spent, a.total)
		}
	}
	a.spent += q.Rho
	a.noised = append(a.noised, q)
	return q, nil
}

// Queries returns the queries so far.
func (a *Accountant) Queries() []Query { return a.noised }
