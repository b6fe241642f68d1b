package joint_test

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// fitTalk fits a prior that remembers much to series, which talk returned.
func fitTalk(t *testing.T, values [][]float64, length int, thin bool) (*joint.Prior, []*codec.Atoms) {
	t.Helper()
	channels := []*codec.Atoms{fitCodec(t, codec.Atoms{}, length, values, nil)}
	series := joint.Read(channels, []string{"a"}, images(t, length, channels, values), make([]int, len(values)))
	p, err := joint.Fit(channels, []string{"a"}, series, joint.Settings{Memory: markov.Memory{Order: 3}, Thin: thin})
	if err != nil {
		t.Fatal(err)
	}
	return p, channels
}

// padded are series with zeros behind them.
func padded(series [][]float64, length int) (rows [][]float64) {
	for _, v := range series {
		rows = append(rows, append(slices.Clone(v), make([]float64, length-len(v))...))
	}
	return rows
}

// evenly draws series of numbers in a row.
func evenly(p *joint.Prior, e *joint.Evenly, a *codec.Atoms, length int, seed, first uint64, n int) (all [][]float64) {
	codes := [][]float64{make([]float64, length)}
	for i := range uint64(n) {
		series, err := e.Draw(0, noise.Even{Seed: seed, Class: 1, Sample: first + i})
		if err != nil {
			panic(err) // a Prior returns none
		}
		p.Encode(0, series, codes)
		v := a.Decode("a", codes[0])
		all = append(all, v[:len(v)-zeros(v)])
	}
	return all
}

// TestEvenlyFollowsThePrior: over many seeds, the first series alone is distributed as what the prior
// draws, thinned or not.
func TestEvenlyFollowsThePrior(t *testing.T) {
	if testing.Short() {
		t.Skip("many series: some seconds")
	}
	const length, seeds = 4, 800
	values, _ := talk(400, length, 4)
	for _, thin := range []bool{false, true} {
		p, channels := fitTalk(t, values, length, thin)
		var first [][]float64
		e := p.Evenly()
		for seed := range uint64(seeds) {
			first = append(first, evenly(p, e, channels[0], length, seed, seed%700, 1)...)
		}
		want := grams(fromPrior(p, channels, 20000, length, 1), 2)
		got := divergence(grams(first, 2), want)
		if same := divergence(grams(fromPrior(p, channels, seeds, length, 2), 2), want); got > 1.25*same {
			t.Errorf("thinned %v: the first of %d seeds are %.4f from the prior, as many independent ones %.4f", thin, seeds, got, same)
		}
	}
}

// TestEvenlyIsEven: any series in a row are nearer to all that the prior draws than independent ones are,
// thinned or not, and repeat those fitted to as often.
func TestEvenlyIsEven(t *testing.T) {
	const length, n = 10, 300
	fitted, _ := talk(400, length, 4)
	for _, thin := range []bool{false, true} {
		p, channels := fitTalk(t, fitted, length, thin)
		records := metric.NewRecords(padded(fitted, length))
		copies := func(values [][]float64) (share float64) {
			for _, row := range padded(values, length) {
				if records.Repeat(row, false) == metric.Copy {
					share += 1 / float64(len(values))
				}
			}
			return share
		}
		all := fromPrior(p, channels, 20000, length, 1)
		want := grams(all, 3)
		e := p.Evenly()
		for _, first := range []uint64{0, 100, 5120} {
			var even, independent, copied float64
			const seeds = 5
			for seed := range uint64(seeds) {
				drawn := evenly(p, e, channels[0], length, seed, first, n)
				even += divergence(grams(drawn, 3), want) / seeds
				copied += copies(drawn) / seeds
				independent += divergence(grams(fromPrior(p, channels, n, length, 7+seed), 3), want) / seeds
			}
			if even > 0.9*independent {
				t.Errorf("thinned %v: %d series from %d on are %.4f from all, independent ones %.4f", thin, n, first, even, independent)
			}
			if off := copied - copies(all); off < -0.03 || off > 0.03 {
				t.Errorf("thinned %v: %.3f copies, %.3f in all", thin, copied, copies(all))
			}
		}
	}
}

// TestEvenlyIsReproducible: a series is the same whichever were drawn before it, and by how many goroutines.
func TestEvenlyIsReproducible(t *testing.T) {
	const length = 6
	values, _ := talk(400, length, 4)
	p, channels := fitTalk(t, values, length, true)
	want := evenly(p, p.Evenly(), channels[0], length, 3, 0, 2000)
	if other := evenly(p, p.Evenly(), channels[0], length, 4, 0, 2000); reflect.DeepEqual(other, want) {
		t.Error("two seeds draw the same")
	}
	e := p.Evenly()
	var group sync.WaitGroup
	for _, first := range []int{1900, 0, 500, 1300, 40} {
		group.Go(func() {
			if got := evenly(p, e, channels[0], length, 3, uint64(first), 100); !reflect.DeepEqual(got, want[first:first+100]) {
				t.Errorf("the series from %d on differ from those drawn in order", first)
			}
		})
	}
	group.Wait()
}

// TestEvenlyOfFewSeries: one series, of which all is certain, and a thinning that leaves out all.
func TestEvenlyOfFewSeries(t *testing.T) {
	channels := []*codec.Atoms{fitCodec(t, codec.Atoms{}, 2, [][]float64{{5, 7}}, nil)}
	series := joint.Read(channels, []string{"a"}, images(t, 2, channels, [][]float64{{5, 7}}), []int{0})
	for _, thin := range []bool{false, true} {
		p, err := joint.Fit(channels, []string{"a"}, series, joint.Settings{Memory: markov.Memory{Order: 1}, Thin: thin})
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range evenly(p, p.Evenly(), channels[0], 2, 0, 0, 3) {
			if fmt.Sprint(got) != "[5 7]" {
				t.Errorf("drawn %v", got)
			}
		}
	}
}
