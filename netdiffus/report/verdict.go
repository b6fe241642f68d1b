package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Verdict is the report in plain words.
type Verdict struct {
	Headline string   `json:"headline"`
	Points   []string `json:"points"`
}

// judge reads the figures, once they are all there.
func (r *Report) judge() Verdict {
	r.Memorisation.judge()
	var v Verdict
	v.Headline, v.Points = r.usefulness()
	v.Points = append(v.Points, r.structure()...)
	if im := r.Images; im != nil && finite(float64(im.Holes)) {
		v.Points = append(v.Points, fmt.Sprintf("Images: %.2g %% have a packet behind padding; pixels lie %s on average from what the diagonal implies.", 100*float64(im.Holes), digits(float64(im.Consistency))))
	}
	v.Points = append(v.Points, r.Memorisation.Verdict)
	return v
}

// Row returns the size's row of that source.
func (s Size) Row(source string) Row {
	i := slices.IndexFunc(s.Rows, func(r Row) bool { return r.Source == source })
	if i < 0 {
		return Row{}
	}
	return s.Rows[i]
}

// main is the size that the verdict is on: the largest that all classes have
// synthetic flows enough for, or else the smallest.
func (r *Report) main() Size { return r.Sizes[r.mainIndex()] }

func (r *Report) mainIndex() int {
	for i, s := range slices.Backward(r.Sizes) {
		if !s.Short {
			return i
		}
	}
	return 0
}

// of names the size for a sentence.
func (s Size) of() string {
	if s.All {
		return "as many flows as the training set"
	}
	return fmt.Sprintf("%d flows a class", s.PerClass)
}

// least is the difference below which two scores are called level, however
// little they spread: forests of other seeds differ as much.
const least = 0.01

