package sample

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// randomSet is images of random series, of two classes, in mixed order.
func randomSet(side int) *dataset.Set {
	set := &dataset.Set{Encoding: dataset.MustEncoding(dataset.Recipe{SeriesLength: side}), Classes: []string{"down", "up"}, Images: imaging.New(5, side, side, 1), Labels: []int{1, 0, 1, 1, 0}}
	r := rand.New(rand.NewPCG(1, 1))
	x := make([]float64, side)
	for i := range set.Images.N {
		for j := range x {
			x[j] = r.Float64()
		}
		imaging.GASF{}.Encode(x, set.Images.At(i))
	}
	return set
}

// TestReconstruct checks the errors against the images they are of, and the noise
// against the schedule.
func TestReconstruct(t *testing.T) {
	dir, _ := newRun(t, tiny(), 8)
	g := open(t, dir, "")
	set := randomSet(8)
	schedule, err := netdiffus.Schedules.Get("cosine")
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.Value(20)
	if err != nil {
		t.Fatal(err)
	}
	eps := make([]float64, 64)
	var noiseBefore []float64
	for r, err := range g.Reconstruct(t.Context(), set, 7, 2, 10, 19) {
		if err != nil {
			t.Fatal(err)
		}
		var x0MSE, epsMSE float64
		a, b := math.Sqrt(s.AlphaBar[r.T]), math.Sqrt(1-s.AlphaBar[r.T])
		var all []float64
		for i := range set.Images.N {
			clean, noisy, x0 := set.Images.At(i), r.Noisy.At(i), r.X0.At(i)
			s.EpsFromX0(r.T, clean, noisy, eps)
			for j := range clean {
				d := x0[j] - clean[j]
				x0MSE += d * d / 320
				epsMSE += d * d * a * a / b / b / 320 // an error of x₀ as one of ε
			}
			all = append(all, eps...)
		}
		if math.Abs(x0MSE-r.X0MSE) > 1e-5*x0MSE || math.Abs(epsMSE-r.EpsMSE) > 1e-3*epsMSE {
			t.Errorf("step %d: errors %v of x0 and %v of eps, want %v and %v", r.T, r.X0MSE, r.EpsMSE, x0MSE, epsMSE)
		}
		if noiseBefore != nil && apart(t, all, noiseBefore) > 1e-3 {
			t.Errorf("step %d: other noise than at the step before", r.T)
		}
		noiseBefore = all
	}
	var squares float64
	for _, v := range noiseBefore {
		squares += v * v / 320
	}
	if math.Abs(squares-1) > 0.4 { // five standard errors
		t.Errorf("noise of variance %v, want 1", squares)
	}
}

// An image's place in the set decides about its class and its noise, not what
// stands beside it.
func TestReconstructKeepsTheOrder(t *testing.T) {
	dir, _ := newRun(t, tiny(), 8)
	g := open(t, dir, "")
	set := randomSet(8)
	first := set.Select([]int{0})
	for r, err := range g.Reconstruct(t.Context(), set, 7, 5) {
		if err != nil {
			t.Fatal(err)
		}
		for one, err := range g.Reconstruct(t.Context(), first, 7, 5) {
			if err != nil {
				t.Fatal(err)
			}
			if got := apart(t, one.X0.Data, r.X0.At(0)); got > across {
				t.Errorf("the first image alone is %v apart from the same among others", got)
			}
		}
	}
}

func TestReconstructRefuses(t *testing.T) {
	dir, _ := newRun(t, tiny(), 8)
	g := open(t, dir, "")
	other := randomSet(8)
	other.Classes = []string{"down", "left"}
	for _, c := range []struct {
		set  *dataset.Set
		t    int
		want string
	}{
		{randomSet(8), 20, "want one from 0 to 19"},
		{randomSet(6), 0, "6x6x1 pixels: the model has 8x8x1"},
		{other, 0, `no class "left": the model has down, up`},
	} {
		for _, err := range g.Reconstruct(t.Context(), c.set, 1, c.t) {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error with %q", err, c.want)
			}
		}
	}
}
