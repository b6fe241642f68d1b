package unet

import (
	"slices"
	"strconv"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// network is the layers of a UNet as values, from which the list of parameters and
// the graph are made.
type network struct {
	embedding embedding
	input     []sequence // the output of each is concatenated to the input of one of output, in reverse order
	middle    sequence
	output    []sequence
	norm      nn.GroupNorm
	out       nn.Conv
}

// sequence is layers that follow each other, numbered from 0 in the parameters' names.
type sequence []layer

// layer is one layer of a sequence.
type layer interface {
	Params(path string) []nn.Param
	// graph returns the layer's output for h [B,H,W,C]. emb [B,E] is the embedding
	// of t and y; drop is nil except in training.
	graph(scope *model.Scope, h, emb *graph.Node, drop *nn.Dropout) *graph.Node
}

// network returns the layers of c's UNet. c must have its defaults filled in.
func (c Config) network() network {
	input, skips := c.encoder()
	width := c.width(c.ChannelMult[0])
	return network{
		embedding: embedding{channels: c.Channels, rows: c.embeddingRows()},
		input:     input,
		middle:    c.middle(skips[len(skips)-1]),
		output:    c.decoder(skips),
		norm:      nn.GroupNorm{Channels: width, Groups: c.NormGroups},
		out:       nn.Conv{In: width, Out: c.outChannels(), Size: 3, Zero: true},
	}
}

// encoder returns the input sequences and the widths of their outputs: a
// convolution, then the residual blocks of each level, with a layer between levels
// that halves the image.
func (c Config) encoder() (input []sequence, widths []int) {
	width := c.width(c.ChannelMult[0])
	add := func(s sequence) { input, widths = append(input, s), append(widths, width) }
	add(sequence{convLayer{nn.Conv{In: c.InChannels, Out: width, Size: 3}}})
	for level, mult := range c.ChannelMult {
		for range c.ResBlocks {
			s := sequence{c.resBlock(width, c.width(mult), keep)}
			width = c.width(mult)
			if c.attends(1 << level) {
				s = append(s, c.attention(width, c.Heads))
			}
			add(s)
		}
		if level != len(c.ChannelMult)-1 {
			add(sequence{c.resize(width, down)})
		}
	}
	return input, widths
}

// middle returns the layers at the smallest size of the image: two residual blocks
// with attention, or a dense layer, between them.
func (c Config) middle(width int) sequence {
	mixer := c.attention(width, c.Heads)
	if c.Dense > 0 {
		side := c.ImageSize >> (len(c.ChannelMult) - 1)
		mixer = dense{pixels: side * side, channels: width, width: c.Dense, groups: c.NormGroups}
	}
	return sequence{c.resBlock(width, width, keep), mixer, c.resBlock(width, width, keep)}
}

// decoder returns the output sequences: the residual blocks of each level in reverse
// order, one more than in the encoder, the last of which doubles the image. skips
// are the widths of the input sequences' outputs.
func (c Config) decoder(skips []int) (output []sequence) {
	width := skips[len(skips)-1]
	for level, mult := range slices.Backward(c.ChannelMult) {
		for i := range c.ResBlocks + 1 {
			skip := skips[len(skips)-1-len(output)]
			s := sequence{c.resBlock(width+skip, c.width(mult), keep)}
			width = c.width(mult)
			if c.attends(1 << level) {
				s = append(s, c.attention(width, c.UpsampleHeads))
			}
			if level > 0 && i == c.ResBlocks {
				s = append(s, c.resize(width, up))
			}
			output = append(output, s)
		}
	}
	return output
}

// embeddingRows returns the number of rows of the table of classes.
func (c Config) embeddingRows() int {
	if c.NullClass {
		return c.Classes + 1
	}
	return c.Classes
}

// resBlock returns a residual block from in to out channels.
func (c Config) resBlock(in, out int, size sizing) resBlock {
	return resBlock{
		in: in, out: out, embedding: embeddingFactor * c.Channels,
		add: c.AddEmbedding, groups: c.NormGroups, size: size,
	}
}

// attention returns an attention layer, of heads heads unless HeadChannels is set.
func (c Config) attention(width, heads int) layer {
	if c.HeadChannels > 0 {
		heads = width / c.HeadChannels
	}
	return attentionLayer{nn.Attention{Channels: width, Heads: heads, NewOrder: c.NewAttentionOrder, Groups: c.NormGroups}}
}

// resize returns the layer between two levels.
func (c Config) resize(width int, size sizing) layer {
	switch {
	case c.ResBlockUpDown:
		return c.resBlock(width, width, size)
	case c.PoolResample:
		return resample{size: size}
	}
	return resample{size: size, conv: &nn.Conv{In: width, Out: width, Size: 3}}
}

// params returns the parameters in the order of guided-diffusion's state dict.
func (n network) params() []nn.Param {
	ps := n.embedding.Params("")
	for i, s := range n.input {
		ps = append(ps, s.Params("input_blocks/"+strconv.Itoa(i))...)
	}
	ps = append(ps, n.middle.Params("middle_block")...)
	for i, s := range n.output {
		ps = append(ps, s.Params("output_blocks/"+strconv.Itoa(i))...)
	}
	ps = append(ps, n.norm.Params("out/0")...)
	return append(ps, n.out.Params("out/2")...)
}

// graph returns the network's output (see Config.Graph).
func (n network) graph(scope *model.Scope, x, t, y *graph.Node, drop *nn.Dropout) *graph.Node {
	emb := n.embedding.graph(scope, t, y)
	var skips []*graph.Node
	h := nn.Narrow(scope, x)
	for i, s := range n.input {
		h = s.graph(nn.At(scope, "input_blocks/"+strconv.Itoa(i)), h, emb, drop)
		skips = append(skips, h)
	}
	h = n.middle.graph(nn.At(scope, "middle_block"), h, emb, drop)
	for i, s := range n.output {
		skip := skips[len(skips)-1-i]
		h = graph.Concatenate([]*graph.Node{h, skip}, -1)
		h = s.graph(nn.At(scope, "output_blocks/"+strconv.Itoa(i)), h, emb, drop)
	}
	h = nn.SiLU(n.norm.Graph(nn.At(scope, "out/0"), h))
	return nn.Widen(n.out.Graph(nn.At(scope, "out/2"), h))
}

// Params returns the parameters of the layers, numbered from 0 below path.
func (s sequence) Params(path string) []nn.Param {
	var ps []nn.Param
	for i, l := range s {
		ps = append(ps, l.Params(path+"/"+strconv.Itoa(i))...)
	}
	return ps
}

// graph returns the output of the last layer.
func (s sequence) graph(scope *model.Scope, h, emb *graph.Node, drop *nn.Dropout) *graph.Node {
	for i, l := range s {
		h = l.graph(nn.At(scope, strconv.Itoa(i)), h, emb, drop)
	}
	return h
}
