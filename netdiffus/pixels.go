package netdiffus

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// Pixels is the reference's kind of model: guided-diffusion's UNet (Config.UNet)
// predicts the noise, or what else Config.Diffusion has it predict, pixel by pixel.
type Pixels struct{}

// Codec returns nil: the model reads pixels, whatever they stand for.
func (Pixels) Codec() codec.Codec { return nil }

// Check returns what keeps the UNet from being built.
func (Pixels) Check(c Config) error {
	t := c.Training
	var p problems
	p.add(c.Network().Validate())
	p.wrong(c.Image.Rows != 0, "a model over pixels is for square images, these are %dx%d: convert to images (gasf), or train a model over numbers (series or copula)", c.Image.Rows, c.Image.Side)
	p.wrong(t.LimitCopies, "limit_copies needs a model that draws lengths to the byte, such as one over atoms")
	p.wrong(t.Balance != 0, "class_balance needs a model whose batches are grouped by class, such as one over atoms")
	return p.err()
}

// New returns the model.
func (Pixels) New(c Config) (Model, error) {
	process, err := c.Diffusion.Process()
	if err != nil {
		return nil, err
	}
	network := c.Network()
	return pixelModel{network, process}, network.Validate()
}

// pixelModel is a diffusion process and its network. The process's Schedule is
// replaced by Bind's.
type pixelModel struct {
	network unet.Config
	process diffusion.Model
}

func (m pixelModel) Params() []nn.Param { return m.network.Params() }

func (pixelModel) Traits() Traits { return Traits{GuidedDiffusion: true} }

func (m pixelModel) Bind(s schedule.Schedule, _ []int) Bound {
	m.process.Schedule = s
	return m
}

func (m pixelModel) Loss(scope *model.Scope, x0, t, y, noise, key *graph.Node) diffusion.Losses {
	p := m.process
	p.Network = m.network.Graph
	if key != nil && m.network.Dropout > 0 {
		p.Network = m.network.GraphWithDropout(key)
	}
	return p.Loss(scope, x0, t, y, noise)
}

func (m pixelModel) Denoiser(*graph.Node) diffusion.Denoiser {
	p := m.process
	p.Network = m.network.Graph
	return p.Denoise
}

func (pixelModel) Decoder(string) Decoder { return nil }
