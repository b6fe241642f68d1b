package main

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

// state is the checkpoint of the run to be.
func (m *imported) state(cfg netdiffus.Config) (checkpoint.State, error) {
	s := checkpoint.State{Step: m.step, EMA: map[string]checkpoint.Tensors{}}
	params, err := cfg.Params()
	if err != nil {
		return s, err
	}
	if s.Model, err = fromPyTorch(params, m.weights); err != nil {
		return s, err
	}
	for _, rate := range cfg.Training.EMA {
		weights := s.Model // where there is no average one starts, as a copy
		if average := m.averages[rate]; average != nil {
			if weights, err = fromPyTorch(params, average); err != nil {
				return s, err
			}
		}
		s.EMA[filepath.Base(ema.Path(rate))] = weights
	}
	if s.Optim, err = m.moments(params); err != nil {
		return s, err
	}
	s.Train, err = train.StartAt(cfg, m.step, m.adam != nil)
	return s, err
}

// writeRun makes the run directory. Its configuration, which makes it one,
// comes last; if anything fails nothing stays of a folder that was not there.
func writeRun(dir string, cfg netdiffus.Config, state checkpoint.State, session track.Session) (err error) {
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
