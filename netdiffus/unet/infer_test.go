package unet

import (
	"reflect"
	"strings"
	"testing"
)

// shapesOf returns the shapes of c's parameters in PyTorch's names and layout.
func shapesOf(c Config) map[string][]int {
	shapes := map[string][]int{}
	for _, p := range c.Params() {
		shapes[p.PyTorchName()] = p.PyTorchShape()
	}
	return shapes
}

// TestInfer infers configurations from the shapes of their parameters.
func TestInfer(t *testing.T) {
	for name, c := range map[string]Config{
		"the reference's": {ImageSize: 10, InChannels: 1, Channels: 128, ChannelMult: []float64{1, 2}, ResBlocks: 3, Attention: []int{10}, LearnSigma: true, Classes: 20},
		"unconditional":   {ImageSize: 10, InChannels: 1, Channels: 32, ChannelMult: []float64{1, 2}, ResBlocks: 1, Attention: []int{10, 5}},
		"one level":       {ImageSize: 9, InChannels: 1, Channels: 32, ChannelMult: []float64{1}, ResBlocks: 2, Attention: []int{}, LearnSigma: true},
		"colour at 64":    {ImageSize: 64, InChannels: 3, Channels: 64, ChannelMult: []float64{1, 2, 3, 4}, ResBlocks: 2, Attention: []int{16, 8}, LearnSigma: true, Classes: 4},
		"512":             {ImageSize: 512, InChannels: 3, Channels: 64, ChannelMult: []float64{0.5, 1, 1, 2, 2, 4, 4}, ResBlocks: 1, Attention: []int{32}},
		"thirds":          {ImageSize: 8, InChannels: 1, Channels: 96, ChannelMult: []float64{1, 1. / 3 * (1 + 1e-15), 5. / 3}, ResBlocks: 1, Attention: []int{}},
		"up and down":     {ImageSize: 32, InChannels: 2, Channels: 32, ChannelMult: []float64{1, 1, 2}, ResBlocks: 2, Attention: []int{8}, ResBlockUpDown: true, LearnSigma: true},
		"up, all attend":  {ImageSize: 16, InChannels: 1, Channels: 32, ChannelMult: []float64{1, 2}, ResBlocks: 1, Attention: []int{16, 8}, ResBlockUpDown: true},
		"pooled":          {ImageSize: 32, InChannels: 1, Channels: 32, ChannelMult: []float64{1, 2, 2}, ResBlocks: 2, Attention: []int{16}, PoolResample: true, AddEmbedding: true},
		"other outputs":   {ImageSize: 10, InChannels: 1, Outputs: 7, Channels: 32, ChannelMult: []float64{1, 2}, ResBlocks: 1, Attention: []int{10}, AddEmbedding: true},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			shapes := shapesOf(c)
			got, err := Infer(shapes, c.ImageSize)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(shapesOf(got), shapes) {
				t.Error("the inferred network has other parameters")
			}
			got.ChannelMult, c.ChannelMult = nil, nil // thirds round
			if !reflect.DeepEqual(got, c) {
				t.Errorf("Infer = %+v, want %+v", got, c)
			}
		})
	}
}

func TestInferRefuses(t *testing.T) {
	c := Config{Channels: 32, ResBlocks: 1, Classes: 3, LearnSigma: true}
	for _, test := range []struct {
		name   string
		change func(shapes map[string][]int)
		size   int
		want   []string
	}{
		{"something else", func(s map[string][]int) { clear(s); s["fc.weight"] = []int{3, 2} }, 10, []string{"not a UNet of guided-diffusion"}},
		{"a tensor is missing", func(s map[string][]int) { delete(s, "middle_block.1.norm.bias") }, 10, []string{"middle_block.1.norm.bias [64] is missing"}},
		{"tensors differ", func(s map[string][]int) { s["out.0.bias"] = []int{5}; s["extra"] = []int{1} }, 10,
			[]string{"out.0.bias is [5], the model has [32]", "extra [1] is not in the model"}},
		{"rank", func(s map[string][]int) { s["out.2.weight"] = []int{2} }, 10, []string{"out.2.weight has shape [2]"}},
		{"odd width", func(s map[string][]int) { s["time_embed.0.weight"] = []int{4, 1} }, 10, nil},
		{"empty", func(s map[string][]int) { s["time_embed.0.weight"] = []int{4, 0} }, 10, []string{"positive"}},
		{"a hole", func(s map[string][]int) { s["output_blocks.2000000000.0.in_layers.0.weight"] = []int{1} }, 10, []string{"is not in the model"}},
		{"size", func(map[string][]int) {}, 9, []string{"9x9 pixels can be halved 0 times"}},
	} {
		shapes := shapesOf(c)
		test.change(shapes)
		_, err := Infer(shapes, test.size)
		if err == nil {
			t.Errorf("%s: Infer returned no error", test.name)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q in it", test.name, err, want)
			}
		}
	}
}
