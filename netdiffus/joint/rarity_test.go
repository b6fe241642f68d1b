package joint

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

func TestRarity(t *testing.T) {
	var values [][]float64
	for range 20 {
		values = append(values, []float64{100})
	}
	values = append(values, []float64{500}, []float64{505}, []float64{510}, []float64{510}, []float64{-3})
	a, err := refit(&codec.Atoms{Novel: Novel}, []string{"a"}, [][][]float64{values}, 1)
	if err != nil {
		t.Fatal(err)
	}
	table := a.Tables["a"][0]
	r := NewRarity(a, []string{"a"}, Settings{Rare: 3}, false)
	rng := rand.New(rand.NewPCG(1, 1))
	often, rare := int32(table.Index(100)), int32(table.Index(500))
	seen, fresh := map[float64]bool{}, false
	for range 200 {
		if got := r.Redraw(rng, 0, 0, often, nil); got != often {
			t.Fatalf("a value seen 20 times turns out as %v", table.Values[got])
		}
		v := table.Values[r.Redraw(rng, 0, 0, rare, nil)]
		if math.Abs(v-500) > groupWidth*500 {
			t.Fatalf("500 turns out as %v", v)
		}
		seen[v] = true
		fresh = fresh || v != 500 && v != 505 && v != 510
	}
	if !(seen[500] || seen[505]) || !fresh {
		t.Errorf("500 turns out as %v only, want its neighbours and new values too", seen)
	}
	// Evidence decides, and its mean is over the group.
	shows := make([]float64, table.Len())
	shows[table.Index(505)] = 1
	if got := r.Redraw(rng, 0, 0, rare, shows); table.Values[got] != 505 {
		t.Errorf("turns out as %v where the evidence shows 505", table.Values[got])
	}
	if got := r.Mean(0, 0, rare, shows); got <= 0 || got >= 1 {
		t.Errorf("mean of the evidence %v, want it between 0 and 1", got)
	}
	if got := r.Mean(0, 0, often, shows); got != 0 {
		t.Errorf("mean of the evidence for another value %v, want 0", got)
	}
	// Kept, a value is itself in all but d/(n + d) of cases and what its weight adds: of 500, 505 and
	// 510 d = 3 were seen n = 4 times.
	kept := NewRarity(a, []string{"a"}, Settings{Rare: 3}, true)
	own := 0.0
	const draws = 20000
	for range draws {
		if kept.Redraw(rng, 0, 0, rare, nil) == rare {
			own++
		}
	}
	g := kept.classes[0][0].groups[kept.classes[0][0].symbol[rare]]
	want := 4./7 + 3./7*g.weights[slices.Index(g.atoms, rare)]
	if got := own / draws; math.Abs(got-want) > 0.015 {
		t.Errorf("500 is kept in %.3f of cases, want %.3f", got, want)
	}
	values500 := make([]float64, table.Len())
	values500[rare] = 1
	if got := kept.Mean(0, 0, rare, values500); math.Abs(got-want) > 1e-12 {
		t.Errorf("mean of an indicator of 500 is %v, want %v", got, want)
	}
	if got := kept.Redraw(rng, 0, 0, rare, shows); table.Values[got] != 505 {
		t.Errorf("kept, it turns out as %v where the evidence shows 505", table.Values[got])
	}
	// Nothing is rare by default.
	r = NewRarity(a, []string{"a"}, Settings{}, false)
	for atom := range int32(table.Len()) {
		if !slices.Contains(table.Novel, int(atom)) && r.Redraw(rng, 0, 0, atom, nil) != atom {
			t.Errorf("%v is redrawn", table.Values[atom])
		}
	}
}
