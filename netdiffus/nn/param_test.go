package nn

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"
)

func TestInitialValues(t *testing.T) {
	conv := Conv{In: 32, Out: 64, Size: 3}.Params("a")
	table := Embedding{Rows: 100, Channels: 64}.Params("b")
	attention := Attention{Channels: 64, Heads: 4}.Params("c")
	fan := 1 / math.Sqrt(32*9)
	for _, c := range []struct {
		param          Param
		deviation, max float64
	}{
		{conv[0], fan / math.Sqrt(3), fan}, // uniform in ±fan
		{table[0], 1, 6},
		{attention[0], 0, 1}, // scale of the norm
		{attention[2], 1 / math.Sqrt(64*3), 1.0 / 8},
		{attention[4], 0, 0}, // proj_out
	} {
		mean, square, most := moments(c.param.Initial(1))
		deviation := math.Sqrt(square - mean*mean)
		if math.Abs(deviation-c.deviation) > 0.03*c.deviation || most > c.max {
			t.Errorf("%s: standard deviation %v and largest %v, want %v and at most %v",
				c.param.Name, deviation, most, c.deviation, c.max)
		}
	}
	if p := attention[0].Initial(1); p[0] != 1 {
		t.Errorf("initial scale of a norm is %v, want 1", p[0])
	}
}

func moments(x []float32) (mean, square, most float64) {
	for _, v := range x {
		mean += float64(v) / float64(len(x))
		square += float64(v) * float64(v) / float64(len(x))
		most = max(most, math.Abs(float64(v)))
	}
	return mean, square, most
}

func TestInitialFollowsSeedAndName(t *testing.T) {
	p := Linear{In: 3, Out: 4}.Params("a")[0]
	again, other := p.Initial(7), p.Initial(8)
	p.Name = "b/weight"
	if !slices.Equal(p.Initial(7), p.Initial(7)) || slices.Equal(again, other) || slices.Equal(again, p.Initial(7)) {
		t.Error("initial values must be equal for equal seeds and names, and differ for others")
	}
	// Recorded from this package: the initial values of a seed must never change.
	want := []float32{-0.3028931, 0.08473481, -0.17200066, 0.10569969}
	if got := again[:4]; !slices.Equal(got, want) {
		t.Errorf("initial values for seed 7 start with %v, want %v", got, want)
	}
}

func TestCreateFailsForExistingParameters(t *testing.T) {
	scope := model.NewStore().Scope("/model")
	params := Linear{In: 3, Out: 4}.Params("a")
	if err := Create(scope, params, 1); err != nil {
		t.Fatal(err)
	}
	if err := Create(scope, params, 1); err == nil || !strings.Contains(err.Error(), "/model/a/weight exists already") {
		t.Errorf("second Create: %v, want an error that names the parameter", err)
	}
	if err := params[0].Create(scope.At("b"), make([]float32, 5)); err == nil {
		t.Error("Create with 5 values for a 3x4 matrix: no error")
	}
}
