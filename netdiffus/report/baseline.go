package report

import "fmt"

// This file has which of the baselines that cost nothing, all but the real flows, the
// synthetic flows are held against.

// copies reports whether a source's flows are copies, or near copies, of training flows
// more often than test flows are, by more than chance.
func (r *Report) copies(source string) bool {
	m := &r.Memorisation
	for _, row := range m.Rows {
		if row.source == source {
			return m.duplicates(row.figures)
		}
	}
	return false
}

// bestBaseline is the baseline with the highest TSTR accuracy, at the size of the
// verdict, among those that are allowed. It is "" where there is none.
func (r *Report) bestBaseline(allowed func(source string) bool) string {
	s, best := r.main(), ""
	for _, b := range r.sources {
		if got := accuracyOf(s, b.name); b.kind == baselineKind && finite(got) && allowed(b.name) && (best == "" || got > accuracyOf(s, best)) {
			best = b.name
		}
	}
	return best
}

func accuracyOf(s Size, source string) float64 { return s.Row(source).Figures["tstr_accuracy"].Mean() }

// standard is the baseline that distances are held against: the best of those that do
// not copy, since copies of training flows are as near to the test flows as training
// flows are. Where classification was not asked for, it is that of the subject.
func (r *Report) standard() string {
	for _, allowed := range []func(string) bool{func(s string) bool { return !r.copies(s) }, anySource} {
		if best := r.bestBaseline(allowed); best != "" {
			return best
		}
	}
	return r.subject.yardstick
}

func anySource(string) bool { return true }

// Yardstick names the yardstick in a sentence.
func (r *Report) Yardstick() string {
	name := r.standard()
	switch prose := r.sourceNamed(name).prose; {
	case !finite(accuracyOf(r.main(), name)):
		return prose
	case r.copies(name):
		return prose + ", the best baseline"
	default:
		return prose + ", the best baseline that does not copy"
	}
}

// useful compares the synthetic flows with real ones and with the best baselines, in
// words. how is their relation to a source: see [relate].
func (r *Report) useful(how func(source string) string) string {
	copying := "copies more of the training " + r.many + " than " + r.repeats
	best := r.bestBaseline(anySource)
	named := r.sourceNamed(best).prose
	if best == r.own {
		named += ", which is their own model without images"
	}
	named += ", the best baseline, which costs nothing"
	if r.copies(best) {
		named += " but " + copying
	}
	short := how(realSubset) == "below"
	var words string
	switch relation := how(best); {
	case relation == "above" && short:
		words = "short of real " + r.many + ", better than those of " + named
	case relation == "above":
		words = "as useful as real " + r.many + ", better than those of " + named
	case relation == "level with" && short:
		words = "short of real " + r.many + ", no better than those of " + named
	case relation == "level with":
		words = "as useful as real " + r.many + ", but no better than those of " + named
	case short:
		words = "worse than those of " + named
	default:
		words = "as useful as real " + r.many + ", but worse than those of " + named
	}
	if best == r.own && how(best) == "level with" {
		if next := r.bestBaseline(func(s string) bool { return s != r.own }); next != "" {
			words += fmt.Sprintf("; %s those of %s, the best of the others", comparisons[how(next)], r.sourceNamed(next).prose)
			if r.copies(next) {
				words += ", which " + copying
			}
		}
	}
	reached := best // the best that the sentence has come to
	if honest := r.standard(); honest != best && how(best) != "above" {
		words += fmt.Sprintf("; %s those of %s, the best that does not copy", comparisons[how(honest)], r.sourceNamed(honest).prose)
		reached = honest
	}
	if how(reached) == "below" {
		next := r.bestBaseline(func(s string) bool { return how(s) != "below" })
		if next == "" {
			return words + ", and than those of every other baseline"
		}
		words += fmt.Sprintf("; %s those of %s", comparisons[how(next)], r.sourceNamed(next).prose)
	}
	return words
}

// comparisons are relations in a sentence.
var comparisons = map[string]string{"above": "better than", "level with": "level with", "below": "worse than", "not comparable": "not comparable to"}
