package joint

import (
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// TestTrials: of many series a fifth is held out, once; of few all are, in turn, a fifth at a time, and a class is left
// out that has hardly any.
func TestTrials(t *testing.T) {
	const length = 2
	for _, test := range []struct {
		name      string
		series    []int // of each class
		divisions int
		held      []int // of each class, in each division; of all divisions where there are several
	}{
		{"many", []int{13000, 4}, 1, []int{2600}},
		{"some", []int{6000, 30}, 3, []int{3600, 18}},
		{"few", []int{100, 40, 4}, 5, []int{100, 40}},
		{"odd", []int{13, 9}, 5, []int{10, 5}},
		{"hardly any", []int{4, 3}, 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var names []string
			var values [][][]float64
			for c, n := range test.series {
				names = append(names, string(rune('a'+c)))
				class := make([][]float64, n)
				for i := range class {
					class[i] = []float64{float64(1 + i), float64(1 + c)}
				}
				values = append(values, class)
			}
			fitted, err := refit(&codec.Atoms{}, names, values, length)
			if err != nil {
				t.Fatal(err)
			}
			got, err := newTrials(fitted, names, values, 3)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != test.divisions {
				t.Fatalf("%d divisions, want %d", len(got), test.divisions)
			}
			for c, want := range test.held {
				var held []float64
				for _, d := range got {
					if d.classes[c] != names[c] || len(d.Fit[c])+len(d.Rest[c]) != test.series[c] {
						t.Errorf("class %s has %d series to fit to and %d held out", d.classes[c], len(d.Fit[c]), len(d.Rest[c]))
					}
					for _, v := range d.Rest[c] {
						held = append(held, v[0])
					}
				}
				if len(held) != want {
					t.Errorf("%d series of class %d are held out, want %d", len(held), c, want)
				}
				slices.Sort(held)
				if len(slices.Compact(held)) != want {
					t.Errorf("a series of class %d is held out twice", c)
				}
			}
			for _, d := range got {
				if len(d.classes) != len(test.held) {
					t.Errorf("classes %v are measured, want %d", d.classes, len(test.held))
				}
			}
		})
	}
}
