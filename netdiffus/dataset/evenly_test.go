package dataset_test

import (
	"fmt"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func TestEvenly(t *testing.T) {
	rng := noise.Stream(1)
	var flows []traffic.Flow
	for i := range 120 {
		f := traffic.Flow{Label: fmt.Sprintf("class%d", i%2), Packets: make([]traffic.Packet, 1+rng.IntN(4))}
		for j := range f.Packets {
			f.Packets[j].Length = 1 + rng.IntN(3)
		}
		flows = append(flows, f)
	}
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{Channels: []dataset.Channel{{Codec: &codec.Atoms{}}}, SeriesLength: 4})
	if err != nil {
		t.Fatal(err)
	}
	even, err := set.Evenly(6)
	if err != nil {
		t.Fatal(err)
	}
	if got := even.Counts(); got[0] != 10 || got[1] != 10 {
		t.Fatalf("classes of %v images, want 10 of each", got)
	}
	// Of each length, the share that is kept differs from a sixth by one flow at most.
	for label := range 2 {
		all, kept := map[int]int{}, map[int]int{}
		for i, n := range set.SeriesLengths {
			if set.Labels[i] == label {
				all[n]++
			}
		}
		for i, n := range even.SeriesLengths {
			if even.Labels[i] == label {
				kept[n]++
			}
		}
		for n, count := range all {
			if k := kept[n]; k < count/6 || k > count/6+1 {
				t.Errorf("class %d: %d of %d flows of %d packets were kept", label, k, count, n)
			}
		}
	}
	for i := 1; i < even.Len(); i++ {
		if even.Rows[i] <= even.Rows[i-1] {
			t.Fatalf("rows %v are not in their order", even.Rows)
		}
	}
	if one, err := set.Evenly(1); err != nil || one.Len() != set.Len() {
		t.Errorf("one in one of %d images: %d, %v", set.Len(), one.Len(), err)
	}
}
