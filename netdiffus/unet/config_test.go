package unet

import (
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// The reference's README flags; 20 classes as in its fork of guided-diffusion.
var reference = Config{ImageSize: 10, Channels: 128, ResBlocks: 3, LearnSigma: true, Classes: 20}

func TestReferenceHasItsNumberOfParameters(t *testing.T) {
	params := reference.Params()
	if len(params) != 241 || nn.Count(params) != 20_974_978 {
		t.Errorf("%d parameters in %d tensors, want 20974978 in 241", nn.Count(params), len(params))
	}
	if err := reference.Validate(); err != nil {
		t.Error(err)
	}
	guided := reference
	guided.NullClass = true
	if got := nn.Count(guided.Params()) - nn.Count(params); got != 4*128 {
		t.Errorf("the null class has %d parameters, want 512", got)
	}
}

// The reference's resolutions 16 and 8 at size 10 are the factors 0 and 1: attention
// after every residual block of the first level, none at the second.
func TestAttentionIsRelativeToImageSize(t *testing.T) {
	var at []string
	for _, p := range reference.Params() {
		if block, ok := strings.CutSuffix(p.Name, "/qkv/bias"); ok {
			at = append(at, block)
		}
	}
	want := []string{
		"input_blocks/1/1", "input_blocks/2/1", "input_blocks/3/1", "middle_block/1",
		"output_blocks/4/1", "output_blocks/5/1", "output_blocks/6/1", "output_blocks/7/1",
	}
	if !slices.Equal(at, want) {
		t.Errorf("attention in %v, want %v", at, want)
	}
}

func TestDefaultChannelMult(t *testing.T) {
	for _, c := range []struct {
		size int
		want []float64
	}{
		{8, []float64{1, 2}}, {9, []float64{1}}, {10, []float64{1, 2}}, {11, []float64{1}}, {32, []float64{1, 2, 2, 2}}, {48, []float64{1, 2}},
		{64, []float64{1, 2, 3, 4}}, {100, []float64{1, 2, 3}}, {128, []float64{1, 1, 2, 3, 4}},
		{256, []float64{1, 1, 2, 2, 4, 4}}, {512, []float64{0.5, 1, 1, 2, 2, 4, 4}},
	} {
		if got := DefaultChannelMult(c.size); !slices.Equal(got, c.want) {
			t.Errorf("DefaultChannelMult(%d) = %v, want %v", c.size, got, c.want)
		}
		if err := (Config{ImageSize: c.size}).Validate(); err != nil {
			t.Errorf("size %d: %v", c.size, err)
		}
	}
}

// The numbers of guided-diffusion's own networks, counted by its code
// (create_model of commit 22e0df8): the original NetDiffus's flags for its 20
// classes, and those of the released models, whose papers report 296, 422, 554 and 559
// million.
func TestNumbersOfParametersBySize(t *testing.T) {
	net := func(size int) Config {
		return Config{ImageSize: size, InChannels: 3, Channels: 128, ResBlocks: 3, LearnSigma: true, Classes: 20}
	}
	adm := func(size, channels, blocks, head int) Config {
		return Config{
			ImageSize: size, InChannels: 3, Channels: channels, ResBlocks: blocks, LearnSigma: true, Classes: 1000,
			Attention: []int{32, 16, 8}, ResBlockUpDown: true, HeadChannels: head,
		}
	}
	plain := net(128)
	plain.Classes, plain.LearnSigma = 0, false
	for _, c := range []struct {
		what   string
		config Config
		want   int
	}{
		{"NetDiffus at 32, with improved-diffusion's levels", net(32), 52_556_678},
		{"NetDiffus at 64", net(64), 121_074_182},
		{"NetDiffus at 128", net(128), 125_080_838},
		{"NetDiffus at 256", net(256), 164_319_622},
		{"NetDiffus at 512", net(512), 165_551_686},
		{"NetDiffus at 128, without classes and variance", plain, 125_067_139},
		{"64x64_diffusion.pt", adm(64, 192, 3, 64), 295_904_454},
		{"128x128_diffusion.pt", adm(128, 256, 2, 0), 421_529_606},
		{"256x256_diffusion.pt", adm(256, 256, 2, 64), 553_838_086},
		{"512x512_diffusion.pt", adm(512, 256, 2, 64), 558_997_638},
	} {
		if err := c.config.Validate(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if got := nn.Count(c.config.Params()); got != c.want {
			t.Errorf("%s: %d parameters, want %d", c.what, got, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string // part of the error
	}{
		{Config{ImageSize: 10, ChannelMult: []float64{1, 2, 2}}, "10x10 pixels can be halved 1 times without a remainder: at most 2 values are possible"},
		{Config{ImageSize: 9, ChannelMult: []float64{1, 2}}, "at most 1 values are possible"},
		{Config{ImageSize: 3}, "image_size is 3, want at least 4"},
		{Config{Channels: 40}, "a width of 40, want a multiple of 32"},
		{Config{Channels: 32, HeadChannels: 48}, "num_head_channels 48 does not divide a width of 32"},
		{Config{Channels: 32, Heads: 3}, "num_heads 3 and num_heads_upsample 3 do not both divide a width of 32"},
		{Config{ResBlocks: -1}, "num_res_blocks is -1"},
		{Config{Dropout: 1}, "dropout is 1, want it in [0,1)"},
		{Config{NullClass: true}, "null_class needs classes"},
		{Config{Attention: []int{0}}, "attention_resolutions [0]"},
		{Config{ResBlocks: -1, Classes: -2}, "classes is -2"}, // all errors are reported
	} {
		if err := c.config.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Validate(%+v) = %v, want %q in it", c.config, err, c.want)
		}
	}
}

// The dense layer replaces the middle block's attention, and norms of few groups
// allow widths that are not multiples of 32.
func TestDenseAndNormGroups(t *testing.T) {
	c := Config{ImageSize: 5, Channels: 48, ChannelMult: []float64{1}, ResBlocks: 1, Attention: []int{}, NormGroups: 8, Dense: 64}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	shapes := map[string][]int{}
	for _, p := range c.Params() {
		shapes[p.Name] = p.Shape
	}
	for name, want := range map[string][]int{
		"middle_block/1/in/weight":  {25 * 48, 64},
		"middle_block/1/out/weight": {64, 25 * 48},
		"middle_block/1/qkv/weight": nil,
	} {
		if !slices.Equal(shapes[name], want) {
			t.Errorf("%s is %v, want %v", name, shapes[name], want)
		}
	}
	c.NormGroups = 0
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "want a multiple of 32") {
		t.Errorf("48 channels in 32 groups: %v", err)
	}
}
