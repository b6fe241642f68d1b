package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// private are n flows each of two classes with lengths that no other flow has.
func private(n int, seed uint64) (flows []traffic.Flow) {
	rng := noise.Stream(seed)
	for i := range 2 * n {
		flows = append(flows, flow(fmt.Sprintf("class%d", i%2), 1+float64(rng.IntN(1400)), 1+float64(rng.IntN(1400)), -1-float64(rng.IntN(1400)), 1+float64(rng.IntN(1400))))
	}
	return flows
}

// attackedOnly are the options of a report that does little but attack.
func attackedOnly(p Privacy) Options {
	return Options{PerClass: []int{20}, Seeds: 1, SeriesLength: 6, Trees: 5, Tasks: []Task{Classification}, Privacy: p}
}

func runPrivacy(t *testing.T, d Data, o Options) *Report {
	t.Helper()
	last, total := 0, 0
	o.Progress = func(done, n int, _ string) { last, total = done, n }
	r, err := Run(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	if last != total {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	return r
}

// TestPrivacy: copies are caught by every attack that copies give to, flows that are drawn
// anew are not; both on the page, in the summary and in metrics.json.
func TestPrivacy(t *testing.T) {
	train, test := private(100, 1), private(100, 2)
	for _, c := range []struct {
		name      string
		synthetic []traffic.Flow
		head      string
		copied    bool
	}{
		{"copies", train, "more often than by a coin", true},
		{"drawn anew", private(100, 3), "as often as if the flows had never been seen", false},
	} {
		r := runPrivacy(t, Data{Train: train, Test: test, Synthetic: Traffic{Flows: c.synthetic}}, attackedOnly(QuickPrivacy))
		p := r.Privacy
		if !strings.Contains(p.Head, c.head) {
			t.Errorf("%s: %q", c.name, p.Head)
		}
		row := p.row(synthesised)
		if m := row.Membership[0]; c.copied != (m.AUC.Low > 0.95) || c.copied != (row.Exact == 1) {
			t.Errorf("%s: nearest record's AUC %v, copies %v", c.name, m.AUC, row.Exact)
		}
		if found := strings.Contains(strings.Join(p.Points, "\n"), "inferring a number (risk"); found != c.copied {
			t.Errorf("%s: %q", c.name, p.Points)
		}
		if m := p.row(allReal).Membership[0]; m.AUC.Low < 0.95 {
			t.Errorf("%s: of the training flows themselves the AUC is %v", c.name, m.AUC)
		}
		if m := p.row(heldOut).Membership[0]; m.AUC.Low > 0.5 || m.AUC.High < 0.5 {
			t.Errorf("%s: of held-out flows the AUC is %v", c.name, m.AUC)
		}
		var summary strings.Builder
		page, err := r.render(nil)
		if err == nil {
			err = r.Summary(&summary)
		}
		if err != nil {
			t.Fatal(err)
		}
		for what, text := range map[string]string{"page": string(page), "summary": summary.String()} {
			for _, want := range []string{"An attacker who has these flows", "DOMIAS, narrow", "held-out flows", "linking two halves"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s: the %s lacks %q", c.name, what, want)
				}
			}
		}
		text, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var parsed struct {
			Privacy struct {
				Level string
				Rows  []struct {
					Source     string
					Membership []struct {
						Attack string
						AUC    struct{ Value, Low, High float64 }
					}
					Copies float64 `json:"exact_copies"`
				}
			}
		}
		if err := json.Unmarshal(text, &parsed); err != nil {
			t.Fatal(err)
		}
		got := parsed.Privacy
		if got.Level != "quick" || len(got.Rows) != 3+len(ofFlows.attacked) || got.Rows[0].Source != synthesised || got.Rows[0].Membership[0].AUC.Value != row.Membership[0].AUC.Value || got.Rows[1].Copies != 1 {
			t.Errorf("%s: metrics.json has %+v", c.name, got)
		}
	}
}

// TestDeepPrivacy: shadow models catch a generator that copies, are asked of the generator
// that is given, and their errors are told.
func TestDeepPrivacy(t *testing.T) {
	long(t)
	train, test := private(100, 1), private(100, 2)
	d := Data{Train: train, Test: test, Synthetic: Traffic{Flows: train}}
	o := attackedOnly(DeepPrivacy)
	called := 0
	o.Shadow = &Shadow{Title: "a copying machine", Draw: func(_ context.Context, train []traffic.Flow, n map[string]int, _ uint64) ([]traffic.Flow, error) {
		if called++; n["class0"] != 100 || n["class1"] != 100 {
			t.Errorf("%v flows are asked for, want 100 of each class", n)
		}
		return train, nil
	}}
	r := runPrivacy(t, d, o)
	if called != 16 || r.Privacy.Shadow != "a copying machine" {
		t.Errorf("%d shadow models of %q", called, r.Privacy.Shadow)
	}
	for _, source := range []string{synthesised, allReal, markov1, markov4} {
		// The chains count each of these flows, no two of which are alike.
		m := r.Privacy.row(source).Membership
		if last := m[len(m)-1]; last.Attack != "lira" || last.AUC.Low < 0.95 {
			t.Errorf("%s: %s has AUC %v", source, last.Attack, last.AUC)
		}
	}
	if m := r.Privacy.row(heldOut).Membership; m[len(m)-1].AUC.Low > 0.5 {
		t.Errorf("held-out flows: LiRA has AUC %v", m[len(m)-1].AUC)
	}

	o.Shadow.Draw = func(context.Context, []traffic.Flow, map[string]int, uint64) ([]traffic.Flow, error) {
		return nil, errors.New("no toner")
	}
	if _, err := Run(t.Context(), d, o); err == nil || !strings.Contains(err.Error(), "privacy of synthetic: privacy: shadow model 1 of 16: no toner") {
		t.Errorf("a shadow that fails: %v", err)
	}

	// Without a generator it is taken for the merged chain, fitted anew.
	o.Shadow = nil
	if r := runPrivacy(t, Data{Train: train, Test: test, Synthetic: Traffic{Flows: private(100, 3)}}, o); r.Privacy.Shadow != "the merged chain" || !strings.Contains(r.Privacy.Head, "as often as if") {
		t.Errorf("%q by shadow models of %q", r.Privacy.Head, r.Privacy.Shadow)
	}
}

func TestPrivacyRefuses(t *testing.T) {
	long(t)
	train, test := private(60, 1), private(60, 2)
	good := Data{Train: train, Test: test, Synthetic: Traffic{Flows: private(60, 3)}}
	few := good
	few.Test = private(10, 2)
	none := good
	none.Test = nil
	oneClass := good
	oneClass.Train = nil
	for _, f := range train {
		if f.Label == "class0" {
			oneClass.Train = append(oneClass.Train, f)
		}
	}
	unknown := attackedOnly("thorough")
	shadow := attackedOnly(QuickPrivacy)
	shadow.Shadow = &Shadow{}
	for _, c := range []struct {
		name string
		d    Data
		o    Options
		want string
	}{
		{"unknown", good, unknown, `privacy "thorough"`},
		{"shadows for quick", good, shadow, "shadow models are for"},
		{"too few held out", few, attackedOnly(QuickPrivacy), "want at least 20; hold more records out"},
		{"none held out", none, attackedOnly(QuickPrivacy), "no test flows"},
		{"one class", oneClass, attackedOnly(QuickPrivacy), "want two classes or more"},
	} {
		if _, err := Run(t.Context(), c.d, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestPrivacyOfSeries: series are attacked in the same manner.
func TestPrivacyOfSeries(t *testing.T) {
	train, test := streams(2, 60, 12, 1), streams(2, 60, 12, 2)
	o := Options{PerClass: []int{20}, Seeds: 1, Trees: 5, Tasks: []Task{Classification}, Privacy: DeepPrivacy}
	r, err := RunSeries(t.Context(), SeriesData{Train: train, Test: test, Synthetic: train}, o)
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Privacy.row(synthesised).Membership[0]; m.AUC.Low < 0.95 {
		t.Errorf("copies: AUC %v", m.AUC)
	}
	if m := r.Privacy.row("jitter").Membership[0]; m.AUC.Low < 0.6 {
		t.Errorf("jittered copies: AUC %v", m.AUC)
	}
	if m := r.Privacy.row(heldOut).Membership[0]; m.AUC.Low > 0.5 || m.AUC.High < 0.5 {
		t.Errorf("held-out series: AUC %v", m.AUC)
	}
	o.Shadow = &Shadow{}
	if _, err := RunSeries(t.Context(), SeriesData{Train: train, Test: test, Synthetic: train}, o); err == nil || !strings.Contains(err.Error(), "are for flows") {
		t.Errorf("shadow models of series: %v", err)
	}
}
