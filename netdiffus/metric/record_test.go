package metric

import (
	"math"
	"slices"
	"testing"
)

func TestAutocorrelation(t *testing.T) {
	series := [][]float64{{1, 2, 4, 8}, {3, 1, 2}, {5}}
	// numpy.corrcoef([1,2,4,3,1], [2,4,8,1,2])[0,1] and, two apart,
	// numpy.corrcoef([1,2,3], [4,8,2])[0,1].
	for lag, want := range map[int]float64{0: 1, 1: 0.65908204366, 2: -0.32732683535} {
		if got := Autocorrelation(series, lag); math.Abs(got-want) > 1e-9 {
			t.Errorf("lag %d: %.11f, want %.11f", lag, got, want)
		}
	}
	for _, c := range [][][]float64{nil, {{1}}, {{2, 2, 2}}} {
		if got := Autocorrelation(c, 1); !math.IsNaN(got) {
			t.Errorf("Autocorrelation(%v, 1) = %v, want NaN", c, got)
		}
	}
}

func TestQuantileCuts(t *testing.T) {
	x := []float64{4, 1, 2, 3, 2, 2, 2, 9}
	cuts := QuantileCuts(4, x)
	if want := (Cuts{2, 4}); !slices.Equal(cuts, want) { // ranks 2, 4, 6 of 1 2 2 2 2 3 4 9
		t.Fatalf("cuts %v, want %v", cuts, want)
	}
	for v, want := range map[float64]int{-5: 0, 1.9: 0, 2: 1, 3: 1, 4: 2, 100: 2} {
		if got := cuts.Cell(v); got != want {
			t.Errorf("Cell(%v) = %d, want %d", v, got, want)
		}
	}
	if got := QuantileCuts(3, nil).Cell(7); got != 0 {
		t.Errorf("without values everything is in cell 0, not %d", got)
	}
}

func TestClosestAndCopies(t *testing.T) {
	x := [][]float64{{0, 0}, {10, 4}, {3, 3}}
	reference := [][]float64{{0, 0}, {10, 10}, {2, 5}}
	if got, want := Closest(x, reference), []float64{0, 3, 1.5}; !slices.Equal(got, want) {
		t.Errorf("Closest = %v, want %v", got, want)
	}
	if got, want := Copies(x, reference), []bool{true, false, false}; !slices.Equal(got, want) {
		t.Errorf("Copies = %v, want %v", got, want)
	}
	if got, want := Unique([][]float64{{1}, {2}, {3}, {3}}, [][]float64{{2}, {4}}), []bool{true, false, false, false}; !slices.Equal(got, want) {
		t.Errorf("Unique = %v, want %v", got, want)
	}
	if got := Closest(x[:1], nil)[0]; !math.IsInf(got, 1) {
		t.Errorf("closest of no records: %v, want +Inf", got)
	}
	if got := Share([]bool{true, false, true, true}); got != 0.75 {
		t.Errorf("Share = %v", got)
	}
	if got := Seen([]float64{1, 2, 2, 5}, []float64{2, 5}); got != 0.75 {
		t.Errorf("Seen = %v, want 0.75", got)
	}
	if got := Closer([]float64{1, 2, 3, 4}, []float64{2, 2, 2, 5}); got != 0.625 {
		t.Errorf("Closer = %v, want 0.625", got)
	}
}

func TestDetection(t *testing.T) {
	positive := []bool{true, true, false, true, false, false, false}
	score := []float64{9, 8, 7, 6, 5, 4, 3}
	for rate, want := range map[float64]float64{0: 2. / 3, .2: 2. / 3, .25: 1, 1: 1} {
		if got := Detection(positive, score, rate); got != want {
			t.Errorf("Detection at %v = %v, want %v", rate, got, want)
		}
	}
	if got := Detection([]bool{true}, []float64{1}, .01); !math.IsNaN(got) {
		t.Errorf("without negatives: %v, want NaN", got)
	}
}

// TestKSWeighted: equal weights give KS, and a weight of 2 is the value twice.
func TestKSWeighted(t *testing.T) {
	f := reference(t)
	x, y := f.Floats(t, "w1_iu"), f.Floats(t, "w1_iv")
	check(t, "equal weights", KSWeighted(x, nil, y, nil), f.Floats(t, "ks_int_exact")[0], rounding)
	got, want := KSWeighted([]float64{1, 2, 3}, []float64{1, 2, 1}, y, nil), KS([]float64{1, 2, 2, 3}, y)
	check(t, "weights", got, want, rounding)
}
