package sample

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// A run of before there were two generators, whose configuration names none, draws what it
// did, and its samples' manifest is what it was; one whose configuration names Philox draws
// by that, unless the request says otherwise.
func TestTheRunsGenerator(t *testing.T) {
	before, _ := newRun(t, tiny(), 6)
	c := tiny()
	c.Diffusion.Noise = noise.Philox
	since, _ := newRun(t, c, 6) // the same weights
	r := Request{N: 1, Seed: 5, Steps: "2"}
	drawn := map[string][]float64{}
	for _, d := range []struct {
		name, run string
		asked     noise.Generator
		manifest  string // "" where it names none
	}{
		{"before", before, "", ""},
		{"before, asked", before, noise.Philox, `"noise": "philox"`},
		{"since", since, "", `"noise": "philox"`},
		{"since, asked", since, noise.ChaCha8, ""},
	} {
		r.Noise = d.asked
		g := open(t, d.run, "")
		set := draw(t, g, r)
		drawn[d.name] = set.Images.Data
		dir := filepath.Join(t.TempDir(), "samples")
		if err := set.Save(dir, &dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), `"made_by"`)
		if d.manifest == "" && strings.Contains(rest, `"noise"`) || !strings.Contains(rest, d.manifest) {
			t.Errorf("%s: the manifest has %s, want %q", d.name, rest, d.manifest)
		}
	}
	if apart(t, drawn["before"], drawn["since, asked"]) != 0 || apart(t, drawn["since"], drawn["before, asked"]) != 0 {
		t.Error("the same generator draws other samples for another run of the same weights")
	}
	if apart(t, drawn["before"], drawn["since"]) < 0.1 {
		t.Error("two generators draw the same samples")
	}
}

// Images stay on the device but for the finished ones, where nobody watches.
func TestImagesStayOnTheDevice(t *testing.T) {
	dir, _ := newRun(t, tiny(), 6)
	g := open(t, dir, "")
	for _, generator := range noise.Generators() {
		p, err := g.plan(Request{N: 1, Steps: "3", Noise: generator})
		if err != nil {
			t.Fatal(err)
		}
		parts := slices.Collect(p.parts())
		err = p.denoise(t.Context(), parts[0], false, func(s Step) bool {
			if want := s.T == 0; (s.Images.N > 0) != want || s.X0.N > 0 {
				t.Errorf("%s, %d steps left: %d images and %d clean ones were read", generator, s.T, s.Images.N, s.X0.N)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Pure Go and XLA draw the same samples, as far as they round alike.
func TestNoiseOfTwoDevices(t *testing.T) {
	dir, _ := newRun(t, tiny(), 4)
	pure, err := backend.Open(context.Background(), "go")
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(pure, dir)
	if err != nil {
		t.Fatal(err)
	}
	r := Request{N: 2, Seed: 3, Steps: "3", Noise: noise.Philox}
	want, got := draw(t, open(t, dir, ""), r), draw(t, other, r)
	if d := apart(t, got.Images.Data, want.Images.Data); d > across {
		t.Errorf("samples of pure Go are %g from XLA's, want at most %g", d, across)
	}
}

// Models whose clean images are computed by Go have their noise from there.
func TestPhiloxNeedsAGraph(t *testing.T) {
	flow := traffic.Flow{Label: "a", Packets: []traffic.Packet{{Length: 100}, {Length: 200}}}
	set, err := dataset.Build(traffic.All([]traffic.Flow{flow}), dataset.Recipe{SeriesLength: 2, Channels: []dataset.Channel{{Codec: &codec.Atoms{}}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := netdiffus.Presets["default"]().Fit(set)
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(nil, c, model.NewStore(), weightScope)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Draw(t.Context(), Request{N: 1, Noise: noise.Philox}); err == nil || !strings.Contains(err.Error(), "computed by Go") {
		t.Errorf("a chain with Philox: %v", err)
	}
	c.Diffusion.Noise = noise.Philox
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "computed by Go") {
		t.Errorf("a chain's configuration with Philox: %v", err)
	}
}
