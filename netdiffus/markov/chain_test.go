package markov

import (
	"fmt"
	"iter"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// flow makes a flow of signed lengths.
func flow(label string, signed ...float64) traffic.Flow {
	f := traffic.Flow{Label: label, Packets: make([]traffic.Packet, len(signed))}
	traffic.SignedLength{}.Restore(signed, f.Packets)
	return f
}

func all(flows ...traffic.Flow) iter.Seq2[traffic.Flow, error] {
	return func(yield func(traffic.Flow, error) bool) {
		for _, f := range flows {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func signed(f traffic.Flow) string {
	return strings.Trim(fmt.Sprint(traffic.SignedLength{}.Values(f.Packets)), "[]")
}

// TestOrders draws from four flows whose packets depend on the first one, two
// back: each order keeps as much of that as it can see.
func TestOrders(t *testing.T) {
	flows := all(flow("a", -1, 5, 10), flow("a", -2, 5, 20), flow("a", -1, 5, 10, 7), flow("a", -2, 5, 20))
	cases := []struct {
		order int
		want  map[string]float64 // share of each flow drawn
	}{
		{2, map[string]float64{"-1 5 10": .25, "-1 5 10 7": .25, "-2 5 20": .5}},
		{1, map[string]float64{"-1 5 10": .125, "-1 5 10 7": .125, "-2 5 20": .25,
			"-2 5 10": .125, "-2 5 10 7": .125, "-1 5 20": .25}},
		{0, map[string]float64{"-1 5 10": .1875, "-1 5 10 7": .0625, "-2 5 20": .1875, "-2 5 20 7": .0625,
			"-2 5 10": .1875, "-2 5 10 7": .0625, "-1 5 20": .1875, "-1 5 20 7": .0625}},
	}
	for _, c := range cases {
		chain, err := Fit(flows, c.order, 4)
		if err != nil {
			t.Fatal(err)
		}
		const n = 8000
		for name, draw := range map[string]func(string, int, uint64) ([]traffic.Flow, error){"independently": chain.Draw, "evenly": chain.DrawEvenly} {
			drawn, err := draw("a", n, 1)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]float64{}
			for _, f := range drawn {
				got[signed(f)] += 1. / n
			}
			if len(got) != len(c.want) {
				t.Errorf("order %d, %s: draws %d kinds of flow, want %d: %v", c.order, name, len(got), len(c.want), got)
			}
			for s, share := range c.want {
				e := 4 * math.Sqrt(share*(1-share)/n) // four standard errors of a share of 8,000
				if name == "evenly" {
					e = 5. / n // of 8,000 parts of [0,1) next to each other
				}
				if math.Abs(got[s]-share) > e {
					t.Errorf("order %d, %s: share of %q = %.4f, want %.4f ± %.4f", c.order, name, s, got[s], share, e)
				}
			}
		}
	}
}

func TestDrawRepeats(t *testing.T) {
	chain, err := Fit(all(flow("a", 1, 2), flow("a", 3, 4), flow("a", 3, 2, 1), flow("b", 9)), 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	few, _ := chain.Draw("a", 3, 5)
	many, _ := chain.Draw("a", 30, 5)
	if !reflect.DeepEqual(few, many[:3]) {
		t.Errorf("3 flows %v, the first of 30 %v", few, many[:3])
	}
	if b, _ := chain.Draw("b", 1, 5); signed(b[0]) != "9" {
		t.Errorf("class b drew %q, want its only flow", signed(b[0]))
	}
}

func TestRefusals(t *testing.T) {
	if _, err := Fit(all(), 1, 10); err == nil {
		t.Error("Fit of no flows succeeded")
	}
	for _, order := range []int{-1, maxOrder + 1} {
		if _, err := Fit(all(flow("a", 1)), order, 10); err == nil {
			t.Errorf("Fit of order %d succeeded", order)
		}
	}
	chain, err := Fit(all(flow("a", 1)), 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.Draw("c", 1, 0); err == nil || !strings.Contains(err.Error(), `"c"`) {
		t.Errorf("Draw of an unknown class: %v", err)
	}
}

// TestTimes: a packet's time is one seen with that very step, as often; without
// times on every flow there are none, and packets are the same either way.
func TestTimes(t *testing.T) {
	timed := func(signed []float64, times ...float64) traffic.Flow {
		f := flow("a", signed...)
		f.Timed = true
		traffic.InterArrival{}.Restore(times, f.Packets)
		return f
	}
	flows := []traffic.Flow{
		timed([]float64{-1, 5}, 0, 10), timed([]float64{-1, 5}, 0, 30), timed([]float64{-2, 5}, 0, 900), timed([]float64{-2}, 0)}
	chain, err := Fit(all(flows...), 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := chain.Draw("a", 4000, 2)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]float64{}
	for _, f := range drawn {
		if !f.Timed || f.Packets[0].IAT != 0 {
			t.Fatalf("%v, want times, the first 0", f)
		}
		if len(f.Packets) > 1 {
			seen[fmt.Sprint(signed(f), " ", f.Packets[1].IAT)]++
		}
	}
	if len(seen) != 3 || math.Abs(seen["-1 5 10"]-1000) > 110 || math.Abs(seen["-1 5 30"]-1000) > 110 || math.Abs(seen["-2 5 900"]-1000) > 110 {
		t.Errorf("4000 flows drawn: %v, want about 1000 each of -1 5 at 10 and at 30 and of -2 5 at 900", seen)
	}

	flows[3].Timed = false
	if chain, err = Fit(all(flows...), 1, 3); err != nil {
		t.Fatal(err)
	}
	untimed, err := chain.Draw("a", 4000, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range untimed {
		if f.Timed || signed(f) != signed(drawn[i]) {
			t.Fatalf("flow %d without times: %v, want the packets of %v", i, f, drawn[i])
		}
	}
}
