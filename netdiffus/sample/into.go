package sample

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// DrawInto is Draw, and keeps the set in the folder dir, in the layout
// [dataset.Samples], with a note of the request and the weights in dir.json.
// Where the note there is the same already the set is read back and nothing is
// drawn: to repeat the call is cheap. Another set that DrawInto left in dir is
// replaced. The request's sampler must have a name.
func (g *Generator) DrawInto(ctx context.Context, r Request, dir string) (*dataset.Set, error) {
	dir = filepath.Clean(dir)
	note, err := g.note(r)
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	noted := dir + ".json"
	before, err := os.ReadFile(noted)
	switch {
	case err == nil && slices.Equal(before, note):
		if set, err := dataset.Open(dir, nil); err == nil {
			return set, nil
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("sample: %w", err)
	}
	set, err := g.Draw(ctx, r)
	if err != nil {
		return nil, err
	}
	// If this is interrupted, the old note must not be there with the new set.
	if err := os.Remove(noted); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("sample: %w", err)
	}
	if err := set.Save(dir, &dataset.SaveOptions{Layout: dataset.Samples, Overwrite: true}); err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	if err := atomicfile.WriteFile(noted, note); err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	return dataset.Open(dir, nil) // as float32, like the next time
}

// note returns a request and the weights that it is drawn with, as JSON.
func (g *Generator) note(r Request) ([]byte, error) {
	if r.Sampler.IsSet() && r.Sampler.Name() == "" {
		_, err := json.Marshal(r.Sampler)
		return nil, err
	}
	generator := cmp.Or(r.Noise, g.Config.Diffusion.Noise)
	if generator == noise.ChaCha8 {
		generator = "" // as before there was another
	}
	b, err := json.MarshalIndent(struct {
		Checkpoint string  `json:"checkpoint_sha256"`
		Weights    Weights `json:"weights,omitempty"`
		Step       int     `json:"step"`
		N          int
		Pool       int  `json:",omitempty"`
		Even       bool `json:",omitempty"` // earlier versions drew none evenly
		Classes    []string
		Seed       uint64
		Sampler    string
		Steps      string
		Eta        float64
		Guidance   float64
		Grain      float64
		Decode     string
		NoClip     bool
		Noise      noise.Generator `json:",omitempty"`
		Shard      dataset.Shard   `json:",omitzero"`
		Batch      int             // which may change a sample's last bits
	}{g.sum, g.weights, g.Step, r.N, r.Pool, g.evenly(r), r.Classes, r.Seed, cmp.Or(r.Sampler.Name(), g.model.Traits().Sampler), r.Steps, r.Eta, r.Guidance, r.Grain, r.Decode, r.NoClip, generator, r.Shard, r.Batch}, "", "  ")
	return append(b, '\n'), err
}
