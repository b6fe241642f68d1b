package guided

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// Origin is what no tensor holds: the data that a model was trained on and the settings
// of the diffusion.
type Origin struct {
	// Set is the data; nil where it is not at hand. Then Classes and the fields below
	// stand in for it.
	Set     *dataset.Set
	Classes []string     // in the order of their numbers; may be empty for an unconditional model
	Scale   codec.MinMax // of the packets' lengths, bytes
	// Unsigned is for images of lengths without direction.
	Unsigned bool
	// Color is that of pictures, of 3 channels: "jet" or "gray"; Packets is how many a
	// flow has there, 0 for as many as a side has pixels.
	Color   string
	Packets int

	// ImageSize is the images' side; 0 means that of Set, or else the reference's 10.
	ImageSize int
	// Settings sets in the configuration what is known otherwise; may be nil.
	Settings func(c *netdiffus.Config) error
}

// Errors of a checkpoint that does not hold what is needed.
var (
	ErrStep         = errors.New("the training steps are needed") // Files.Step
	ErrImageSize    = errors.New("the images' size is needed")    // Origin.ImageSize
	ErrScale        = errors.New("the images' scale is needed")   // Origin.Scale
	ErrClasses      = errors.New("the classes' names are needed") // Origin.Classes
	ErrLabelDropout = errors.New("label_dropout is needed")       // Origin.Settings
)

// Config returns the configuration of the model: what follows from the tensors, then the
// optimiser, then o.
func (c *Checkpoint) Config(o Origin) (netdiffus.Config, error) {
	cfg := netdiffus.Reference()
	shapes := shapesOf(c.Weights)
	network, err := infer(shapes, o)
	if err != nil {
		return cfg, err
	}
	if network.Outputs != 0 {
		return cfg, fmt.Errorf("guided: the output has %d channels, for images of %d: want as many or twice as many", network.Outputs, network.InChannels)
	}
	rows := network.Classes
	if !network.LearnSigma {
		cfg.Diffusion.Variance = netdiffus.Variances.Must("fixed_large") // as its sigma_small False
	}
	network.Heads = 4 // guided-diffusion's default
	cfg.Image = netdiffus.Image{Side: network.ImageSize, Channels: network.InChannels}
	network.ImageSize, network.InChannels, network.Classes, network.LearnSigma = 0, 0, 0, false
	cfg.UNet, cfg.ClassCond = network, rows > 0
	if len(c.Rates) > 0 {
		cfg.Training.EMA = c.Rates
	}
	if c.Adam != nil {
		cfg.Training.LR, cfg.Training.WeightDecay = c.Adam.LR, c.Adam.WeightDecay
		if c.Adam.Beta2 != 0.999 {
			cfg.Training.Beta2 = c.Adam.Beta2
		}
	}
	if o.Settings != nil {
		if err := o.Settings(&cfg); err != nil {
			return cfg, err
		}
	}
	if cfg, err = fit(cfg, rows, o); err != nil {
		return cfg, err
	}
	if err := errors.Join(cfg.Validate(), cfg.Network().CheckShapes(shapes)); err != nil {
		return cfg, err
	}
	for rate, weights := range c.Averages {
		if err := cfg.Network().CheckShapes(shapesOf(weights)); err != nil {
			return cfg, fmt.Errorf("guided: the average with rate %v: %w", rate, err)
		}
	}
	return cfg, nil
}

// infer finds the network. Its images' size, which no tensor determines, is o's, or else 10
// where the network has few enough levels.
func infer(shapes map[string][]int, o Origin) (unet.Config, error) {
	size := o.ImageSize
	if o.Set != nil && size == 0 {
		size = o.Set.Images.H
	}
	if size != 0 {
		return unet.Infer(shapes, size)
	}
	network, err := unet.Infer(shapes, 10)
	if err != nil {
		if larger, ok := unet.Infer(shapes, 512); ok == nil {
			return network, fmt.Errorf("guided: %w: the network has %d levels, more than 10x10 pixels can be halved for", ErrImageSize, len(larger.ChannelMult))
		}
	}
	return network, err
}

// fit sets what the data tell: classes and encoding. rows is the number of classes that
// the network has, 0 where it is unconditional.
func fit(cfg netdiffus.Config, rows int, o Origin) (netdiffus.Config, error) {
	if o.Set != nil {
		if !o.Set.Encoding.Fitted() && o.Set.Encoding.Rendering() == nil {
			return cfg, fmt.Errorf("guided: the data set has no manifest: %w", ErrScale)
		}
		cfg.Classes = slices.Clone(o.Set.Classes)
	} else {
		var err error
		if cfg.Classes, err = dataset.Distinct(o.Classes); err != nil {
			return cfg, err
		}
		if cfg.Encoding, err = encoding(cfg.Image, o); err != nil {
			return cfg, err
		}
	}
	switch {
	case rows == 0 && len(cfg.Classes) == 0:
		cfg.Classes = []string{"all"} // an unconditional model draws of one class
	case rows > 0 && len(cfg.Classes) == 0:
		return cfg, fmt.Errorf("guided: the model has %d classes, by number: %w", rows, ErrClasses)
	case rows == len(cfg.Classes)+1 && cfg.Training.LabelDropout == 0:
		return cfg, fmt.Errorf("guided: the model has %d classes, one more than the %d named: if the last is \"any class\", %w", rows, len(cfg.Classes), ErrLabelDropout)
	case rows > 0 && rows != len(cfg.Classes) && rows != len(cfg.Classes)+1:
		return cfg, fmt.Errorf("guided: the model has %d classes, but %d are named: %s", rows, len(cfg.Classes), strings.Join(cfg.Classes, ", "))
	}
	if o.Set != nil {
		return cfg.Fit(o.Set)
	}
	return cfg, nil
}

// encoding is the reference's for o's scale.
func encoding(image netdiffus.Image, o Origin) (*dataset.Encoding, error) {
	channel := dataset.Channel{Codec: o.Scale}
	if o.Unsigned {
		channel.Feature = traffic.Length{}
	}
	r := dataset.Recipe{SeriesLength: image.Side, Channels: []dataset.Channel{channel}}
	if image.Channels == 3 { // pictures, as guided-diffusion itself reads all images
		r.SeriesLength = cmp.Or(o.Packets, image.Side)
		r.Rendering = &imaging.Rendering{Color: o.Color, Side: image.Side}
		if o.Color == "gray" {
			r.Rendering.Depth = 3
		}
	}
	return dataset.NewEncoding(r)
}
