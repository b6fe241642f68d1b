package report

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func TestRun(t *testing.T) {
	d := Data{Train: clocked(chatter(4, 80, 1), 1, 1), Test: clocked(chatter(4, 30, 2), 1, 2), Synthetic: Traffic{Flows: clocked(chatter(4, 40, 3), 1, 3)}}
	o := small()
	last, total := 0, 0
	o.Progress = func(done, n int, _ string) { last, total = done, n }
	r, err := Run(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	if last != total || last == 0 {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	if len(r.Sizes) != 2 || r.Sizes[1].PerClass != 40 {
		t.Fatalf("sizes %+v", r.Sizes)
	}
	for _, s := range ofFlows.sources {
		source := s.name
		row := r.Sizes[1].Row(source)
		if row.Flows != 160 {
			t.Errorf("%s: %d flows, want 40 of each of 4 classes", source, row.Flows)
		}
		for _, f := range ofFlows.figures {
			if f.needs == needImages {
				continue // there are none
			}
			if got := row.Figures[f.name]; len(got.Values) != 2 || !finite(got.Mean()) {
				t.Errorf("%s: %s = %v, want two numbers", source, f.name, got.Values)
			}
		}
	}
	// Drawn from the same distribution, the flows do as well as real ones.
	if !strings.Contains(r.Verdict.Headline, "as useful as real flows") {
		t.Errorf("verdict on flows as good as real: %q", r.Verdict.Headline)
	}
	// 40 flows of the 40 there are, each time the same.
	for i, line := range r.figureTable(r.Sizes[1], "", []figure{ofFlows.figureNamed("length_tv")}).Rows {
		if got := line.Cells[0].Aside; (got == "one draw") != (i == 0) {
			t.Errorf("%s: %q behind the figure, want \"one draw\" for the synthetic flows alone", line.Name, got)
		}
	}
	if len(r.Augmentation) != len(ofFlows.few) || r.Fingerprint == nil || r.Anomaly == nil || len(r.Memorisation.Rows) != len(ofFlows.sources) {
		t.Errorf("tasks are missing: %d, %v, %v, %d", len(r.Augmentation), r.Fingerprint, r.Anomaly, len(r.Memorisation.Rows))
	}
	for _, a := range r.Augmentation {
		if len(a.Rows) != 6 || a.Rows[0].Source != alone || a.Judge != "forest" {
			t.Errorf("augmentation of %d: %d rows, the first %q of %q, want the real flows alone and five sources", a.Real, len(a.Rows), a.Rows[0].Source, a.Judge)
		}
		for _, row := range a.Rows {
			if want := row.MacroF1.Mean() - a.Rows[0].MacroF1.Mean(); len(row.GainF1.Values) != 2 || math.Abs(row.GainF1.Mean()-want) > 1e-12 {
				t.Errorf("gain of F1 by %q: %v, want two of mean %v", row.Source, row.GainF1.Values, want)
			}
		}
	}
	for _, source := range []string{synthesised, realSubset, markov1, markov2, independent} {
		n := 0
		for _, row := range r.Fingerprint.Rows {
			if row.Source == source {
				n++
			}
		}
		if n != 2 { // in place of the real flows, and in addition to them
			t.Errorf("fingerprinting: %d rows of %q, want 2", n, source)
		}
	}
	for _, row := range r.Memorisation.Rows {
		some, all, test := row.figures["closest_train"], row.figures["closest_record_mean"], row.figures["closest_test"]
		if len(some.Values) != 2 || !(some.Mean() >= all.Mean()) || !finite(test.Mean()) {
			t.Errorf("%s: closest of some training flows %v, of all %v, of test flows %v", row.source, some, all, test)
		}
	}
	again, err := Run(t.Context(), d, small())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := r.JSON()
	b, _ := again.JSON()
	if string(a) != string(b) {
		t.Error("two runs give two reports")
	}
}

// long skips a test of what whole reports say in the race detector's run, where it takes minutes and
// others run the same code.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("whole reports: some seconds")
	}
}

