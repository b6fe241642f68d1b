package joint_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// talk makes n series of up to length values in which each depends on the two before
// it, and some are rare; beside each stands a second value that depends on the first.
func talk(n, length int, seed uint64) (values, beside [][]float64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	for range n {
		v := []float64{float64(100 + 50*rng.IntN(4))}
		for len(v) < length {
			last, before := v[len(v)-1], 0.0
			if len(v) > 1 {
				before = v[len(v)-2]
			}
			next := -last
			switch {
			case rng.IntN(12) == 0:
				next = float64(300 + rng.IntN(400)) // rare
			case before < 0:
				next = 150 + math.Mod(math.Abs(last)+math.Abs(before), 200)
			case rng.IntN(6) == 0:
				next = 1460
			}
			if rng.IntN(length) == 0 {
				break
			}
			v = append(v, next)
		}
		b := make([]float64, len(v))
		for j, x := range v {
			b[j] = float64(int(math.Abs(x))%3 + rng.IntN(2))
		}
		values, beside = append(values, v), append(beside, b)
	}
	return values, beside
}

// fitCodec fits the tables of one class, "a".
func fitCodec(t testing.TB, a codec.Atoms, length int, values, lead [][]float64) *codec.Atoms {
	t.Helper()
	f := a.Fitter(length)
	for i, v := range values {
		var err error
		if lead != nil {
			err = f.(codec.ConditionalFitter).AddConditional("a", v, lead[i])
		} else {
			err = f.Add("a", v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := f.Codec()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*codec.Atoms)
}

// draw are the images of the series, by GASF.
func images(t testing.TB, length int, channels []*codec.Atoms, series ...[][]float64) imaging.Images {
	t.Helper()
	m := imaging.New(len(series[0]), length, length, len(channels))
	codes, plane := make([]float64, length), make([]float64, length*length)
	for i := range m.N {
		image := m.At(i)
		for k, a := range channels {
			if err := a.Encode("a", series[k][i], codes); err != nil {
				t.Fatal(err)
			}
			imaging.GASF{}.Encode(codes, plane)
			for p, v := range plane {
				image[p*len(channels)+k] = v
			}
		}
	}
	return m
}

// grams counts the runs of n values, with their places.
func grams(series [][]float64, n int) map[string]float64 {
	counts := map[string]float64{}
	for _, v := range series {
		for j := range len(v) - n + 1 {
			counts[fmt.Sprint(j, v[j:j+n])]++
		}
	}
	return counts
}

// divergence is the Jensen-Shannon divergence of two counts, bits.
func divergence(a, b map[string]float64) float64 {
	total := func(m map[string]float64) (s float64) {
		for _, n := range m {
			s += n
		}
		return s
	}
	keys, sa, sb, js := map[string]bool{}, total(a), total(b), 0.0
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	for k := range keys {
		p, q := a[k]/sa, b[k]/sb
		m := (p + q) / 2
		for _, x := range []float64{p, q} {
			if x > 0 {
				js += x * math.Log2(x/m) / 2
			}
		}
	}
	return js
}

// respaced is the schedule of so many of 1,000 steps.
func respaced(t testing.TB, steps string) schedule.Schedule {
	t.Helper()
	full, err := schedule.Angular(1000)
	if err != nil {
		t.Fatal(err)
	}
	s, err := full.Respace(steps)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reverse draws n series through the reverse process on the diagonals alone.
func reverse(t testing.TB, p *joint.Prior, channels []*codec.Atoms, s schedule.Schedule, n, length int, seed uint64) [][][]float64 {
	t.Helper()
	out := make([][][]float64, len(channels))
	d := p.Drawer(0)
	x, codes := make([][]float64, len(channels)), make([][]float64, len(channels))
	for k := range channels {
		x[k], codes[k] = make([]float64, length), make([]float64, length)
	}
	x0, mean := make([]float64, length), make([]float64, length)
	sigma := s.PosteriorVariance()
	for i := range n {
		rng := noise.Stream(seed, uint64(i))
		for k := range x {
			for j := range x[k] {
				x[k][j] = rng.NormFloat64()
			}
		}
		for step := s.Len() - 1; step >= 0; step-- {
			ab := s.AlphaBar[step]
			d.Draw(rng, x, math.Sqrt(ab), math.Sqrt(1-ab), codes)
			for k := range x {
				for j, c := range codes[k] {
					x0[j] = 2*c*c - 1
				}
				s.PosteriorMean(step, x0, x[k], mean)
				for j := range x[k] {
					x[k][j] = mean[j]
					if step > 0 {
						x[k][j] += math.Sqrt(sigma[step]) * rng.NormFloat64()
					}
				}
			}
		}
		for k, a := range channels {
			for j := range x[k] {
				x0[j] = math.Sqrt(max(0, (x[k][j]+1)/2))
			}
			v := a.Decode("a", x0)
			out[k] = append(out[k], v[:len(v)-zeros(v)])
		}
	}
	return out
}

// fromPrior draws n series of the first channel from the chain itself.
func fromPrior(p *joint.Prior, channels []*codec.Atoms, n, length int, seed uint64) (values [][]float64) {
	return allFromPrior(p, channels, n, length, seed)[0]
}

// allFromPrior draws n series of every channel from the chain itself.
func allFromPrior(p *joint.Prior, channels []*codec.Atoms, n, length int, seed uint64) [][][]float64 {
	d := p.Drawer(0)
	codes, all := make([][]float64, len(channels)), make([][][]float64, len(channels))
	for k := range codes {
		codes[k] = make([]float64, length)
	}
	for i := range n {
		d.DrawPrior(noise.Stream(seed, uint64(i)), codes)
		for k, a := range channels {
			v := a.Decode("a", codes[k])
			all[k] = append(all[k], v[:len(v)-zeros(v)])
		}
	}
	return all
}

// zeros is how many zeros v ends with.
func zeros(v []float64) int {
	n := 0
	for n < len(v) && v[len(v)-1-n] == 0 {
		n++
	}
	return n
}

// TestReverseProcessFollowsTheChain is the claim of the package: what the reverse
// process draws, at any number of steps, is distributed as what the chain draws.
func TestReverseProcessFollowsTheChain(t *testing.T) {
	if testing.Short() {
		t.Skip("many series at three numbers of steps: some seconds")
	}
	for _, test := range []struct {
		length int
		thin   bool
	}{{10, false}, {10, true}, {32, false}, {32, true}, {64, false}} {
		length := test.length
		values, _ := talk(300, length, 1)
		channels := []*codec.Atoms{fitCodec(t, codec.Atoms{Novel: 3}, length, values, nil)}
		series := joint.Read(channels, []string{"a"}, images(t, length, channels, values), make([]int, len(values)))
		p, err := joint.Fit(channels, []string{"a"}, series, joint.Settings{Memory: markov.Memory{Order: 2, Whole: 4}, Rare: 3, Thin: test.thin})
		if err != nil {
			t.Fatal(err)
		}
		const n = 600
		chain, other := fromPrior(p, channels, n, length, 100), fromPrior(p, channels, n, length, 200)
		for _, steps := range []string{"2", "4", "20"} {
			s := respaced(t, steps)
			drawn := reverse(t, p, channels, s, n, length, 300)[0]
			for order := 1; order <= 3; order++ {
				got := divergence(grams(drawn, order), grams(chain, order))
				floor := divergence(grams(other, order), grams(chain, order))
				if got > floor*1.1+0.002 {
					t.Errorf("%+v, %s steps: %d-grams are %.4f from the chain's, which are %.4f from each other", test, steps, order, got, floor)
				}
			}
		}
	}
}

// Further channels go with the first one.
func TestReverseProcessOfTwoChannels(t *testing.T) {
	const length = 10
	values, beside := talk(400, length, 2)
	lead := fitCodec(t, codec.Atoms{}, length, values, nil)
	channels := []*codec.Atoms{lead, fitCodec(t, codec.Atoms{}, length, beside, values)}
	series := joint.Read(channels, []string{"a"}, images(t, length, channels, values, beside), make([]int, len(values)))
	p, err := joint.Fit(channels, []string{"a"}, series, joint.Settings{Memory: markov.Memory{Order: 1}})
	if err != nil {
		t.Fatal(err)
	}
	drawn := reverse(t, p, channels, respaced(t, "10"), 3000, length, 1)
	// The second value is |first| mod 3, or one more.
	for i, v := range drawn[0] {
		for j, x := range v {
			if j >= len(drawn[1][i]) {
				continue // zeros at the end of the second channel are cut above
			}
			want := float64(int(math.Abs(x)) % 3)
			if got := drawn[1][i][j]; x == math.Abs(x) && x < 300 && got != want && got != want+1 {
				t.Fatalf("series %d: %v came with %v, want %v or one more", i, x, got, want)
			}
		}
	}
}

// paces are times that go with series, a time above 0 for each of their values: some series are fast and others
// slow, and they hardly change.
func paces(series [][]float64, seed uint64) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 8))
	all := make([][]float64, len(series))
	for i, v := range series {
		pace := 10 * math.Exp(3*rng.NormFloat64())
		for range v {
			if rng.IntN(10) == 0 {
				pace = 10 * math.Exp(3*rng.NormFloat64())
			}
			all[i] = append(all[i], pace*math.Exp(rng.NormFloat64()/3))
		}
	}
	return all
}

