package unet

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// embeddingFactor is the width of the embedding in units of Config.Channels.
const embeddingFactor = 4

// embedding embeds t and y in one vector for each image.
type embedding struct {
	channels int // width of the sinusoidal embedding; the vector is embeddingFactor times as wide
	rows     int // rows of the table of classes; 0 means none
}

func (e embedding) linear() (first, second nn.Linear) {
	wide := embeddingFactor * e.channels
	return nn.Linear{In: e.channels, Out: wide}, nn.Linear{In: wide, Out: wide}
}

func (e embedding) Params(string) []nn.Param {
	first, second := e.linear()
	ps := append(first.Params("time_embed/0"), second.Params("time_embed/2")...)
	if e.rows > 0 {
		ps = append(ps, nn.Embedding{Rows: e.rows, Channels: embeddingFactor * e.channels}.Params("label_emb")...)
	}
	return ps
}

// graph returns the embedding [B,E] of t [B] float32 and y [B] integers or nil.
func (e embedding) graph(scope *model.Scope, t, y *Node) *Node {
	first, second := e.linear()
	emb := first.Graph(nn.At(scope, "time_embed/0"), nn.Narrow(scope, nn.Timestep(t, e.channels)))
	emb = second.Graph(nn.At(scope, "time_embed/2"), nn.SiLU(emb))
	if y == nil {
		return emb
	}
	table := nn.Embedding{Rows: e.rows, Channels: embeddingFactor * e.channels}
	return Add(emb, nn.Narrow(scope, table.Graph(nn.At(scope, "label_emb"), y)))
}

// sizing is the effect of a layer on height and width.
type sizing int

const (
	keep sizing = iota
	down        // halves them
	up          // doubles them
)

// apply returns x resized without parameters.
func (s sizing) apply(x *Node) *Node {
	switch s {
	case down:
		return nn.MeanPool2(x)
	case up:
		return nn.Nearest2(x)
	}
	return x
}

// resBlock is a residual block conditioned on the embedding (guided_diffusion/unet.py,
// ResBlock).
type resBlock struct {
	in, out   int  // channels
	embedding int  // width of the embedding
	add       bool // adds the embedding instead of scaling and shifting
	groups    int  // of the norms
	size      sizing
}

// resLayers are the layers of a resBlock.
type resLayers struct {
	norm1, norm2 nn.GroupNorm
	conv1, conv2 nn.Conv
	emb          nn.Linear
	skip         *nn.Conv // nil where in equals out
}

func (b resBlock) layers() resLayers {
	l := resLayers{
		norm1: nn.GroupNorm{Channels: b.in, Groups: b.groups},
		conv1: nn.Conv{In: b.in, Out: b.out, Size: 3},
		emb:   nn.Linear{In: b.embedding, Out: 2 * b.out},
		norm2: nn.GroupNorm{Channels: b.out, Groups: b.groups},
		conv2: nn.Conv{In: b.out, Out: b.out, Size: 3, Zero: true},
	}
	if b.add {
		l.emb.Out = b.out
	}
	if b.in != b.out {
		l.skip = &nn.Conv{In: b.in, Out: b.out, Size: 1}
	}
	return l
}

func (b resBlock) Params(path string) []nn.Param {
	l := b.layers()
	ps := l.norm1.Params(path + "/in_layers/0")
	ps = append(ps, l.conv1.Params(path+"/in_layers/2")...)
	ps = append(ps, l.emb.Params(path+"/emb_layers/1")...)
	ps = append(ps, l.norm2.Params(path+"/out_layers/0")...)
	ps = append(ps, l.conv2.Params(path+"/out_layers/3")...)
	if l.skip != nil {
		ps = append(ps, l.skip.Params(path+"/skip_connection")...)
	}
	return ps
}

func (b resBlock) graph(scope *model.Scope, x, emb *Node, drop *nn.Dropout) *Node {
	l := b.layers()
	h := nn.SiLU(l.norm1.Graph(nn.At(scope, "in_layers/0"), x))
	h, x = b.size.apply(h), b.size.apply(x)
	h = l.conv1.Graph(nn.At(scope, "in_layers/2"), h)

	emb = l.emb.Graph(nn.At(scope, "emb_layers/1"), nn.SiLU(emb))
	emb = InsertAxes(emb, 1, 1) // [B,1,1,C] or [B,1,1,2C]
	norm2 := nn.At(scope, "out_layers/0")
	if b.add {
		h = l.norm2.Graph(norm2, Add(h, emb))
	} else {
		scale, shift := Slice(emb, AxisRange(), AxisRange(), AxisRange(), AxisRange(0, b.out)),
			Slice(emb, AxisRange(), AxisRange(), AxisRange(), AxisRange(b.out, 2*b.out))
		h = Add(Mul(l.norm2.Graph(norm2, h), OnePlus(scale)), shift)
	}
	h = nn.SiLU(h)
	if drop != nil {
		h = drop.Graph(scope, h)
	}
	h = l.conv2.Graph(nn.At(scope, "out_layers/3"), h)
	if l.skip != nil {
		x = l.skip.Graph(nn.At(scope, "skip_connection"), x)
	}
	return Add(x, h)
}

// attentionLayer implements layer with nn.Attention.
type attentionLayer struct{ nn.Attention }

func (a attentionLayer) graph(scope *model.Scope, h, _ *Node, _ *nn.Dropout) *Node {
	return a.Graph(scope, h)
}

// convLayer implements layer with nn.Conv.
type convLayer struct{ nn.Conv }

func (c convLayer) graph(scope *model.Scope, h, _ *Node, _ *nn.Dropout) *Node {
	return c.Graph(scope, h)
}

// resample halves the image with a convolution of stride 2, or doubles it with
// nearest neighbour and a convolution; without conv it uses mean pooling or nearest
// neighbour alone.
type resample struct {
	size sizing // down or up
	conv *nn.Conv
}

// convName returns the name of the convolution in guided-diffusion's state dict.
func (r resample) convName() string {
	if r.size == down {
		return "op"
	}
	return "conv"
}

func (r resample) Params(path string) []nn.Param {
	if r.conv == nil {
		return nil
	}
	return r.conv.Params(path + "/" + r.convName())
}

func (r resample) graph(scope *model.Scope, h, _ *Node, _ *nn.Dropout) *Node {
	if r.conv == nil {
		return r.size.apply(h)
	}
	conv := *r.conv
	if r.size == down {
		conv.Stride = 2
	} else {
		h = r.size.apply(h)
	}
	return conv.Graph(nn.At(scope, r.convName()), h)
}
