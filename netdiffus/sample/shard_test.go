package sample

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// All shards together are the samples that are drawn at once, to the byte, in whatever
// order and however often each is drawn.
func TestShards(t *testing.T) {
	run, _ := newRun(t, tiny(), 6)
	g := open(t, run, "")
	for _, generator := range noise.Generators() {
		t.Run(string(generator), func(t *testing.T) { shards(t, g, generator) })
	}
}

func shards(t *testing.T, g *Generator, generator noise.Generator) {
	ctx := context.Background()
	r := Request{N: 7, Seed: 5, Steps: "3", Noise: generator}
	set, err := g.Draw(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	whole, merged, dir := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "merged"), t.TempDir()
	if err := set.Save(whole, &dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		index int
		drawn bool
	}{{2, true}, {0, true}, {2, false}, {1, true}, {0, false}} {
		r.Shard = dataset.Shard{Index: c.index, Of: 3}
		folder, drawn, err := g.DrawShard(ctx, r, dir, dataset.SaveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if drawn != c.drawn || filepath.Dir(folder) != dir {
			t.Errorf("shard %d: drawn %t into %s, want %t", c.index, drawn, folder, c.drawn)
		}
	}
	shards, err := dataset.OpenShards(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := shards.Merge(ctx, merged, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"manifest.json", "down_synthetic_samples.npz", "up_synthetic_samples.npz"} {
		want, err := os.ReadFile(filepath.Join(whole, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(merged, name)); err != nil || string(got) != string(want) {
			t.Errorf("%s of the shards is not that of all samples: %v", name, err)
		}
	}

	other := r
	other.Seed = 6
	if _, _, err := g.DrawShard(ctx, other, dir, dataset.SaveOptions{}); err == nil || !strings.Contains(err.Error(), "another model or request") {
		t.Errorf("a shard of another seed in its place: %v", err)
	}
	if _, drawn, err := g.DrawShard(ctx, other, dir, dataset.SaveOptions{Overwrite: true}); err != nil || !drawn {
		t.Errorf("it was not replaced: %t, %v", drawn, err)
	}
	// With the other generator a shard is not one of the others.
	second := r
	second.Noise = noise.Generators()[(slices.Index(noise.Generators(), generator)+1)%2]
	if _, _, err := g.DrawShard(ctx, second, dir, dataset.SaveOptions{}); err == nil || !strings.Contains(err.Error(), "another model or request") {
		t.Errorf("a shard of another generator in its place: %v", err)
	}
	mixed := t.TempDir()
	for i := range 2 {
		part := Request{N: 2, Steps: "3", Noise: noise.Generators()[i], Shard: dataset.Shard{Index: i, Of: 2}}
		if _, _, err := g.DrawShard(ctx, part, mixed, dataset.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dataset.OpenShards(mixed); err == nil || !strings.Contains(err.Error(), `"noise": "philox"`) {
		t.Errorf("shards of two generators: %v", err)
	}
	for want, bad := range map[string]Request{
		"shard 3 of 3":           {N: 7, Shard: dataset.Shard{Index: 3, Of: 3}},
		"2 samples of a class":   {N: 2, Shard: dataset.Shard{Index: 0, Of: 3}},
		"cannot be made in shar": {N: 7, Pool: 2, Shard: dataset.Shard{Index: 0, Of: 3}},
	} {
		if _, _, err := g.DrawShard(ctx, bad, dir, dataset.SaveOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", bad, err, want)
		}
		if _, err := g.Draw(ctx, bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Draw of %+v: %v, want %q", bad, err, want)
		}
	}
}
