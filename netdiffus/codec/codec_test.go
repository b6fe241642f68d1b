package codec

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
)

var _ Learner = MinMax{}

// fit returns the codec fitted to the series.
func fit(t *testing.T, c Learner, length int, series ...[]float64) (Codec, error) {
	t.Helper()
	f := c.Fitter(length)
	if f == nil {
		t.Fatalf("%v is fitted already", c)
	}
	for _, v := range series {
		if err := f.Add("a", v); err != nil {
			return nil, err
		}
	}
	return f.Codec()
}

// TestGolden is the reference's own conversion: the scale over the padded
// table, the codes, and the values that come back.
func TestGolden(t *testing.T) {
	g := golden.Open(t, "gasf.npz")
	lengths, signed := g.Ints(t, "seed_lengths"), g.Floats(t, "seed_signed")
	norm, back := g.Floats(t, "seed_norm"), g.Floats(t, "seed_denorm")
	var series [][]float64
	for i, n := range lengths {
		series = append(series, signed[i*10:i*10+int(n)])
	}
	c, err := fit(t, MinMax{}, 10, series...)
	if err != nil {
		t.Fatal(err)
	}
	want := MinMax{Min: float64(g.Ints(t, "seed_global_min")[0]), Max: float64(g.Ints(t, "seed_global_max")[0])}
	if c != want {
		t.Fatalf("fitted %v, want %v", c, want)
	}
	dst := make([]float64, 10)
	for i, v := range series {
		if err := c.Encode("a", v, dst); err != nil {
			t.Fatal(err)
		}
		for j, code := range dst {
			if math.Abs(code-norm[i*10+j]) > 1e-15 {
				t.Errorf("series %d place %d: code %v, want %v", i, j, code, norm[i*10+j])
			}
		}
		for j, value := range c.Decode("a", dst) {
			if math.Abs(value-back[i*10+j]) > 1e-4 { // the recorded ones went through an image
				t.Errorf("series %d place %d: %v comes back, want %v", i, j, value, back[i*10+j])
			}
		}
	}
}

// TestEveryLength: every whole number that a length can be comes back exactly,
// on both scales, and on the scale to [0.1,1] from float32 images' diagonals
// too.
func TestEveryLength(t *testing.T) {
	const largest = 65535
	for _, low := range []float64{0, 0.1} {
		m := MinMax{Min: -largest, Max: largest, Low: low}
		var v [1]float64
		dst := make([]float64, 1)
		wrong64, wrong32 := 0, 0
		for n := -largest; n <= largest; n++ {
			v[0] = float64(n)
			if err := m.Encode("", v[:], dst); err != nil {
				t.Fatal(err)
			}
			if !(dst[0] >= low && dst[0] <= 1) {
				t.Fatalf("%d has code %v, want one in [%v,1]", n, dst[0], low)
			}
			diagonal := 2*dst[0]*dst[0] - 1
			back := func(d float64) float64 { return m.Decode("", []float64{math.Sqrt((d + 1) / 2)})[0] }
			if math.Round(back(diagonal)) != v[0] {
				wrong64++
			}
			if math.Round(back(float64(float32(diagonal)))) != v[0] {
				wrong32++
			}
		}
		t.Logf("low %v: %d and %d wrong of %d", low, wrong64, wrong32, 2*largest+1)
		if wrong64 > 0 || low == 0.1 && wrong32 > 0 {
			t.Errorf("low %v: %d of %d lengths wrong in float64, %d in float32", low, wrong64, 2*largest+1, wrong32)
		}
	}
}

