package codec_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// packets makes n series of so many places of whole numbers, of which the share on are
// multiples of unit, and the share silent are 0.
func packets(n, places int, unit, on, silent float64, seed uint64) [][]float64 {
	r := rand.New(rand.NewPCG(seed, 0))
	out := make([][]float64, n)
	for i := range out {
		for range places {
			v := math.Round(4e5 * math.Exp(0.3*r.NormFloat64()))
			if r.Float64() < on {
				v = unit * math.Round(v/unit)
			}
			if r.Float64() < silent {
				v = 0
			}
			out[i] = append(out[i], v)
		}
	}
	return out
}

// on is the share of the values, zeros left out, that are multiples of unit.
func on(series [][]float64, unit float64) float64 {
	n, all := 0.0, 0.0
	for _, v := range series {
		for _, x := range v {
			if x != 0 {
				all++
				if math.Mod(x, unit) == 0 {
					n++
				}
			}
		}
	}
	return n / all
}

// drawn draws series of independent places.
func drawn(q *codec.Quantiles, class string, n, places int, seed uint64) [][]float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([][]float64, n)
	for i := range out {
		codes := make([]float64, places)
		for j := range codes {
			codes[j] = q.Code(r.NormFloat64())
		}
		out[i] = q.Decode(class, codes)
	}
	return out
}

// TestUnits: units are found, the values come back through float32 images, and what is drawn
// has as many multiples as the data, class by class.
func TestUnits(t *testing.T) {
	some := map[string][][]float64{
		"a": packets(80, 8, 1414, 0.5, 0, 1), "b": packets(80, 8, 1474, 0.3, 0, 2), "none": packets(80, 8, 1, 1, 0, 3),
		"all": packets(80, 8, 1414, 1, 0, 4),
	}
	both := append(packets(60, 8, 1414, 0.6, 0, 5), packets(60, 8, 1474, 0.6, 0, 6)...)
	for _, c := range []struct {
		name   string
		codec  codec.Quantiles
		series map[string][][]float64
		units  []float64
	}{
		{name: "two units in several classes", series: some, units: []float64{1414, 1474}},
		{name: "two units in one class", series: map[string][][]float64{"a": both}, units: []float64{1474, 1414}},
		{name: "silence", series: map[string][][]float64{"a": packets(200, 16, 1448, 0.5, 0.6, 7)}, units: []float64{1448}},
		{name: "fewer quantiles than values", series: map[string][][]float64{"a": packets(900, 4, 1448, 0.4, 0, 8)}, units: []float64{1448}},
		{name: "switched off", codec: codec.Quantiles{UnitsFrom: 1}, series: map[string][][]float64{"a": some["a"]}},
		{name: "no unit", series: map[string][][]float64{"a": packets(200, 16, 1, 1, 0.5, 9)}},
	} {
		q := fitQuantiles(t, &c.codec, c.series)
		if !reflect.DeepEqual(q.Units, c.units) {
			t.Errorf("%s: units %v, want %v", c.name, q.Units, c.units)
			continue
		}
		data, err := codec.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		back, err := codec.Unmarshal(data)
		if err != nil || !reflect.DeepEqual(back, q) {
			t.Fatalf("%s: JSON: %v", c.name, err)
		}
		for class, series := range c.series {
			places := len(series[0])
			for _, v := range series {
				codes := make([]float64, places)
				if err := q.Encode(class, v, codes); err != nil {
					t.Fatal(c.name, err)
				}
				got, got32 := q.Decode(class, codes), q.Decode(class, rounded(codes))
				for j := range v {
					if got[j] != v[j] {
						t.Fatalf("%s, class %s: place %d: %v came back as %v", c.name, class, j, v[j], got[j])
					}
					if math.Abs(got32[j]-v[j]) > 100 { // of 3e6: hundredths of the distance of extreme quantiles
						t.Fatalf("%s, class %s: place %d: %v came back as %v from float32", c.name, class, j, v[j], got32[j])
					}
				}
			}
			more := drawn(q, class, 300, places, 1)
			for _, unit := range c.units {
				if got, want := on(more, unit), on(series, unit); math.Abs(got-want) > 0.06 { // "all" is held to 0.95
					t.Errorf("%s, class %s: %.3f of the values drawn are multiples of %v, %.3f of those fitted", c.name, class, got, unit, want)
				}
			}
			if c.units == nil {
				if got := on(more, 1414); got > 0.1 { // the quantiles themselves, at times
					t.Errorf("%s: %.3f of the values drawn are multiples of 1414", c.name, got)
				}
			}
		}
	}
}

