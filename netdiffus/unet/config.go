// Package unet builds guided-diffusion's UNet (Dhariwal & Nichol 2021, appendix
// I), equal to it in numbers, for images of any size from 4x4 up. The parameters
// have the names of its state dict with "/" for ".".
package unet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// Config has every option of guided-diffusion's command line. The zero value is
// the network of the reference's README for 10x10 images without classes.
type Config struct {
	// ImageSize is the height of the images in pixels; 0 means 10. The graph takes
	// images of other sizes as well, as long as they can be halved as often; but
	// ChannelMult's default and Attention are relative to this one.
	ImageSize int `json:"image_size,omitempty"`
	// InChannels is the number of channels of an image; 0 means 1.
	InChannels int `json:"in_channels,omitempty"`
	// Outputs is the number of channels of the output where that is no image; 0
	// means InChannels, and twice that with LearnSigma.
	Outputs int `json:"out_channels,omitempty"`
	// LearnSigma doubles the output's channels: the second half is the variance.
	LearnSigma bool `json:"learn_sigma,omitempty"`
	// Channels is the width of the first level (num_channels); 0 means 128.
	Channels int `json:"num_channels,omitempty"`
	// ChannelMult is each level's width in units of Channels; each level but the
	// last halves the image. Empty means guided-diffusion's for the sizes it knows,
	// (1,2) for 10: see Levels.
	ChannelMult []float64 `json:"channel_mult,omitempty"`
	// ResBlocks is the number of residual blocks a level (num_res_blocks); 0 means
	// 2.
	ResBlocks int `json:"num_res_blocks,omitempty"`
	// Attention lists resolutions r (attention_resolutions): attention sits at the
	// levels where the image is reduced by ImageSize/r, rounded down, as in
	// guided-diffusion's command line. So 16 and 8 come to 0 and 1 at size 10:
	// attention at full resolution. Nil means 16 and 8; an empty list attention in
	// the middle block alone, which always has it.
	Attention []int `json:"attention_resolutions"`
	// Heads is the number of attention heads (num_heads); 0 means 4.
	Heads int `json:"num_heads,omitempty"`
	// HeadChannels, if not 0, sets the width of a head instead of their number
	// (num_head_channels).
	HeadChannels int `json:"num_head_channels,omitempty"`
	// UpsampleHeads is the number of heads in the decoder (num_heads_upsample); 0
	// means Heads.
	UpsampleHeads int `json:"num_heads_upsample,omitempty"`
	// NewAttentionOrder splits q, k and v before the heads
	// (use_new_attention_order). It changes which weights a head gets, not what the
	// network can learn.
	NewAttentionOrder bool `json:"use_new_attention_order,omitempty"`
	// AddEmbedding adds the embedding of t and y to the features. False is
	// guided-diffusion's default use_scale_shift_norm: it scales and shifts them
	// after the norm.
	AddEmbedding bool `json:"add_embedding,omitempty"`
	// ResBlockUpDown resizes within residual blocks (resblock_updown).
	ResBlockUpDown bool `json:"resblock_updown,omitempty"`
	// PoolResample resizes by mean and nearest neighbour alone (conv_resample
	// False). False, the default, is by convolutions.
	PoolResample bool `json:"pool_resample,omitempty"`
	// Dropout is the share of features dropped in training, in [0,1).
	Dropout float64 `json:"dropout,omitempty"`
	// Classes is the number of classes; 0 means the network is unconditional
	// (class_cond False).
	Classes int `json:"classes,omitempty"`
	// NullClass adds a class with the number Classes that means "any class", for
	// classifier-free guidance (Ho & Salimans 2022).
	NullClass bool `json:"null_class,omitempty"`
	// NormGroups is the number of groups of every group norm, which all widths
	// must be multiples of; 0 means 32. With as many groups as channels a norm
	// takes each channel's mean away; fewer groups keep the channels' levels.
	NormGroups int `json:"norm_groups,omitempty"`
	// Dense is the width of a residual layer that takes the place of the middle
	// block's attention: it joins all pixels and channels of the smallest map and
	// knows each by its place, for a third of the time. 0 means attention. The
	// network is then for images of ImageSize alone.
	Dense int `json:"dense,omitempty"`
	// Winograd computes convolutions of many pixels on a CPU in Winograd's form:
	// about 15 % less time for a training step at batch 32, for a compilation three
	// times as long. It changes results in the last digits, so a run keeps it.
	Winograd bool `json:"winograd,omitempty"`
}

