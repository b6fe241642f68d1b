package netdiffus_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// smallNumbers is a model of numbers with a small network.
func smallNumbers(steps int) netdiffus.Config {
	c := netdiffus.Series(0, 0)
	k := c.Kind.(netdiffus.Numbers)
	k.Copula.Class, k.Width, k.Blocks = 0.97, 64, 1
	c.Kind, c.Training.Steps, c.Training.BatchSize = k, steps, 32
	c.Training.Validation, c.Training.KeepBest, c.Training.Warmup = 0, false, 0
	return c
}

// trainNumbers trains c on set and returns what draws from it, and the last status.
func trainNumbers(t *testing.T, c netdiffus.Config, set *dataset.Set) (g *sample.Generator, said string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	opt := train.Options{Dir: dir, Status: func(message string) { said = message }}
	for _, err := range train.Run(context.Background(), backendtest.Open(t), c, set, opt) {
		if err != nil {
			t.Fatal(err)
		}
	}
	g, err := sample.Open(backendtest.Open(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	return g, said
}

// TestNumbersStartAtTheCopula: series drawn by a network that has learned nothing have
// the silence and the correlations of those that the copula was estimated from, as rows
// and as images, read by the diagonal and by the head.
func TestNumbersStartAtTheCopula(t *testing.T) {
	for _, c := range []struct {
		image  imaging.Encoder
		decode string
	}{{imaging.Series{}, "head"}, {imaging.GASF{}, ""}} {
		set := buildSeries(t, streams(150, 4), c.image)
		cfg := smallNumbers(1)
		cfg.Training.LR = 1e-9
		g, _ := trainNumbers(t, cfg, set)
		drawn, err := g.Draw(context.Background(), sample.Request{N: 120, Seed: 5, Decode: c.decode, Steps: "8"})
		if err != nil {
			t.Fatal(err)
		}
		for _, class := range set.Classes {
			got, want := seriesFigures(t, drawn, class), seriesFigures(t, set, class)
			for i, name := range []string{"silent bins", "silent after silent", "correlation of neighbours", "correlation of channels"} {
				if math.Abs(got[i]-want[i]) > 0.25 { // of some 150 pairs; independent places are 0.6 off
					t.Errorf("%s, class %s: %s %.3f, want %.3f", c.image.Name(), class, name, got[i], want[i])
				}
			}
		}
		if c.image == (imaging.Series{}) {
			if _, err := g.Draw(context.Background(), sample.Request{N: 1, Decode: "matrix"}); err == nil || !strings.Contains(err.Error(), "GASF") {
				t.Errorf("a matrix of no image: %v", err)
			}
		} else if off := (imaging.GASF{}).MeanConsistency(drawn.Images.Plane(0)); off > 0.02 {
			t.Errorf("pixels lie %v from what the diagonal implies", off)
		}
	}
}

// TestNumbersStartAtTheShifts: where a channel is low while the other one is silent, so are
// series drawn by a network that has learned nothing.
func TestNumbersStartAtTheShifts(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var all []series.Series
	for range 300 {
		s := series.Series{Label: "a", Channels: []string{"down", "up"}, Values: make([][]float64, 2)}
		v := r.NormFloat64()
		for range 4 {
			v = 0.7*v + 0.714*r.NormFloat64()
			s.Values[0] = append(s.Values[0], 50+10*v)
			s.Values[1] = append(s.Values[1], max(0, 20*v-5))
		}
		all = append(all, s)
	}
	set := buildSeries(t, all, imaging.Series{})
	c := smallNumbers(1)
	c.Training.LR = 1e-9
	g, _ := trainNumbers(t, c, set)
	drawn, err := g.Draw(context.Background(), sample.Request{N: 400, Seed: 5, Decode: "head", Steps: "8"})
	if err != nil {
		t.Fatal(err)
	}
	var figures [2][2]float64 // real and drawn: low values, correlation of the channels
	for i, s := range []*dataset.Set{set, drawn} {
		var across [][2]float64
		low, n := 0.0, 0.0
		for item, err := range s.Series() {
			if err != nil {
				t.Fatal(err)
			}
			for j, v := range item.Values[0] {
				across = append(across, [2]float64{v, item.Values[1][j]})
				if item.Values[1][j] == 0 {
					low, n = low+v, n+1
				}
			}
		}
		figures[i] = [2]float64{low / n, correlation(across)}
	}
	if real, drawn := figures[0], figures[1]; math.Abs(real[0]-drawn[0]) > 1.5 || math.Abs(real[1]-drawn[1]) > 0.15 {
		t.Errorf("%.2f in the other's silence and a correlation of %.3f, want %.2f and %.3f", drawn[0], drawn[1], real[0], real[1])
	} else {
		t.Logf("%.2f in the other's silence and a correlation of %.3f, want %.2f and %.3f", drawn[0], drawn[1], real[0], real[1])
	}
}

// TestNumbersKeepTheBetter: where training makes a model worse on what is held out than
// the copula, samples are the copula's, and the run says so.
func TestNumbersKeepTheBetter(t *testing.T) {
	set := buildSeries(t, streams(40, 4), imaging.Series{})
	c := smallNumbers(8)
	k := c.Kind.(netdiffus.Numbers)
	k.Copula.Variants = 1 // a base that leaves something to learn
	c.Kind = k
	c.Training.Validation, c.Training.KeepBest, c.Training.ValidateEvery = 0.25, true, 8
	c.Training.LR, c.Training.EMA = 0.5, []float64{0.1} // so that it diverges
	g, said := trainNumbers(t, c, set)
	if g.Step != 0 || !strings.Contains(said, "samples are the base's") {
		t.Errorf("drawn with the weights after step %d; the run says %q", g.Step, said)
	}
	c.Training.LR, c.Training.Steps = 3e-3, 24
	if g, said = trainNumbers(t, c, set); g.Step == 0 || !strings.Contains(said, fmt.Sprint("after step ", g.Step)) {
		t.Errorf("drawn with the weights after step %d; the run says %q", g.Step, said)
	}
}
