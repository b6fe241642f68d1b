package joint

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// talk is n flows of each of two classes: requests up, answers down whose length
// depends on the request's, a packet of 0 bytes at times, and slow answers to long
// requests.
func talk(n int, seed uint64) []traffic.Flow {
	var flows []traffic.Flow
	for c := range 2 {
		rng := noise.Stream(seed, uint64(c))
		for range n {
			f := traffic.Flow{Label: fmt.Sprintf("class%d", c), Timed: true}
			for range 2 + rng.IntN(2) {
				request := float64(100 + 100*rng.IntN(2) + 10*c)
				f.Packets = append(f.Packets, make([]traffic.Packet, 2)...)
				p := f.Packets[len(f.Packets)-2:]
				traffic.SignedLength{}.Restore([]float64{-request, 2*request + 1}, p)
				p[0].IAT, p[1].IAT = 10, request*request
			}
			f.Packets[0].IAT = 0
			if rng.IntN(4) == 0 {
				f.Packets = append(f.Packets, traffic.Packet{})
			}
			flows = append(flows, f)
		}
	}
	return flows
}

func TestFlows(t *testing.T) {
	for _, s := range []Settings{{}, {Memory: markov.Memory{Order: 2}}, {Memory: markov.Memory{Order: 1, Whole: 2}}} {
		f, err := FitFlows(t.Context(), traffic.All(talk(60, 1)), 6, s, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.String(); s.Order == 2 && got != "order 2" || s.Whole == 2 && got != "order 1, beginnings of at least 2 flows whole" || s.Order == 0 && !strings.Contains(got, "order") {
			t.Errorf("%+v: %s", s, got)
		}
		flows, err := f.Draw("class1", 40, 7)
		if err != nil {
			t.Fatal(err)
		}
		counts := map[int]int{}
		for _, flow := range flows {
			counts[len(flow.Packets)]++
			if !flow.Timed || flow.Label != "class1" {
				t.Fatalf("a flow of %q, timed %v", flow.Label, flow.Timed)
			}
			for j := 0; j+1 < len(flow.Packets); j += 2 {
				request, answer := flow.Packets[j], flow.Packets[j+1]
				if request.Dir != traffic.Up || answer.Dir != traffic.Down || answer.Length != 2*request.Length+1 {
					t.Fatalf("%+v: packets %+v and %+v, which no flow has", s, request, answer)
				}
				want := float64(request.Length * request.Length)
				if math.Abs(answer.IAT/want-1) > .01 {
					t.Errorf("%+v: an answer after %v, want about %v", s, answer.IAT, want)
				}
			}
		}
		if counts[4] == 0 || counts[6] == 0 || counts[4]+counts[6] != 40 {
			t.Errorf("%+v: flows by packets %v, want some of 4 and of 6", s, counts)
		}
		fewer, err := f.Draw("class1", 3, 7)
		if err != nil || !reflect.DeepEqual(fewer, flows[:3]) {
			t.Errorf("flow i depends on how many are drawn: %v", err)
		}
		if _, err := f.Draw("class2", 1, 1); err == nil {
			t.Error("drew an unknown class")
		}
	}
	untimed := talk(20, 1)
	untimed[3].Timed = false
	f, err := FitFlows(t.Context(), traffic.All(untimed), 6, Settings{Memory: markov.Memory{Order: 1}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if flows, err := f.Draw("class0", 1, 1); err != nil || flows[0].Timed {
		t.Errorf("flows drawn have times, %v, though not all had", err)
	}
	for _, flows := range [][]traffic.Flow{nil, {{Label: "a", Packets: make([]traffic.Packet, 2)}}} {
		if _, err := FitFlows(t.Context(), traffic.All(flows), 6, Settings{Memory: markov.Memory{Order: 1}}, 1); err == nil {
			t.Error("fitted to no packets")
		}
	}
}
