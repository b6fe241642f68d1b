package netdiffus_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// count trains a chain on set and returns the checkpoint.
func count(t *testing.T, c netdiffus.Config, set *dataset.Set, dir string) (saved string, err error) {
	t.Helper()
	for step, err := range train.Run(context.Background(), backendtest.Open(t), c, set, train.Options{Dir: dir}) {
		if err != nil {
			return "", err
		}
		if step.Step != 0 {
			t.Errorf("a chain was trained for %d steps", step.Step)
		}
		saved = step.Saved
	}
	return saved, nil
}

func TestChainCountsAndDraws(t *testing.T) {
	set, err := dataset.Open(filepath.Join(v1, "times"), nil) // two channels
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	c := netdiffus.Counted(joint.Settings{Memory: markov.Memory{Order: 2}})
	if saved, err := count(t, c, set, dir); err != nil || saved == "" {
		t.Fatalf("checkpoint %q, %v", saved, err)
	}
	g, err := sample.Open(backendtest.Open(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	drawn := func(r sample.Request) *dataset.Set {
		t.Helper()
		r.N, r.Seed = 20, 5
		set, err := g.Draw(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	all := drawn(sample.Request{})
	if off := (imaging.GASF{}).MeanConsistency(all.Images.Plane(0)); off > 1e-6 {
		t.Errorf("pixels lie %v from what the diagonal implies", off)
	}
	// Evenly drawn samples are the same however many are drawn at once, or alone, and at any number of
	// steps; independent ones are others.
	flows := collect(t, all.Traffic())
	for _, r := range []sample.Request{{Batch: 7}, {Steps: "20"}} {
		if few := drawn(r); !reflect.DeepEqual(flows, collect(t, few.Traffic())) {
			t.Errorf("samples of %+v differ", r)
		}
	}
	part := drawn(sample.Request{Classes: set.Classes[:1], Shard: dataset.Shard{Index: 1, Of: 2}})
	if !reflect.DeepEqual(flows[10:20], collect(t, part.Traffic())) {
		t.Error("the second half of the first class differs when it is drawn alone")
	}
	if other := drawn(sample.Request{Independent: true}); reflect.DeepEqual(flows, collect(t, other.Traffic())) {
		t.Error("independent samples are the same as even ones")
	}
	// Without merged values, what is drawn was seen at its class and place.
	seen := map[string]bool{}
	for _, f := range collect(t, set.Traffic()) {
		for _, p := range pairs(f) {
			seen[p] = true
		}
	}
	for i, f := range collect(t, all.Traffic()) {
		if !f.Timed {
			t.Fatalf("flow %d has no times", i)
		}
		for _, p := range pairs(f) {
			if !seen[p] && f.Label != "mqtt" { // whose packets of 0 bytes are padding in a sample
				t.Errorf("flow %d, %v: %s was never seen", i, f, p)
			}
		}
	}
	// The same command again finds the run as it is; another one is refused.
	if saved, err := count(t, c, set, dir); err != nil || saved != "" {
		t.Errorf("again: checkpoint %q, %v", saved, err)
	}
	if _, err := count(t, netdiffus.Counted(joint.Settings{Memory: markov.Memory{Order: 1}}), set, dir); err == nil || !strings.Contains(err.Error(), "chain.order: 1, was 2") {
		t.Errorf("with another order: %v", err)
	}
	// A reconstruction at little noise is all but the image itself.
	for r, err := range g.Reconstruct(context.Background(), set, 1, 20, 900) {
		if err != nil {
			t.Fatal(err)
		}
		if r.T == 20 && r.X0MSE > 1e-3 {
			t.Errorf("step %d: the clean images are %v off", r.T, r.X0MSE)
		}
	}
}

// pairs are a flow's packets, each with the two before it and its place.
func pairs(f traffic.Flow) []string {
	var all []string
	values := traffic.SignedLength{}.Values(f.Packets)
	for j := range values {
		all = append(all, fmt.Sprint(f.Label, j, values[max(0, j-2):j+1]))
	}
	return all
}

func TestChainChooses(t *testing.T) {
	set, err := dataset.Build(traffic.Read("../data/loopback.parquet"), dataset.Recipe{Channels: []dataset.Channel{{Codec: netdiffus.Chain{}.Codec()}}})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	c := netdiffus.Presets[netdiffus.PresetFor(set)]()
	if _, err := count(t, c, set, dir); err != nil {
		t.Fatal(err)
	}
	var fitted netdiffus.Config
	if err := track.ReadConfig(dir, &fitted); err != nil {
		t.Fatal(err)
	}
	k := fitted.Kind.(netdiffus.Chain)
	if k.Chosen == nil || k.Chosen.Order < 1 || k.Order != 0 {
		t.Fatalf("order %d, chosen %v", k.Order, k.Chosen)
	}
	choice := k.Tables.Choice
	if b, h := choice.Best, choice.Held; b.Settings != *k.Chosen || b.Near > h.Near+0.03 || b.Copies > h.Copies+0.03 || b.Accuracy < 0.9 {
		t.Errorf("chosen %v: %+v, of the flows held out %+v", k.Chosen, b, h)
	}
	text, err := os.ReadFile(track.ConfigFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 5000 {
		t.Errorf("config.json has %d bytes:\n%s", len(text), text)
	}
}

func TestChainErrors(t *testing.T) {
	set, err := dataset.Open(filepath.Join(v1, "minmax"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := netdiffus.Counted(joint.Settings{}).Fit(set); err == nil || !strings.Contains(err.Error(), "needs a data set with the codec atoms") {
		t.Errorf("over pixels: %v", err)
	}
	if set, err = dataset.Open(filepath.Join(v1, "atoms"), nil); err != nil {
		t.Fatal(err)
	}
	c := netdiffus.Counted(joint.Settings{Memory: markov.Memory{Order: -1}})
	c.Training.Validation = 0.1
	_, err = c.Fit(set)
	for _, want := range []string{"order is -1", "neither validation"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestKindsThatCannotBeSaved(t *testing.T) {
	for name, k := range map[string]netdiffus.Kind{"pointer": &netdiffus.Chain{}, "training": Templates{}, "again": netdiffus.Atoms{}} {
		if err := netdiffus.Kinds.Register(name, k); err == nil {
			t.Errorf("a kind %T was registered as %q", k, name)
		}
	}
}
