package categorical

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
)

// TestGroupsOfABatch: a batch's images are found by class, with zeros where a class has fewer
// than another one of its group, and come back in the batch's order.
func TestGroupsOfABatch(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6} // of the classes 0 0 1 2 2 2
	for _, c := range []struct {
		name   string
		groups []group
		want   [][]float32
	}{
		{"apart", []group{
			{tables: tables{images: 3}, members: []member{{0, 0, 2}, {2, 3, 3}}, batch: 6},
			{tables: tables{images: 2}, members: []member{{1, 2, 1}}, batch: 6},
		}, [][]float32{{1, 2, 0, 4, 5, 6}, {3, 0}}},
		{"together", []group{
			{tables: tables{images: 3}, members: []member{{0, 0, 2}, {1, 2, 1}, {2, 3, 3}}, batch: 6},
		}, [][]float32{{1, 2, 0, 3, 0, 0, 4, 5, 6}}},
		{"alike", []group{
			{tables: tables{images: 3}, members: []member{{0, 0, 3}, {1, 3, 3}}, batch: 6},
		}, [][]float32{{1, 2, 3, 4, 5, 6}}},
	} {
		got := run(t, func(in []*graph.Node) []*graph.Node {
			var parts []*graph.Node
			for _, g := range c.groups {
				parts = append(parts, g.of(in[0]))
			}
			return append(parts, joined(c.groups, parts))
		}, x)
		if want := append(c.want, x); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
	}
}

// TestAlike: small classes, and those of about the same size, are computed together; large ones
// whose sizes differ are not.
func TestAlike(t *testing.T) {
	var sizes []size
	for _, n := range []int{300, 20, 310, 25, 900} {
		sizes = append(sizes, size{classes: 1, images: 64, widths: [][]int{slices.Repeat([]int{n}, 10)}})
	}
	if got := fmt.Sprint(alike(sizes)); got != "[[0 2] [1 3] [4]]" {
		t.Errorf("groups %v", got)
	}
}
