package metric

import (
	"fmt"
)

// Confusion counts classified examples: Confusion[i][j] is how many of class i
// were classified as j.
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

// Accuracy returns the share of examples classified correctly; it is micro F1 too.
func (c Confusion) Accuracy() float64 {
	hits := 0
	for i := range c {
		hits += c[i][i]
	}
	return ratio(float64(hits), float64(c.total()))
}

// MacroF1 returns the mean F1 over the classes that occur, in truth or in
// prediction, however rare each is. F1 is the harmonic mean of a class's precision
// and recall.
func (c Confusion) MacroF1() float64 {
	s, n := 0.0, 0.0
	for i := range c {
		if support, predicted := c.marginals(i); support+predicted > 0 {
			s, n = s+2*float64(c[i][i])/float64(support+predicted), n+1
		}
	}
	return ratio(s, n)
}

// marginals returns the examples of class i and the predictions of it.
func (c Confusion) marginals(i int) (support, predicted int) {
	for j := range c {
		support += c[i][j]
		predicted += c[j][i]
	}
	return support, predicted
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
