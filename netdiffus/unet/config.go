// Package unet builds guided-diffusion's UNet (Dhariwal & Nichol 2021, appendix I)
// for images of any size from 4x4 up. Its outputs and gradients equal those of the
// original in PyTorch. The parameters have the names of its state dict with "/" for
// ".".
package unet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// Config holds every option of guided-diffusion's command line, whose names the
// JSON keys follow. The zero value is guided-diffusion's default network for 10x10
// images of one channel, without classes.
type Config struct {
	// ImageSize is the height and width of the images in pixels; 0 means 10. Graph
	// accepts other sizes that can be halved as often, but ChannelMult's default and
	// Attention depend on this one.
	ImageSize int `json:"image_size,omitempty"`
	// InChannels is the number of channels of an image; 0 means 1.
	InChannels int `json:"in_channels,omitempty"`
	// Outputs is the number of channels of the output where that is not an image; 0
	// means InChannels, or twice that with LearnSigma.
	Outputs int `json:"out_channels,omitempty"`
	// LearnSigma doubles the output's channels; the second half is the variance.
	LearnSigma bool `json:"learn_sigma,omitempty"`
	// Channels is the width of the first level (num_channels); 0 means 128.
	Channels int `json:"num_channels,omitempty"`
	// ChannelMult is each level's width in units of Channels; each level but the
	// last halves the image. Empty means DefaultChannelMult(ImageSize).
	ChannelMult []float64 `json:"channel_mult,omitempty"`
	// ResBlocks is the number of residual blocks per level (num_res_blocks); 0 means
	// 2.
	ResBlocks int `json:"num_res_blocks,omitempty"`
	// Attention lists resolutions r (attention_resolutions): the levels at which the
	// image is reduced by the factor ImageSize/r, rounded down, have attention, as
	// in guided-diffusion's command line. For size 10, 16 and 8 give the factors 0
	// and 1: attention at full resolution. Nil means 16 and 8. With an empty list
	// only the middle block has attention, as it always has.
	Attention []int `json:"attention_resolutions"`
	// Heads is the number of attention heads (num_heads); 0 means 4.
	Heads int `json:"num_heads,omitempty"`
	// HeadChannels is the width of an attention head (num_head_channels); unless 0
	// it replaces Heads and UpsampleHeads.
	HeadChannels int `json:"num_head_channels,omitempty"`
	// UpsampleHeads is the number of heads in the decoder (num_heads_upsample); 0
	// means Heads.
	UpsampleHeads int `json:"num_heads_upsample,omitempty"`
	// NewAttentionOrder splits q, k and v before the heads
	// (use_new_attention_order). It permutes the weights of the heads and does not
	// change what the network can learn.
	NewAttentionOrder bool `json:"use_new_attention_order,omitempty"`
	// AddEmbedding adds the embedding of t and y to the features. False, which is
	// guided-diffusion's default use_scale_shift_norm, scales and shifts them by the
	// embedding after the norm.
	AddEmbedding bool `json:"add_embedding,omitempty"`
	// ResBlockUpDown resizes within residual blocks (resblock_updown).
	ResBlockUpDown bool `json:"resblock_updown,omitempty"`
	// PoolResample resizes by mean pooling and nearest neighbour (conv_resample
	// False). False resizes with convolutions.
	PoolResample bool `json:"pool_resample,omitempty"`
	// Dropout is the fraction of features dropped in training, in [0,1).
	Dropout float64 `json:"dropout,omitempty"`
	// Classes is the number of classes; 0 means the network is unconditional
	// (class_cond False).
	Classes int `json:"classes,omitempty"`
	// NullClass adds the class number Classes, which stands for any class, for
	// classifier-free guidance (Ho & Salimans 2022).
	NullClass bool `json:"null_class,omitempty"`
	// NormGroups is the number of groups of every group norm, of which all widths
	// must be multiples; 0 means 32. With as many groups as channels a norm removes
	// the mean of each channel; fewer groups preserve the differences between means.
	NormGroups int `json:"norm_groups,omitempty"`
	// Dense is the width of a fully connected residual layer over all pixels and
	// channels of the smallest level, in place of the middle block's attention; it
	// takes a third of the time. 0 means attention. With a dense layer the network
	// accepts images of ImageSize only.
	Dense int `json:"dense,omitempty"`
	// Winograd stands in files of earlier versions, where it chose a form of convolution. It
	// does nothing.
	Winograd bool `json:"winograd,omitempty"`
}

// withDefaults returns c with the zero values replaced by their defaults.
func (c Config) withDefaults() Config {
	c.ImageSize = cmp.Or(c.ImageSize, 10)
	c.InChannels = cmp.Or(c.InChannels, 1)
	c.Channels = cmp.Or(c.Channels, 128)
	c.ResBlocks = cmp.Or(c.ResBlocks, 2)
	c.Heads = cmp.Or(c.Heads, 4)
	c.NormGroups = cmp.Or(c.NormGroups, nn.DefaultGroups)
	c.UpsampleHeads = cmp.Or(c.UpsampleHeads, c.Heads)
	if c.Attention == nil {
		c.Attention = []int{16, 8}
	}
	if len(c.ChannelMult) == 0 {
		c.ChannelMult = DefaultChannelMult(c.ImageSize)
	}
	return c
}

