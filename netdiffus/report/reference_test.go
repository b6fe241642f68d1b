package report

import (
	"math"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// TestFiguresOfTheReference holds the baselines, and the reference's own
// samples, to figures that were found with other code (pandas, SciPy and
// scikit-learn's forest) on the same split.
func TestFiguresOfTheReference(t *testing.T) {
	longtest.Only(t, "grows forests for half a minute")
	read := func(name string) []traffic.Flow {
		flows, err := traffic.Collect(traffic.Read(golden.Shared(t, "data/mirage-appxact/"+name)))
		if err != nil {
			t.Fatal(err)
		}
		return flows
	}
	d := Data{Train: read("trainSetOriginale.parquet"), Test: read("testSetOriginale.parquet")}
	evaluate := func(s Traffic, n int) *Report {
		d.Synthetic = s
		r, err := Run(t.Context(), d, Options{PerClass: []int{n}, Tasks: []Task{Classification}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	check := func(s Size, source, figure string, want, tolerance float64) {
		t.Helper()
		if got := s.Row(source).Figures[figure]; math.Abs(got.Mean()-want) > tolerance {
			t.Errorf("%s: %s = %v, want %.4f ± %.4f", source, figure, got, want, tolerance)
		}
	}
	seed := func(name string, r dataset.Recipe) Traffic {
		s, err := Open(golden.Shared(t, "data/mirage-appxact/seed-outputs/"+name), r)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	r := evaluate(Traffic{Flows: d.Train}, 300)
	s := r.Sizes[0]
	for _, c := range []struct {
		source, figure  string
		want, tolerance float64
	}{
		{realSubset, "tstr_accuracy", .892, .012}, {realSubset, "tstr_f1", .858, .016},
		{realSubset, "hd_pl", .052, .004}, {realSubset, "hd_dir", .009, .003}, {realSubset, "length_tv", .067, .006},
		{realSubset, "bigram_js", .081, .003}, {realSubset, "trigram_js", .138, .003},
		{markov1, "tstr_accuracy", .858, .014}, {markov1, "hd_pl", .052, .004}, {markov1, "duplicates", .395, .015},
		{markov1, "bigram_js", .083, .004}, {markov1, "trigram_js", .159, .007},
		{markov2, "tstr_accuracy", .882, .014}, {markov2, "duplicates", .671, .02}, {markov2, "trigram_js", .139, .007},
		{markov3, "tstr_accuracy", .889, .012}, {markov3, "trigram_js", .139, .007}, {markov3, "fourgram_js", .182, .006},
		{realSubset, "fourgram_js", .176, .006}, {markov1, "fourgram_js", .231, .008}, {markov2, "fourgram_js", .189, .006},
		{realSubset, "detection_auc", .486, .03},
		{independent, "tstr_accuracy", .513, .03}, {independent, "length_tv", .554, .01}, {independent, "bigram_js", .529, .004},
		{allReal, "tstr_accuracy", .941, .006}, {allReal, "hd_pl", .0459, .0003}, {allReal, "tv_pl", .0385, .0003}, {allReal, "hd_dir", .0060, .0003},
	} {
		check(s, c.source, c.figure, c.want, c.tolerance)
	}
	if got := r.Memorisation.HeldOut.figures["exact_duplicates"].Mean(); math.Abs(got-.620) > .005 {
		t.Errorf("test flows that copy a training flow of their class: %.4f, want 0.620", got)
	}
	if got := float64(r.FirstPackets[0].Test); r.FirstPackets[0].Length != 517 || math.Abs(got-.530) > .001 {
		t.Errorf("first packets: %+v, want 517 bytes at 0.530", r.FirstPackets[0])
	}

	r = evaluate(seed("samples_100_per_class", dataset.Recipe{Channels: []dataset.Channel{{Feature: traffic.Length{}, Codec: codec.MinMax{Max: 1460}}}}), 100)
	s = r.Sizes[0]
	check(s, synthesised, "tstr_accuracy", .667, .012)
	check(s, synthesised, "tstr_f1", .615, .012)
	check(s, synthesised, "hd_pl", .1214, .0005)
	check(s, synthesised, "tv_pl", .1295, .001)
	check(s, synthesised, "length_tv", .305, .001)
	if got := float64(r.Images.Inconsistency); math.Abs(got-.0135) > .0001 {
		t.Errorf("inconsistency of the unsigned samples %.5f, want 0.0135", got)
	}

	r = evaluate(seed("samples_10_per_class_signed", dataset.Recipe{Channels: []dataset.Channel{{Codec: codec.MinMax{Min: -1460, Max: 1460}}}}), 10)
	s = r.Sizes[0]
	check(s, synthesised, "tstr_accuracy", .310, .012)
	check(s, synthesised, "hd_pl", .2435, .001)
	check(s, synthesised, "hd_dir", .0915, .001)
	check(s, synthesised, "length_tv", .215, .001)
	if got := float64(r.Images.Inconsistency); math.Abs(got-.0412) > .0001 {
		t.Errorf("inconsistency of the signed samples %.5f, want 0.0412", got)
	}
}
