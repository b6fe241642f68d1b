package metric

import (
	"fmt"
	"math"
)

// Confusion counts classified examples: Confusion[i][j] is how many of class i
// were called class j. Every score below is of such a table.
type Confusion [][]int

// Confuse counts predictions against the truth, for classes 0 … classes−1. It
// panics on a label outside and on slices of different lengths.
func Confuse(truth, predicted []int, classes int) Confusion {
	if len(truth) != len(predicted) {
		panic(fmt.Sprintf("metric: %d labels for %d predictions", len(truth), len(predicted)))
	}
	c := make(Confusion, classes)
	for i := range c {
		c[i] = make([]int, classes)
	}
	for k, t := range truth {
		c[t][predicted[k]]++
	}
	return c
}

// ClassScore is how well one class is told from the others, each in [0,1]; 0
// where the quotient is 0/0, as scikit-learn's zero_division=0.
type ClassScore struct {
	Precision float64 // of those called the class, the share that is
	Recall    float64 // of the class, the share called so
	F1        float64 // harmonic mean of the two
	Support   int     // examples of the class
}

// PerClass returns one score a class.
func (c Confusion) PerClass() []ClassScore {
	scores := make([]ClassScore, len(c))
	for i := range c {
		support, called := c.marginals(i)
		hits := float64(c[i][i])
		scores[i] = ClassScore{
			Precision: ratio(hits, float64(called)),
			Recall:    ratio(hits, float64(support)),
			F1:        ratio(2*hits, float64(support+called)),
			Support:   support,
		}
	}
	return scores
}

// Accuracy returns the share of examples called right; it is micro F1 too.
func (c Confusion) Accuracy() float64 {
	hits := 0
	for i := range c {
		hits += c[i][i]
	}
	return ratio(float64(hits), float64(c.total()))
}

// MacroF1 returns the mean F1 over the classes that occur, in truth or in
// prediction, however rare each is.
func (c Confusion) MacroF1() float64 {
	s, n := 0.0, 0.0
	for i, score := range c.PerClass() {
		if support, called := c.marginals(i); support+called > 0 {
			s, n = s+score.F1, n+1
		}
	}
	return ratio(s, n)
}

// WeightedF1 returns the mean F1 weighted by each class's support.
func (c Confusion) WeightedF1() float64 {
	s := 0.0
	for _, score := range c.PerClass() {
		s += score.F1 * float64(score.Support)
	}
	return ratio(s, float64(c.total()))
}

// BalancedAccuracy returns the mean recall over the classes that have
// examples.
func (c Confusion) BalancedAccuracy() float64 {
	s, n := 0.0, 0.0
	for _, score := range c.PerClass() {
		if score.Support > 0 {
			s, n = s+score.Recall, n+1
		}
	}
	return ratio(s, n)
}

// Matthews returns the multi-class Matthews correlation coefficient, in
// [−1,1] (Gorodkin 2004); 0 when either side knows one class only.
func (c Confusion) Matthews() float64 {
	n, hits := float64(c.total()), c.Accuracy()*float64(c.total())
	cross, truth, predicted := 0.0, n*n, n*n
	for i := range c {
		support, called := c.marginals(i)
		cross += float64(support) * float64(called)
		truth -= float64(support) * float64(support)
		predicted -= float64(called) * float64(called)
	}
	return ratio(hits*n-cross, math.Sqrt(truth*predicted))
}

// Kappa returns Cohen's kappa: the accuracy beyond the one that chance with
// the same shares would have, 1 at best (Cohen 1960).
func (c Confusion) Kappa() float64 {
	n, chance := float64(c.total()), 0.0
	for i := range c {
		support, called := c.marginals(i)
		chance += float64(support) / n * float64(called) / n
	}
	return (c.Accuracy() - chance) / (1 - chance)
}

// marginals returns the examples of class i and the predictions of it.
func (c Confusion) marginals(i int) (support, called int) {
	for j := range c {
		support += c[i][j]
		called += c[j][i]
	}
	return support, called
}

func (c Confusion) total() int {
	n := 0
	for i := range c {
		support, _ := c.marginals(i)
		n += support
	}
	return n
}

// ratio is a/b, and 0 for x/0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
