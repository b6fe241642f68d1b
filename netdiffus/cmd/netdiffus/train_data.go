package main

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/gomlx/compute"
	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// trainData is what train trains on.
type trainData struct {
	set    *dataset.Set    // without images where they are stored
	stored *dataset.Stored // nil for a set in memory
}

// mostInMemory is how many bytes of images a new run holds in memory unless its flags say
// otherwise. It is no property of the machine, because the order of the images depends on it.
const mostInMemory = 512 << 20

// open opens the data, in memory or on the disk.
func (f *trainFlags) open(c *cobra.Command) (data trainData, err error) {
	stored, err := dataset.OpenStored(f.data)
	wanted := false
	if err == nil {
		if wanted, err = f.streams(c, stored); err != nil {
			stored.Close()
			return data, err
		}
		if !wanted {
			stored.Close()
		}
	} else if cfg, settingsErr := f.settings(c, nil); settingsErr == nil && cfg.Training.Stream {
		if errors.Is(err, dataset.ErrNotStored) {
			err = fmt.Errorf("%w: make such a set with 'netdiffus convert --layout per-class', or train in memory with --stream=false", err)
		}
		return data, err
	}
	if wanted {
		return trainData{stored.Head(), stored}, f.verify(c, stored)
	}
	open, err := f.openOptions(c)
	if err != nil {
		return data, usageOf(c, err)
	}
	bar := newProgress(c.ErrOrStderr(), "reading: picture", 0)
	open.Progress = func(done, _ int) { bar.set(done, "") }
	data.set, err = openImages(f.data, &open)
	bar.finish()
	if err != nil {
		return data, err
	}
	data.set, err = f.withoutImages(c, data.set)
	return data, err
}

// streams reports whether the images are to stay on the disk: where the settings say so, or
// by themselves where there are many and nothing is against it.
func (f *trainFlags) streams(c *cobra.Command, stored *dataset.Stored) (bool, error) {
	cfg, err := f.settings(c, stored.Head())
	if err != nil {
		return false, err
	}
	_, given := f.given.words["stream"]
	if !given && f.run != "" { // a run goes on as it was begun
		var before netdiffus.Config
		if err := track.ReadConfig(f.run, &before); err == nil {
			return before.Training.Stream, nil
		}
	}
	if cfg.Training.Stream {
		if f.image != "" {
			return false, usageOf(c, errors.New("--image none: the series are made of the images in memory: train with --stream=false"))
		}
		return true, nil
	}
	_, whole := cfg.Kind.(netdiffus.Estimator)
	bytes := 8 * int64(stored.Len()) * int64(stored.Head().Images.Pixels())
	return !given && f.image == "" && !whole && !cfg.Training.LimitCopies && bytes > mostInMemory, nil
}

// verify reads all images once.
func (f *trainFlags) verify(c *cobra.Command, stored *dataset.Stored) error {
	bar := newProgress(c.ErrOrStderr(), "checking: image", stored.Len())
	defer bar.finish()
	return stored.Verify(c.Context(), func(done, _ int) { bar.set(done, "") })
}

func (d trainData) close() {
	if d.stored != nil {
		d.stored.Close()
	}
}

func (d trainData) len() int {
	if d.stored != nil {
		return d.stored.Len()
	}
	return d.set.Len()
}

// where is where the images are while training.
func (d trainData) where() string {
	if d.stored != nil {
		return "read from the disk as they are needed"
	}
	return "in memory"
}

func (d trainData) fit(cfg netdiffus.Config) (netdiffus.Config, error) {
	if d.stored != nil {
		return cfg.FitStored(d.stored)
	}
	return cfg.Fit(d.set)
}

func (d trainData) run(ctx context.Context, b compute.Backend, cfg netdiffus.Config, opt train.Options) iter.Seq2[train.StepMetrics, error] {
	if d.stored != nil {
		return train.RunStored(ctx, b, cfg, d.stored, opt)
	}
	return train.Run(ctx, b, cfg, d.set, opt)
}
