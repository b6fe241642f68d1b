// Package walk makes the files that the notebooks 03 and 04 leave for later ones, for a
// reader who opens a later one first. Its functions do the same as the cells of those
// notebooks, with the same settings and folders, so that no step is done twice.
package walk

import (
	"context"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/nb"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// The folders, relative to that of the notebooks.
const (
	allDir       = "runs/walk/all"       // images of five classes of flows
	trainDir     = "runs/walk/train"     // four fifths of them, for training
	testDir      = "runs/walk/test"      // the rest
	modelDir     = "runs/walk/model"     // run directory of the trained model
	syntheticDir = "runs/walk/synthetic" // images drawn from the model
)

// Classes are the classes of flows in allDir.
var Classes = []string{"dns", "http1", "http2", "resp", "video"}

// images makes allDir, trainDir and testDir, as notebook 03 does.
func images(ctx context.Context) error {
	save := dataset.SaveOptions{Layout: dataset.PerClass, Overwrite: true}
	_, err := dataset.Convert(ctx, traffic.Read("../data/loopback.parquet"), dataset.Recipe{SeriesLength: 10, Channels: []dataset.Channel{{Codec: &codec.Atoms{}}}}, allDir,
		dataset.ConvertOptions{Classes: Classes, SaveOptions: save})
	if err != nil {
		return err
	}
	all, err := dataset.Open(allDir, nil)
	if err != nil {
		return err
	}
	known, held, err := all.Split(0.8, 1)
	if err != nil {
		return err
	}
	if err := known.Save(trainDir, &save); err != nil {
		return err
	}
	return held.Save(testDir, &save)
}

// Trained makes modelDir, as notebook 03 does, and the folders that it depends on.
func Trained(ctx context.Context) error {
	if err := images(ctx); err != nil {
		return err
	}
	set, err := dataset.Open(trainDir, nil)
	if err != nil {
		return err
	}
	device, err := backend.Open(ctx, "")
	if err != nil {
		return err
	}
	progress := nb.NewProgress("training step", 0)
	defer progress.Close()
	options := train.Options{Dir: modelDir, Steps: nb.Pick(0, 40), Replay: true}
	for r, err := range train.Run(ctx, device, netdiffus.Presets["quick"](), set, options) {
		if err != nil {
			return err
		}
		progress.Set(r.Step)
	}
	return nil
}

// Drawn makes syntheticDir, as notebook 04 does, and the folders that it depends on.
func Drawn(ctx context.Context) error {
	if err := Trained(ctx); err != nil {
		return err
	}
	device, err := backend.Open(ctx, "")
	if err != nil {
		return err
	}
	model, err := sample.Open(device, modelDir)
	if err != nil {
		return err
	}
	_, err = model.DrawInto(ctx, sample.Request{N: nb.Pick(200, 20), Seed: 1}, syntheticDir)
	return err
}
