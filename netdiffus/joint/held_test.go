package joint

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestHeldSeesWhatIsBeside: series that have the values of those held out, but other times, are
// found out, and say nothing of the classes that only times tell apart.
func TestHeldSeesWhatIsBeside(t *testing.T) {
	const length, classes, each = 3, 2, 40
	rng := rand.New(rand.NewPCG(1, 2))
	// draw returns series that all classes have alike, and times about middles, by class.
	draw := func(middles ...float64) (series, times [][][]float64) {
		for _, middle := range middles {
			var s, x [][]float64
			for range each {
				s = append(s, []float64{float64(rng.IntN(4)), float64(rng.IntN(4)), float64(rng.IntN(4))})
				x = append(x, []float64{middle + rng.Float64(), middle + rng.Float64(), middle + rng.Float64()})
			}
			series, times = append(series, s), append(times, x)
		}
		return series, times
	}
	h := &Held{Length: length, Fit: make([][][]float64, classes)}
	h.Rest, h.Beside = draw(10, 20)
	for _, c := range []struct {
		middles         []float64
		seen            bool
		found, accurate bool
	}{
		{[]float64{10, 20}, true, false, true},
		{[]float64{20, 10}, true, true, false},
		{[]float64{20, 10}, false, false, false},
	} {
		drawn, times := draw(c.middles...)
		held := *h
		if !c.seen {
			held.Beside, times = nil, nil
		}
		f, err := held.Measure(t.Context(), drawn, times)
		if err != nil {
			t.Fatal(err)
		}
		if found := f.Detection > 0.8; found != c.found {
			t.Errorf("times about %v, seen: %v: detection %v", c.middles, c.seen, f.Detection)
		}
		if accurate := f.Accuracy > 0.9; accurate != c.accurate {
			t.Errorf("times about %v, seen: %v: accuracy %v", c.middles, c.seen, f.Accuracy)
		}
	}
}

// TestHeldOwn: real series are copies of each other as often as they are, whether they are held
// out or not, and none is a copy of itself.
func TestHeldOwn(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	// Half of the series are copies of one another, one in four differs from these by a byte a place.
	draw := func(n int) (all [][]float64) {
		for range n {
			s := []float64{100, -200, 300}
			switch rng.IntN(4) {
			case 0:
				s = []float64{101, -201, 301}
				s[rng.IntN(3)] += float64(rng.IntN(3000)) / 1000
			case 1:
				s = []float64{1e4 * rng.Float64(), 1e4 * rng.Float64()}
			}
			all = append(all, s)
		}
		return all
	}
	h := Held{Length: 3, Fit: [][][]float64{draw(3000), draw(1)}, Rest: [][][]float64{draw(30), nil}}
	got := h.Own()
	if math.Abs(got.Copies-0.5) > 0.08 || math.Abs(got.Near-0.75) > 0.08 {
		t.Errorf("%.3f copies and %.3f near ones, want 0.5 and 0.75", got.Copies, got.Near)
	}
	if got := (&Held{Length: 3, Fit: [][][]float64{{{1, 2, 3}}}, Rest: [][][]float64{{{4e3}}}}).Own(); got.Copies != 0 || got.Near != 0 {
		t.Errorf("two series that differ: %+v", got)
	}
	// What is held out repeats itself, and nothing that was fitted to.
	if got := (&Held{Length: 3, Fit: [][][]float64{{{1, 2, 3}}}, Rest: [][][]float64{{{4e3}, {4e3}}}}).Own(); got.Copies != 0 || got.Near != 0 {
		t.Errorf("two series held out that are alike: %+v", got)
	}
}