// compare says how the synthetic flows' figure lies to a baseline's, higher being
// better: above, level or below. Level is closer than 0.01 or twice the standard
// error of the difference, whichever is more. Draws from one synthetic set that
// overlap tell little of its spread: it counts as so many independent draws, and
// as spreading at least as the baseline does.
func compare(synthetic, baseline Spread, draws float64) string {
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

// usefulness is the headline: training on synthetic flows, testing on real
// ones, beside the baselines. Without that task it is bigrams.
func (r *Report) usefulness() (headline string, points []string) {
	s := r.main()
	got := s.Row(Synthesised).Figures["tstr_accuracy"]
	if len(got.Values) == 0 {
		return "Fidelity only: classification was not asked for.", nil
	}
	how := func(source string) string { return compare(got, s.Row(source).Figures["tstr_accuracy"], s.Draws) }
	var verdict string
	switch real, second, first, independent := how(RealSubset), how(Markov2), how(Markov1), how(Independent); {
	case real != "below" && first == "above":
		verdict = "as useful as real flows"
	case real != "below":
		verdict = "as useful as real flows, but not shown to be better than those of a first-order Markov chain, which costs nothing"
	case second != "below" && first == "above":
		verdict = "short of real flows, better than a first-order Markov chain and no worse than one of second order, which cost nothing"
	case first == "above":
		verdict = "short of real flows, better than a first-order Markov chain, which costs nothing"
	case first == "level with":
		verdict = "no better than a first-order Markov chain, which costs nothing"
	case independent == "above":
		verdict = "worse than a first-order Markov chain, which costs nothing; better only than packets drawn independently"
	case independent == "level with":
		verdict = "no better than packets drawn independently of each other"
	default:
		verdict = "worse than packets drawn independently of each other"
	}
	headline = "To train a classifier, these synthetic flows are " + verdict + "."
	if r.Settings.Seeds == 1 {
		headline = "By a single draw, which proves nothing: to train a classifier, these synthetic flows are " + verdict + "."
	}
	var others []string
	for _, b := range []struct{ source, name string }{
		{RealSubset, "real flows"}, {Markov2, "Markov order 2"}, {Markov1, "Markov order 1"}, {Independent, "independent packets"},
	} {
		f := s.Row(b.source).Figures["tstr_accuracy"]
		others = append(others, fmt.Sprintf("%s %s (%s)", b.name, f, how(b.source)))
	}
	points = append(points, fmt.Sprintf("Trained on %s and tested on real ones, the forest is right in %s of all cases. The same with: %s.", s.of(), got, strings.Join(others, "; ")))
	switch r.Settings.Seeds {
	case 1:
		points = append(points, "With one seed the spread is not known; nothing should be claimed from this. Take --seeds 3 or more.")
	case 2:
		points = append(points, "With two seeds the spread is hardly known; little should be claimed from this. Take --seeds 3 or more.")
	}
	return headline, points
}

// structure says which of the main distances are worse than those of the chain.
func (r *Report) structure() []string {
	s := r.main()
	var good, fair, bad []string
	for _, name := range []string{"hd_pl", "length_tv", "bigram_js", "trigram_js", "first_tv", "autocorrelation"} {
		title := catalogue[name].Title
		switch s.grade(name) {
		case asReal:
			good = append(good, title)
		case asChain:
			fair = append(fair, title)
		case worseThanChain:
			bad = append(bad, title)
		}
	}
	var out []string
	add := func(what string, names []string) {
		if len(names) > 0 {
			out = append(out, what+": "+strings.Join(names, ", ")+".")
		}
	}
	add("As near to the test flows as real flows are", good)
	add("Between real flows and the first-order Markov chain, or level with the chain", fair)
	add("Farther from the test flows than the first-order Markov chain", bad)
	return out
}

// grade is how a figure of the synthetic flows compares with those of real
// flows and of the first-order chain.
type grade int

const (
	noGrade grade = iota
	worseThanChain
	asChain // level with it or better, but not as real flows
	asReal  // or better
)

// grade compares a figure of the synthetic flows with those of real ones and of
// the chain.
func (s Size) grade(name string) grade {
	got, real, chain := s.Row(Synthesised).Figures[name], s.Row(RealSubset).Figures[name], s.Row(Markov1).Figures[name]
	better := catalogue[name].Better
	worse := func(b Spread) bool {
		if better > 0 {
			return compare(got, b, s.Draws) == "below"
		}
		return got.Mean()-b.Mean() > max(doubt(got, b, s.Draws), math.Abs(chain.Mean())/10)
	}
	switch {
	case better == 0 || len(got.Values) == 0 || len(real.Values) == 0:
		return noGrade
	case !worse(real):
		return asReal
	case !worse(chain):
		return asChain
	}
	return worseThanChain
}

// more tells whether a share of the synthetic flows is above that of the test
// flows by more than 0.02 and twice the standard errors of both.
func (m *Memorisation) more(got, held Spread) bool {
	p := held.Mean()
	return got.Mean() > p+0.02+2*got.standardError()+2*math.Sqrt(p*(1-p)/float64(m.Tested))
}

// judge puts the memorisation into words.
func (m *Memorisation) judge() {
	rows := map[string]MemoryRow{}
	for _, row := range m.Rows {
		rows[row.Source] = row
	}
	got, copies := rows[Synthesised], rows[RealSubset]
	held := m.HeldOut
	duplicates := m.more(got.Exact, held.Exact) || m.more(got.Near, held.Near)
	// What verbatim copies give away is the most that there is to give away.
	given := (got.AttackNew.Mean() - 0.5) / (copies.AttackNew.Mean() - 0.5)
	noticed := got.AttackNew.Mean() > 0.5+0.02+2*got.AttackNew.standardError()
	attack := noticed && given > 0.75
	m.Leaks = duplicates || attack

	var b strings.Builder
	fmt.Fprintf(&b, "Memorisation: %.1f %% of the synthetic flows are exact copies of a training flow and %.1f %% copies or near copies; of real flows that were never trained on it is %.1f %% and %.1f %%.",
		100*got.Exact.Mean(), 100*got.Near.Mean(), 100*held.Exact.Mean(), 100*held.Near.Mean())
	if duplicates {
		b.WriteString(" The generator copies more than traffic repeats itself.")
	} else {
		b.WriteString(" That is no more than traffic repeats itself.")
	}
	if finite(given) {
		fmt.Fprintf(&b, " An attacker who asks whether a given flow was trained on reaches an AUC of %s (0.5 is guessing, verbatim copies of as many training flows give %s)", got.AttackNew, copies.AttackNew)
		switch {
		case attack:
			b.WriteString(": the flows give away as much as copies would, or nearly.")
		case noticed && given > 0.25:
			b.WriteString(": some, but less than copies would.")
		default:
			b.WriteString(": next to nothing.")
		}
	}
	if m.Leaks {
		b.WriteString(" Do not publish these flows where the training flows are confidential.")
	} else {
		b.WriteString(" This is no proof of privacy: rare values are copied from single flows.")
	}
	m.Verdict = b.String()
}
