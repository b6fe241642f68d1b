package codec_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

func TestAtomsNovel(t *testing.T) {
	// 517 is common; -40, 100, 101 and 600 are rare.
	series := [][]float64{{517}, {517}, {517}, {517}, {-40}, {100}, {101}, {600}, {600}}
	c := fit(t, codec.Atoms{Novel: 3}, 1, series...)
	table := c.Tables["a"][0]
	if len(table.Novel) != 4 {
		t.Fatalf("%d new values among %v, want one for each of four rare ones", len(table.Novel), table.Values)
	}
	seen := []float64{-40, 100, 101, 517, 600}
	for _, k := range table.Novel {
		v := table.Values[k]
		if slices.Contains(seen, v) || v == 0 || v < -60 || v > 600 || v != float64(int(v)) || table.Weights[k] != 0.5 {
			t.Errorf("new value %v of weight %v among %v", v, table.Weights[k], table.Values)
		}
	}
	if !slices.IsSorted(table.Values) {
		t.Errorf("values %v, want them rising", table.Values)
	}
	// What was seen is encoded and decoded as before, and so are the new values.
	for _, v := range table.Values {
		u := make([]float64, 1)
		if err := c.Encode("a", []float64{v}, u); err != nil {
			t.Fatal(err)
		}
		if got := c.Decode("a", u)[0]; got != v {
			t.Errorf("%v is decoded as %v", v, got)
		}
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var again codec.Atoms
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.Tables["a"][0].Novel, table.Novel) {
		t.Errorf("novel values %v are read as %v", table.Novel, again.Tables["a"][0].Novel)
	}
}

func TestAtomsNovelWhereThereIsNoRoom(t *testing.T) {
	c := fit(t, codec.Atoms{Novel: 9}, 1, []float64{1}, []float64{2}, []float64{3}, []float64{-1})
	if table := c.Tables["a"][0]; len(table.Novel) != 0 || len(table.Values) != 4 {
		t.Errorf("values %v of which %v are new, want none between 1, 2 and 3", table.Values, table.Novel)
	}
}
