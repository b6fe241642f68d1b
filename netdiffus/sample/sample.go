// Package sample draws images from a trained model: one denoising step is
// compiled and run again and again, so that progress and a stop cost nothing.
package sample

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/ema"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Generator is a trained model, ready to draw.
type Generator struct {
	Config netdiffus.Config
	Step   int    // training steps that the weights have seen
	From   string // folder of the checkpoint

	scope   string // of the weights in store
	dir     string // what was opened, and which of its weights; "" if nothing was
	weights Weights
	sum     string // of the checkpoint
	backend compute.Backend
	store   *model.Store
	known   map[stepKey]program // denoising steps that were asked for before
}

const weightScope = "/model"

// Weights says which of a checkpoint's weights to draw with: "" for the moving
// average with the configuration's first rate, or the trained weights where
// there is no average; "model" for the trained weights; "ema" for the first
// average and "ema_0.999" for the one with this rate.
type Weights string

// Open loads a trained model from dir, which is a run directory, whose newest
// sound checkpoint is taken, or a checkpoint within one.
func Open(b compute.Backend, dir string) (*Generator, error) { return OpenWeights(b, dir, "") }

// OpenWeights is Open with a choice of weights.
func OpenWeights(b compute.Backend, dir string, w Weights) (*Generator, error) {
	run, c, err := Find(dir)
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	g := &Generator{Step: c.Step, From: c.Path, scope: weightScope, dir: dir, weights: w, backend: b, store: model.NewStore(), known: map[stepKey]program{}}
	if err := track.ReadConfig(run, &g.Config); err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	if g.Config.Encoding == nil {
		return nil, fmt.Errorf("sample: %s: the configuration has no recipe", track.ConfigFile(run))
	}
	if err = g.Config.Create(g.store.Scope(weightScope), 0); err == nil {
		err = g.load(c)
	}
	if err != nil {
		return nil, fmt.Errorf("sample: %s: %w", c.Path, err)
	}
	return g, nil
}

// Of is the generator over weights of cfg's model that are in store below scope, and
// are trained there perhaps: it draws with what they are at the time. cfg is fitted.
func Of(b compute.Backend, cfg netdiffus.Config, store *model.Store, scope string) *Generator {
	return &Generator{Config: cfg, scope: scope, backend: b, store: store, known: map[stepKey]program{}}
}

// Refresh takes the weights of the run directory's newest sound checkpoint: to
// follow a run that is being trained. Denoising steps that were compiled stay.
func (g *Generator) Refresh() error {
	if g.dir == "" {
		return nil // the weights are where they are trained
	}
	_, c, err := Find(g.dir)
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	if c.Path == g.From && c.Step == g.Step {
		return nil
	}
	if err := g.load(c); err != nil {
		return fmt.Errorf("sample: %s: %w", c.Path, err)
	}
	g.Step, g.From = c.Step, c.Path
	return nil
}

// load sets the weights to a checkpoint's.
func (g *Generator) load(c *checkpoint.Checkpoint) error {
	t, err := g.weights.read(c, g.Config.Training.EMA)
	if err != nil {
		return err
	}
	g.sum = c.Sum()
	return checkpoint.ToStore(g.store, weightScope, t)
}

// Find returns the run directory and the checkpoint that dir means: a run
// directory, whose newest sound checkpoint is taken, or a checkpoint within one.
func Find(dir string) (run string, c *checkpoint.Checkpoint, err error) {
	if _, err := os.Stat(track.ConfigFile(dir)); err == nil {
		c, damaged, err := checkpoint.OpenLatest(track.Checkpoints(dir))
		if errors.Is(err, checkpoint.ErrNone) && len(damaged) > 0 {
			err = fmt.Errorf("%w that is sound: %s: %w", err, damaged[0].Path, damaged[0].Err)
		}
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", dir, err)
		}
		return dir, c, nil
	}
	run = filepath.Dir(filepath.Dir(filepath.Clean(dir))) // RUN/checkpoints/step-00000100
	if _, err := os.Stat(track.ConfigFile(run)); err != nil {
		return "", nil, fmt.Errorf("%s is neither a run directory nor a checkpoint in one: no %s", dir, track.ConfigFile(dir))
	}
	c, err = checkpoint.Open(dir)
	return run, c, err
}

// read reads the weights that w means; rates are the configuration's.
func (w Weights) read(c *checkpoint.Checkpoint, rates []float64) (checkpoint.Tensors, error) {
	rate, isRate := strings.CutPrefix(string(w), "ema_")
	switch {
	case w == "model", w == "" && len(rates) == 0:
		return c.Model()
	case w == "" || w == "ema":
		if len(rates) == 0 {
			return nil, errors.New("the run keeps no moving average")
		}
		return c.EMA(rateName(rates[0]))
	case isRate:
		return c.EMA(rate)
	}
	return nil, fmt.Errorf("no weights %q: want model, ema or ema_RATE with RATE one of %s", w, strings.Join(c.Rates(), ", "))
}

func rateName(rate float64) string { return filepath.Base(ema.Path(rate)) }
