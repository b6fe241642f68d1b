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

// lookSet is images of random series, of two classes, in mixed order.
func lookSet(side int) *dataset.Set {
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

// TestLook checks the errors against the images they are of, and the noise
// against the schedule.
func TestLook(t *testing.T) {
	dir, _ := newRun(t, tiny(), 8)
	g := open(t, dir, "")
	set := lookSet(8)
	schedule, err := netdiffus.Schedules.Get("cosine")
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule(20)
	if err != nil {
		t.Fatal(err)
	}
	eps := make([]float64, 64)
	var noiseBefore []float64
	for look, err := range g.Look(t.Context(), set, 7, 2, 10, 19) {
		if err != nil {
			t.Fatal(err)
		}
		var x0MSE, epsMSE float64
		a, b := math.Sqrt(s.AlphaBar[look.T]), math.Sqrt(1-s.AlphaBar[look.T])
		var all []float64
		for i := range set.Images.N {
			clean, noisy, x0 := set.Images.At(i), look.Noisy.At(i), look.X0.At(i)
			s.EpsFromX0(look.T, clean, noisy, eps)
			for j := range clean {
				d := x0[j] - clean[j]
				x0MSE += d * d / 320
				epsMSE += d * d * a * a / b / b / 320 // an error of x₀ as one of ε
			}
			all = append(all, eps...)
		}
		if math.Abs(x0MSE-look.X0MSE) > 1e-5*x0MSE || math.Abs(epsMSE-look.EpsMSE) > 1e-3*epsMSE {
			t.Errorf("step %d: errors %v of x0 and %v of eps, want %v and %v", look.T, look.X0MSE, look.EpsMSE, x0MSE, epsMSE)
		}
		if noiseBefore != nil && apart(t, all, noiseBefore) > 1e-3 {
			t.Errorf("step %d: other noise than at the step before", look.T)
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
func TestLookKeepsTheOrder(t *testing.T) {
	dir, _ := newRun(t, tiny(), 8)
	g := open(t, dir, "")
	set := lookSet(8)
	first := set.Select([]int{0})
	for look, err := range g.Look(t.Context(), set, 7, 5) {
		if err != nil {
			t.Fatal(err)
		}
		for one, err := range g.Look(t.Context(), first, 7, 5) {
			if err != nil {
				t.Fatal(err)
			}
			if got := apart(t, one.X0.Data, look.X0.At(0)); got > across {
				t.Errorf("the first image alone is %v apart from the same among others", got)
			}
		}
	}
}

func TestLookRefuses(t *testing.T) {
	dir, _ := newRun(t, tiny(), 8)
	g := open(t, dir, "")
	other := lookSet(8)
	other.Classes = []string{"down", "left"}
	for _, c := range []struct {
		set  *dataset.Set
		t    int
		want string
	}{
		{lookSet(8), 20, "want one from 0 to 19"},
		{lookSet(6), 0, "6x6x1 pixels: the model has 8x8x1"},
		{other, 0, `no class "left": the model has down, up`},
	} {
		for _, err := range g.Look(t.Context(), c.set, 1, c.t) {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error with %q", err, c.want)
			}
		}
	}
}
