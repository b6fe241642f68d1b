package dataset

import (
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// The codec of the part that is kept knows nothing of the part that is held out.
func TestHoldOut(t *testing.T) {
	var flows []traffic.Flow
	for i := range 100 {
		f := traffic.Flow{Label: "ab"[i%2 : i%2+1], Packets: make([]traffic.Packet, 2)}
		traffic.SignedLength{}.Restore([]float64{100, float64(200 + i)}, f.Packets) // every second packet is met once
		if i%4 == 0 {
			f.Packets = f.Packets[:1]
		}
		flows = append(flows, f)
	}
	set, err := Build(traffic.All(flows), Recipe{SeriesLength: 2, Channels: []Channel{{Codec: &codec.Atoms{}}}})
	if err != nil {
		t.Fatal(err)
	}
	fit, held, lost, err := set.HoldOut(0.2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if fit.Len() != 80 || held.Len()+lost != 20 || lost == 0 || held.Len() == 0 {
		t.Errorf("%d kept, %d held out, %d lost of 100, want 80 and 20 in all with some lost", fit.Len(), held.Len(), lost)
	}
	for f, err := range held.Flows() {
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Packets) != 1 {
			t.Errorf("a flow is held out whose second packet, %v, no other has", f.Packets[1])
		}
	}
	var kept []float64
	for f, err := range fit.Flows() {
		if err != nil {
			t.Fatal(err)
		}
		if f.Label == "a" && len(f.Packets) > 1 {
			kept = append(kept, traffic.SignedLength{}.Values(f.Packets)[1])
		}
	}
	slices.Sort(kept)
	if got := fit.Encoding.Channels()[0].Codec.(*codec.Atoms).Tables["a"][1].Values; !slices.Equal(got, kept) {
		t.Errorf("the table has %v, the flows kept %v", got, kept)
	}
	again, _, _, err := set.HoldOut(0.2, 3)
	if err != nil || !slices.Equal(again.Images.Data, fit.Images.Data) {
		t.Errorf("held out again with the same seed: another set, or %v", err)
	}
	for _, share := range []float64{0, .5, -1, 2} {
		if _, _, _, err := set.HoldOut(share, 0); err == nil {
			t.Errorf("share %v: nothing wrong", share)
		}
	}
	if thin := set.Thin(20); thin.Len() < 18 || thin.Len() > 22 || thin.Counts()[0] == 0 {
		t.Errorf("thinned to 20: %d flows", thin.Len())
	}
}
