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
	steps := 4
	if longtest.On() {
		steps = 50
	}
	b := backendtest.OpenDevices(t, 4)
	for _, kind := range kindsToShare(t) {
		t.Run(kind.name, func(t *testing.T) {
			want := lossesOn(t, b, kind.config, kind.set, train.Options{Steps: steps})
			for _, n := range kind.devices {
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
	name    string
	config  netdiffus.Config
	set     *dataset.Set
	devices []int
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
	gasf := dataset.Recipe{SeriesLength: 6}
	inAtoms := dataset.Recipe{SeriesLength: 6, Channels: []dataset.Channel{{Codec: netdiffus.Causal{}.Codec()}}}
	causal := small(50)
	causal.Training.BatchSize = 16
	numbers := smallNumbers(50)
	for _, c := range []*netdiffus.Config{&atoms, &causal, &numbers} {
		c.Training.LR = 1e-4 // at the presets' a difference in rounding grows tenfold in some ten steps
	}
	list := []toShare{{"pixels", pixels, build(gasf), []int{2}}}
	if longtest.On() {
		list[0].devices = []int{2, 4}
		list = append(list,
			toShare{"microbatches", parts, build(gasf), []int{4}},
			toShare{"atoms", atoms, build(inAtoms), []int{4}},
			toShare{"causal", causal, build(inAtoms), []int{4}},
			toShare{"numbers", numbers, buildSeries(t, streams(60, 4), imaging.GASF{}), []int{4}})
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
