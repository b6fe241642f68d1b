package report

import (
	"strings"
	"testing"
)

// rowsOf is a report of sources with these accuracies and shares of copies; test flows
// copy in 0.3.
func rowsOf(accuracy, copies map[string]float64) *Report {
	r := &Report{subject: ofFlows, Settings: settings{Seeds: 3}, Sizes: []Size{{PerClass: 100, Draws: 3}}}
	always := func(name string, v float64) spreads { return spreads{name: Spread{[]float64{v, v, v}}} }
	for name, v := range accuracy {
		r.Sizes[0].Rows = append(r.Sizes[0].Rows, Row{Source: name, Figures: always("tstr_accuracy", v)})
	}
	for name, v := range copies {
		r.Memorisation.Rows = append(r.Memorisation.Rows, memoryRow{name, ofFlows.memoryFigures, always("exact_duplicates", v)})
	}
	r.Memorisation.HeldOut, r.Memorisation.Tested = memoryRow{testRecords, ofFlows.memoryFigures, always("exact_duplicates", .3)}, 10000
	return r
}

// TestHeadline: the headline compares with the best baseline, and where that copies
// with the best that does not.
func TestHeadline(t *testing.T) {
	none := map[string]float64{}
	third := map[string]float64{markov1: .1, markov2: .3, markov3: .6}
	for _, c := range []struct {
		name             string
		accuracy, copies map[string]float64
		want             string
		yardstick        string
	}{
		{"better", map[string]float64{synthesised: .905, realSubset: .91, markov1: .80, markov2: .85}, none,
			"as useful as real flows, better than those of Markov order 2, the best baseline, which costs nothing.", markov2},
		{"level", map[string]float64{synthesised: .855, realSubset: .91, markov1: .80, markov2: .85}, none,
			"short of real flows, no better than those of Markov order 2, the best baseline, which costs nothing.", markov2},
		{"between two chains", map[string]float64{synthesised: .82, realSubset: .91, markov1: .80, markov2: .85}, none,
			"worse than those of Markov order 2, the best baseline, which costs nothing; better than those of Markov order 1.", markov2},
		{"worst", map[string]float64{synthesised: .2, realSubset: .91, markov1: .80, independent: .5}, none,
			"worse than those of Markov order 1, the best baseline, which costs nothing, and than those of every other baseline.", markov1},
		{"the best copies", map[string]float64{synthesised: .85, realSubset: .91, markov1: .80, markov2: .85, markov3: .88}, third,
			"worse than those of Markov order 3, the best baseline, which costs nothing but copies more of the training flows than traffic repeats itself; level with those of Markov order 2, the best that does not copy.", markov2},
		{"better than the best, which copies", map[string]float64{synthesised: .905, realSubset: .91, markov2: .85, markov3: .88}, third,
			"as useful as real flows, better than those of Markov order 3, the best baseline, which costs nothing but copies more of the training flows than traffic repeats itself.", markov2},
		{"all copy", map[string]float64{synthesised: .80, realSubset: .91, markov3: .88}, third,
			"worse than those of Markov order 3, the best baseline, which costs nothing but copies more of the training flows than traffic repeats itself, and than those of every other baseline.", markov3},
	} {
		r := rowsOf(c.accuracy, c.copies)
		headline, points := r.usefulness()
		if want := "To train a classifier, these synthetic flows are " + c.want; headline != want {
			t.Errorf("%s:\n%s, want\n%s", c.name, headline, want)
		}
		if got := r.standard(); got != c.yardstick {
			t.Errorf("%s: distances are held against %s, want %s", c.name, got, c.yardstick)
		}
		if marked := strings.Contains(points[0], "Markov order 3 0.880 ± 0.000 (below; copies)"); marked != (c.copies[markov3] > 0 && c.accuracy[synthesised] < .88) {
			t.Errorf("%s: %s", c.name, points[0])
		}
		if note := r.markedLineOf(markov3).Note; (note == "copies") != (c.copies[markov3] > 0) {
			t.Errorf("%s: the row of Markov order 3 has the note %q", c.name, note)
		}
	}
	r := rowsOf(map[string]float64{synthesised: .905, realSubset: .91, markov3: .88, merged: .906}, third)
	r.own = merged
	if headline, _ := r.usefulness(); headline != "To train a classifier, these synthetic flows are as useful as real flows, but no better than those of the merged chain, which is their own model without images, the best baseline, which costs nothing; better than those of Markov order 3, the best of the others, which copies more of the training flows than traffic repeats itself." {
		t.Errorf("of the baseline that the model is itself: %s", headline)
	}
	if got := rowsOf(nil, nil).Yardstick(); got != "Markov order 1" {
		t.Errorf("without classification the yardstick is %s", got)
	}
}

// TestGradeOfDetection: an area of 0.5 or less is chance, above it less is better.
func TestGradeOfDetection(t *testing.T) {
	f := ofFlows.figureNamed("detection_auc")
	for _, c := range []struct {
		synthetic, real, chain float64
		want                   grade
	}{
		{.50, .49, .60, asReal},
		{.50, .40, .60, asReal}, // the real flows' is no better than 0.5
		{.30, .50, .60, asReal},
		{.56, .50, .60, asBaseline},
		{.63, .50, .60, worseThanBaseline},
	} {
		r := rowsOf(nil, nil)
		for name, v := range map[string]float64{synthesised: c.synthetic, realSubset: c.real, markov1: c.chain} {
			r.Sizes[0].Rows = append(r.Sizes[0].Rows, Row{Source: name, Figures: spreads{f.name: Spread{[]float64{v, v, v}}}})
		}
		if got := r.grade(r.Sizes[0], f); got != c.want {
			t.Errorf("%+v: grade %v", c, got)
		}
	}
}

// TestCoverage: half of what occurs is covered by half, and new flows are those that
// training flows do not equal.
func TestCoverage(t *testing.T) {
	of := func(values ...float64) []record {
		var out []record
		for _, v := range values {
			for range 20 {
				out = append(out, record{values: []float64{v, -v}})
			}
		}
		return out
	}
	c := classDraw{reference: &reference{subject: ofFlows}, train: of(100, 200), test: of(100, 200, 300, 400), drawn: of(100, 300, 500, 600)}
	if got := coverage(c); got != .5 {
		t.Errorf("coverage %v, want 0.5", got)
	}
	if got := newCoverage(c); got != .5 { // of 300 and 400
		t.Errorf("coverage of new flows %v, want 0.5", got)
	}
	c.drawn = of(100, 200, 500, 600)
	if got := newCoverage(c); got != 0 {
		t.Errorf("coverage of new flows by copies %v, want 0", got)
	}
	if got := detection(false).class(c); !(got > .6) {
		t.Errorf("detection of flows half of which do not occur: AUC %v", got)
	}
}
