package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// config is the configuration of the model: what the tensors tell, then the
// optimiser, then the flags. set may be nil.
func (f *importFlags) config(m *imported, set *dataset.Set) (netdiffus.Config, error) {
	cfg := netdiffus.Reference()
	shapes := shapesOf(m.weights)
	network, err := f.infer(shapes, set)
	if err != nil {
		return cfg, err
	}
	if network.Outputs != 0 {
		return cfg, fmt.Errorf("the output has %d channels, for images of %d: want as many or twice as many", network.Outputs, network.InChannels)
	}
	rows := network.Classes
	network.Heads = 4 // guided-diffusion's, where the flags say no other
	network.Classes = 0
	cfg.UNet, cfg.ClassCond = network, rows > 0
	if !network.LearnSigma {
		cfg.Diffusion.Variance = "fixed_large" // as its sigma_small False
	}
	if len(m.rates) > 0 {
		cfg.Training.EMA = m.rates
	}
	if m.adam != nil {
		cfg.Training.LR, cfg.Training.WeightDecay = m.adam.LR, m.adam.WeightDecay
		if m.adam.Beta2 != 0.999 {
			cfg.Training.Beta2 = m.adam.Beta2
		}
	}
	if err := f.given.apply(&cfg); err != nil {
		return cfg, err
	}
	if cfg, err = f.fit(cfg, rows, set); err != nil {
		return cfg, err
	}
	if err := errors.Join(cfg.Validate(), cfg.UNet.CheckShapes(shapes)); err != nil {
		return cfg, err
	}
	for rate, weights := range m.averages {
		if err := cfg.UNet.CheckShapes(shapesOf(weights)); err != nil {
			return cfg, fmt.Errorf("the average with rate %v: %w", rate, err)
		}
	}
	return cfg, nil
}

// infer finds the network. Its images' size, which no tensor tells, is the data
// set's or --image-size, or else the reference's 10 where the network has few
// enough levels.
func (f *importFlags) infer(shapes map[string][]int, set *dataset.Set) (unet.Config, error) {
	var asked netdiffus.Config
	if word, ok := f.given.words["image-size"]; ok {
		if err := (&settingWords{f.given.settings, map[string]string{"image-size": word}}).apply(&asked); err != nil {
			return unet.Config{}, err
		}
	}
	size := asked.UNet.ImageSize
	if set != nil && size == 0 {
		size = set.Images.H
	}
	if size != 0 {
		return unet.Infer(shapes, size)
	}
	network, err := unet.Infer(shapes, 10)
	if err != nil {
		if larger, ok := unet.Infer(shapes, 512); ok == nil {
			return network, fmt.Errorf("--image-size is needed: the network has %d levels, more than 10x10 pixels can be halved for", len(larger.ChannelMult))
		}
	}
	return network, err
}

// fit sets what the data tell: classes and recipe. rows is the number of
// classes that the network knows, 0 where it is unconditional.
func (f *importFlags) fit(cfg netdiffus.Config, rows int, set *dataset.Set) (netdiffus.Config, error) {
	if set != nil {
		if !set.Encoding.Fitted() && set.Encoding.Rendering() == nil {
			return cfg, fmt.Errorf("%s has no manifest to take the scale from: give --scale, and --label-map or --classes, instead of --data-dir", f.data)
		}
		cfg.Classes = slices.Clone(set.Classes)
	} else {
		var err error
		if cfg.Classes, err = f.names(); err != nil {
			return cfg, err
		}
		if cfg.Encoding, err = f.encoding(cfg.UNet); err != nil {
			return cfg, err
		}
	}
	switch {
	case rows == 0 && len(cfg.Classes) == 0:
		cfg.Classes = []string{"all"} // an unconditional model draws of one class
	case rows > 0 && len(cfg.Classes) == 0:
		return cfg, fmt.Errorf("the model knows %d classes, by number: give their names with --data-dir, --label-map or --classes", rows)
	case rows == len(cfg.Classes)+1 && cfg.Training.LabelDropout == 0:
		return cfg, fmt.Errorf("the model knows %d classes, one more than the %d named: if the last is \"any class\", say so with --label-dropout", rows, len(cfg.Classes))
	case rows > 0 && rows != len(cfg.Classes) && rows != len(cfg.Classes)+1:
		return cfg, fmt.Errorf("the model knows %d classes, but %d are named: %s", rows, len(cfg.Classes), strings.Join(cfg.Classes, ", "))
	}
	cfg.UNet.LearnSigma = cfg.Diffusion.Learned()
	if cfg.ClassCond {
		cfg.UNet.Classes = len(cfg.Classes)
		cfg.UNet.NullClass = cfg.Training.LabelDropout > 0
	}
	if set != nil {
		return cfg.Fit(set)
	}
	return cfg, nil
}

// encoding is the reference's for the scale of --scale.
func (f *importFlags) encoding(network unet.Config) (*dataset.Encoding, error) {
	size := network.ImageSize
	scale, err := parseScale(f.scale)
	if err != nil {
		return nil, err
	}
	channel := dataset.Channel{Codec: scale}
	if f.unsigned {
		channel.Feature = traffic.Length{}
	}
	r := dataset.Recipe{SeriesLength: size, Channels: []dataset.Channel{channel}}
	if network.InChannels == 3 { // pictures, as guided-diffusion itself reads all images
		r.SeriesLength = cmp.Or(f.length, size)
		r.Rendering = &imaging.Rendering{Color: f.color, Side: size}
		if f.color == "gray" {
			r.Rendering.Depth = 3
		}
	}
	return dataset.NewEncoding(r)
}
