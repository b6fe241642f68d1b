package report

import (
	"math"
	"strings"
	"testing"
)

func TestTimes(t *testing.T) {
	long(t)
	d := Data{Train: clocked(chatter(3, 80, 1), 1, 1), Test: clocked(chatter(3, 60, 2), 1, 2)}
	d.Synthetic.Flows = clocked(chatter(3, 40, 3), math.E, 3)
	o := small()
	o.Tasks = []Task{Classification}
	r, err := Run(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	last := r.Sizes[len(r.Sizes)-1]
	// Stretched by e, every time lies 1 further up the scale.
	if got := last.Row(synthesised).Figures["w1_iat"].Mean(); math.Abs(got-1) > 0.25 {
		t.Errorf("W1 of stretched times = %v, want about 1", got)
	}
	for _, source := range []string{realSubset, markov1, markov2, independent, allReal} {
		f := last.Row(source).Figures
		if got := f["w1_iat"].Mean(); got > 0.4 {
			t.Errorf("%s: W1 of real times = %v, want little", source, got)
		}
		if got := f["ks_iat"].Mean(); got > 0.3 || !(last.Row(synthesised).Figures["ks_iat"].Mean() > got) {
			t.Errorf("%s: KS of real times = %v, of stretched ones %v", source, got, last.Row(synthesised).Figures["ks_iat"].Mean())
		}
		if got := f["tstr_iat_accuracy"].Mean(); !(got > 0.9) {
			t.Errorf("%s: accuracy with times %v", source, got)
		}
	}
	page, err := r.render(nil)
	if err != nil || !strings.Contains(string(page), "times between packets") || !strings.Contains(string(page), "Hellinger IAT") {
		t.Errorf("the page has no table of times, %v", err)
	}

	d.Test[5].Timed = false
	if r, err = Run(t.Context(), d, o); err != nil {
		t.Fatal(err)
	}
	for name, f := range r.Sizes[0].Row(synthesised).Figures {
		if strings.Contains(name, "iat") || strings.Contains(name, "duration") {
			t.Errorf("a flow has no times, but there is %s = %v", name, f)
		}
	}
	if page, err = r.render(nil); err != nil || strings.Contains(string(page), "times between packets") {
		t.Errorf("the page has a table of times that are not there, %v", err)
	}
}
