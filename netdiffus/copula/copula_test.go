package copula_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/copula"
)

// waves are n series of two channels of so many places, the second following the first,
// and neighbours alike; where bursts is set both are 0 in runs.
func waves(n, places int, bursts bool) [][][]float64 {
	r := rand.New(rand.NewPCG(5, 6))
	out := make([][][]float64, n)
	for i := range out {
		down, up := make([]float64, places), make([]float64, places)
		v, quiet := r.NormFloat64(), r.IntN(2) == 0
		for j := range places {
			v = 0.8*v + 0.6*r.NormFloat64()
			if r.Float64() < 0.2 {
				quiet = !quiet
			}
			if !bursts || !quiet {
				down[j] = 1000 * math.Exp(v)
				up[j] = 10 * math.Exp(0.9*v+0.3*r.NormFloat64())
			}
		}
		out[i] = [][]float64{down, up}
	}
	return out
}

// figures are the share of zeros, how often a value is 0 after 0, and the correlations
// of log values with their neighbours and between the channels.
func figures(series [][][]float64) (silent, stays, neighbour, channels float64) {
	var zeros, values, after, both float64
	var near, across [][2]float64
	for _, s := range series {
		for j, v := range s[0] {
			values++
			if v == 0 {
				zeros++
				if j > 0 && s[0][j-1] == 0 {
					both++
				}
			}
			if j > 0 && s[0][j-1] == 0 {
				after++
			}
			if v > 0 && s[1][j] > 0 {
				across = append(across, [2]float64{math.Log(v), math.Log(s[1][j])})
			}
			if j > 0 && v > 0 && s[0][j-1] > 0 {
				near = append(near, [2]float64{math.Log(v), math.Log(s[0][j-1])})
			}
		}
	}
	return zeros / values, both / max(after, 1), correlation(near), correlation(across)
}

func correlation(pairs [][2]float64) float64 {
	var a, b, aa, bb, ab float64
	n := float64(len(pairs))
	for _, p := range pairs {
		a, b = a+p[0]/n, b+p[1]/n
		aa, bb, ab = aa+p[0]*p[0]/n, bb+p[1]*p[1]/n, ab+p[0]*p[1]/n
	}
	return (ab - a*b) / math.Sqrt((aa-a*a)*(bb-b*b))
}

