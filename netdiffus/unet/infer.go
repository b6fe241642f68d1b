package unet

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Infer returns the configuration of the network whose parameters have the given
// shapes, in PyTorch's names and layout, for images of size by size pixels. Options
// that do not affect the shapes keep their zero values: the number and order of the
// heads, and dropout. It fails where no Config has parameters of these shapes.
func Infer(shapes map[string][]int, size int) (Config, error) {
	c := Config{ImageSize: size, Attention: []int{}}
	first, err := dims(shapes, "input_blocks.0.0.weight", 4)
	if err != nil {
		return c, err
	}
	embedding, err := dims(shapes, "time_embed.0.weight", 2)
	if err != nil {
		return c, err
	}
	out, err := dims(shapes, "out.2.weight", 4)
	if err != nil {
		return c, err
	}
	c.InChannels, c.Channels, c.Outputs = first[1], embedding[1], out[0]
	if c.Outputs == c.InChannels || c.Outputs == 2*c.InChannels {
		c.LearnSigma, c.Outputs = c.Outputs != c.InChannels, 0
	}
	if table, ok := shapes["label_emb.weight"]; ok && len(table) == 2 {
		c.Classes = table[0]
	}
	blocks := countBlocks(shapes, "output_blocks.")
	perLevel := blocksPerLevel(shapes, blocks)
	if blocks == 0 || perLevel < 2 || blocks%perLevel != 0 {
		return c, fmt.Errorf("unet: %d output blocks, %d per level: not a UNet of guided-diffusion", blocks, perLevel)
	}
	c.ResBlocks = perLevel - 1
	for level := range blocks / perLevel {
		if err := c.inferLevel(shapes, level, 1+level*perLevel); err != nil {
			return c, err
		}
	}
	if len(c.ChannelMult) > 1 { // the type of the layer that halves the image after the first level
		c.ResBlockUpDown = shapes[fmt.Sprintf("input_blocks.%d.0.in_layers.0.weight", perLevel)] != nil
		c.PoolResample = !c.ResBlockUpDown && shapes[fmt.Sprintf("input_blocks.%d.0.op.weight", perLevel)] == nil
	}
	return c, errors.Join(c.Validate(), c.CheckShapes(shapes))
}

// inferLevel adds a level to c. block is the number of the input block that is the
// level's first residual block.
func (c *Config) inferLevel(shapes map[string][]int, level, block int) error {
	path := fmt.Sprintf("input_blocks.%d.", block)
	conv, err := dims(shapes, path+"0.out_layers.3.weight", 4)
	if err != nil {
		return err
	}
	emb, err := dims(shapes, path+"0.emb_layers.1.weight", 2)
	if err != nil {
		return err
	}
	mult := float64(conv[0]) / float64(c.Channels)
	if c.width(mult) != conv[0] { // the quotient was rounded down
		mult = math.Nextafter(mult, math.Inf(1))
	}
	c.ChannelMult = append(c.ChannelMult, mult)
	c.AddEmbedding = emb[0] == conv[0]
	if shapes[path+"1.qkv.weight"] != nil && c.ImageSize>>level > 0 {
		c.Attention = append(c.Attention, c.ImageSize>>level)
	}
	return nil
}

// blocksPerLevel returns the number of output blocks per level: up to the first that
// doubles the image. Where that layer has no weights (PoolResample), neither has the
// input block that halves the image, so the result is the first missing number of
// the input blocks.
func blocksPerLevel(shapes map[string][]int, blocks int) int {
	hasInput := make([]bool, blocks)
	for name := range shapes {
		if i, rest := blockOf(name, "input_blocks."); i >= 0 && i < blocks && rest != "" {
			hasInput[i] = true
		}
	}
	first := blocks
	for name := range shapes {
		i, rest := blockOf(name, "output_blocks.")
		layer, rest, _ := strings.Cut(rest, ".")
		if i >= 0 && layer != "0" && (strings.HasPrefix(rest, "conv.") || strings.HasPrefix(rest, "in_layers.")) {
			first = min(first, i+1)
		}
	}
	if gap := slices.Index(hasInput, false); first == blocks && gap > 0 {
		return gap
	}
	return first
}

// countBlocks returns the number of blocks below prefix, which are numbered from 0.
func countBlocks(shapes map[string][]int, prefix string) int {
	n := 0
	for name := range shapes {
		if i, _ := blockOf(name, prefix); i < len(shapes) { // a larger number leaves gaps
			n = max(n, i+1)
		}
	}
	return n
}

// blockOf splits a name PREFIXn.REST; n is -1 for other names.
func blockOf(name, prefix string) (n int, rest string) {
	tail, ok := strings.CutPrefix(name, prefix)
	digits, rest, _ := strings.Cut(tail, ".")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 {
		return -1, ""
	}
	return n, rest
}

// dims returns the shape of the named tensor, which every network has.
func dims(shapes map[string][]int, name string, rank int) ([]int, error) {
	shape, ok := shapes[name]
	if !ok {
		return nil, fmt.Errorf("unet: tensor %s is missing: not a UNet of guided-diffusion", name)
	}
	if len(shape) != rank || slices.Min(shape) < 1 || slices.Max(shape) > math.MaxInt32 {
		return nil, fmt.Errorf("unet: %s has shape %v, want %d positive dimensions", name, shape, rank)
	}
	return shape, nil
}

// CheckShapes returns an error that lists the tensors in which shapes, in PyTorch's
// names and layout, differ from the parameters of c. It returns nil where none
// differs, and where c is invalid, which Validate reports.
func (c Config) CheckShapes(shapes map[string][]int) error {
	if err := c.Validate(); err != nil {
		return nil
	}
	var lines []string
	known := map[string]bool{}
	for _, p := range c.Params() {
		name, want := p.PyTorchName(), p.PyTorchShape()
		known[name] = true
		got, ok := shapes[name]
		switch {
		case !ok:
			lines = append(lines, fmt.Sprintf("%s %v is missing", name, want))
		case !slices.Equal(got, want):
			lines = append(lines, fmt.Sprintf("%s is %v, the model has %v", name, got, want))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		if !known[name] {
			lines = append(lines, fmt.Sprintf("%.80s %v is not in the model", name, shapes[name]))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	const most = 40
	if more := len(lines) - most; more > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("unet: the tensors do not fit the model:\n  %s", strings.Join(lines, "\n  "))
}
