package report

import (
	"fmt"
	"strings"
)

// verdict is the report in sentences.
type verdict struct {
	Headline string   `json:"headline"`
	Points   []string `json:"points"`
	// Best is the best baseline that costs nothing, "" without classification;
	// Yardstick the one that distances are held against; Copying those that copy.
	Best      string   `json:"best_baseline,omitempty"`
	Yardstick string   `json:"yardstick"`
	Copying   []string `json:"copying"`
}

// judge forms the verdict, once all figures are measured.
func (r *Report) judge() verdict {
	r.Memorisation.judge(r.subject)
	v := verdict{Best: r.bestBaseline(anySource), Yardstick: r.standard(), Copying: []string{}}
	for _, b := range r.sources {
		if b.kind == baselineKind && r.copies(b.name) {
			v.Copying = append(v.Copying, b.name)
		}
	}
	v.Headline, v.Points = r.usefulness()
	v.Points = append(v.Points, r.structure()...)
	if im := r.Images; im != nil && finite(float64(im.Holes)) {
		v.Points = append(v.Points, fmt.Sprintf("Images: %.2g %% have a packet behind padding; pixels lie %s on average from what the diagonal implies.", 100*float64(im.Holes), digits(float64(im.Inconsistency))))
	}
	v.Points = append(v.Points, r.Memorisation.Verdict)
	return v
}

// of names the size for a sentence.
func (s Size) of(many string) string {
	if s.All {
		return "as many " + many + " as the training set"
	}
	return fmt.Sprintf("%d %s a class", s.PerClass, many)
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
	headline = "To train a classifier, these synthetic " + r.many + " are " + r.useful(how) + "."
	if r.Settings.Seeds == 1 {
		headline = "By a single draw, which proves nothing: to train a classifier, these synthetic " + r.many + " are " + r.useful(how) + "."
	}
	var others []string
	for _, b := range r.sources {
		if b.name != synthesised {
			note := how(b.name)
			if b.kind.judgedForCopies() && r.copies(b.name) {
				note += "; copies"
			}
			others = append(others, fmt.Sprintf("%s %s (%s)", b.prose, s.Row(b.name).Figures["tstr_accuracy"], note))
		}
	}
	points = append(points, fmt.Sprintf("Trained on %s and tested on real ones, the forest is right in %s of all cases. The same with: %s.", s.of(r.many), got, strings.Join(others, ", ")))
	switch r.Settings.Seeds {
	case 1:
		points = append(points, "With one seed the spread is not known; nothing should be claimed from this. Use 3 seeds or more.")
	case 2:
		points = append(points, "With two seeds the spread is hardly known; little should be claimed from this. Use 3 seeds or more.")
	}
	return headline, points
}

// structure is which of the main distances are worse than those of the yardstick.
func (r *Report) structure() []string {
	graded := map[grade][]string{}
	for _, f := range r.figuresIn(nil, inVerdict) {
		g := r.grade(r.main(), f)
		graded[g] = append(graded[g], f.title)
	}
	var out []string
	for _, g := range []struct {
		grade grade
		words string
	}{
		{asReal, "As near to the test " + r.many + " as real " + r.many + " are"},
		{asBaseline, "Between real " + r.many + " and " + r.Yardstick() + ", or level with it"},
		{worseThanBaseline, "Farther from the test " + r.many + " than " + r.Yardstick()},
	} {
		if titles := graded[g.grade]; len(titles) > 0 {
			out = append(out, g.words+": "+strings.Join(titles, ", ")+".")
		}
	}
	return out
}