// DefaultChannelMult returns the default ChannelMult for images of size by size
// pixels: guided-diffusion's for 64, 128, 256 and 512 (script_util.py, create_model);
// for other sizes above 64 that of the next smaller of these; for 32, which
// guided-diffusion does not accept, that of its predecessor improved-diffusion; for
// others below 64 (1,2). The list is cut to the number of times that size can be
// halved, plus one.
func DefaultChannelMult(size int) []float64 {
	levels := []float64{1, 2}
	switch {
	case size >= 512:
		levels = []float64{0.5, 1, 1, 2, 2, 4, 4}
	case size >= 256:
		levels = []float64{1, 1, 2, 2, 4, 4}
	case size >= 128:
		levels = []float64{1, 1, 2, 3, 4}
	case size >= 64:
		levels = []float64{1, 2, 3, 4}
	case size == 32:
		levels = []float64{1, 2, 2, 2}
	}
	return levels[:min(len(levels), 1+halvings(size))]
}

// halvings returns how often size can be halved without a remainder.
func halvings(size int) int {
	n := 0
	for ; size > 0 && size%2 == 0; size /= 2 {
		n++
	}
	return n
}

// outChannels returns the number of channels of the network's output.
func (c Config) outChannels() int {
	c = c.withDefaults()
	if c.Outputs > 0 {
		return c.Outputs
	}
	if c.LearnSigma {
		return 2 * c.InChannels
	}
	return c.InChannels
}

// Validate returns all errors of c, joined; nil if its network can be built.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("unet: "+format, args...))
		}
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"in_channels", c.InChannels}, {"num_channels", c.Channels}, {"num_res_blocks", c.ResBlocks},
		{"num_heads", c.Heads}, {"num_heads_upsample", c.UpsampleHeads},
	} {
		check(f.value >= 1, "%s is %d, want at least 1", f.name, f.value)
	}
	check(c.ImageSize >= 4, "image_size is %d, want at least 4", c.ImageSize)
	check(c.NormGroups >= 1, "norm_groups is %d, want 0 (32) or more", c.NormGroups)
	check(c.Dense >= 0, "dense is %d, want 0 (none) or more", c.Dense)
	check(c.HeadChannels >= 0, "num_head_channels is %d, want 0 or more", c.HeadChannels)
	check(c.Classes >= 0, "classes is %d, want 0 or more", c.Classes)
	check(!c.NullClass || c.Classes != 0, "null_class needs classes")
	check(c.Dropout >= 0 && c.Dropout < 1, "dropout is %v, want it in [0,1)", c.Dropout)
	check(!slices.ContainsFunc(c.Attention, func(r int) bool { return r < 1 }),
		"attention_resolutions %v: want sizes of at least 1", c.Attention)
	groups := max(c.NormGroups, 1)
	for _, m := range c.ChannelMult {
		width := c.width(m)
		check(width >= 1 && width%groups == 0, "channel_mult %v of num_channels %d is a width of %d, want a multiple of %d (group norm)",
			m, c.Channels, width, groups)
	}
	if len(errs) == 0 {
		errs = append(errs, c.checkSize(c.ImageSize, c.ImageSize), c.checkHeads())
	}
	return errors.Join(errs...)
}

// width returns the number of channels of a level.
func (c Config) width(mult float64) int { return int(mult * float64(c.Channels)) }

// checkSize returns an error where images of h by w pixels cannot be halved at every
// level.
func (c Config) checkSize(h, w int) error {
	downs := len(c.ChannelMult) - 1
	if possible := min(halvings(h), halvings(w)); possible < downs {
		return fmt.Errorf("unet: channel_mult %v halves an image %d times, but %dx%d pixels can be halved %d times without a remainder: at most %d values are possible",
			c.ChannelMult, downs, h, w, possible, possible+1)
	}
	return nil
}

// checkHeads returns an error where the heads do not divide a width that has
// attention.
func (c Config) checkHeads() error {
	for level, m := range c.ChannelMult {
		width := c.width(m)
		if !c.attends(1<<level) && level != len(c.ChannelMult)-1 { // the middle block has the last level's width
			continue
		}
		switch {
		case c.HeadChannels > 0 && width%c.HeadChannels != 0:
			return fmt.Errorf("unet: num_head_channels %d does not divide a width of %d", c.HeadChannels, width)
		case c.HeadChannels == 0 && (width%c.Heads != 0 || width%c.UpsampleHeads != 0):
			return fmt.Errorf("unet: num_heads %d and num_heads_upsample %d do not both divide a width of %d",
				c.Heads, c.UpsampleHeads, width)
		}
	}
	return nil
}

// attends reports whether the level at which the image is reduced by the factor down
// has attention.
func (c Config) attends(down int) bool {
	return slices.ContainsFunc(c.Attention, func(r int) bool { return c.ImageSize/r == down })
}
