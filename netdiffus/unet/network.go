package unet

import (
	"strconv"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// network is a UNet as a plan: its layers as values, from which both the list of
// parameters and the graph follow.
type network struct {
	embedding embedding
	input     []sequence // each one's output goes to the output sequence it meets
	middle    sequence
	output    []sequence
	norm      nn.GroupNorm
	out       nn.Conv
}

// sequence is a run of layers, numbered from 0 in the parameters' names.
type sequence []layer

// layer is a part of a sequence.
type layer interface {
	Params(path string) []nn.Param
	// graph takes h [B,H,W,C]; emb [B,E] is the embedding of t and y; drop is nil
	// outside training.
	graph(scope *model.Scope, h, emb *graph.Node, drop *nn.Dropout) *graph.Node
}

// network plans the UNet of c, which must be filled.
func (c Config) network() network {
	width := c.width(c.ChannelMult[0])
	n := network{
		embedding: embedding{channels: c.Channels, rows: c.embeddingRows()},
		input:     []sequence{{convLayer{nn.Conv{In: c.InChannels, Out: width, Size: 3}}}},
		norm:      nn.GroupNorm{Channels: width, Groups: c.NormGroups},
		out:       nn.Conv{In: width, Out: c.OutChannels(), Size: 3, Zero: true},
	}
	last := len(c.ChannelMult) - 1
	skips := []int{width} // widths of the input sequences' outputs
	for level, mult := range c.ChannelMult {
		for range c.ResBlocks {
			s := sequence{c.resBlock(width, c.width(mult), keep)}
			width = c.width(mult)
			if c.attends(1 << level) {
				s = append(s, c.attention(width, c.Heads))
			}
			n.input = append(n.input, s)
			skips = append(skips, width)
		}
		if level != last {
			n.input = append(n.input, sequence{c.resize(width, down)})
			skips = append(skips, width)
		}
	}
	mixer := c.attention(width, c.Heads)
	if c.Dense > 0 {
		side := c.ImageSize >> last
		mixer = dense{pixels: side * side, channels: width, width: c.Dense, groups: c.NormGroups}
	}
	n.middle = sequence{c.resBlock(width, width, keep), mixer, c.resBlock(width, width, keep)}
	for level := last; level >= 0; level-- {
		for i := range c.ResBlocks + 1 {
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			s := sequence{c.resBlock(width+skip, c.width(c.ChannelMult[level]), keep)}
			width = c.width(c.ChannelMult[level])
			if c.attends(1 << level) {
				s = append(s, c.attention(width, c.UpsampleHeads))
			}
			if level > 0 && i == c.ResBlocks {
				s = append(s, c.resize(width, up))
			}
			n.output = append(n.output, s)
		}
	}
	return n
}

// embeddingRows is the number of rows of the table of classes.
func (c Config) embeddingRows() int {
	if c.NullClass {
		return c.Classes + 1
	}
	return c.Classes
}

func (c Config) resBlock(in, out int, size sizing) resBlock {
	return resBlock{
		in: in, out: out, embedding: embeddingFactor * c.Channels,
		add: c.AddEmbedding, winograd: c.Winograd, groups: c.NormGroups, size: size,
	}
}

func (c Config) attention(width, heads int) layer {
	if c.HeadChannels > 0 {
		heads = width / c.HeadChannels
	}
	return attentionLayer{nn.Attention{Channels: width, Heads: heads, NewOrder: c.NewAttentionOrder, Groups: c.NormGroups}}
}

// resize is the layer between two levels.
func (c Config) resize(width int, size sizing) layer {
	switch {
	case c.ResBlockUpDown:
		return c.resBlock(width, width, size)
	case c.PoolResample:
		return resample{size: size}
	}
	return resample{size: size, conv: &nn.Conv{In: width, Out: width, Size: 3, Winograd: c.Winograd}}
}

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

func (n network) graph(scope *model.Scope, x, t, y *graph.Node, drop *nn.Dropout) *graph.Node {
	emb := n.embedding.graph(scope, t, y)
	var skips []*graph.Node
	h := x
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
	return n.out.Graph(nn.At(scope, "out/2"), h)
}

// Params lists the parameters of the layers, numbered from 0 below path.
func (s sequence) Params(path string) []nn.Param {
	var ps []nn.Param
	for i, l := range s {
		ps = append(ps, l.Params(path+"/"+strconv.Itoa(i))...)
	}
	return ps
}

func (s sequence) graph(scope *model.Scope, h, emb *graph.Node, drop *nn.Dropout) *graph.Node {
	for i, l := range s {
		h = l.graph(nn.At(scope, strconv.Itoa(i)), h, emb, drop)
	}
	return h
}
