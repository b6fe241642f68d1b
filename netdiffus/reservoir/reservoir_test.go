package reservoir

import (
	"math"
	"slices"
	"testing"
)

// Every record has the same chance, each by itself and together with its neighbour.
func TestChances(t *testing.T) {
	const n, k, seeds = 40, 10, 20000
	var times [n]float64
	pairs := 0.0
	for seed := range uint64(seeds) {
		chosen := Choose(n, k, seed, "dns")
		if len(chosen) != k || !slices.IsSorted(chosen) || len(slices.Compact(slices.Clone(chosen))) != k {
			t.Fatalf("seed %d chose %v", seed, chosen)
		}
		for j, i := range chosen {
			times[i]++
			if j > 0 && chosen[j-1] == i-1 {
				pairs++
			}
		}
	}
	// Five standard deviations of a binomial count: one such test in 1.7 million, of each of
	// 40 records, fails by chance.
	p := float64(k) / n
	off := 5 * math.Sqrt(seeds*p*(1-p))
	for i, got := range times {
		if math.Abs(got-seeds*p) > off {
			t.Errorf("record %d was chosen %.0f times, want %.0f within %.0f", i, got, seeds*p, off)
		}
	}
	// Of the 39 pairs of neighbours each is chosen with probability k(k-1)/(n(n-1)).
	want := float64(seeds) * (n - 1) * k * (k - 1) / (n * (n - 1))
	if math.Abs(pairs-want) > 0.02*want {
		t.Errorf("%.0f pairs of neighbours, want %.0f within 2 %%", pairs, want)
	}
}

// A stream is drawn from as a list is of which the length is known, class by class.
func TestReservoirIsChoose(t *testing.T) {
	const k, seed = 7, 3
	r := New[int](k, seed)
	numbers := map[string]int{}
	var order []string
	for i := range 100 {
		class := []string{"a", "b", "b"}[i%3]
		if i == 50 {
			class = "rare"
		}
		r.Add(class, 1000*numbers[class]+i)
		numbers[class]++
		order = append(order, class)
	}
	kept := r.Kept()
	if !slices.IsSortedFunc(kept, func(a, b int) int { return a%1000 - b%1000 }) {
		t.Errorf("not in the order in which they came: %v", kept)
	}
	for class, n := range numbers {
		var got []int
		for _, v := range kept {
			if order[v%1000] == class {
				got = append(got, v/1000)
			}
		}
		if want := Choose(n, k, seed, class); !slices.Equal(got, want) {
			t.Errorf("class %s: kept %v, want %v", class, got, want)
		}
	}
	if r.Seen() != 100 {
		t.Errorf("seen %d", r.Seen())
	}
}

func TestAllAreKept(t *testing.T) {
	for _, k := range []int{0, 5, 6} {
		r := New[int](k, 1)
		for i := range 5 {
			r.Add("a", i)
		}
		if kept := r.Kept(); !slices.Equal(kept, []int{0, 1, 2, 3, 4}) {
			t.Errorf("k %d: %v", k, kept)
		}
		if chosen := Choose(5, k, 1, "a"); !slices.Equal(chosen, []int{0, 1, 2, 3, 4}) {
			t.Errorf("k %d: %v", k, chosen)
		}
	}
	if a, b := Choose(1000, 5, 1, "a"), Choose(1000, 5, 2, "a"); slices.Equal(a, b) {
		t.Errorf("two seeds choose the same: %v", a)
	}
	if a, b := Choose(1000, 5, 1, "a"), Choose(1000, 5, 1, "b"); slices.Equal(a, b) {
		t.Errorf("two classes choose the same: %v", a)
	}
}

func BenchmarkAdd(b *testing.B) {
	r := New[int](10000, 1)
	for i := range b.N {
		r.Add("a", i)
	}
}
