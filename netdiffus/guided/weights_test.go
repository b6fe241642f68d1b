package guided

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/pytorch"
)

// An optimiser of a model that was trained with use_fp16 has two parameters,
// each a row of many.
func TestUnflatten(t *testing.T) {
	f := func(values ...float32) pytorch.Tensor { return pytorch.Float32(values, 1, len(values)) }
	weights := []pytorch.Named{
		{Name: "a.weight", Tensor: pytorch.Float32(make([]float32, 2), 1, 2)},
		{Name: "a.bias", Tensor: pytorch.Float32(make([]float32, 1), 1)},
		{Name: "b.weight", Tensor: pytorch.Float32(make([]float32, 2), 2, 1)},
	}
	got, err := unflatten([]pytorch.Moments{
		{Step: 3, ExpAvg: pytorch.Float32([]float32{5}, 1), ExpAvgSq: pytorch.Float32([]float32{6}, 1)},
		{Step: 3, ExpAvg: f(1, 2, 3, 4), ExpAvgSq: f(7, 8, 9, 10)},
	}, weights)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{1, 2, 7, 8}, {5, 6}, {3, 4, 9, 10}} {
		var values []float32
		for _, part := range []pytorch.Tensor{got[i].ExpAvg, got[i].ExpAvgSq} {
			for at := 0; at < len(part.Data); at += 4 {
				values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(part.Data[at:])))
			}
			if !slices.Equal(part.Shape, weights[i].Shape) {
				t.Errorf("%s: moment of shape %v", weights[i].Name, part.Shape)
			}
		}
		if !slices.Equal(values, want) {
			t.Errorf("%s: moments %v, want %v", weights[i].Name, values, want)
		}
	}
	if _, err := unflatten(make([]pytorch.Moments, 2), weights); err == nil {
		t.Error("moments without values passed")
	}
}
