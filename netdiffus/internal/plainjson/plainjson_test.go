package plainjson

import (
	"maps"
	"strings"
	"testing"
)

func TestMarshal(t *testing.T) {
	got, err := Marshal(struct {
		Name   string
		Values []float64
		Nested [][]int
		Empty  []int
	}{"a [\n1,\n2]", []float64{-1.5, 2e20, 3}, [][]int{{1, 2}, {3}}, []int{}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "Name": "a [\n1,\n2]",
  "Values": [-1.5,200000000000000000000,3],
  "Nested": [
    [1,2],
    [3]
  ],
  "Empty": []
}
`
	if string(got) != want {
		t.Errorf("Marshal gives\n%s\nwant\n%s", got, want)
	}
}

func TestLeaves(t *testing.T) {
	got, err := Leaves([]byte(`{"a": {"b": 1.50, "c": {"d": [1, {"e": "<"}]}, "none": {}}, "f": "x \u003c\n", "g": null, "seed": 18446744073709551615}`))
	want := map[string]string{"a.b": "1.50", "a.c.d": `[1,{"e":"<"}]`, "f": `"x <\n"`, "g": "null", "seed": "18446744073709551615"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for _, text := range []string{"", "[]", "null", "1", `{"a":`, `{"a": 1} 2`} {
		if got, err := Leaves([]byte(text)); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestLeavesOfTables: a model's tables may have millions of numbers.
func TestLeavesOfTables(t *testing.T) {
	list := "[" + strings.Repeat("1,", 2_000_000) + "1]"
	got, err := Leaves([]byte(`{"tables": {"flows": ` + list + `}}`))
	if err != nil || got["tables.flows"] != list {
		t.Errorf("%d bytes, %v, want %d", len(got["tables.flows"]), err, len(list))
	}
}
