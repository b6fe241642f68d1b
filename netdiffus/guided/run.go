package guided

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/ema"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// State returns the checkpoint as train saves one of cfg, which Config made.
func (c *Checkpoint) State(cfg netdiffus.Config) (checkpoint.State, error) {
	s := checkpoint.State{Step: c.Step, EMA: map[string]checkpoint.Tensors{}}
	model, err := cfg.Model()
	if err != nil {
		return s, err
	}
	params := model.Params()
	if s.Model, err = fromPyTorch(params, c.Weights); err != nil {
		return s, err
	}
	for _, rate := range cfg.Training.EMA {
		weights := s.Model // where there is no average one starts, as a copy
		if average := c.Averages[rate]; average != nil {
			if weights, err = fromPyTorch(params, average); err != nil {
				return s, err
			}
		}
		s.EMA[filepath.Base(ema.Path(rate))] = weights
	}
	if s.Optim, err = c.moments(params); err != nil {
		return s, err
	}
	s.Train, err = train.StartAt(cfg, c.Step, c.Adam != nil)
	return s, err
}

// WriteRun makes the run directory of a configuration and a checkpoint, for sample to
// draw from and train to continue. Its config.json, which makes it a run directory,
// comes last; if anything fails nothing stays of a folder that was not there.
func WriteRun(dir string, cfg netdiffus.Config, state checkpoint.State, session track.Session) (err error) {
	_, before := os.Stat(dir)
	run, err := track.Create(dir)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, run.Close())
		if err != nil && errors.Is(before, os.ErrNotExist) {
			os.RemoveAll(dir)
		}
	}()
	if _, err := checkpoint.Save(track.Checkpoints(dir), state); err != nil {
		return err
	}
	if err := run.AddSession(session); err != nil {
		return err
	}
	return run.WriteConfig(cfg)
}
