package codec_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// fitQuantiles fits q to series by class.
func fitQuantiles(t *testing.T, q *codec.Quantiles, series map[string][][]float64) *codec.Quantiles {
	t.Helper()
	var f codec.Fitter
	for class, list := range series {
		for _, v := range list {
			if f == nil {
				f = q.Fitter(len(v))
			}
			if err := f.Add(class, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	fitted, err := f.Codec()
	if err != nil {
		t.Fatal(err)
	}
	return fitted.(*codec.Quantiles)
}

// rounded is codes as they come back from the diagonal of a float32 GASF.
func rounded(codes []float64) []float64 {
	out := make([]float64, len(codes))
	for i, x := range codes {
		out[i] = math.Sqrt((float64(float32(2*x*x-1)) + 1) / 2)
	}
	return out
}

// numbers makes n series of so many places of positive fractions, the share silent of
// them 0.
func numbers(n, places int, silent float64) [][]float64 {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([][]float64, n)
	for i := range out {
		for range places {
			v := 1e6 * math.Exp(r.NormFloat64())
			if r.Float64() < silent {
				v = 0
			}
			out[i] = append(out[i], v)
		}
	}
	return out
}

func TestQuantilesComeBack(t *testing.T) {
	whole := numbers(300, 3, 0)
	for _, v := range whole {
		for j := range v {
			v[j] = math.Trunc(v[j] / 1e5) // of many ties
		}
	}
	for _, c := range []struct {
		name           string
		codec          codec.Quantiles
		series         [][]float64
		silent, whole  bool
		error32, least float64 // largest error from float32 images, relative to the values' spread; least code but 0
	}{
		{name: "as many quantiles as values", series: numbers(80, 4, 0)},
		{name: "fewer", series: numbers(400, 4, 0), error32: 2e-4},
		{name: "silence", series: numbers(120, 6, 0.7), silent: true, least: 0.49},
		{name: "silence switched off", codec: codec.Quantiles{SilentFrom: 1}, series: numbers(120, 6, 0.7)},
		{name: "whole numbers", series: whole, whole: true},
		{name: "a constant", series: [][]float64{{7.5, 7.5}, {7.5, 7.5}}},
		{name: "nothing but zeros", series: [][]float64{{0, 0}, {0, 0}}, silent: true, whole: true},
		{name: "negative", series: [][]float64{{-3.5, 1}, {2, -1}, {0.25, 4}}},
	} {
		q := fitQuantiles(t, &c.codec, map[string][][]float64{"a": c.series})
		if q.Silent != c.silent || q.Whole != c.whole {
			t.Errorf("%s: silent %v, whole %v", c.name, q.Silent, q.Whole)
		}
		data, err := codec.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		back, err := codec.Unmarshal(data)
		if err != nil || !reflect.DeepEqual(back, q) {
			t.Fatalf("%s: JSON: %v", c.name, err)
		}
		worst := 0.0
		for _, v := range c.series {
			codes := make([]float64, len(v))
			if err := back.Encode("a", v, codes); err != nil {
				t.Fatal(c.name, err)
			}
			for j, x := range codes {
				if !(x >= 0 && x <= 1) || x > 0 && x < c.least {
					t.Fatalf("%s: code %v", c.name, x)
				}
				if c.silent && (v[j] == 0) != (x == 0) {
					t.Fatalf("%s: value %v has the code %v", c.name, v[j], x)
				}
			}
			got, got32 := back.Decode("a", codes), back.Decode("a", rounded(codes))
			for j := range v {
				if math.Abs(got[j]-v[j]) > 1e-9*math.Abs(v[j]) {
					t.Fatalf("%s: place %d: %v came back as %v", c.name, j, v[j], got[j])
				}
				worst = max(worst, math.Abs(got32[j]-v[j])/1e6)
			}
		}
		if worst > c.error32 {
			t.Errorf("%s: float32 images: error %g of the spread, want at most %g", c.name, worst, c.error32)
		}
	}
}

// TestQuantilesBetween: values between those seen have codes between, and values beyond
// move to the extremes.
func TestQuantilesBetween(t *testing.T) {
	q := fitQuantiles(t, &codec.Quantiles{}, map[string][][]float64{"a": {{1.5}, {2}, {4}, {8}}})
	var before float64
	for _, c := range []struct{ in, out float64 }{{1, 1.5}, {1.5, 1.5}, {1.7, 1.7}, {2, 2}, {3, 3}, {7.9, 7.9}, {8, 8}, {1e9, 8}} {
		code := make([]float64, 1)
		if err := q.Encode("a", []float64{c.in}, code); err != nil {
			t.Fatal(err)
		}
		if code[0] < before {
			t.Errorf("the code of %v is %v, below %v", c.in, code[0], before)
		}
		before = code[0]
		if got := q.Decode("a", code)[0]; math.Abs(got-c.out) > 1e-9 {
			t.Errorf("%v came back as %v, want %v", c.in, got, c.out)
		}
	}
	// The normal score of the quantile of 1/8 is -1.15, and the diagonal is a third of it.
	code := make([]float64, 1)
	if err := q.Encode("a", []float64{1.5}, code); err != nil {
		t.Fatal(err)
	}
	if got := 2*code[0]*code[0] - 1; math.Abs(got+1.150349/3) > 1e-6 {
		t.Errorf("the diagonal of the least quantile is %v", got)
	}
}

// TestQuantilesAreUniform: codes drawn uniformly in probability decode to the
// distribution of the values.
func TestQuantilesAreUniform(t *testing.T) {
	series := numbers(1000, 1, 0)
	q := fitQuantiles(t, &codec.Quantiles{}, map[string][][]float64{"a": series})
	r := rand.New(rand.NewPCG(3, 4))
	mean, want := 0.0, 0.0
	for _, v := range series {
		want += math.Log(v[0]) / 1000
	}
	for range 20_000 {
		mean += math.Log(q.Decode("a", []float64{q.Code(r.NormFloat64())})[0]) / 20_000
	}
	if math.Abs(mean-want) > 0.04 { // 1/√20,000 is 0.007
		t.Errorf("the mean logarithm is %v, want %v", mean, want)
	}
}

func TestQuantilesErrors(t *testing.T) {
	q := fitQuantiles(t, &codec.Quantiles{}, map[string][][]float64{"a": numbers(30, 2, 0.5), "mute": {{0, 0}}})
	dst := make([]float64, 2)
	for _, c := range []struct {
		class, want string
		v           []float64
	}{
		{"b", "no tables for class", []float64{1, 2}},
		{"a", "a value at every place", []float64{1}},
		{"a", "is NaN", []float64{math.NaN(), 1}},
		{"a", "is +Inf", []float64{1, math.Inf(1)}},
		{"mute", "0 everywhere", []float64{1, 0}},
	} {
		if err := q.Encode(c.class, c.v, dst); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v of %q: %v, want %q", c.v, c.class, err, c.want)
		}
	}
	f := (&codec.Quantiles{}).Fitter(2)
	for _, v := range [][]float64{{1}, {math.Inf(-1), 0}} {
		if f.Add("a", v) == nil {
			t.Errorf("the fitter takes %v", v)
		}
	}
	if _, err := f.Codec(); err == nil {
		t.Error("tables of nothing")
	}
	for _, damaged := range []string{
		`{"tables":{"a":[{"values":[2,1]}]}}`, `{"tables":{"a":[{}]}}`, `{"silent":true,"tables":{"a":[{"values":[0,1]}]}}`,
		`{"tables":{"a":[{"values":[1]}],"b":[]}}`, `{"knots":-1}`,
	} {
		if err := json.Unmarshal([]byte(damaged), &codec.Quantiles{}); err == nil {
			t.Errorf("%s is taken", damaged)
		}
	}
	for _, code := range []float64{math.NaN(), -1, 0, 2, math.Inf(1)} { // of a sampler that went wrong
		if got := q.Decode("a", []float64{code, code}); math.IsNaN(got[0]) || math.IsInf(got[0], 0) {
			t.Errorf("code %v gives %v", code, got)
		}
	}
}