// TestBadFlowsAreCalledBad: a report must not flatter.
func TestBadFlowsAreCalledBad(t *testing.T) {
	long(t)
	train, test := chatter(4, 80, 1), chatter(4, 30, 2)
	exchanged := chatter(4, 40, 3)
	for i := range exchanged {
		exchanged[i].Label = fmt.Sprintf("class%d", (int(exchanged[i].Label[5]-'0')+1)%4)
	}
	o := small()
	o.Tasks = []Task{Classification}
	r, err := Run(t.Context(), Data{Train: train, Test: test, Synthetic: Traffic{Flows: exchanged}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Verdict.Headline, "and than those of every other baseline") {
		t.Errorf("classes exchanged: %q", r.Verdict.Headline)
	}

	// Copies of the training flows are as useful as these, and no secret.
	secret := private(60, 1)
	o.PerClass = []int{60}
	r, err = Run(t.Context(), Data{Train: secret, Test: private(60, 2), Synthetic: Traffic{Flows: secret}}, o)
	if err != nil {
		t.Fatal(err)
	}
	m := r.Memorisation
	exact, attack, held := m.Rows[0].figures["exact_duplicates"], m.Rows[0].figures["membership_auc_distinct"], m.HeldOut.figures["exact_duplicates"]
	if !m.Leaks || exact.Mean() != 1 || attack.Mean() != 1 || held.Mean() != 0 {
		t.Errorf("copies: leaks %v, duplicates %v, attack %v, held out %v", m.Leaks, exact, attack, held)
	}
	if !strings.Contains(m.Verdict, "Do not publish") {
		t.Errorf("verdict on copies: %q", m.Verdict)
	}
}

func TestRunRefuses(t *testing.T) {
	good := Data{Train: chatter(2, 9, 1), Test: chatter(2, 9, 2), Synthetic: Traffic{Flows: chatter(2, 9, 3)}}
	one := good
	one.Train, one.Test, one.Synthetic.Flows = good.Train[:9], good.Test[:9], good.Synthetic.Flows[:9]
	none := good
	none.Synthetic.Flows = nil
	foreign := good
	foreign.Synthetic.Flows = []traffic.Flow{flow("other", 5)}
	apart := good
	apart.Test, apart.Synthetic.Flows = good.Test[:9], good.Synthetic.Flows[9:]
	empty := good
	empty.Test = []traffic.Flow{flow("class0", 0, 0)}
	for _, c := range []struct {
		name string
		d    Data
		o    Options
		want string
	}{
		{"no synthetic flows", none, Options{}, "no synthetic flows"},
		{"other classes", foreign, Options{}, "none of the 1 synthetic flows is of a class"},
		{"no class in common", apart, Options{}, "no class has both test flows and synthetic ones"},
		{"nothing but padding", empty, Options{}, "none of the 1 test flows"},
		{"one class", one, Options{}, "two classes or more"},
		{"task", good, Options{Tasks: []Task{"magic"}}, `unknown task "magic"`},
		{"size", good, Options{PerClass: []int{0}}, "at least 1"},
		{"seeds", good, Options{Seeds: -1}, "seeds"},
		{"length", good, Options{SeriesLength: 1}, "packets a flow"},
	} {
		if _, err := Run(t.Context(), c.d, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, good, small()); err != context.Canceled && !strings.Contains(fmt.Sprint(err), "canceled") {
		t.Errorf("after cancel: %v", err)
	}
}

// TestNotes: what the data lack is said, and is no reason to fail.
func TestNotes(t *testing.T) {
	long(t)
	synthetic := chatter(3, 10, 3)[:25] // class2 has 5
	synthetic = append(synthetic, flow("stranger", 7), flow("class0", 0))
	test := chatter(2, 12, 2) // none of class2
	o := small()
	o.Seeds = 1
	train := append(chatter(3, 20, 1), flow("void", 0, 0)) // a class of nothing but padding is no class
	r, err := Run(t.Context(), Data{Train: train, Test: test, Synthetic: Traffic{Flows: synthetic}, Inputs: []Input{{Role: "synthetic", Way: "chain of order 2"}}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Classes) != 3 {
		t.Errorf("classes %+v, want three", r.Classes)
	}
	notes := strings.Join(r.Notes, "\n")
	for _, want := range []string{
		"The synthetic flows were drawn by the chain of order 2",
		"1 synthetic flows are of classes that the training flows lack",
		"1 synthetic flows have no packet",
		"1 training flows have no packet",
		`no test flows of class "class2"`,
		"20 flows a class were asked for; the synthetic flows are at most 10",
		`"class2" has 5 synthetic flows where 10`,
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes lack %q:\n%s", want, notes)
		}
	}
	if len(r.Sizes) != 1 || r.Sizes[0].PerClass != 10 || !r.Sizes[0].Short {
		t.Errorf("sizes %d, want one of 10, short of flows", len(r.Sizes))
	}
	if !strings.Contains(strings.Join(r.Verdict.Points, " "), "spread is not known") || !strings.Contains(r.Verdict.Headline, "a single draw") {
		t.Errorf("one seed: %q", r.Verdict)
	}
	if _, err := r.HTML(t.Context()); err != nil {
		t.Errorf("the page: %v", err)
	}
}

// TestFurtherJudges: a classifier given in addition to the forest does the tasks too.
func TestFurtherJudges(t *testing.T) {
	long(t)
	o := small()
	o.Tasks = []Task{Classification, Augmentation, Fingerprint}
	o.Judges = []NamedJudge{{Name: "stubborn", Title: "always the first class", Judge: func(_ context.Context, _ classify.Table, test [][]float64, _ uint64) ([]int, error) {
		return make([]int, len(test)), nil
	}}}
	last, total := 0, 0
	o.Progress = func(done, n int, _ string) { last, total = done, n }
	r, err := Run(t.Context(), Data{Train: chatter(4, 40, 1), Test: chatter(4, 30, 2), Synthetic: Traffic{Flows: chatter(4, 40, 3)}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if last != total {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	var got []string
	for _, a := range r.Augmentation {
		for _, row := range a.Rows {
			if a.Judge == "stubborn" {
				got = append(got, row.Source+" "+row.Accuracy.String())
			}
		}
	}
	for _, row := range r.Fingerprint.Rows {
		if row.Judge == "stubborn" && !row.Real {
			got = append(got, row.Source+" "+row.Accuracy.String())
		}
	}
	want := slices.Concat(slices.Repeat([]string{"none 0.250 ± 0.000", "synthetic 0.250 ± 0.000", "markov1 0.250 ± 0.000"}, len(ofFlows.few)), []string{"synthetic 0.250 ± 0.000", "markov1 0.250 ± 0.000"})
	if !slices.Equal(got, want) {
		t.Errorf("scores\n%q, want\n%q", got, want)
	}
	page, err := r.HTML(t.Context())
	if n := strings.Count(string(page), "Always the first class"); err != nil || n != 3 { // accuracy, macro F1, fingerprinting
		t.Errorf("the page names the classifier %d times among the tasks (%v), want 3", n, err)
	}
}

// TestMissingClass: means are of the same classes for every source.
func TestMissingClass(t *testing.T) {
	long(t)
	d := Data{Train: chatter(3, 40, 1), Test: chatter(3, 30, 2), Synthetic: Traffic{Flows: chatter(2, 20, 3)}}
	o := small()
	o.Tasks = []Task{Classification}
	r, err := Run(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	row := r.Sizes[0].Row(realSubset)
	want := (row.Classes["class0"]["bigram_js"].Mean() + row.Classes["class1"]["bigram_js"].Mean()) / 2
	if got := row.Figures["bigram_js"].Mean(); math.Abs(got-want) > 1e-12 || len(row.Classes["class2"]) == 0 {
		t.Errorf("real flows' mean %v, want %v: of the two classes that there are synthetic flows of", got, want)
	}
	if r.Memorisation.Tested != 60 {
		t.Errorf("copies are compared with those of %d test flows, want the 60 of the two classes", r.Memorisation.Tested)
	}
	if got := r.Sizes[0].Row(synthesised).Figures["tstr_accuracy"].Mean(); got > 0.7 {
		t.Errorf("accuracy %v without a third of the flows", got)
	}
}