func TestPadding(t *testing.T) {
	m := MinMax{Min: -100, Max: 300}
	dst := []float64{9, 9, 9}
	if err := m.Encode("", []float64{300}, dst); err != nil {
		t.Fatal(err)
	}
	if want := []float64{1, 0.25, 0.25}; !slices.Equal(dst, want) {
		t.Errorf("codes %v, want %v: padding is the value 0", dst, want)
	}
	if got := m.Decode("", dst); !slices.Equal(got, []float64{300, 0, 0}) {
		t.Errorf("Decode = %v", got)
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		name   string
		length int
		series [][]float64
		want   Codec  // nil: an error
		about  string // what the error names
	}{
		{"both ways", 2, [][]float64{{3, -2}, {1, 4}}, MinMax{Min: -2, Max: 4}, ""},
		{"no padding, no 0", 2, [][]float64{{3, 5}}, MinMax{Min: 3, Max: 5}, ""},
		{"padding counts", 3, [][]float64{{3, 5}}, MinMax{Min: 0, Max: 5}, ""},
		{"one value and padding", 3, [][]float64{{-7}}, MinMax{Min: -7, Max: 0}, ""},
		{"constant", 2, [][]float64{{3, 3}, {3, 3}}, nil, "constant"},
		{"all 0", 2, [][]float64{{0}, {0, 0}}, nil, "constant"},
		{"nothing", 2, nil, nil, "no values"},
		{"NaN", 2, [][]float64{{1, math.NaN()}}, nil, "NaN"},
		{"infinite", 2, [][]float64{{math.Inf(-1), 1}}, nil, "-Inf"},
		{"beyond float64", 2, [][]float64{{-math.MaxFloat64, math.MaxFloat64}}, nil, "finite"},
	} {
		got, err := fit(t, MinMax{}, c.length, c.series...)
		if c.want == nil {
			if err == nil || !strings.Contains(err.Error(), c.about) {
				t.Errorf("%s: %v, %v, want an error about %q", c.name, got, err, c.about)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	c, err := fit(t, MinMax{Low: 0.1}, 1, []float64{1}, []float64{2})
	if want := (MinMax{Min: 1, Max: 2, Low: 0.1}); err != nil || c != want {
		t.Errorf("fitted %v, %v, want %v", c, err, want)
	}
	if (MinMax{Max: 1}).Fitter(10) != nil {
		t.Error("a codec with a scale wants to be fitted")
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		m     MinMax
		v     []float64
		about string
	}{
		{MinMax{}, []float64{1}, "neither given nor fitted"},
		{MinMax{Min: 5, Max: 5}, []float64{5}, "constant"},
		{MinMax{Min: 5, Max: 4}, []float64{5}, "rising"},
		{MinMax{Min: math.NaN(), Max: 4}, []float64{5}, "finite"},
		{MinMax{Max: 1, Low: 1}, []float64{1}, "low"},
		{MinMax{Max: 1}, []float64{0, 2}, "value 2 at place 1"},
		{MinMax{Max: 1}, []float64{math.NaN()}, "NaN"},
		{MinMax{Max: 1}, []float64{0, 0, 0}, "3 values in 2 places"},
		{MinMax{Min: 1, Max: 2}, []float64{1}, "padding"},
	} {
		if err := c.m.Encode("", c.v, make([]float64, 2)); err == nil || !strings.Contains(err.Error(), c.about) {
			t.Errorf("%v of %v = %v, want an error about %q", c.v, c.m, err, c.about)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, c := range []Codec{MinMax{}, MinMax{Min: -1460, Max: 1460}, MinMax{Min: -0.1, Max: 1e300, Low: 0.1}} {
		data, err := Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Unmarshal(data); err != nil || back != c {
			t.Errorf("%s reads as %v, %v, want %v", data, back, err, c)
		}
	}
	for _, data := range []string{"", "{}", `{"name":"zip"}`, `{"name":"minmax","min":"a"}`, "[]"} {
		if c, err := Unmarshal([]byte(data)); err == nil {
			t.Errorf("%q reads as %v", data, c)
		}
	}
	if _, err := Named("zip"); err == nil || !strings.Contains(err.Error(), "minmax") {
		t.Errorf("Named of an unknown codec = %v, want an error that lists the codecs", err)
	}
}

func ExampleMinMax() {
	f := MinMax{}.Fitter(4) // series of at most 4 values
	f.Add("web", []float64{-500, 1500})
	c, err := f.Codec()
	if err != nil {
		fmt.Println(err)
		return
	}
	codes := make([]float64, 4)
	c.Encode("web", []float64{-500, 1500}, codes)
	fmt.Println(codes, c.Decode("web", codes))
	// Output: [0 1 0.25 0.25] [-500 1500 0 0]
}
