package report

import "math"

// least is the difference below which two scores are called level, however little
// they spread: forests of other seeds differ as much.
const least = 0.01

// relate is how the synthetic flows' figure lies to a baseline's, higher being
// better: above, level or below. Level is closer than 0.01 or twice the standard
// error of the difference, whichever is more. Draws from one synthetic set overlap
// and underestimate its spread: it counts as so many independent draws, and as
// spreading at least as the baseline does.
func relate(synthetic, baseline Spread, draws float64) string {
	gap := synthetic.Mean() - baseline.Mean()
	margin := max(least, doubt(synthetic, baseline, draws))
	switch {
	case !finite(gap):
		return "not comparable"
	case gap > margin:
		return "above"
	case gap < -margin:
		return "below"
	}
	return "level with"
}

// doubt is twice the standard error of the difference of two figures.
func doubt(synthetic, baseline Spread, draws float64) float64 {
	spread := max(synthetic.SD(), baseline.SD())
	return 2 * math.Hypot(spread/math.Sqrt(max(1, draws)), baseline.standardError())
}

// grade is how a figure of the synthetic flows compares with those of real flows and
// of the yardstick among the baselines.
type grade int

const (
	noGrade grade = iota
	worseThanBaseline
	asBaseline // level with it or better, but not as real flows
	asReal     // or better
)

func (r *Report) grade(s Size, f figure) grade {
	got, real, baseline := s.Row(synthesised).Figures[f.name], s.Row(realSubset).Figures[f.name], s.Row(r.standard()).Figures[f.name]
	if f.better == evenChance {
		got, real, baseline = got.aboveChance(), real.aboveChance(), baseline.aboveChance()
	}
	worse := func(b Spread) bool {
		if f.better == higher {
			return relate(got, b, s.Draws) == "below"
		}
		return got.Mean()-b.Mean() > max(doubt(got, b, s.Draws), math.Abs(baseline.Mean())/10)
	}
	switch {
	case f.better == neither || len(got.Values) == 0 || len(real.Values) == 0:
		return noGrade
	case !worse(real):
		return asReal
	case !worse(baseline):
		return asBaseline
	}
	return worseThanBaseline
}

// mark is how the page shows a grade: in shape as well as in colour.
func (g grade) mark() (mark, class string) {
	switch g {
	case asReal:
		return "●", "good"
	case asBaseline:
		return "◐", "fair"
	case worseThanBaseline:
		return "○", "bad"
	}
	return "", ""
}
