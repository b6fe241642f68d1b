package plainjson

import "testing"

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
