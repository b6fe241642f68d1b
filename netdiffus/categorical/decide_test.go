package categorical

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

func TestDrawFromByHand(t *testing.T) {
	q := [][][]float32{{{.25, .5, .25}, {0, 1, 0}, {.5, .5, 0}}}
	for _, c := range []struct {
		chance [][]float32
		want   []float32
	}{
		{[][]float32{{0, 0, 0}}, []float32{0, 1, 0}},
		{[][]float32{{.24, .5, .49}}, []float32{0, 1, 0}},
		{[][]float32{{.25, .99, .5}}, []float32{1, 1, 1}},
		{[][]float32{{.76, 1, 1}}, []float32{2, 1, 0}}, // beyond all sums: the most probable
	} {
		got := run(t, func(in []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.ConvertDType(drawFrom(in[0], in[1]), in[0].DType())}
		}, q, c.chance)[0]
		for i := range c.want {
			if got[i] != c.want[i] {
				t.Errorf("chances %v: atoms %v, want %v", c.chance, got, c.want)
				break
			}
		}
	}
}

// TestDecide: of a clean image the model says what is in it; of nothing but noise it
// draws the class's own first packets as often as they are.
func TestDecide(t *testing.T) {
	p, a := prior(t), atoms(t)
	s, err := schedule.Angular(100)
	if err != nil {
		t.Fatal(err)
	}
	const n = 400
	h := Model{Prior: p, Schedule: s, Groups: []int{n, 0}}
	image, want := make([]float64, 9), make([]float64, 3)
	if err := a.Encode("a", []float64{-5, 7}, want); err != nil {
		t.Fatal(err)
	}
	imaging.GASF{}.Encode(want, image)
	clean, noisy := make([]float32, 9*n), make([]float32, 9*n)
	chance := make([]float32, 3*n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range clean {
		clean[i], noisy[i] = float32(image[i%9]), float32(r.NormFloat64())
	}
	for i := range chance {
		chance[i] = r.Float32()
	}
	classes := make([]int32, n)
	decide := func(images []float32, step int32, drawn bool) []float32 {
		return run(t, func(in []*graph.Node) []*graph.Node {
			steps := graph.AddScalar(graph.ZerosLike(in[1]), float64(step))
			var c *graph.Node
			if drawn {
				c = in[2]
			}
			return []*graph.Node{h.Decide(nil, in[0], nil, steps, in[1], c)}
		}, tensors.FromFlatDataAndDimensions(images, n, 3, 3, 1), classes, tensors.FromFlatDataAndDimensions(chance, n, 3, 1))[0]
	}
	for _, drawn := range []bool{false, true} {
		for i, u := range decide(clean, 0, drawn) {
			if x := want[i%3]; math.Abs(float64(u)-x*x) > 1e-6 {
				t.Fatalf("drawn %v: place %d decided as %v, want %v", drawn, i%3, u, x*x)
			}
		}
	}
	u, five := decide(noisy, 99, true), 0
	middle := a.Tables["a"][0].Middles(a.TauOrDefault())[0] // of -5, in 4 of 7 flows
	for i := range n {
		if math.Abs(float64(u[3*i])-middle) < 1e-6 {
			five++
		}
	}
	if share := float64(five) / n; math.Abs(share-4./7) > .12 { // noise seen at step 99 is next to nothing: 5 standard errors
		t.Errorf("first packet -5 in %.3f of the flows, want %.3f", share, 4./7)
	}
}
