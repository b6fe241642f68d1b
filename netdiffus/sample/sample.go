// Package sample draws images from a trained model: one denoising step is
// compiled and run again and again, so that progress and a stop cost nothing.
package sample

import (
	"encoding/json"
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
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Generator is a trained model, ready to draw.
type Generator struct {
	Config netdiffus.Config // fitted
	Step   int              // training steps that the weights have seen
	From   string           // folder of the checkpoint

	model   netdiffus.Model
	scope   string // of the weights in store
	dir     string // what was opened, and which of its weights; "" if nothing was
	weights Weights
	sum     string // of the checkpoint
	way     string // to draw, where one was chosen
	backend compute.Backend
	store   *model.Store
	known   map[programKey]program // denoising steps that were asked for before
	others  []*Generator           // of further devices, see spread
}

const weightScope = "/model"

// Weights chooses which of a checkpoint's weights to draw with: "" for the moving
// average with the configuration's first rate, or the trained weights where
// there is no average; "model" for the trained weights; "ema" for the first
// average and "ema_0.999" for the one with this rate.
type Weights string

// Open loads a trained model from dir, which is a run directory, whose newest
// intact checkpoint is taken, or a checkpoint within one. It draws the way that was chosen for
// the run (Choice).
func Open(b compute.Backend, dir string) (*Generator, error) { return OpenWeights(b, dir, "") }

// OpenWeights is Open with a choice of weights.
func OpenWeights(b compute.Backend, dir string, w Weights) (*Generator, error) {
	run, c, cfg, err := choose(dir)
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	if cfg.Encoding == nil {
		return nil, fmt.Errorf("sample: %s: the configuration has no recipe", track.ConfigFile(run))
	}
	cfg, way, err := asChosen(cfg, run)
	if err != nil {
		return nil, err
	}
	g, err := New(b, cfg, model.NewStore(), weightScope)
	if err != nil {
		return nil, err
	}
	g.Step, g.From, g.dir, g.weights, g.way = c.Step, c.Path, dir, w, way
	if err = nn.Create(g.store.Scope(weightScope), g.model.Params(), 0); err == nil {
		err = g.load(c)
	}
	if err != nil {
		return nil, fmt.Errorf("sample: %s: %w", c.Path, err)
	}
	return g, nil
}

// Checkpoint returns the folder of the checkpoint that Open loads from dir.
func Checkpoint(dir string) (string, error) {
	_, c, _, err := choose(dir)
	if err != nil {
		return "", fmt.Errorf("sample: %w", err)
	}
	return c.Path, nil
}

// choose returns what dir stands for, as Find does, but of a run that keeps its best
// checkpoint that one; and the run's configuration.
func choose(dir string) (run string, c *checkpoint.Checkpoint, cfg netdiffus.Config, err error) {
	if run, c, err = Find(dir); err != nil {
		return run, c, cfg, err
	}
	if err = track.ReadConfig(run, &cfg); err == nil && cfg.Training.KeepBest && run == dir {
		c = best(c)
	}
	return run, c, cfg, err
}

// New returns the generator over weights of cfg's model that are in store below scope:
// it draws with what they are at the time, also while they are trained there. cfg is
// fitted.
func New(b compute.Backend, cfg netdiffus.Config, store *model.Store, scope string) (*Generator, error) {
	m, err := cfg.Model()
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	if err := nn.SetPrecision(b, store, cfg.Precision); err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	return &Generator{Config: cfg, model: m, scope: scope, backend: b, store: store, known: map[programKey]program{}}, nil
}

// Refresh loads the weights of the run directory's newest intact checkpoint: to
// follow a run that is being trained. Compiled programs are kept.
func (g *Generator) Refresh() error {
	if g.dir == "" {
		return nil // the weights are those in the store
	}
	_, c, _, err := choose(g.dir)
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

// best returns the checkpoint beside the newest, c, that measured best on what was held
// out (Training.KeepBest); c where none did, or where it is gone.
func best(c *checkpoint.Checkpoint) *checkpoint.Checkpoint {
	var noted struct {
		Watch struct {
			Best *struct {
				Step int `json:"step"`
			} `json:"best"`
		} `json:"watch"`
	}
	if err := json.Unmarshal(c.Train, &noted); err != nil || noted.Watch.Best == nil {
		return c
	}
	if found, err := checkpoint.At(filepath.Dir(c.Path), noted.Watch.Best.Step); err == nil {
		return found
	}
	return c
}

// load sets the weights to those of a checkpoint.
func (g *Generator) load(c *checkpoint.Checkpoint) error {
	t, _, err := g.weights.Read(c, g.Config.Training.EMA)
	if err != nil {
		return err
	}
	g.sum = c.Sum()
	return checkpoint.ToStore(g.store, weightScope, t)
}

// Find returns the run directory and the checkpoint that dir stands for: a run
// directory, whose newest intact checkpoint is taken, or a checkpoint within one.
func Find(dir string) (run string, c *checkpoint.Checkpoint, err error) {
	if _, err := os.Stat(track.ConfigFile(dir)); err == nil {
		c, damaged, err := checkpoint.OpenLatest(track.Checkpoints(dir))
		if errors.Is(err, checkpoint.ErrNone) && len(damaged) > 0 {
			err = fmt.Errorf("%w that is intact: %s: %w", err, damaged[0].Path, damaged[0].Err)
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

// Read reads the weights that w names; rates are the configuration's. rate is the
// average's, "" for the trained weights.
func (w Weights) Read(c *checkpoint.Checkpoint, rates []float64) (t checkpoint.Tensors, rate string, err error) {
	rate, isRate := strings.CutPrefix(string(w), "ema_")
	switch {
	case w == "model", w == "" && len(rates) == 0:
		t, err = c.Model()
		return t, "", err
	case w == "" || w == "ema":
		if len(rates) == 0 {
			return nil, "", errors.New("the run keeps no moving average")
		}
		rate = filepath.Base(ema.Path(rates[0]))
	case !isRate:
		return nil, "", fmt.Errorf("no weights %q: want model, ema or ema_RATE with RATE one of %s", w, strings.Join(c.Rates(), ", "))
	}
	t, err = c.EMA(rate)
	return t, rate, err
}
