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
	curve := ROC(positive, score)
	area := 0.0
	for i := 1; i < len(curve); i++ {
		area += (curve[i].FalsePositive - curve[i-1].FalsePositive) * (curve[i].TruePositive + curve[i-1].TruePositive) / 2
	}
	if len(curve) == 0 {
		return math.NaN()
	}
	return area
}

// Point is one point of a ROC curve: the rates, in [0,1], at which examples
// scoring at least a threshold are called positive.
type Point struct{ FalsePositive, TruePositive float64 }

// ROC returns the curve from (0,0) to (1,1), one point for every distinct
// score, from the highest. It is empty unless both kinds of example occur.
func ROC(positive []bool, score []float64) []Point {
	groups, all := ranked(positive, score)
	if all.positive == 0 || all.negative == 0 {
		return nil
	}
	curve := []Point{{0, 0}}
	seen := tie{}
	for _, g := range groups {
		seen.positive += g.positive
		seen.negative += g.negative
		curve = append(curve, Point{seen.negative / all.negative, seen.positive / all.positive})
	}
	return curve
}

// AveragePrecision returns Σ (Rᵢ − Rᵢ₋₁) Pᵢ over the distinct scores from the
// highest: the area under the precision-recall curve, by steps. NaN without a
// positive example.
func AveragePrecision(positive []bool, score []float64) float64 {
	groups, all := ranked(positive, score)
	if all.positive == 0 {
		return math.NaN()
	}
	ap := 0.0
	seen := tie{}
	for _, g := range groups {
		seen.positive += g.positive
		seen.negative += g.negative
		ap += g.positive / all.positive * seen.positive / (seen.positive + seen.negative)
	}
	return ap
}

// OneVsRest returns the mean over classes of the [AUC] of the class against
// all others. prob [n,classes] holds scores or probabilities. NaN when a class
// has no example.
func OneVsRest(truth []int, prob [][]float64, classes int) float64 {
	s := 0.0
	for c := range classes {
		s += AUC(columns(truth, prob, c, func(int) bool { return true }))
	}
	return s / float64(classes)
}

// OneVsOne returns the mean over pairs of classes, both ways round, of the
// [AUC] among the pair's examples only (Hand and Till 2001).
func OneVsOne(truth []int, prob [][]float64, classes int) float64 {
	s, n := 0.0, 0.0
	for a := range classes {
		for b := range classes {
			if a != b {
				s += AUC(columns(truth, prob, a, func(t int) bool { return t == a || t == b }))
				n++
			}
		}
	}
	return s / n
}

// LogLoss returns the mean of −ln p(true class) in nats. prob [n,classes] holds
// probabilities; they are scaled to sum to 1 and kept off 0 by 2.2e-16, as
// scikit-learn does.
func LogLoss(truth []int, prob [][]float64) float64 {
	const epsilon = 0x1p-52
	s := 0.0
	for i, t := range truth {
		p := prob[i][t] / sum(prob[i])
		s -= math.Log(min(max(p, epsilon), 1-epsilon))
	}
	return s / float64(len(truth))
}

// columns returns class c's scores and whether each example is of c, for the
// examples whose class is kept.
func columns(truth []int, prob [][]float64, c int, keep func(class int) bool) (positive []bool, score []float64) {
	for i, t := range truth {
		if keep(t) {
			positive, score = append(positive, t == c), append(score, prob[i][c])
		}
	}
	return positive, score
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
