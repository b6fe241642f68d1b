package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Another generator's flows have all that the synthetic flows have: the same figures where
// they are the same flows, each task, and a word where they are copies or too few.
func TestOtherGenerators(t *testing.T) {
	long(t)
	train, drawn := chatter(4, 80, 1), chatter(4, 40, 3)
	o := small()
	o.Tasks = []Task{Classification, Anomaly}
	r, err := Run(t.Context(), Data{Train: train, Test: chatter(4, 30, 2), Synthetic: Traffic{Flows: drawn}, Others: []Other[traffic.Flow]{
		{Name: "twin", Records: drawn}, {Name: "copier", Records: train}, {Name: "few", Records: drawn[:100]},
	}, Inputs: []Input{{Role: "other", Name: "twin", Drawn: &Drawn{1, 2, 1, 0}}}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(ofFlows.sources); len(r.sources) != n+3 || len(r.Memorisation.Rows) != n+3 {
		t.Errorf("%d sources and %d rows of memorisation, want %d", len(r.sources), len(r.Memorisation.Rows), n+3)
	}
	s := r.Sizes[len(r.Sizes)-1]
	if got, want := s.Row("twin").Figures["length_tv"].Mean(), s.Row(synthesised).Figures["length_tv"].Mean(); got != want {
		t.Errorf("the same flows, all of them: lengths %v and %v off", got, want)
	}
	if finite(s.Row("copier").Figures["tstr_accuracy"].Mean()) != true || len(r.Anomaly.Rows) != len(r.sourcesWith(inTasks)) {
		t.Errorf("accuracy %v, %d rows of anomaly detection", s.Row("copier").Figures["tstr_accuracy"], len(r.Anomaly.Rows))
	}
	if l := r.markedLineOf("copier"); l.Note != "copies" || l.Kind != otherKind {
		t.Errorf("the row of a generator that copies: %+v", l)
	}
	if best := r.Verdict.Best; r.sourceNamed(best).kind != baselineKind {
		t.Errorf("%q is no baseline", best)
	}
	notes, summary := strings.Join(r.Notes, "\n"), strings.Builder{}
	if err := r.Summary(&summary); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The 2 draws of 40 flows a class by twin overlap", "few has fewer flows than the others, where 40 flows a class are", "part of the twin flows"} {
		if !strings.Contains(notes, want) {
			t.Errorf("want %q in %s", want, notes)
		}
	}
	if !strings.Contains(summary.String(), "\n  copier, copies ") {
		t.Errorf("no row of the copier:\n%s", &summary)
	}
	if got := (page{Report: r}).OtherGenerators(); !slices.Equal(got, []string{"twin", "copier", "few"}) {
		t.Errorf("other generators %q", got)
	}
	if len(ofFlows.sources) == len(r.sources) {
		t.Error("the package's own sources have changed")
	}
}

func TestOtherGeneratorsOfSeries(t *testing.T) {
	drawn := streams(3, 40, 24, 3)
	d := SeriesData{Train: streams(3, 30, 24, 1), Test: streams(3, 20, 24, 2), Synthetic: drawn, Others: []Other[series.Series]{{Name: "twin", Records: drawn}}}
	r, err := RunSeries(t.Context(), d, smallSeries())
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Sizes[0].Row("twin").Figures["tstr_accuracy"]; len(got.Values) != 2 || !finite(got.Mean()) {
		t.Errorf("accuracy of another generator's series: %v", got)
	}
	if page := (page{Report: r}); !page.OfSeries() {
		t.Error("a report of series with another generator is none of series")
	}
	d.Others[0].Records = streams(3, 40, 12, 3)
	if _, err := RunSeries(t.Context(), d, smallSeries()); err == nil || !strings.Contains(err.Error(), "twin series 1 has 12 bins") {
		t.Errorf("series of another length: %v", err)
	}
}

func TestOtherGeneratorsRefused(t *testing.T) {
	flows := chatter(2, 30, 1)
	for want, others := range map[string][]Other[traffic.Flow]{
		"that no other row has":    {{Records: flows}},
		`called "Markov, order 1"`: {{Name: "Markov, order 1", Records: flows}},
		`called "merged"`:          {{Name: "merged", Records: flows}},
		`called "ours"`:            {{Name: "ours", Records: flows}, {Name: "ours", Records: flows}},
		"no mine flows":            {{Name: "mine", Records: nil}},
		"none of the 1 mine flows is of a class of the": {{Name: "mine", Records: []traffic.Flow{flow("new", 1, 2)}}},
	} {
		_, err := Run(t.Context(), Data{Train: flows, Test: flows, Synthetic: Traffic{Flows: flows}, Others: others}, small())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Times are compared only where all have them.
func TestOtherGeneratorWithoutTimes(t *testing.T) {
	long(t)
	timed := func(seed uint64) []traffic.Flow { return clocked(chatter(2, 40, seed), 1, seed) }
	o := small()
	o.Tasks = []Task{Classification}
	r, err := Run(t.Context(), Data{Train: timed(1), Test: timed(2), Synthetic: Traffic{Flows: timed(3)}, Others: []Other[traffic.Flow]{{Name: "mute", Records: chatter(2, 40, 4)}}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.e.timed || !strings.Contains(strings.Join(r.Notes, "\n"), "The flows by mute have no times") {
		t.Errorf("timed %v, notes %v", r.e.timed, r.Notes)
	}
}
