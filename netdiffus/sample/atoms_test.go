package sample_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// small returns a model over atoms with a small network.
func small(grain float64) netdiffus.Config {
	cfg := netdiffus.Categorical(0, 0)
	atoms := cfg.Kind.(netdiffus.Atoms)
	atoms.Width, atoms.Blocks, atoms.Grain = 64, 1, grain
	cfg.Kind = atoms
	return cfg
}

// signed is a flow as its signed lengths.
func signed(f traffic.Flow) string {
	return strings.Trim(fmt.Sprint(traffic.SignedLength{}.Values(f.Packets)), "[]")
}

// byClass draws what r asks for and returns the flows of each class in order.
func byClass(t *testing.T, g *sample.Generator, r sample.Request) map[string][]string {
	t.Helper()
	set, err := g.Draw(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	flows := map[string][]string{}
	for f, err := range set.Flows() {
		if err != nil {
			t.Fatal(err)
		}
		flows[f.Label] = append(flows[f.Label], signed(f.Flow))
	}
	return flows
}

// TestAtoms trains a model over atoms on five kinds of flow and draws from it:
// flows are of the kinds seen, as far as a chain can tell, and a sample is the
// same whatever is drawn beside it.
func TestAtoms(t *testing.T) {
	kinds := map[string][]string{
		"a": {"-517 1448 100", "-517 1448 200", "-517 1448"},
		"b": {"-40 60 -40", "-80 60 -80"},
	}
	var flows []traffic.Flow
	for label, list := range kinds {
		for range 20 {
			for _, kind := range list {
				var v []float64
				for _, word := range strings.Fields(kind) {
					var x float64
					fmt.Sscan(word, &x)
					v = append(v, x)
				}
				f := traffic.Flow{Label: label, Packets: make([]traffic.Packet, len(v))}
				traffic.SignedLength{}.Restore(v, f.Packets)
				flows = append(flows, f)
			}
		}
	}
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{
		SeriesLength: 3,
		Channels:     []dataset.Channel{{Feature: traffic.SignedLength{}, Codec: &codec.Atoms{}}},
		Image:        imaging.GASF{},
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := small(0.0035)
	cfg.Training.BatchSize, cfg.Training.Steps = 16, 60
	dir := filepath.Join(t.TempDir(), "run")
	b := backendtest.Open(t)
	for _, err := range train.Run(t.Context(), b, cfg, set, train.Options{Dir: dir}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	g, err := sample.Open(b, dir)
	if err != nil {
		t.Fatal(err)
	}
	if g.Step != cfg.Training.Steps {
		t.Errorf("trained for %d steps, want the %d planned", g.Step, cfg.Training.Steps)
	}
	drawn := byClass(t, g, sample.Request{N: 30, Seed: 4})
	// Batches of all classes at a time are written to the files as they are drawn.
	r := sample.Request{N: 7, Seed: 4, Batch: 6}
	if _, err := g.DrawTo(t.Context(), r, filepath.Join(dir, "written"), dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
		t.Fatal(err)
	}
	written, err := dataset.Open(filepath.Join(dir, "written"), nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := g.Draw(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	same := func(written, drawn float64) bool { return written == float64(float32(drawn)) }
	if !slices.EqualFunc(written.Images.Data, at.Images.Data, same) || !slices.Equal(written.Labels, at.Labels) {
		t.Error("what is written as it is drawn differs from what is drawn at once")
	}
	// A pool is an even choice of as many times the samples.
	many, err := g.Draw(t.Context(), sample.Request{N: 30, Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	even, err := many.Evenly(3)
	if err != nil {
		t.Fatal(err)
	}
	pooled, err := g.Draw(t.Context(), sample.Request{N: 10, Pool: 3, Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(pooled.Images.Data, even.Images.Data) || pooled.Len() != 20 {
		t.Errorf("a pool of 3 has %d images, want the 20 of an even choice of 30 of each class", pooled.Len())
	}
	if _, err := g.Draw(t.Context(), sample.Request{Pool: -1}); err == nil {
		t.Error("drew from a pool of less than nothing")
	}
	for label, list := range drawn {
		known := 0
		for _, flow := range list {
			if slices.Contains(kinds[label], flow) {
				known++
			}
		}
		// The chain that the model starts from knows class a, but of b, whose
		// last packet repeats the first, only half; 15 of 30, give or take 8 in
		// one draw of a thousand. Independent packets would get a quarter.
		least := map[string]int{"a": 28, "b": 7}[label]
		if len(list) != 30 || known < least {
			t.Errorf("class %s: %d of %d flows are of a kind seen, want at least %d of 30: %q", label, known, len(list), least, list)
		}
	}
	for name, r := range map[string]sample.Request{
		"dpm++":  {N: 30, Seed: 4, Sampler: netdiffus.Samplers.Must("dpm++")},
		"head":   {N: 30, Seed: 4, Decode: "head"},
		"argmax": {N: 30, Seed: 4, Decode: "argmax"},
		"matrix": {N: 30, Seed: 4, Decode: "matrix"},
	} {
		known, same := 0, 0
		for i, flow := range byClass(t, g, r)["a"] {
			if slices.Contains(kinds["a"], flow) {
				known++
			}
			if flow == drawn["a"][i] {
				same++
			}
		}
		if known < 28 {
			t.Errorf("%s: %d of 30 flows of class a are of a kind seen, want at least 28", name, known)
		}
		// The decodings read the same images, whose noise is nearly gone.
		if r.Decode != "" && same < 27 {
			t.Errorf("%s: %d of 30 flows of class a are what the diagonal says, want 27", name, same)
		}
	}
	set, err = g.Draw(t.Context(), sample.Request{N: 5, Seed: 4, Decode: "head"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range set.Len() {
		if miss := (imaging.GASF{}).Consistency(set.Images.At(i), 3); miss > 1e-9 {
			t.Errorf("image %d of the head's atoms is %g from a Gramian field", i, miss)
		}
	}
	if _, err := g.Draw(t.Context(), sample.Request{Decode: "whole"}); err == nil || !strings.Contains(err.Error(), "want one of diagonal, head, argmax, matrix") {
		t.Errorf("an unknown decoding: %v", err)
	}
	few := byClass(t, g, sample.Request{N: 7, Seed: 4, Batch: 6, Classes: []string{"b"}})
	if len(few["a"]) != 0 || fmt.Sprint(few["b"]) != fmt.Sprint(drawn["b"][:7]) {
		t.Errorf("class b alone, in batches of 6: %q, want %q", few["b"], drawn["b"][:7])
	}
}
