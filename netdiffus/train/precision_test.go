package train

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// counted are flows of two classes with lengths that a network can learn.
func counted(t *testing.T) *dataset.Set {
	t.Helper()
	var flows []traffic.Flow
	for i := range 60 {
		f := traffic.Flow{Label: string(rune('a' + i%2))}
		for j := range 4 {
			f.Packets = append(f.Packets, traffic.Packet{Length: 100 + 50*((i/2+j*(1+i%2))%5), Dir: traffic.Direction(j % 2)})
		}
		flows = append(flows, f)
	}
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 4, Channels: []dataset.Channel{{Codec: &codec.Atoms{}}}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// The loss of a run in bfloat16 is that of float32's within 1 %, after 300 steps in the long
// form, with the same batches, steps and noise; over atoms, whose rate is higher and whose flows
// are few, within 4 %, since rounding grows with what is learned. Weights, averages and the optimiser's
// moments are saved as float32; and it draws nearly the same samples.
func TestBF16(t *testing.T) {
	steps, last := 30, 10
	if longtest.On() {
		steps, last = 300, 50
	}
	pixels := tiny()
	pixels.Training.LabelDropout, pixels.UNet.Dropout, pixels.Diffusion.Steps = 0, 0, 20
	pixels.Training.Sampler, pixels.Training.AnnealSteps = netdiffus.TimestepSamplers.Must("uniform"), 0
	atoms := netdiffus.Categorical(0, 0)
	kind := atoms.Kind.(netdiffus.Atoms)
	kind.Width, kind.Blocks = 64, 1
	atoms.Kind, atoms.Training.Steps, atoms.Training.BatchSize = kind, steps, 16
	for name, c := range map[string]struct {
		config netdiffus.Config
		set    *dataset.Set
		within float64
		long   bool
	}{"pixels": {pixels, gradients(16), 0.01, false}, "atoms": {atoms, counted(t), 0.04, true}} {
		t.Run(name, func(t *testing.T) {
			if c.long {
				longtest.Only(t, "compiles four programs over atoms")
			}
			loss := map[nn.Precision]float64{}
			var drawn [][]float64
			for _, p := range []nn.Precision{nn.Float32, nn.BF16} {
				cfg := c.config
				cfg.Precision = p
				dir := filepath.Join(t.TempDir(), "run")
				reports := all(t, cfg, c.set, Options{Dir: dir, Steps: steps, LogEvery: 1})
				for _, r := range reports[len(reports)-last:] {
					loss[p] += r.Loss / float64(last)
				}
				_, saved := newest(t, dir)
				for name, tensor := range saved {
					if tensor.DType != "F32" {
						t.Errorf("%s: %s is saved as %s", p, name, tensor.DType)
					}
				}
				g, err := sample.Open(backendtest.Open(t), dir)
				if err != nil {
					t.Fatal(err)
				}
				set, err := g.Draw(t.Context(), sample.Request{N: 2, Steps: "3"})
				if err != nil {
					t.Fatal(err)
				}
				drawn = append(drawn, set.Images.Data)
			}
			apart := math.Abs(loss[nn.BF16]/loss[nn.Float32] - 1)
			t.Logf("%d steps: losses %v, %.3f %% apart", steps, loss, 100*apart)
			if !(apart < c.within) || loss[nn.BF16] == loss[nn.Float32] {
				t.Errorf("losses %v, want them different, and within %v of each other", loss, c.within)
			}
			mean := 0.0
			for i, v := range drawn[0] {
				mean += math.Abs(v-drawn[1][i]) / float64(len(drawn[0]))
			}
			t.Logf("samples are %.3g apart", mean)
			if !(mean > 0 && mean < 0.1) {
				t.Errorf("samples are %v apart in the mean, want a little", mean)
			}
		})
	}
}

func TestBF16IsForNetworks(t *testing.T) {
	set := counted(t)
	chain := netdiffus.Presets["default"]()
	chain.Precision = nn.BF16
	other := tiny()
	other.Precision = "fp8"
	for want, c := range map[string]netdiffus.Config{
		"for networks over pixels, atoms and numbers": chain, `no precision "fp8"`: other,
	} {
		if _, err := c.Fit(set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