// filled is c with its zero values replaced by what they mean.
func (c Config) filled() Config {
	c.ImageSize = cmp.Or(c.ImageSize, 10)
	c.InChannels = cmp.Or(c.InChannels, 1)
	c.Channels = cmp.Or(c.Channels, 128)
	c.ResBlocks = cmp.Or(c.ResBlocks, 2)
	c.Heads = cmp.Or(c.Heads, 4)
	c.NormGroups = cmp.Or(c.NormGroups, nn.Groups)
	c.UpsampleHeads = cmp.Or(c.UpsampleHeads, c.Heads)
	if c.Attention == nil {
		c.Attention = []int{16, 8}
	}
	if len(c.ChannelMult) == 0 {
		c.ChannelMult = Levels(c.ImageSize)
	}
	return c
}

// Levels is the default ChannelMult: guided-diffusion's for the image sizes 64,
// 128, 256 and 512 (guided_diffusion/script_util.py, create_model), the largest of
// these that is not above size otherwise. For 32, which guided-diffusion refuses,
// they are those of improved-diffusion, which it grew from, and below 64 else (1,2).
// They are cut to as many levels as size can be halved.
func Levels(size int) []float64 {
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

// halvings is how often size can be halved without a rest.
func halvings(size int) int {
	n := 0
	for ; size > 0 && size%2 == 0; size /= 2 {
		n++
	}
	return n
}

// OutChannels is the number of channels of the network's output.
func (c Config) OutChannels() int {
	c = c.filled()
	if c.Outputs > 0 {
		return c.Outputs
	}
	if c.LearnSigma {
		return 2 * c.InChannels
	}
	return c.InChannels
}

// Validate says what is wrong with c, everything at once; nil if it can be built.
func (c Config) Validate() error {
	c = c.filled()
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("unet: "+format, args...))
		}
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"channels of an image", c.InChannels}, {"num_channels", c.Channels}, {"num_res_blocks", c.ResBlocks},
		{"num_heads", c.Heads}, {"num_heads_upsample", c.UpsampleHeads},
	} {
		wrong(f.value < 1, "%s is %d, want at least 1", f.name, f.value)
	}
	wrong(c.ImageSize < 4, "image_size is %d, want at least 4", c.ImageSize)
	wrong(c.NormGroups < 1, "norm_groups is %d, want 0 (32) or more", c.NormGroups)
	wrong(c.Dense < 0, "dense is %d, want 0 (none) or more", c.Dense)
	wrong(c.HeadChannels < 0, "num_head_channels is %d, want 0 or more", c.HeadChannels)
	wrong(c.Classes < 0, "classes is %d, want 0 or more", c.Classes)
	wrong(c.NullClass && c.Classes == 0, "a null class needs classes beside it")
	wrong(!(c.Dropout >= 0 && c.Dropout < 1), "dropout is %v, want it in [0,1)", c.Dropout)
	wrong(slices.ContainsFunc(c.Attention, func(r int) bool { return r < 1 }),
		"attention_resolutions %v: want sizes of at least 1", c.Attention)
	for _, m := range c.ChannelMult {
		width := c.width(m)
		wrong(width < 1 || width%max(c.NormGroups, 1) != 0, "channel_mult %v of num_channels %d is a width of %d, want a multiple of %d (group norm)",
			m, c.Channels, width, max(c.NormGroups, 1))
	}
	if len(errs) == 0 {
		errs = append(errs, c.checkSize(c.ImageSize, c.ImageSize), c.checkHeads())
	}
	return errors.Join(errs...)
}

// width is the number of channels of a level.
func (c Config) width(mult float64) int { return int(mult * float64(c.Channels)) }

// checkSize says whether an image of h by w pixels passes down and up the levels.
func (c Config) checkSize(h, w int) error {
	downs := len(c.ChannelMult) - 1
	if possible := min(halvings(h), halvings(w)); possible < downs {
		return fmt.Errorf("unet: channel_mult %v halves an image %d times, but %dx%d pixels can be halved %d times without a rest: give at most %d values",
			c.ChannelMult, downs, h, w, possible, possible+1)
	}
	return nil
}

// checkHeads says whether the heads divide the widths that have attention.
func (c Config) checkHeads() error {
	for level, m := range c.ChannelMult {
		width := c.width(m)
		if !c.attends(1<<level) && level != len(c.ChannelMult)-1 { // the last level is the middle block's
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

// attends says whether attention sits where the image is reduced by the factor
// down.
func (c Config) attends(down int) bool {
	return slices.ContainsFunc(c.Attention, func(r int) bool { return c.ImageSize/r == down })
}
