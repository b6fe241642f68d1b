package codec_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// TestBinsByHand: three of eight values at place 0, to whose logarithms the others are nearest, are
// 10, for 1, 10 and 20, then 50, and 900. Where an atom is to stand for two, 900 joins 50.
func TestBinsByHand(t *testing.T) {
	series := [][]float64{{1}, {10}, {10}, {50}, {20}, {50}, {900}, {50}}
	for _, test := range []struct {
		least           int
		values, weights []float64
	}{{0, []float64{10, 50, 900}, []float64{4, 3, 1}}, {2, []float64{10, 50}, []float64{4, 4}}, {5, []float64{50}, []float64{8}}} {
		table := fit(t, codec.Atoms{Bins: 3, MinCount: test.least}, 1, series...).Tables["a"][0]
		if !slices.Equal(table.Values, test.values) || !slices.Equal(table.Weights, test.weights) {
			t.Errorf("atoms of %d: %v with the weights %v, want %v and %v", test.least, table.Values, table.Weights, test.values, test.weights)
		}
	}
	c := fit(t, codec.Atoms{Bins: 3}, 1, series...)
	table := c.Tables["a"][0]
	u := make([]float64, 1)
	if err := c.Encode("a", []float64{123}, u); err != nil {
		t.Fatal(err)
	}
	if got := c.Decode("a", u); got[0] != table.Values[1] {
		t.Errorf("123 comes back as %v", got)
	}
}

func TestFourDigits(t *testing.T) {
	for _, test := range []struct{ v, want float64 }{
		{0, 0}, {5.0067901611, 5.007}, {-5.0067901611, -5.007}, {13.1130219, 13.11}, {9999.6, 10000}, {123456789, 123500000}, {0.000123456, 0.0001235},
		{1, 1}, {1e300, 1e300}, {1e-320, 1e-320}, {math.MaxFloat64, math.MaxFloat64}, {math.Inf(1), math.Inf(1)},
	} {
		got := codec.FourDigits(test.v)
		if got != test.want && math.Abs(got-test.want) > 1e-15*math.Abs(test.want) {
			t.Errorf("FourDigits(%v) = %v, want %v", test.v, got, test.want)
		}
		if again := codec.FourDigits(got); again != got {
			t.Errorf("FourDigits(%v) = %v, and of that %v", test.v, got, again)
		}
	}
}

// TestBinsOfRepeatedValues: values that a clock repeats keep bins of their own, beside others close to them.
func TestBinsOfRepeatedValues(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var series [][]float64
	for range 2000 {
		v := math.Round(1000*math.Expm1(r.Float64()*12)) / 1000
		switch r.IntN(10) {
		case 0:
			v = 5.007
		case 1:
			v = 99950
		}
		series = append(series, []float64{v})
	}
	values := fit(t, codec.Atoms{Bins: 32}, 1, series...).Tables["a"][0].Values
	if len(values) > 32 || !slices.Contains(values, 5.007) || !slices.Contains(values, 99950) {
		t.Errorf("%d atoms, want 5.007 and 99950 among at most 32: %v", len(values), values)
	}
}

// TestBinsError: with 64 bins of values over seven decades the typical value
// comes back within a few per cent, and MinCount bounds how few values make an
// atom.
func TestBinsError(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	series := make([][]float64, 4000)
	for i := range series {
		series[i] = []float64{math.Expm1(r.Float64() * 16)}
	}
	c := fit(t, codec.Atoms{Bins: 64}, 1, series...)
	if n := len(c.Tables["a"][0].Values); n < 60 || n > 64 {
		t.Fatalf("%d atoms", n)
	}
	off, u := 0.0, make([]float64, 1)
	for _, v := range series {
		if err := c.Encode("a", v, u); err != nil {
			t.Fatal(err)
		}
		off += math.Abs(math.Log1p(c.Decode("a", u)[0])-math.Log1p(v[0])) / float64(len(series))
	}
	if off > 16./64/2 { // at most half a bin's width on average
		t.Errorf("off by %v", off)
	}
	few := fit(t, codec.Atoms{Bins: 64, MinCount: 500}, 1, series...)
	if n := len(few.Tables["a"][0].Values); n > 8 {
		t.Errorf("%d atoms of at least 500 of 4000 values", n)
	}
}

// TestConditional counts what came with what of another channel.
func TestConditional(t *testing.T) {
	lead := fit(t, codec.Atoms{}, 2, []float64{5, 7}, []float64{5}, []float64{6, 7})
	f := (&codec.Atoms{}).Fitter(2).(codec.ConditionalFitter)
	for _, s := range [][2][]float64{{{0, 100}, {5, 7}}, {{0}, {5}}, {{1, 200}, {6, 7}}} {
		if err := f.AddConditional("a", s[0], s[1]); err != nil {
			t.Fatal(err)
		}
	}
	c, err := f.ConditionalCodec(lead)
	if err != nil {
		t.Fatal(err)
	}
	got := c.(*codec.Atoms).Tables["a"]
	want := [][]codec.Successors{
		{{Atoms: []int{0}, Counts: []float64{2}}, {Atoms: []int{1}, Counts: []float64{1}}},
		{{Atoms: []int{0, 1}, Counts: []float64{1, 1}}},
	}
	for j := range want {
		if !reflect.DeepEqual(got[j].Conditional, want[j]) {
			t.Errorf("place %d: %v, want %v", j, got[j].Conditional, want[j])
		}
	}
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back codec.Atoms
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back.Tables["a"], got) {
		t.Errorf("%s reads as %v, %v", data, back, err)
	}
	if err := json.Unmarshal([]byte(`{"tables":{"a":[{"values":[1],"weights":[1],"padding":1,"beside":[{"k":[1],"n":[1]}]}]}}`), &back); err == nil {
		t.Error("padding with a packet is accepted")
	}
}

// TestDecodeAlive never says that the series has ended.
func TestDecodeAlive(t *testing.T) {
	c := fit(t, codec.Atoms{}, 2, []float64{5, 7}, []float64{5})
	u := make([]float64, 2)
	if err := c.Encode("a", []float64{5}, u); err != nil {
		t.Fatal(err)
	}
	if got := c.Decode("a", u); !slices.Equal(got, []float64{5, 0}) {
		t.Errorf("Decode = %v", got)
	}
	if got := c.DecodeAlive("a", u); !slices.Equal(got, []float64{5, 7}) {
		t.Errorf("DecodeAlive = %v", got)
	}
}

// TestLogScale: decades take the same room, and come back.
func TestLogScale(t *testing.T) {
	m := codec.MinMax{Min: 0, Max: math.Expm1(10), Log: true, Low: 0.1}
	v := []float64{0, math.Expm1(5), math.Expm1(10), 3, 1234.567}
	u := make([]float64, len(v))
	if err := m.Encode("", v, u); err != nil {
		t.Fatal(err)
	}
	if math.Abs(u[0]-0.1) > 1e-15 || math.Abs(u[1]-0.55) > 1e-12 || u[2] != 1 {
		t.Errorf("codes %v", u)
	}
	for i, got := range m.Decode("", u) {
		if math.Abs(got-v[i]) > 1e-9*(1+v[i]) {
			t.Errorf("%v comes back as %v", v[i], got)
		}
	}
	if m := (codec.MinMax{Min: -3, Max: 3, Log: true}); math.Abs(m.Decode("", []float64{0})[0]+3) > 1e-12 {
		t.Errorf("-3 comes back as %v", m.Decode("", []float64{0}))
	}
}