// TestUnitsAreMonotone: a larger code never decodes to a smaller value, codes between give
// values that were never seen, and what they decode to comes back.
func TestUnitsAreMonotone(t *testing.T) {
	series := packets(60, 1, 1414, 0.5, 0, 1)
	q := fitQuantiles(t, &codec.Quantiles{}, map[string][][]float64{"a": series})
	seen := map[float64]bool{}
	for _, v := range series {
		seen[v[0]] = true
	}
	before, fresh, code := math.Inf(-1), 0, make([]float64, 1)
	for i := range 20_001 {
		v := q.Decode("a", []float64{float64(i) / 20_000})
		if v[0] < before {
			t.Fatalf("code %v gives %v, after %v", float64(i)/20_000, v[0], before)
		}
		before = v[0]
		if !seen[v[0]] && math.Mod(v[0], 1414) != 0 {
			fresh++
		}
		if err := q.Encode("a", v, code); err != nil {
			t.Fatal(err)
		}
		if got := q.Decode("a", code); got[0] != v[0] {
			t.Fatalf("%v came back as %v", v[0], got[0])
		}
	}
	if fresh < 4000 {
		t.Errorf("%d of 20,001 codes give values that are neither multiples nor seen", fresh)
	}
}

// TestUnitsKeepTheDistribution: the values drawn are distributed as those fitted.
func TestUnitsKeepTheDistribution(t *testing.T) {
	series := packets(1500, 1, 1414, 0.5, 0, 1)
	q := fitQuantiles(t, &codec.Quantiles{Knots: 2000}, map[string][][]float64{"a": series})
	mean := func(series [][]float64) (sum, square float64) {
		for _, v := range series {
			sum += math.Log(v[0]) / float64(len(series))
			square += math.Log(v[0]) * math.Log(v[0]) / float64(len(series))
		}
		return sum, math.Sqrt(square - sum*sum)
	}
	m, s := mean(series)
	got, spread := mean(drawn(q, "a", 20_000, 1, 2))
	if math.Abs(got-m) > 0.01 || math.Abs(spread-s) > 0.01 { // 0.3/√20,000 is 0.002
		t.Errorf("the logarithms drawn have mean %v and deviation %v, those fitted %v and %v", got, spread, m, s)
	}
}

func TestUnitsErrors(t *testing.T) {
	for _, damaged := range []string{
		`{"units":[0]}`, `{"units":[1e300]}`, `{"units":[2,3,4,5,6]}`, `{"units_from":-1}`,
		`{"units":[16],"tables":{"a":[{"values":[1],"shares":[0.5,0.5]}]}}`, `{"units":[16],"tables":{"a":[{"values":[1],"shares":[1]}]}}`,
		`{"units":[16],"tables":{"a":[{"values":[1],"shares":[-0.1]}]}}`, `{"silent":true,"units":[16],"tables":{"a":[{"values":[],"shares":[0.1]}]}}`,
	} {
		if err := json.Unmarshal([]byte(damaged), &codec.Quantiles{}); err == nil {
			t.Errorf("%s is taken", damaged)
		}
	}
	// Tables whose units fit no value are as good as none.
	q := &codec.Quantiles{}
	if err := json.Unmarshal([]byte(`{"units":[1000],"tables":{"a":[{"values":[1,2],"shares":[0.5]}]}}`), q); err != nil {
		t.Fatal(err)
	}
	if got := q.Decode("a", []float64{q.Code(0)}); math.Abs(got[0]-1.5) > 1e-9 {
		t.Errorf("the median of 1 and 2 is %v", got[0])
	}
}