// correlation is that of the logarithms of neighbours in series.
func correlation(series [][]float64) float64 {
	var n, x, y, xx, yy, xy float64
	for _, v := range series {
		for j := range len(v) - 1 {
			a, b := math.Log(v[j]), math.Log(v[j+1])
			n, x, y, xx, yy, xy = n+1, x+a, y+b, xx+a*a, yy+b*b, xy+a*b
		}
	}
	return (n*xy - x*y) / math.Sqrt((n*xx-x*x)*(n*yy-y*y))
}

// TestTimesGoOn: the times of a second channel follow the times before, in the chain and in what the
// reverse process draws by it, and thinned their sums are those of the series fitted to.
func TestTimesGoOn(t *testing.T) {
	const length, n = 12, 1500
	values, _ := talk(500, length, 5)
	times := paces(values, 6)
	channels := []*codec.Atoms{fitCodec(t, codec.Atoms{}, length, values, nil), fitCodec(t, codec.Atoms{Bins: 64}, length, times, values)}
	series := joint.Read(channels, []string{"a"}, images(t, length, channels, values, times), make([]int, len(values)))
	real := correlation(times)
	steps := respaced(t, "6")
	for _, thin := range []bool{false, true} {
		p, err := joint.Fit(channels, []string{"a"}, series, joint.Settings{Memory: markov.Memory{Order: 2}, Thin: thin})
		if err != nil {
			t.Fatal(err)
		}
		chain := allFromPrior(p, channels, n, length, 1)
		reversed := reverse(t, p, channels, steps, n, length, 2)
		for name, drawn := range map[string][][]float64{"chain": chain[1], "reverse process": reversed[1]} {
			got, durations := correlation(drawn), meanLogSum(drawn)
			t.Logf("thin %v, %s: correlation %.3f, real %.3f; ln sum %.3f, real %.3f", thin, name, got, real, durations, meanLogSum(times))
			if math.Abs(got-real) > 0.15 {
				t.Errorf("thin %v: times of the %s correlate by %.3f, real ones by %.3f", thin, name, got, real)
			}
			if thin && math.Abs(durations-meanLogSum(times)) > 0.25 {
				t.Errorf("the logarithms of sums of the %s are %.3f, of real ones %.3f", name, durations, meanLogSum(times))
			}
		}
	}
}

