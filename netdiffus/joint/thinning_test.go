package joint_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// TestThinnerOfNothing: what nothing is known of is kept.
func TestThinnerOfNothing(t *testing.T) {
	a := fitCodec(t, codec.Atoms{}, 2, [][]float64{{5, 7}}, nil)
	for _, series := range []joint.Series{nil, {{{0, 0}}}} {
		for _, drawn := range []joint.Series{nil, {{{0, 1}}}} {
			thinner := joint.NewThinner([]*codec.Atoms{a}, "a", series)
			thinner.Thin(drawn, 8)
			if err := thinner.Check(1); err != nil {
				t.Errorf("of %v, drawn %v: %v", series, drawn, err)
			}
			if !thinner.Keeps(rand.New(rand.NewPCG(1, 2)), [][]int32{{0, 1}}) {
				t.Errorf("of %v, drawn %v: the only series is left out", series, drawn)
			}
		}
	}
}

// TestThinning: a chain that remembers nearly all copies far more often than the series it was
// fitted to repeat each other. Thinned it does not, and its series are as long as before.
func TestThinning(t *testing.T) {
	const length = 10
	values, _ := talk(400, length, 4)
	rows := padded(values, length)
	records := metric.NewRecords(rows)
	type shares struct{ copies, near, size float64 }
	measure := func(rows [][]float64, own bool) (s shares) {
		for _, row := range rows {
			switch records.Repeat(row, own) {
			case metric.Copy:
				s.copies += 1 / float64(len(rows))
			case metric.NearCopy:
				s.near += 1 / float64(len(rows))
			}
			s.size += float64(length-zeros(row)) / float64(len(rows))
		}
		return s
	}
	real := measure(rows, true)
	drawn := func(thin bool) shares {
		p, channels := fitTalk(t, values, length, thin)
		return measure(padded(fromPrior(p, channels, 2000, length, 1), length), false)
	}
	whole, thinned := drawn(false), drawn(true)
	t.Logf("real %+v, drawn %+v, thinned %+v", real, whole, thinned)
	if whole.copies < real.copies+0.2 {
		t.Fatalf("the chain copies %.3f, and is no test: real series %.3f", whole.copies, real.copies)
	}
	// So few of its series are new that some of the shares are poorly known.
	if math.Abs(thinned.copies-real.copies) > 0.06 || math.Abs(thinned.near-real.near) > 0.02 {
		t.Errorf("thinned %+v, want the shares of %+v", thinned, real)
	}
	if math.Abs(thinned.size-real.size) > 0.2 {
		t.Errorf("thinned series have %.2f values, real ones %.2f", thinned.size, real.size)
	}
}

// TestThinningWithoutNearCopies: where none of what is drawn nearly copies, which a third of the real series
// do, copies are left out until they are as many as real ones, all the same.
func TestThinningWithoutNearCopies(t *testing.T) {
	var values [][]float64
	for i := range 20 {
		v := 1000 * float64(i)
		values = append(values, []float64{v, 500}, []float64{v, 500}) // copies of each other
		values = append(values, []float64{v, v + 100}, []float64{v, v + 104})
		values = append(values, []float64{v, 90000 + 100*v}, []float64{v + 30, 300000 + 100*v})
	}
	a := fitCodec(t, codec.Atoms{}, 2, values, nil)
	atoms := func(v []float64) [][]int32 {
		one := make([]int32, len(v))
		for j, table := range a.Tables["a"] {
			one[j] = int32(table.Index(v[j]))
		}
		return [][]int32{one}
	}
	var series, drawn joint.Series
	for _, v := range values {
		series = append(series, atoms(v))
	}
	for i := range 1000 {
		one := values[i%len(values)] // a copy
		if i%10 == 0 {
			one = []float64{one[0], values[(i/10*6+5)%len(values)][1]} // the second value of another series
		}
		drawn = append(drawn, atoms(one))
	}
	thinner := joint.NewThinner([]*codec.Atoms{a}, "a", series)
	var rows [][]float64
	row := func(flow [][]int32) []float64 {
		return []float64{a.Tables["a"][0].Values[flow[0][0]], a.Tables["a"][1].Values[flow[0][1]]}
	}
	for _, flow := range series {
		rows = append(rows, row(flow))
	}
	records := metric.NewRecords(rows)
	share := func(series joint.Series, own, thin bool) (copies float64) {
		rng, n := rand.New(rand.NewPCG(1, 2)), 0.0
		for range 20 {
			for _, flow := range series {
				if thin && !thinner.Keeps(rng, flow) {
					continue
				}
				n++
				if records.Repeat(row(flow), own) == metric.Copy {
					copies++
				}
			}
		}
		return copies / n
	}
	real, before := share(series, true, false), share(drawn, false, false)
	thinner.Thin(drawn, 8)
	after := share(drawn, false, true)
	t.Logf("copies: real %.3f, drawn %.3f, thinned %.3f", real, before, after)
	if before < real+0.3 || math.Abs(after-real) > 0.05 {
		t.Errorf("copies: drawn %.3f, thinned %.3f, want those of real series, %.3f", before, after, real)
	}
}
