package report

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// TestInARow: draws of seeds in a row are samples in a row, and share none while there are enough.
func TestInARow(t *testing.T) {
	var s sample
	for c := range 2 {
		var flows []record
		for i := range 10 - 7*c {
			flows = append(flows, newFlow(flow("a", float64(1+i)), 2, false))
		}
		s = append(s, flows)
	}
	for seed, want := range [][]float64{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 1, 2}} {
		got, err := inARow(s)([]int{3, 5}, uint64(seed))
		if err != nil {
			t.Fatal(err)
		}
		var values []float64
		for _, r := range got[0] {
			values = append(values, traffic.SignedLength{}.Values(r.flow("a").Packets)...)
		}
		if !slices.Equal(values, want) || len(got[1]) != 3 {
			t.Errorf("seed %d draws %v and %d of 3 others, want %v and all", seed, values, len(got[1]), want)
		}
	}
}

// TestDrawnEvenly: beside samples that were drawn evenly Markov chains are, too, and the report says so.
func TestDrawnEvenly(t *testing.T) {
	long(t)
	set, err := dataset.Build(traffic.All(chatter(3, 30, 3)), dataset.Recipe{SeriesLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	flows, err := traffic.Collect(set.PaddedFlows())
	if err != nil {
		t.Fatal(err)
	}
	o := small()
	o.Tasks, o.PerClass = []Task{Classification}, []int{10}
	run := func(origin *dataset.Origin) *Report {
		t.Helper()
		set.Origin = origin
		r, err := Run(t.Context(), Data{Train: chatter(3, 40, 1), Test: chatter(3, 30, 2), Synthetic: Traffic{Flows: flows, Set: set},
			Others: []Other[traffic.Flow]{{Name: "twin", Records: flows, Even: origin.Even}}}, o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	said := func(r *Report) bool {
		return slices.ContainsFunc(r.Notes, func(note string) bool { return strings.Contains(note, "spread evenly") })
	}
	even, independent, network := run(&dataset.Origin{Chain: true, Even: true}), run(&dataset.Origin{Chain: true}), run(&dataset.Origin{})
	if !said(even) || said(independent) || said(network) {
		t.Errorf("notes %q, of independent samples %q, of a network's %q", even.Notes, independent.Notes, network.Notes)
	}
	figures := func(r *Report, source string) spreads { return r.Sizes[0].Row(source).Figures }
	if !reflect.DeepEqual(figures(independent, markov2), figures(network, markov2)) || reflect.DeepEqual(figures(even, markov2), figures(network, markov2)) {
		t.Error("Markov chains are not drawn as the samples were")
	}
	accuracy := func(r *Report, source string) any { return figures(r, source)["tstr_accuracy"] }
	if !reflect.DeepEqual(accuracy(even, "twin"), accuracy(even, synthesised)) || reflect.DeepEqual(accuracy(even, "twin"), accuracy(network, "twin")) {
		t.Error("another generator's flows are not taken in a row where they are even")
	}
	if !reflect.DeepEqual(figures(even, realSubset)["tstr_accuracy"], figures(network, realSubset)["tstr_accuracy"]) {
		t.Error("real flows depend on how the samples were drawn")
	}
}
