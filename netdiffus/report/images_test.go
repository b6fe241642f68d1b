package report

import (
	"math"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// TestImageFigures: image figures of every class and source, the images
// being those that the flows drawn were read from.
func TestImageFigures(t *testing.T) {
	long(t)
	set, err := dataset.Build(traffic.All(chatter(3, 30, 3)), dataset.Recipe{SeriesLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	for i, label := range set.Labels { // spoil the pixel above the diagonal in class 1
		if label == 1 {
			set.Images.At(i)[1] += 0.3
		}
	}
	flows, err := traffic.Collect(set.PaddedFlows())
	if err != nil {
		t.Fatal(err)
	}
	o := small()
	o.Tasks, o.PerClass = []Task{Classification}, []int{10}
	r, err := Run(t.Context(), Data{Train: chatter(3, 40, 1), Test: chatter(3, 30, 2), Synthetic: Traffic{Flows: flows, Set: set}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Notes == nil || len(r.Notes) > 0 {
		t.Errorf("notes %#v, want an empty list: JSON has [] for it", r.Notes)
	}
	for _, row := range r.Sizes[0].Rows {
		for label, figures := range row.Classes {
			want := 0.0
			if row.Source == synthesised && label == "class1" {
				want = 0.3 / 30
			}
			if got := figures["inconsistency"]; math.Abs(got.Mean()-want) > 1e-6 {
				t.Errorf("%s, %s: inconsistency %v, want %v", row.Source, label, got, want)
			}
		}
		if got := row.Figures["holes"].Mean(); (got > 0) != (row.Source == independent) {
			t.Errorf("%s: holes in %v of the flows", row.Source, got)
		}
	}
}

// TestAtomHoles reads holes off images before the codec cuts behind them.
func TestAtomHoles(t *testing.T) {
	atoms := &codec.Atoms{}
	set, err := dataset.Build(traffic.All([]traffic.Flow{flow("a", -5, 9, 7), flow("a", -5), flow("b", 4, 4)}), dataset.Recipe{SeriesLength: 3, Channels: []dataset.Channel{{Codec: atoms}}})
	if err != nil {
		t.Fatal(err)
	}
	padding := paddingOf(set.Encoding.Channels()[0].Codec)
	code := func(v ...float64) []float64 {
		u := make([]float64, 3)
		if err := set.Encoding.Channels()[0].Codec.Encode("a", v, u); err != nil {
			t.Fatal(err)
		}
		return u
	}
	long, short := code(-5, 9, 7), code(-5)
	for _, c := range []struct {
		u    []float64
		want []bool
		hole bool
	}{
		{long, []bool{false, false, false}, false},
		{short, []bool{false, true, true}, false},
		{[]float64{long[0], short[1], long[2]}, []bool{false, true, false}, true},
	} {
		if got := padding("a", c.u); !slices.Equal(got, c.want) || hole(got) != c.hole {
			t.Errorf("padding of %v = %v, want %v", c.u, got, c.want)
		}
	}
}
