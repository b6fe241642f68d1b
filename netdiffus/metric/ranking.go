package metric

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// AUC returns the area under the ROC curve of scores for two classes: the
// probability that a positive example scores above a negative one, ties
// counting one half (Hanley and McNeil 1982). NaN without both kinds.
func AUC(positive []bool, score []float64) float64 {
	curve := roc(positive, score)
	area := 0.0
	for i := 1; i < len(curve); i++ {
		area += (curve[i].falsePositive - curve[i-1].falsePositive) * (curve[i].truePositive + curve[i-1].truePositive) / 2
	}
	if len(curve) == 0 {
		return math.NaN()
	}
	return area
}

// Detection returns the largest true positive rate that a threshold on the
// score reaches with a false positive rate of at most rate: the share found at
// that share of false alarms. NaN without both kinds.
func Detection(positive []bool, score []float64, rate float64) float64 {
	curve := roc(positive, score)
	if len(curve) == 0 {
		return math.NaN()
	}
	best := 0.0
	for _, p := range curve {
		if p.falsePositive <= rate {
			best = max(best, p.truePositive)
		}
	}
	return best
}

// point is one point of a ROC curve: the rates, in [0,1], at which examples
// scoring at least a threshold are classified as positive.
type point struct{ falsePositive, truePositive float64 }

// roc returns the curve from (0,0) to (1,1), one point for every distinct
// score, from the highest. It is empty unless both kinds of example occur.
func roc(positive []bool, score []float64) []point {
	groups, all := ranked(positive, score)
	if all.positive == 0 || all.negative == 0 {
		return nil
	}
	curve := []point{{0, 0}}
	seen := tie{}
	for _, g := range groups {
		seen.positive += g.positive
		seen.negative += g.negative
		curve = append(curve, point{seen.negative / all.negative, seen.positive / all.positive})
	}
	return curve
}

// tie counts the examples that share a score.
type tie struct{ positive, negative float64 }

// ranked groups examples of one score, the highest score first.
func ranked(positive []bool, score []float64) (groups []tie, all tie) {
	if len(positive) != len(score) {
		panic(fmt.Sprintf("metric: %d labels for %d scores", len(positive), len(score)))
	}
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	for k, i := range order {
		if k == 0 || score[i] != score[order[k-1]] {
			groups = append(groups, tie{})
		}
		g := &groups[len(groups)-1]
		if positive[i] {
			g.positive++
			all.positive++
		} else {
			g.negative++
			all.negative++
		}
	}
	return groups, all
}