// meanLogSum is the mean of the logarithms of the sums of series.
func meanLogSum(series [][]float64) (mean float64) {
	for _, v := range series {
		sum := 0.0
		for _, x := range v {
			sum += x
		}
		mean += math.Log1p(sum) / float64(len(series))
	}
	return mean
}

// otherAtoms are counts with the atoms of each place in another order.
func otherAtoms(counts []joint.LeafTable) []joint.LeafTable {
	counts = slices.Clone(counts)
	for j := range counts {
		counts[j].Atom = slices.Clone(counts[j].Atom)
		slices.Reverse(counts[j].Atom)
	}
	return counts
}

// TestValuesGoWithTheStep: values that are merged turn out as those that came with the step of the chain, and
// now and then as another of their group, as often as Witten and Bell say; without the counts by step, as in files
// of earlier versions, by their weights in the group alone.
func TestValuesGoWithTheStep(t *testing.T) {
	const length, n = 2, 20000
	var values [][]float64
	add := func(times int, v ...float64) {
		for range times {
			values = append(values, v)
		}
	}
	add(60, 100, 500)
	add(20, 100, 501)
	add(20, 200, 501)
	add(60, 200, 502)
	channels := []*codec.Atoms{fitCodec(t, codec.Atoms{}, length, values, nil)}
	series := joint.Read(channels, []string{"a"}, images(t, length, channels, values), make([]int, len(values)))
	// 500, 501 and 502 are one symbol. Of the 80 times that it came after 100 there are two values: 2 in 82 are drawn
	// by their weights in the group, which are equal, for values that were seen 60 or 40 times are not what Good's estimate is of.
	p, err := joint.Fit(channels, []string{"a"}, series, joint.Settings{Memory: markov.Memory{Order: 1}, Rare: 70, Group: 1000})
	if err != nil {
		t.Fatal(err)
	}
	tables := p.Tables()
	earlier := *tables
	earlier.Classes = slices.Clone(tables.Classes)
	earlier.Classes[0].Lead = nil
	old, err := earlier.Prior(channels, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	const escape = 2. / 82
	third := 1. / 3
	for _, test := range []struct {
		name  string
		prior *joint.Prior
		want  [3]float64 // shares of 500, 501 and 502 after 100
	}{
		{"by step", p, [3]float64{(1-escape)*0.75 + escape*third, (1-escape)*0.25 + escape*third, escape * third}},
		{"by weight", old, [3]float64{third, third, third}},
	} {
		for name, drawn := range map[string][][]float64{
			"chain": fromPrior(test.prior, channels, n, length, 1), "reverse process": reverse(t, test.prior, channels, respaced(t, "4"), n, length, 2)[0],
		} {
			var got [3]float64
			after := 0.0
			for _, v := range drawn {
				if v[0] == 100 {
					got[int(v[1])-500]++
					after++
				}
			}
			for i := range got {
				got[i] /= after
				if want := test.want[i]; math.Abs(got[i]-want) > 4*math.Sqrt(want*(1-want)/after) {
					t.Errorf("%s, %s: a share of %.4f is %d after 100, want %.4f", test.name, name, got[i], 500+i, want)
				}
			}
		}
	}
}

func TestTablesRoundTrip(t *testing.T) {
	const length = 8
	values, beside := talk(60, length, 3)
	lead := fitCodec(t, codec.Atoms{Novel: 3}, length, values, nil)
	channels := []*codec.Atoms{lead, fitCodec(t, codec.Atoms{}, length, beside, values)}
	series := joint.Read(channels, []string{"a"}, images(t, length, channels, values, beside), make([]int, len(values)))
	p, err := joint.Fit(channels, []string{"a"}, series, joint.Settings{Memory: markov.Memory{Order: 2, Whole: 3}, Rare: 3, Group: 4, Thin: true})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p.Tables())
	if err != nil {
		t.Fatal(err)
	}
	var tables joint.Tables
	if err := json.Unmarshal(text, &tables); err != nil {
		t.Fatal(err)
	}
	again, err := tables.Prior(channels, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.Angular(5)
	if err != nil {
		t.Fatal(err)
	}
	a, b := reverse(t, p, channels, s, 40, length, 1), reverse(t, again, channels, s, 40, length, 1)
	for i := range a[0] {
		if !slices.Equal(a[0][i], b[0][i]) || !slices.Equal(a[1][i], b[1][i]) {
			t.Fatalf("series %d: %v from the tables, %v before", i, b[0][i], a[0][i])
		}
	}
	other, err := json.Marshal(otherAtoms(p.Tables().Classes[0].Lead))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ was, is, want string }{
		{`"order":2`, `"order":2`, ""},
		{`"chain":{`, `"chain":null,"x":{`, "no chain"},
		{`"atom":[`, `"atom":[99,`, "do not fit"},
		{`"lead":[`, `"x":[`, ""},
		{`"lead":[`, `"lead":[{"first":[0],"atom":[],"count":[]},`, "counts of"},
		{`"lead":`, `"lead":` + string(other) + `,"x":`, "of another symbol"},
		{`"thinning":{`, `"thinning":null,"x":{`, "no thinning"},
		{`"keep":[[`, `"keep":[[7,`, "kinds"},
		{`"keep":[[`, `"keep":[[1,1,-1],[`, "thinning of"},
		{`"ends":[`, `"ends":[9,`, "thinning of"},
		{`"tries":120`, `"tries":-1`, "tries"},
		{`"tries":120`, `"tries":1000000000`, "tries"},
		{`"beside":[{"ends":[`, `"beside":[{"ends":[-1e9,`, "parts"},
		{`"beside":[{`, `"beside":[{"ends":[],"keep":[1]},{`, "numbers"},
		{`"bands":8`, `"bands":-8`, "bands"},
		{`"bands":8`, `"bands":2`, "symbol"},
		{`"series":[[`, `"series":[[99,`, "places"},
	} {
		damaged := strings.Replace(string(text), test.was, test.is, 1)
		var tables joint.Tables
		if err := json.Unmarshal([]byte(damaged), &tables); err != nil {
			t.Fatal(err)
		}
		_, err := tables.Prior(channels, []string{"a"})
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.is, err, test.want)
		}
	}
}

// BenchmarkDraw draws from posteriors of noisy images of 32 packets with their times.
func BenchmarkDraw(b *testing.B) {
	const length = 32
	values, _ := talk(700, length, 5)
	times := paces(values, 6)
	channels := []*codec.Atoms{fitCodec(b, codec.Atoms{}, length, values, nil), fitCodec(b, codec.Atoms{Bins: 64}, length, times, values)}
	series := joint.Read(channels, []string{"a"}, images(b, length, channels, values, times), make([]int, len(values)))
	p, err := joint.Fit(channels, []string{"a"}, series, joint.Settings{Memory: markov.Memory{Order: 3, Whole: 4}, Thin: true})
	if err != nil {
		b.Fatal(err)
	}
	d := p.Drawer(0)
	x := [][]float64{make([]float64, length), make([]float64, length)}
	codes := [][]float64{make([]float64, length), make([]float64, length)}
	b.ResetTimer()
	for i := range b.N {
		rng := noise.Stream(1, uint64(i))
		for k := range x {
			for j := range x[k] {
				x[k][j] = rng.NormFloat64()
			}
		}
		d.Draw(rng, x, 0.3, 0.95, codes)
	}
}
