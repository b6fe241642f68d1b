package sample_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// clocked are flows of two classes whose packets of 100 bytes come 10
// microseconds after the one before, and others after 50 milliseconds.
func clocked() []traffic.Flow {
	var flows []traffic.Flow
	for i := range 90 {
		f := traffic.Flow{Label: "a", Timed: true, Packets: []traffic.Packet{{Length: 517}}}
		if i%3 == 0 {
			f.Label = "b"
		}
		for j := range 1 + i%2 {
			p := traffic.Packet{Length: 100, Dir: traffic.Down, IAT: 10 + float64(i%5)}
			if (i+j)%3 > 0 {
				p = traffic.Packet{Length: 700, Dir: traffic.Down, IAT: 50_000 + 100*float64(i%7)}
			}
			f.Packets = append(f.Packets, p)
		}
		flows = append(flows, f)
	}
	return flows
}

// drawTrained trains on clocked by recipe and draws flows.
func drawTrained(t *testing.T, cfg netdiffus.Config, r dataset.Recipe) []traffic.Flow {
	t.Helper()
	set, err := dataset.Build(traffic.All(clocked()), r)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	b := backendtest.Open(t)
	for _, err := range train.Run(t.Context(), b, cfg, set, train.Options{Dir: dir, Steps: cfg.Training.Steps}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	g, err := sample.Open(b, dir)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := g.Draw(t.Context(), sample.Request{N: 20, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "samples")
	if err := drawn.Save(out, &dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
		t.Fatal(err)
	}
	if drawn, err = dataset.Open(out, nil); err != nil {
		t.Fatal(err)
	}
	if drawn.Images.C != 2 || drawn.Len() != 40 {
		t.Fatalf("%d images of %d channels", drawn.Len(), drawn.Images.C)
	}
	flows, err := traffic.Collect(drawn.Traffic())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range flows {
		if !f.Timed || f.Packets[0].IAT != 0 {
			t.Fatalf("drawn: %v, want times, the first 0", f)
		}
		for _, p := range f.Packets {
			if math.IsNaN(p.IAT) || math.IsInf(p.IAT, 0) {
				t.Fatalf("drawn: %v", f)
			}
		}
	}
	return flows
}

// TestTimedAtoms: times come out with the packets that they came with.
func TestTimedAtoms(t *testing.T) {
	cfg := small(0)
	cfg.Training.BatchSize, cfg.Training.Steps = 16, 20
	flows := drawTrained(t, cfg, dataset.Recipe{
		SeriesLength: 4,
		Channels:     []dataset.Channel{{Codec: &codec.Atoms{}}, {Feature: traffic.InterArrival{}, Codec: &codec.Atoms{Bins: 8}}},
	})
	right, packets := 0, 0
	for _, f := range flows {
		for _, p := range f.Packets[1:] {
			packets++
			if p.Length == 100 && p.IAT < 20 || p.Length == 700 && p.IAT > 40_000 {
				right++
			}
		}
	}
	// A length seen n times with d times leaves d/(n+d) to times of any length:
	// some 20 % here, of which half are right.
	if len(flows) != 40 || packets < 40 || float64(right) < 0.8*float64(packets) {
		t.Errorf("%d flows; %d of %d packets have a time that comes with their length", len(flows), right, packets)
	}
}

// TestTimedPixels: a model over pixels of two channels trains and draws.
func TestTimedPixels(t *testing.T) {
	cfg := netdiffus.Default()
	cfg.UNet.Channels, cfg.UNet.ChannelMult, cfg.UNet.Attention, cfg.Diffusion.Steps = 32, []float64{1}, nil, 4
	cfg.Training.BatchSize, cfg.Training.Steps = 8, 3
	drawTrained(t, cfg, dataset.Recipe{SeriesLength: 4, Channels: []dataset.Channel{{Codec: codec.MinMax{Low: 0.1}}, {Feature: traffic.InterArrival{}}}})
}
