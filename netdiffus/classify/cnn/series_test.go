package cnn

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// tides are series of two channels and 11 bins: classes differ in where the first channel
// swells, and in whether the second follows it.
func tides(n int, seed uint64) classify.Table {
	t := classify.Table{Classes: 3}
	r := noise.Stream(seed)
	for i := range 3 * n {
		c, row := i%3, make([]float64, 22)
		for j := range 11 {
			row[j] = 100 + 5*r.NormFloat64()
			row[11+j] = r.NormFloat64()
			if j/4 == c%2 {
				row[j] += 40
				if c == 2 {
					row[11+j] += 6
				}
			}
		}
		t.X, t.Y = append(t.X, row), append(t.Y, c)
	}
	return t
}

func TestSeries(t *testing.T) {
	network := NewSeries(backendtest.Open(t), 11, 2, Options{Steps: 60, Batch: 32})
	train, test := tides(40, 1), tides(40, 2)
	scores, err := classify.Evaluate(t.Context(), network.Judge(), train, 1, test)
	if err != nil {
		t.Fatal(err)
	}
	if scores[0].Accuracy < .97 {
		t.Errorf("accuracy %.3f on three classes that are easily told apart", scores[0].Accuracy)
	}
	var nets []classify.Features
	for seed := range uint64(2) {
		f, err := network.Features()(t.Context(), train, seed)
		if err != nil {
			t.Fatal(err)
		}
		nets = append(nets, f)
	}
	features := func(net int, rows [][]float64) [][]float64 {
		out, err := nets[net](t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	a, b := features(0, test.X), features(1, test.X)
	if len(a) != 120 || len(a[0]) != hidden || slices.EqualFunc(a, b, slices.Equal) {
		t.Errorf("%d features of %d rows, the same of two networks: %v", len(a[0]), len(a), slices.EqualFunc(a, b, slices.Equal))
	}
	if again := features(0, test.X); !slices.EqualFunc(a, again, slices.Equal) {
		t.Error("a network's features change when another one is used")
	}
	// Series that are not of the classes are farther away than others of these.
	strange := tides(40, 3)
	for _, row := range strange.X {
		slices.Reverse(row[:11])
	}
	near, far := metric.Frechet(a, features(0, tides(40, 3).X)), metric.Frechet(a, features(0, strange.X))
	if !(far > 5*near) || math.IsNaN(near) {
		t.Errorf("Fréchet distance of series alike %.3g, of others %.3g", near, far)
	}
	if _, err := network.Judge()(t.Context(), classify.Table{X: [][]float64{{1, 2}}, Y: []int{0}, Classes: 2}, nil, 0); err == nil || !strings.Contains(err.Error(), "want 11 bins of 2 channels") {
		t.Errorf("rows of another width: %v", err)
	}
}
