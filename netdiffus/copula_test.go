package netdiffus_test

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/copula"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// streams are n series of each of two classes, with two channels of so many bins: the
// second follows the first, and both fall silent together for some bins.
func streams(n, bins int) []series.Series {
	r := rand.New(rand.NewPCG(7, 7))
	var all []series.Series
	for i := range 2 * n {
		s := series.Series{Label: "calm", Channels: []string{"down", "up"}, Values: [][]float64{make([]float64, bins), make([]float64, bins)}}
		level, keep := 1e5, 0.8
		if i%2 == 1 {
			s.Label, level, keep = "wild", 2e4, -0.6
		}
		v, quiet := r.NormFloat64(), r.Float64() < 0.4
		for j := range bins {
			v = keep*v + math.Sqrt(1-keep*keep)*r.NormFloat64()
			if r.Float64() < 0.25 {
				quiet = !quiet
			}
			if !quiet {
				s.Values[0][j] = level * math.Exp(v/2)
				s.Values[1][j] = level / 50 * math.Exp(v/2+r.NormFloat64()/10)
			}
		}
		all = append(all, s)
	}
	return all
}

// seriesFigures are, of the series of a class: the share of silent bins and of silent ones
// after silent ones, and the correlation of log values with those of the bin before and
// with the other channel's.
func seriesFigures(t *testing.T, set *dataset.Set, class string) [4]float64 {
	t.Helper()
	var silent, after, both, alone, bins float64
	var near, across [][2]float64
	for item, err := range set.Series() {
		if err != nil {
			t.Fatal(err)
		}
		if item.Label != class {
			continue
		}
		down, up := item.Values[0], item.Values[1]
		for j, v := range down {
			bins++
			if (v == 0) != (up[j] == 0) {
				alone++
			}
			if v == 0 {
				silent++
			} else if up[j] > 0 {
				across = append(across, [2]float64{math.Log(v), math.Log(up[j])})
			}
			if j == 0 {
				continue
			}
			if down[j-1] == 0 {
				after++
				if v == 0 {
					both++
				}
			} else if v > 0 {
				near = append(near, [2]float64{math.Log(v), math.Log(down[j-1])})
			}
		}
	}
	if alone > 3+bins/200 { // steps that were never seen have some weight
		t.Errorf("class %s: one channel alone is silent in %v of %v bins", class, alone, bins)
	}
	return [4]float64{silent / bins, both / after, correlation(near), correlation(across)}
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

// buildSeries makes a set of images of that kind with the codec "quantiles".
func buildSeries(t *testing.T, all []series.Series, image imaging.Encoder) *dataset.Set {
	t.Helper()
	set, err := dataset.BuildSeries(series.All(all), dataset.Recipe{Channels: []dataset.Channel{{Codec: &codec.Quantiles{}}}, Image: image})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestCopulaSamplesFollowIt: series drawn by 2 and by 8 steps of diffusion have the
// silence and the correlations of those that the copula was estimated from, as images
// and without.
func TestCopulaSamplesFollowIt(t *testing.T) {
	for _, image := range []imaging.Encoder{imaging.GASF{}} {
		set := buildSeries(t, streams(400, 6), image)
		dir := filepath.Join(t.TempDir(), "run")
		c := netdiffus.Estimated()
		c.Kind = netdiffus.Copula{Settings: copula.Settings{Class: 0.97}} // these series are many, and the classes differ
		if saved, err := count(t, c, set, dir); err != nil || saved == "" {
			t.Fatalf("checkpoint %q, %v", saved, err)
		}
		g, err := sample.Open(backendtest.Open(t), dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, steps := range []string{"2", "8"} {
			drawn, err := g.Draw(context.Background(), sample.Request{N: 500, Seed: 5, Steps: steps})
			if err != nil {
				t.Fatal(err)
			}
			for _, class := range set.Classes {
				got, want := seriesFigures(t, drawn, class), seriesFigures(t, set, class)
				for i, name := range []string{"silent bins", "silent after silent", "correlation of neighbours", "correlation of channels"} {
					if math.Abs(got[i]-want[i]) > 0.1 {
						t.Errorf("%s, %s steps, class %s: %s %.3f, want %.3f", image.Name(), steps, class, name, got[i], want[i])
					}
				}
			}
		}
		// A reconstruction at little noise is all but the image itself.
		few := set.Select([]int{0, 1, 2, 3})
		for r, err := range g.Reconstruct(context.Background(), few, 1, 10) {
			if err != nil {
				t.Fatal(err)
			}
			if r.X0MSE > 1e-3 {
				t.Errorf("%s: the clean images are %v off", image.Name(), r.X0MSE)
			}
		}
	}
}

// TestKindsAndRecords: models of packets do not take series, nor the reverse.
func TestKindsAndRecords(t *testing.T) {
	set := buildSeries(t, streams(4, 4), nil)
	for name, preset := range netdiffus.Presets {
		c, err := preset().Fit(set)
		_, atoms := c.Kind.(netdiffus.Atoms)
		_, chain := c.Kind.(netdiffus.Chain)
		_, causal := c.Kind.(netdiffus.Causal)
		if wrong := atoms || chain || causal; wrong != (err != nil) || wrong && !strings.Contains(err.Error(), "is one of flows, and the data set holds series") {
			t.Errorf("preset %s on series: %v", name, err)
		}
	}
	flows, err := dataset.Open(filepath.Join(v1, "times"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]netdiffus.Config{"copula": netdiffus.Estimated(), "network": netdiffus.Series(1, 1)} {
		if _, err := c.Fit(flows); err == nil || !strings.Contains(err.Error(), "is one of series, and the data set holds flows") {
			t.Errorf("a %s on flows: %v", name, err)
		}
	}
	// A run that was begun with series goes on with series, whatever its model.
	pixels, err := netdiffus.Default().Fit(set)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pixels.Fit(flows); err == nil || !strings.Contains(err.Error(), "is one of series") {
		t.Errorf("pixels of series on flows: %v", err)
	}
}
