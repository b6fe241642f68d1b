package cnn

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// Series judges time series by a convolutional network along time: three convolutions of
// width 5 and stride 2, a hidden layer of 128, and the classes. Rows hold the bins of the
// first channel, then those of the second, and so on; values are brought to mean 0 and
// variance 1 over the training rows. It is trained as [Judge] is.
type Series struct {
	judge, features trainer
}

// NewSeries returns the networks for series of so many bins and channels. SeriesLength of
// the options is not used; 0 steps are 600.
func NewSeries(backend compute.Backend, bins, channels int, o Options) *Series {
	o.Steps = cmp.Or(o.Steps, 600)
	t := trainer{backend: backend, Options: o.withDefaults(), body: along{bins, channels}}
	s := &Series{t, t}
	s.judge.programs, s.features.programs = map[int]*program{}, map[int]*program{}
	return s
}

// Judge returns the judge. Its calls must not overlap.
func (s *Series) Judge() classify.Judge { return s.judge.judge }

// Features returns what trains a network and gives its hidden layer, 128 numbers that are
// not negative. Networks that were trained one after the other can be used together, by
// calls that do not overlap.
func (s *Series) Features() classify.Featurer {
	return func(ctx context.Context, train classify.Table, seed uint64) (classify.Features, error) {
		p, encode, err := s.features.train(ctx, train, seed)
		if err != nil {
			return nil, err
		}
		trained := p.weights()
		return func(ctx context.Context, rows [][]float64) ([][]float64, error) {
			if err := s.features.body.(along).check(rows); err != nil {
				return nil, err
			}
			if err := p.load(trained); err != nil {
				return nil, fmt.Errorf("cnn: %w", err)
			}
			var out [][]float64
			err := p.each(ctx, p.hidden, encode, rows, func(values *tensors.Tensor, some int) {
				flat := tensors.MustCopyFlatData[float32](values)
				for i := range some {
					row := make([]float64, hidden)
					for j := range row {
						row[j] = float64(flat[i*hidden+j])
					}
					out = append(out, row)
				}
			})
			return out, err
		}, nil
	}
}

// weights are copies of the weights, in the order of the parameters.
func (p *program) weights() [][]float32 {
	var out [][]float32
	for _, param := range p.params() {
		out = append(out, tensors.MustCopyFlatData[float32](p.store.GetVariable(weightScope+"/"+param.Name).MustValue()))
	}
	return out
}

// load sets the weights.
func (p *program) load(weights [][]float32) error {
	for i, param := range p.params() {
		value := tensors.FromFlatDataAndDimensions(weights[i], param.Shape...)
		if err := p.store.GetVariable(weightScope + "/" + param.Name).SetValue(value); err != nil {
			return err
		}
	}
	return nil
}

// along is three convolutions along series.
type along struct{ bins, channels int }

// convolutions are the channels of the layers.
var convolutions = []int{32, 32, 64}

// Width and stride of the convolutions, bins.
const (
	window = 5
	stride = 2
)

func (b along) check(rows [][]float64) error {
	for _, row := range rows {
		if len(row) != b.bins*b.channels {
			return fmt.Errorf("cnn: a row of %d values, want %d bins of %d channels", len(row), b.bins, b.channels)
		}
	}
	return nil
}

func (b along) encoder(train [][]float64) (encoder, error) {
	if len(train) == 0 {
		return nil, fmt.Errorf("cnn: no series to train on")
	}
	if err := b.check(train); err != nil {
		return nil, err
	}
	mean, scale := make([]float64, b.channels), make([]float64, b.channels)
	n := float64(len(train) * b.bins)
	for _, row := range train {
		for i, v := range row {
			mean[i/b.bins] += v / n
		}
	}
	for _, row := range train {
		for i, v := range row {
			gap := v - mean[i/b.bins]
			scale[i/b.bins] += gap * gap / n
		}
	}
	for k := range scale {
		if scale[k] = math.Sqrt(scale[k]); !(scale[k] > 1e-12*math.Abs(mean[k])) {
			scale[k] = 1
		}
	}
	return func(rows [][]float64) *tensors.Tensor {
		flat := make([]float32, 0, len(rows)*b.bins*b.channels)
		for _, row := range rows {
			for j := range b.bins {
				for k := range b.channels {
					flat = append(flat, float32((row[k*b.bins+j]-mean[k])/scale[k]))
				}
			}
		}
		return tensors.FromFlatDataAndDimensions(flat, len(rows), b.bins, b.channels)
	}, nil
}

// layers are the convolutions, as linear maps of windows, and the hidden layer.
func (b along) layers() (maps []nn.Linear, last nn.Linear) {
	in, bins := b.channels, b.bins
	for _, out := range convolutions {
		maps = append(maps, nn.Linear{In: window * in, Out: out})
		in, bins = out, (bins+stride-1)/stride
	}
	return maps, nn.Linear{In: in * bins, Out: hidden}
}

func (b along) params() []nn.Param {
	maps, last := b.layers()
	var out []nn.Param
	for i, m := range maps {
		out = append(out, m.Params(fmt.Sprint("along", i))...)
	}
	return append(out, last.Params("hidden")...)
}

// graph takes series x [B,bins,channels].
func (b along) graph(scope *model.Scope, x *Node) *Node {
	x.AssertDims(-1, b.bins, b.channels)
	maps, last := b.layers()
	for i, m := range maps {
		x = relu(m.Graph(nn.At(scope, fmt.Sprint("along", i)), windows(x)))
	}
	return relu(last.Graph(nn.At(scope, "hidden"), Reshape(x, x.Shape().Dim(0), -1)))
}

// windows returns every second window of five neighbours of x [B,T,C], zeros beyond the
// ends: [B,⌈T/2⌉,5C]. A convolution is a linear map of these, and XLA's matrix product on
// a CPU is faster than its convolution.
func windows(x *Node) *Node {
	d := x.Shape().Dimensions
	n := (d[1] + stride - 1) / stride
	zeros := func(n int) *Node { return Zeros(x.Graph(), shapes.Make(x.DType(), d[0], n, d[2])) }
	padded := Concatenate([]*Node{zeros(window / 2), x, zeros(window)}, 1)
	var parts []*Node
	for o := range window {
		parts = append(parts, Slice(padded, AxisRange(), AxisRange(o, o+stride*n).Stride(stride), AxisRange()))
	}
	return Concatenate(parts, -1)
}
