package codec_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// fit makes the codec of series of class a, of at most length values.
func fit(t *testing.T, a codec.Atoms, length int, series ...[]float64) *codec.Atoms {
	t.Helper()
	f := a.Fitter(length)
	for _, v := range series {
		if err := f.Add("a", v); err != nil {
			t.Fatal(err)
		}
	}
	c, err := f.Codec()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*codec.Atoms)
}

// TestAtomsByHand: at place 0 the values -5 and 7 are seen 4 and 1 times; at
// place 1 value 3 is seen once and four series have ended. With τ = 1/2 the
// widths go as 2 to 1.
func TestAtomsByHand(t *testing.T) {
	series := [][]float64{{-5}, {-5}, {-5}, {-5}, {7, 3}}
	c := fit(t, codec.Atoms{}, 2, series...)
	cases := []struct {
		v, u []float64
	}{
		{[]float64{-5}, []float64{1. / 3, 2. / 3}}, // padding is last: [1/3,1], middle 2/3
		{[]float64{7, 3}, []float64{5. / 6, 1. / 6}},
	}
	for _, k := range cases {
		u := make([]float64, 2)
		if err := c.Encode("a", k.v, u); err != nil {
			t.Fatal(err)
		}
		for j := range u {
			if math.Abs(u[j]*u[j]-k.u[j]) > 1e-15 {
				t.Errorf("Encode(%v) = %v, want the roots of %v", k.v, u, k.u)
				break
			}
		}
		want := append(slices.Clone(k.v), make([]float64, 2-len(k.v))...)
		if got := c.Decode("a", u); !slices.Equal(got, want) {
			t.Errorf("Decode(%v) = %v, want %v", u, got, want)
		}
	}
	// The border between two atoms is half-way between their u, 1/3 and 5/6.
	for _, k := range []struct{ u, want float64 }{{0, -5}, {.58, -5}, {.59, 7}, {2, 7}} {
		if got := c.Decode("a", []float64{math.Sqrt(k.u), 0})[0]; got != k.want {
			t.Errorf("u %v reads as %v, want %v", k.u, got, k.want)
		}
	}
	// The first padding ends the series, whatever comes behind it.
	padded := fit(t, codec.Atoms{}, 3, []float64{1, 2, 3}, []float64{1})
	if got := padded.Decode("a", []float64{.5, 1, 0}); !slices.Equal(got, []float64{1, 0, 0}) {
		t.Errorf("a series with a hole reads as %v, want it cut at the hole", got)
	}
}

func TestAtomsSuccessors(t *testing.T) {
	c := fit(t, codec.Atoms{}, 3, []float64{1, 9}, []float64{1, 9}, []float64{2, 8, 5}, []float64{1})
	got := c.Tables["a"][1].After
	want := []codec.Successors{
		{Atoms: []int{1, 2}, Counts: []float64{2, 1}}, // 1: twice 9, once the end
		{Atoms: []int{0}, Counts: []float64{1}},       // 2: once 8
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("successors at place 1 = %v, want %v", got, want)
	}
	if c.Tables["a"][0].After != nil {
		t.Errorf("the first place has successors: %v", c.Tables["a"][0].After)
	}
}

func TestAtomsMinCount(t *testing.T) {
	series := [][]float64{{100}, {100}, {100}, {104}, {900}, {900}}
	c := fit(t, codec.Atoms{MinCount: 2}, 1, series...)
	table := c.Tables["a"][0]
	if !slices.Equal(table.Values, []float64{100, 900}) || !slices.Equal(table.Weights, []float64{4, 2}) {
		t.Errorf("table %+v, want the 104 counted with the 100", table)
	}
	u := make([]float64, 1)
	if err := c.Encode("a", []float64{104}, u); err != nil || c.Decode("a", u)[0] != 100 {
		t.Errorf("104 comes back as %v (%v), want 100", c.Decode("a", u), err)
	}
	alone := fit(t, codec.Atoms{MinCount: 5}, 1, []float64{1}, []float64{2}, []float64{3})
	if got := alone.Tables["a"][0].Values; !slices.Equal(got, []float64{2}) {
		t.Errorf("where nothing is common the table is %v, want the middle value", got)
	}
}

func TestAtomsSmooth(t *testing.T) {
	c := fit(t, codec.Atoms{Smooth: .5}, 2, []float64{1, 2}, []float64{1, 2}, []float64{1})
	// Place 1: two series alive, both at 2; the class has 1 three times of five.
	table := c.Tables["a"][1]
	if !slices.Equal(table.Values, []float64{1, 2}) || math.Abs(table.Weights[0]-.6) > 1e-15 || math.Abs(table.Weights[1]-1.4) > 1e-15 || table.Padding != 1 {
		t.Errorf("table %+v, want weights .6 and 1.4 and padding 1", table)
	}
}

func TestAtomsKeepsThroughJSON(t *testing.T) {
	c := fit(t, codec.Atoms{}, 2, []float64{-1460, 3}, []float64{7}, []float64{7, 3})
	data, err := codec.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	back, err := codec.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range [][]float64{{-1460, 3}, {7}, {7, 3}} {
		a, b := make([]float64, 2), make([]float64, 2)
		if err := c.Encode("a", v, a); err != nil {
			t.Fatal(err)
		}
		if err := back.Encode("a", v, b); err != nil || !slices.Equal(a, b) {
			t.Errorf("%v encodes as %v, after JSON as %v (%v)", v, a, b, err)
		}
	}
}

func TestAtomsRefuses(t *testing.T) {
	c := fit(t, codec.Atoms{}, 2, []float64{1, 2}, []float64{3, 4})
	u := make([]float64, 2)
	for _, k := range []struct {
		class string
		v     []float64
		want  string
	}{
		{"b", []float64{1, 2}, `no tables for class "b"`},
		{"a", []float64{1, 5}, "value 5 at place 1"},
		{"a", []float64{1}, "ended at place 1"},
		{"a", []float64{1, 2, 3}, "3 values in 2 places"},
	} {
		if err := c.Encode(k.class, k.v, u); err == nil || !strings.Contains(err.Error(), k.want) {
			t.Errorf("Encode(%q, %v): %v, want %q", k.class, k.v, err, k.want)
		}
	}
	if err := (&codec.Atoms{}).Encode("a", nil, u); err == nil || !strings.Contains(err.Error(), "neither given nor fitted") {
		t.Errorf("unfitted: %v", err)
	}
	for _, bad := range []string{
		`{"name":"atoms","tables":{"a":[{"values":[2,1],"weights":[1,1]}]}}`,
		`{"name":"atoms","tables":{"a":[{"values":[1],"weights":[]}]}}`,
		`{"name":"atoms","tables":{"a":[{"values":[1],"weights":[-1]}]}}`,
		`{"name":"atoms","tables":{"a":[{}]}}`,
		`{"name":"atoms","tables":{"a":[{"values":[1],"weights":[1],"after":[{"k":[0],"n":[1]}]}]}}`,
		`{"name":"atoms","tables":{"a":[{"values":[1],"weights":[1]},{"values":[1],"weights":[1],"after":[{"k":[1],"n":[1]}]}]}}`,
	} {
		if _, err := codec.Unmarshal([]byte(bad)); err == nil {
			t.Errorf("Unmarshal(%s) succeeded", bad)
		}
	}
}
