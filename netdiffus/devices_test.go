package netdiffus_test

import (
	"math"
	"testing"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// TestDevices: devices that share the batches find the losses that one finds by itself,
// and any number of them goes on from what others saved. All that is random is in the
// models: dropout, labels dropped, flips.
func TestDevices(t *testing.T) {
	steps, numbers := 4, []int{2}
	if longtest.On() {
		steps, numbers = 50, []int{2, 4}
	}
	b := backendtest.OpenDevices(t, 4)
	for _, kind := range kindsToShare(t) {
		t.Run(kind.name, func(t *testing.T) {
			want := lossesOn(t, b, kind.config, kind.set, train.Options{Steps: steps})
			for _, n := range numbers {
				dir := t.TempDir()
				got := lossesOn(t, b, kind.config, kind.set, train.Options{Steps: steps / 2, Devices: n, Dir: dir})
				got = append(got, lossesOn(t, b, kind.config, kind.set, train.Options{Steps: steps, Devices: n % 4, Dir: dir})...)
				if len(got) != len(want) {
					t.Fatalf("%d devices: %d losses, want %d", n, len(got), len(want))
				}
				worst := 0.0
				for i := range want {
					worst = max(worst, math.Abs(got[i]-want[i])/math.Abs(want[i]))
				}
				t.Logf("%d devices: losses within %.1e of those of one", n, worst)
				if !(worst <= 1e-6) {
					t.Errorf("%d devices: losses %v, want %v", n, got, want)
				}
			}
		})
	}
}

// toShare is a model whose batches devices share.
type toShare struct {
	name   string
	config netdiffus.Config
	set    *dataset.Set
}

func kindsToShare(t *testing.T) []toShare {
	t.Helper()
	build := func(r dataset.Recipe) *dataset.Set {
		set, err := dataset.Build(traffic.Read("../data/loopback.parquet"), r)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	pixels := netdiffus.Default()
	pixels.UNet = unet.Config{Channels: 32, ResBlocks: 1, ChannelMult: []float64{1}, Heads: 2, Attention: []int{}, Dropout: 0.1}
	pixels.Training = netdiffus.Training{
		Seed: 5, BatchSize: 8, LR: 1e-4, EMA: []float64{0.9}, LabelDropout: 0.2, RandomFlip: true, Clip: 1,
		Sampler: netdiffus.TimestepSamplers.Must("uniform"),
	}
	parts := pixels
	parts.Training.BatchSize, parts.Training.Microbatch = 12, 8 // and a last one of 4
	atoms := netdiffus.Categorical(0, 0)
	mlp := atoms.Kind.(netdiffus.Atoms)
	mlp.Width, mlp.Blocks = 64, 1
	atoms.Kind, atoms.Training.BatchSize, atoms.Training.Steps = mlp, 16, 50
	atoms.Training.LR = 2e-4 // see docs/scale.md
	gasf := dataset.Recipe{SeriesLength: 6}
	inAtoms := dataset.Recipe{SeriesLength: 6, Channels: []dataset.Channel{{Codec: netdiffus.Causal{}.Codec()}}}
	causal := small(50)
	causal.Training.BatchSize = 16
	list := []toShare{{name: "pixels", config: pixels, set: build(gasf)}}
	if longtest.On() {
		list = append(list,
			toShare{"microbatches", parts, build(gasf)},
			toShare{"atoms", atoms, build(inAtoms)},
			toShare{"causal", causal, build(inAtoms)},
			toShare{"numbers", smallNumbers(50), buildSeries(t, streams(60, 4), imaging.GASF{})})
	}
	return list
}

// lossesOn trains and returns the loss of each step.
func lossesOn(t *testing.T, b compute.Backend, c netdiffus.Config, set *dataset.Set, opt train.Options) (losses []float64) {
	t.Helper()
	for report, err := range train.Run(t.Context(), b, c, set, opt) {
		if err != nil {
			t.Fatal(err)
		}
		if report.Step > 0 { // not the measurement of what is held out before the first
			losses = append(losses, report.Loss)
		}
	}
	return losses
}
