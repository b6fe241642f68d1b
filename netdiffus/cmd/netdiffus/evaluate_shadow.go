package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/report"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// shadow makes models like that of a run, for an attack.
type shadow struct {
	backend compute.Backend
	cfg     netdiffus.Config // not fitted to data
	recipe  dataset.Recipe   // likewise
	steps   int
	stderr  io.Writer
}

// newShadow reads the settings of a run.
func newShadow(b compute.Backend, run string, stderr io.Writer) (*shadow, error) {
	g, err := sample.Open(b, run)
	if err != nil {
		return nil, err
	}
	if !g.Config.Encoding.Holds(traffic.FieldLength) {
		return nil, errors.New("a run of other records than flows has no shadow models: leave the run out")
	}
	s := &shadow{backend: b, recipe: g.Config.Encoding.Unfitted(), steps: g.Step, stderr: stderr}
	s.cfg, err = unfitted(track.ConfigFile(run))
	return s, err
}

// draw trains a model with the run's settings, and for as many steps, on other flows, and
// draws from it.
func (s *shadow) draw(ctx context.Context, flows []traffic.Flow, n map[string]int, seed uint64) (out []traffic.Flow, err error) {
	set, err := dataset.Build(traffic.All(flows), s.recipe)
	if err != nil {
		return nil, err
	}
	cfg, err := s.cfg.Fit(set)
	if err != nil {
		return nil, err
	}
	cfg.Training.Seed = seed
	dir, err := os.MkdirTemp("", "netdiffus-shadow-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bar := newProgress(s.stderr, "shadow step", s.steps)
	opt := train.Options{Dir: dir, Steps: s.steps, Keep: 1, Status: bar.note}
	if _, _, err := follow(bar, train.Run(ctx, s.backend, cfg, set, opt)); err != nil {
		return nil, err
	}
	g, err := sample.Open(s.backend, dir)
	if err != nil {
		return nil, err
	}
	drawn, err := g.Draw(ctx, sample.Request{N: slices.Max(slices.Collect(maps.Values(n))), Seed: seed})
	if err != nil {
		return nil, err
	}
	left := maps.Clone(n)
	for f, err := range drawn.PaddedFlows() {
		if err != nil {
			return nil, err
		}
		if left[f.Label] > 0 {
			left[f.Label]--
			out = append(out, f)
		}
	}
	return out, nil
}

// shadowOf is what an evaluation gets of a run.
func shadowOf(b compute.Backend, run string, stderr io.Writer) (*report.Shadow, error) {
	s, err := newShadow(b, run, stderr)
	if err != nil {
		return nil, fmt.Errorf("--shadow-run %s: %w", run, err)
	}
	return &report.Shadow{Title: "the run's own settings", Draw: s.draw}, nil
}
