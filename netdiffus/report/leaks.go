package report

import (
	"fmt"
	"math"
	"strings"
)

// judge puts the memorisation into words.
func (m *memorisation) judge(s *subject) {
	rows := map[string]spreads{}
	for _, row := range m.Rows {
		rows[row.source] = row.figures
	}
	got, held := rows[synthesised], m.HeldOut.figures
	attack, copies := got["membership_auc_distinct"], rows[realSubset]["membership_auc_distinct"]
	duplicates := m.duplicates(got)
	// What verbatim copies give away is the most that there is to give away.
	given := (attack.Mean() - 0.5) / (copies.Mean() - 0.5)
	noticed := attack.Mean() > 0.5+0.02+2*attack.standardError()
	attacked := noticed && given > 0.75
	m.Leaks = duplicates || attacked

	var b strings.Builder
	percent := func(figures spreads, name string) float64 { return 100 * figures[name].Mean() }
	fmt.Fprintf(&b, "Memorisation: %.1f %% of the synthetic %s are exact copies of a training %s and %.1f %% copies or near copies; of real %s that were never trained on it is %.1f %% and %.1f %%.",
		percent(got, "exact_duplicates"), s.many, s.one, percent(got, "near_duplicates"), s.many, percent(held, "exact_duplicates"), percent(held, "near_duplicates"))
	if duplicates {
		b.WriteString(" The generator copies more than " + s.repeats + ".")
	} else {
		b.WriteString(" That is no more than " + s.repeats + ".")
	}
	if finite(given) {
		fmt.Fprintf(&b, " An attacker who tries to find out whether a given %s was trained on reaches an AUC of %s (0.5 is guessing, verbatim copies of as many training %s give %s)", s.one, attack, s.many, copies)
		switch {
		case attacked:
			b.WriteString(": the " + s.many + " give away as much as copies would, or nearly.")
		case noticed && given > 0.25:
			b.WriteString(": some, but less than copies would.")
		default:
			b.WriteString(": next to nothing.")
		}
	}
	if m.Leaks {
		b.WriteString(" Do not publish these " + s.many + " where the training " + s.many + " are confidential.")
	} else {
		b.WriteString(" This is no proof of privacy: " + s.caution + ".")
	}
	m.Verdict = b.String()
}

// duplicates reports whether flows with these figures copy, or nearly copy, more than
// traffic repeats itself.
func (m *memorisation) duplicates(got spreads) bool {
	held := m.HeldOut.figures
	return m.above(got["exact_duplicates"], held["exact_duplicates"]) || m.above(got["near_duplicates"], held["near_duplicates"])
}

// above reports whether a share of the synthetic flows is above that of the test
// flows by more than 0.02 and twice the standard errors of both.
func (m *memorisation) above(got, held Spread) bool {
	p := held.Mean()
	return got.Mean() > p+0.02+2*got.standardError()+2*math.Sqrt(p*(1-p)/float64(m.Tested))
}
