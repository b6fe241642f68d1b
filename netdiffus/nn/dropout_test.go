package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
)

func TestDropout(t *testing.T) {
	const n, rate = 100_000, 0.3
	exec := model.MustNewExec(backendtest.Open(t), model.NewStore(), func(scope *model.Scope, x, key *graph.Node) *graph.Node {
		return Dropout{Rate: rate, Key: key}.Graph(scope, x)
	})
	ones := tensors.FromScalarAndDimensions[float32](1, n)
	drop := func(key ...uint32) []float32 {
		out, err := exec.Call(ones, key)
		if err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float32](out[0])
	}
	x := drop(1, 2)
	kept := 0
	for _, v := range x {
		switch v {
		case 0:
		case float32(1 / (1 - rate)):
			kept++
		default:
			t.Fatalf("a feature became %v", v)
		}
	}
	// Five standard deviations of a binomial.
	if share := float64(kept) / n; math.Abs(share-(1-rate)) > 5*math.Sqrt(rate*(1-rate)/n) {
		t.Errorf("kept a fraction of %v, want %v", share, 1-rate)
	}
	if !slices.Equal(x, drop(1, 2)) {
		t.Error("the same key gave different masks")
	}
	for _, key := range [][]uint32{{2, 2}, {1, 3}} {
		agree := 0
		for i, v := range drop(key...) {
			if v == x[i] {
				agree++
			}
		}
		// Independent masks agree where both keep or both drop.
		if share, want := float64(agree)/n, rate*rate+(1-rate)*(1-rate); math.Abs(share-want) > 0.01 {
			t.Errorf("masks of keys 1,2 and %v agree on a fraction of %v, want %v", key, share, want)
		}
	}
}