func fit(t *testing.T, traces [][][]float64) *copula.Copula {
	t.Helper()
	m, err := copula.Fit([]string{"a", "b"}, [][][][]float64{traces, waves(20, len(traces[0][0]), false)}, copula.Settings{Class: 0.95, Variants: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestDraw: what is drawn has the correlations and the runs of silence of what was
// fitted.
func TestDraw(t *testing.T) {
	for _, bursts := range []bool{false, true} {
		traces := waves(600, 8, bursts)
		m := fit(t, traces)
		r := rand.New(rand.NewPCG(1, 1))
		var drawn [][][]float64
		for range 1500 {
			drawn = append(drawn, m.Draw(0, r))
		}
		compare(t, fmt.Sprintf("bursts %v", bursts), drawn, traces)
	}
}

// compare checks the figures of drawn series against those of others.
func compare(t *testing.T, what string, drawn, want [][][]float64) {
	t.Helper()
	s, k, n, c := figures(drawn)
	ws, wk, wn, wc := figures(want)
	if math.Abs(s-ws) > 0.03 || math.Abs(k-wk) > 0.03 || math.Abs(n-wn) > 0.1 || math.Abs(c-wc) > 0.1 {
		t.Errorf("%s: silent %.3f, stays so %.3f, neighbours %.3f, channels %.3f; want %.3f, %.3f, %.3f, %.3f", what, s, k, n, c, ws, wk, wn, wc)
	}
}

// noised returns the codes of a series of class a, and what a diagonal shows of them under
// noise.
func noised(t *testing.T, r *rand.Rand, codecs []*codec.Quantiles, v [][]float64, signal, noise float64) (codes, x [][]float64) {
	t.Helper()
	codes, x = make([][]float64, len(v)), make([][]float64, len(v))
	for c := range v {
		codes[c], x[c] = make([]float64, len(v[c])), make([]float64, len(v[c]))
		if err := codecs[c].Encode("a", v[c], codes[c]); err != nil {
			t.Fatal(err)
		}
		for j, code := range codes[c] {
			x[c][j] = signal*(2*code*code-1) + noise*r.NormFloat64()
		}
	}
	return codes, x
}

// TestPosterior: draws from the posterior given noisy draws from the prior are draws
// from the prior (with the noisy ones in between), and near what was noised where there is
// little noise. With silence this holds for series to begin with that are such draws
// themselves.
func TestPosterior(t *testing.T) {
	for _, bursts := range []bool{false, true} {
		traces := waves(600, 8, bursts)
		m := fit(t, traces)
		d := m.Drawer(0)
		codecs := m.Codecs()
		r := rand.New(rand.NewPCG(2, 2))
		for _, alphaBar := range []float64{0.999, 0.6, 0.05} {
			signal, noise := math.Sqrt(alphaBar), math.Sqrt(1-alphaBar)
			var prior, posterior [][][]float64
			for range 1500 {
				v := m.Draw(0, r)
				codes, x := noised(t, r, codecs, v, signal, noise)
				d.Draw(r, x, signal, noise, codes, codes)
				prior, posterior = append(prior, v), append(posterior, decoded(codecs, codes))
			}
			compare(t, fmt.Sprintf("bursts %v, ᾱ %v", bursts, alphaBar), posterior, prior)
			var pairs [][2]float64
			for i, s := range posterior {
				if a, b := prior[i][0][3], s[0][3]; a > 0 && b > 0 {
					pairs = append(pairs, [2]float64{math.Log(a), math.Log(b)})
				}
			}
			if got := correlation(pairs); alphaBar > 0.9 && got < 0.97 || alphaBar < 0.1 && got > 0.6 {
				t.Errorf("bursts %v, ᾱ %v: the correlation of a value with its draw is %.3f", bursts, alphaBar, got)
			}
		}
	}
}

// TestPosteriorOfSilence: without a series to begin with the draws are nearly from the
// posterior as well.
func TestPosteriorOfSilence(t *testing.T) {
	traces := waves(600, 8, true)
	m := fit(t, traces)
	d, codecs := m.Drawer(0), m.Codecs()
	r := rand.New(rand.NewPCG(3, 3))
	var prior, posterior [][][]float64
	for range 800 {
		v := m.Draw(0, r)
		codes, x := noised(t, r, codecs, v, 0.5, math.Sqrt(0.75))
		d.Draw(r, x, 0.5, math.Sqrt(0.75), nil, codes)
		prior, posterior = append(prior, v), append(posterior, decoded(codecs, codes))
	}
	compare(t, "anew", posterior, prior)
}

// TestSilenceOfOthers: a channel that is never silent is drawn low where the other is
// silent, and rises with the first value after it, as in what was fitted; also given noisy
// series.
func TestSilenceOfOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	var traces [][][]float64
	for range 500 {
		down, up, v := make([]float64, 10), make([]float64, 10), r.NormFloat64()
		for j := range down {
			v = 0.7*v + 0.714*r.NormFloat64()
			down[j], up[j] = 50+10*v, max(0, 20*v-5)
		}
		traces = append(traces, [][]float64{down, up})
	}
	// low is the mean of the first channel where the second is silent, high where it has
	// begun to be heard, r the correlation of the channels.
	figures := func(series [][][]float64) (low, high, r float64) {
		var lows, highs float64
		var all [][2]float64
		for _, s := range series {
			for j, v := range s[0] {
				all = append(all, [2]float64{v, s[1][j]})
				if s[1][j] == 0 {
					low, lows = low+v, lows+1
				} else if j > 0 && s[1][j-1] == 0 {
					high, highs = high+v, highs+1
				}
			}
		}
		return low / lows, high / highs, correlation(all)
	}
	m := fit(t, traces)
	d, codecs := m.Drawer(0), m.Codecs()
	var drawn, again [][][]float64
	for range 800 {
		v := m.Draw(0, r)
		codes, x := noised(t, r, codecs, v, 0.7, math.Sqrt(0.51))
		d.Draw(r, x, 0.7, math.Sqrt(0.51), codes, codes)
		drawn, again = append(drawn, v), append(again, decoded(codecs, codes))
	}
	low, high, across := figures(traces)
	for what, list := range map[string][][][]float64{"drawn": drawn, "given noisy ones": again} {
		// The states say less than the value does: shifts are means.
		if l, h, c := figures(list); math.Abs(l-low) > 1 || math.Abs(h-high) > 1.5 || math.Abs(c-across) > 0.08 {
			t.Errorf("%s: %.2f in silence, %.2f after it, channels %.3f; want %.2f, %.2f, %.3f", what, l, h, c, low, high, across)
		} else {
			t.Logf("%s: %.2f in silence, %.2f after it, channels %.3f; want %.2f, %.2f, %.3f", what, l, h, c, low, high, across)
		}
	}
}

func decoded(codecs []*codec.Quantiles, codes [][]float64) [][]float64 {
	out := make([][]float64, len(codes))
	for c, q := range codecs {
		out[c] = q.Decode("a", codes[c])
	}
	return out
}

func TestErrors(t *testing.T) {
	ok := waves(3, 4, false)
	for name, traces := range map[string][][][][]float64{
		"no traces":      {{}, {}},
		"one class":      {ok},
		"an empty class": {ok, {}},
		"ragged":         {ok, {{{1, 2, 3, 4}, {1, 2, 3}}}},
		"a channel less": {ok, {{{1, 2, 3, 4}}}},
		"not a number":   {ok, {{{1, 2, 3, math.NaN()}, {1, 2, 3, 4}}}},
	} {
		if _, err := copula.Fit([]string{"a", "b"}, traces, copula.Settings{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := copula.Fit([]string{"a"}, [][][][]float64{ok}, copula.Settings{Class: 0.8, Pooled: 0.4}); err == nil {
		t.Error("weights above 1: no error")
	}
}

// TestFew: a class of one trace, constants and places that are always silent are drawn
// as they are.
func TestFew(t *testing.T) {
	m, err := copula.Fit([]string{"one", "constant", "mute"}, [][][][]float64{
		{{{1, 2, 3}}},
		{{{5, 0, 5}}, {{5, 0, 5}}},
		{{{0, 0, 0}}, {{0, 0, 0}}},
	}, copula.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(4, 4))
	for class := range 3 {
		for range 20 {
			for j, v := range m.Draw(class, r)[0] {
				if math.IsNaN(v) || v < 0 || v > 5 || class == 1 && v != 0 && v != 5 || class == 2 && v != 0 {
					t.Fatalf("class %d, place %d: %v", class, j, v)
				}
			}
		}
	}
}

func Example() {
	// Bytes a second of two downloads each of two servers, one channel of four seconds.
	m, err := copula.Fit([]string{"far", "near"}, [][][][]float64{
		{{{10, 20, 40, 40}}, {{15, 30, 60, 65}}},
		{{{90, 90, 90, 90}}, {{90, 90, 90, 90}}},
	}, copula.Settings{})
	if err != nil {
		panic(err)
	}
	fmt.Println(m.Draw(1, rand.New(rand.NewPCG(1, 1))))
	// Output: [[90 90 90 90]]
}
