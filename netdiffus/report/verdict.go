package report

import (
	"fmt"
	"strings"
)

// verdict is the report in sentences.
type verdict struct {
	Headline string   `json:"headline"`
	Points   []string `json:"points"`
}

// judge forms the verdict, once all figures are measured.
func (r *Report) judge() verdict {
	r.Memorisation.judge()
	var v verdict
	v.Headline, v.Points = r.usefulness()
	v.Points = append(v.Points, r.structure()...)
	if im := r.Images; im != nil && finite(float64(im.Holes)) {
		v.Points = append(v.Points, fmt.Sprintf("Images: %.2g %% have a packet behind padding; pixels lie %s on average from what the diagonal implies.", 100*float64(im.Holes), digits(float64(im.Inconsistency))))
	}
	v.Points = append(v.Points, r.Memorisation.Verdict)
	return v
}

// of names the size for a sentence.
func (s Size) of() string {
	if s.All {
		return "as many flows as the training set"
	}
	return fmt.Sprintf("%d flows a class", s.PerClass)
}

// usefulness is the headline: training on synthetic flows and testing on real ones,
// compared with the baselines.
func (r *Report) usefulness() (headline string, points []string) {
	s := r.main()
	got := s.Row(synthesised).Figures["tstr_accuracy"]
	if len(got.Values) == 0 {
		return "Fidelity only: classification was not asked for.", nil
	}
	how := func(source string) string { return relate(got, s.Row(source).Figures["tstr_accuracy"], s.Draws) }
	headline = "To train a classifier, these synthetic flows are " + useful(how) + "."
	if r.Settings.Seeds == 1 {
		headline = "By a single draw, which proves nothing: to train a classifier, these synthetic flows are " + useful(how) + "."
	}
	var others []string
	for _, b := range sources {
		if b.name != synthesised {
			others = append(others, fmt.Sprintf("%s %s (%s)", b.prose, s.Row(b.name).Figures["tstr_accuracy"], how(b.name)))
		}
	}
	points = append(points, fmt.Sprintf("Trained on %s and tested on real ones, the forest is right in %s of all cases. The same with: %s.", s.of(), got, strings.Join(others, "; ")))
	switch r.Settings.Seeds {
	case 1:
		points = append(points, "With one seed the spread is not known; nothing should be claimed from this. Use 3 seeds or more.")
	case 2:
		points = append(points, "With two seeds the spread is hardly known; little should be claimed from this. Use 3 seeds or more.")
	}
	return headline, points
}

// useful puts the comparisons with the baselines into words.
func useful(how func(source string) string) string {
	switch real, second, first, single := how(realSubset), how(markov2), how(markov1), how(independent); {
	case real != "below" && first == "above":
		return "as useful as real flows"
	case real != "below":
		return "as useful as real flows, but not shown to be better than those of a first-order Markov chain, which costs nothing"
	case second != "below" && first == "above":
		return "short of real flows, better than a first-order Markov chain and no worse than one of second order, which cost nothing"
	case first == "above":
		return "short of real flows, better than a first-order Markov chain, which costs nothing"
	case first == "level with":
		return "no better than a first-order Markov chain, which costs nothing"
	case single == "above":
		return "worse than a first-order Markov chain, which costs nothing; better only than packets drawn independently"
	case single == "level with":
		return "no better than packets drawn independently of each other"
	}
	return "worse than packets drawn independently of each other"
}

// structure is which of the main distances are worse than those of the chain.
func (r *Report) structure() []string {
	graded := map[grade][]string{}
	for _, f := range figuresIn(nil, inVerdict) {
		g := r.main().grade(f)
		graded[g] = append(graded[g], f.title)
	}
	var out []string
	for _, g := range []struct {
		grade grade
		words string
	}{
		{asReal, "As near to the test flows as real flows are"},
		{asChain, "Between real flows and the first-order Markov chain, or level with the chain"},
		{worseThanChain, "Farther from the test flows than the first-order Markov chain"},
	} {
		if titles := graded[g.grade]; len(titles) > 0 {
			out = append(out, g.words+": "+strings.Join(titles, ", ")+".")
		}
	}
	return out
}
