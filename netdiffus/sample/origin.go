package sample

import (
	"cmp"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// origin tells from which run the samples are; nil where the weights are of none.
func (p *plan) origin() *dataset.Origin {
	if p.g.dir == "" {
		return nil
	}
	run := filepath.Dir(filepath.Dir(p.g.From)) // RUN/checkpoints/step-00001000
	id, err := track.RunID(run)
	if err != nil {
		return nil // samples can be drawn of a run whose manifest is damaged
	}
	name := run
	if abs, err := filepath.Abs(run); err == nil {
		name = abs
	}
	origin := &dataset.Origin{
		Run: id, Name: filepath.Base(name), Step: p.g.Step, Weights: string(p.g.weights), SHA256: p.g.sum,
		Seed: p.Seed, Sampler: cmp.Or(p.Sampler.Name(), "ancestral"), Steps: p.steps,
		Eta: p.Eta, Guidance: p.Guidance, Grain: p.Grain, Unclipped: p.NoClip, Even: p.g.evenly(p.Request),
	}
	origin.Way, origin.Chain = p.g.way, p.g.model.Traits().Chain
	if p.Decode != "diagonal" {
		origin.Decode = p.Decode
	}
	if p.Noise != noise.ChaCha8 {
		origin.Noise = p.Noise
	}
	if p.Shard.Of > 0 {
		origin.Shard = &p.Shard
	}
	return origin
}
