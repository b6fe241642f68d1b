// Package cnn judges synthetic traffic by a small convolutional network on the
// flows' images, or along time series. It is a package of its own because it links GoMLX.
package cnn

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Options say how the network is trained. The zero value works.
type Options struct {
	SeriesLength int     // packets a flow; 0 means 10
	Steps        int     // of gradient descent; 0 means 800
	Batch        int     // flows a step; 0 means 128
	Rate         float64 // learning rate at the start, falling to 0; 0 means 0.1
}

func (o Options) withDefaults() Options {
	o.SeriesLength = cmp.Or(o.SeriesLength, 10)
	o.Steps = cmp.Or(o.Steps, 800)
	o.Batch = cmp.Or(o.Batch, 128)
	o.Rate = cmp.Or(o.Rate, 0.1)
	return o
}

// Judge returns a judge of rows that hold the payload lengths of a flow's
// SeriesLength packets and, where the rows are twice as long, their directions (0 up,
// 1 down).
//
// A row becomes the GASF of its signed lengths between the least and the
// greatest of the training rows, the reference's recipe; then come two
// convolutions, a hidden layer and the classes. Training is gradient descent
// with momentum 0.9 on batches drawn evenly from the rows. One compiled program
// serves all calls on tables of one number of classes; calls must not overlap.
func Judge(backend compute.Backend, o Options) classify.Judge {
	o = o.withDefaults()
	t := trainer{backend: backend, Options: o, body: images{o.SeriesLength}, programs: map[int]*program{}}
	return t.judge
}

// trainer trains networks, one compiled program for each number of classes.
type trainer struct {
	backend compute.Backend
	Options
	body     body
	programs map[int]*program
}

// body is a network up to its hidden layer, and how rows become its input.
type body interface {
	// encoder returns what turns rows into the network's input, scaled as the training
	// rows are. It fails on rows of another width than the body's.
	encoder(train [][]float64) (encoder, error)
	params() []nn.Param
	// graph takes the input of a batch and returns the hidden layer [B,hidden].
	graph(scope *model.Scope, x *graph.Node) *graph.Node
}

// encoder makes a batch's input of rows.
type encoder func(rows [][]float64) *tensors.Tensor

// judge trains on one table and classifies others.
func (t *trainer) judge(ctx context.Context, train classify.Table, test [][]float64, seed uint64) ([]int, error) {
	p, encode, err := t.train(ctx, train, seed)
	if err != nil {
		return nil, err
	}
	var classes []int
	err = p.each(ctx, p.infer, encode, test, func(out *tensors.Tensor, some int) {
		for _, c := range tensors.MustCopyFlatData[int32](out)[:some] {
			classes = append(classes, int(c))
		}
	})
	return classes, err
}

// train trains the program for the table's number of classes anew.
func (t *trainer) train(ctx context.Context, train classify.Table, seed uint64) (*program, encoder, error) {
	encode, err := t.body.encoder(train.X)
	if err != nil {
		return nil, nil, err
	}
	p := t.programs[train.Classes]
	if p == nil {
		if p, err = newProgram(t.backend, t.Options, t.body, train.Classes); err != nil {
			return nil, nil, fmt.Errorf("cnn: %w", err)
		}
		t.programs[train.Classes] = p
	}
	if err := p.start(seed); err != nil {
		return nil, nil, fmt.Errorf("cnn: %w", err)
	}
	return p, encode, p.fit(ctx, encode, train, seed)
}

// fit runs the training steps.
func (p *program) fit(ctx context.Context, encode encoder, train classify.Table, seed uint64) error {
	rng := noise.Stream(seed, noise.Key("cnn/batches"))
	var order []int
	for step := range p.Steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows, labels := make([][]float64, p.Batch), make([]int32, p.Batch)
		for i := range rows {
			if len(order) == 0 { // every row once before any comes again
				order = rng.Perm(train.Len())
			}
			rows[i], labels[i] = train.X[order[0]], int32(train.Y[order[0]])
			order = order[1:]
		}
		rate := p.Rate * (1 - float64(step)/float64(p.Steps))
		loss, err := p.step.Call1(encode(rows), labels, float32(rate))
		if err != nil {
			return fmt.Errorf("cnn: %w", err)
		}
		value := tensors.ToScalar[float32](loss)
		loss.MustFinalizeAll()
		if math.IsNaN(float64(value)) {
			return fmt.Errorf("cnn: the loss is not a number at step %d", step)
		}
	}
	return nil
}

// each runs a program over the rows and hands on what it returns, of some rows at a time.
// All batches are of one size, so that there is one program to compile.
func (p *program) each(ctx context.Context, run *model.Exec, encode encoder, test [][]float64, take func(out *tensors.Tensor, some int)) error {
	for from := 0; from < len(test); from += testBatch {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows := slices.Clone(test[from:min(len(test), from+testBatch)])
		some := len(rows)
		for len(rows) < testBatch {
			rows = append(rows, rows[0])
		}
		out, err := run.Call1(encode(rows))
		if err != nil {
			return fmt.Errorf("cnn: %w", err)
		}
		take(out, some)
		out.MustFinalizeAll()
	}
	return nil
}

// testBatch is how many rows are classified at once.
const testBatch = 512

// scale turns rows into images.
type scale struct {
	low, high float64 // of the signed lengths of the training rows
	length    int
	columns   int // of a row: length, or twice that
}

func newScale(rows [][]float64, length int) (scale, error) {
	if len(rows) == 0 || len(rows[0]) != length && len(rows[0]) != 2*length {
		return scale{}, fmt.Errorf("cnn: want rows of %d or %d features, payload lengths and directions", length, 2*length)
	}
	s := scale{length: length, columns: len(rows[0])}
	for _, row := range rows {
		if len(row) != s.columns {
			return scale{}, fmt.Errorf("cnn: rows of %d and of %d features", s.columns, len(row))
		}
		for j := range length {
			v := s.signed(row, j)
			s.low, s.high = min(s.low, v), max(s.high, v)
		}
	}
	if s.low == s.high { // nothing but padding
		s.high = 1
	}
	return s, nil
}

// signed is the length of packet j, negative upstream.
func (s scale) signed(row []float64, j int) float64 {
	if s.columns == 2*s.length && row[s.length+j] == 0 {
		return -row[j]
	}
	return row[j]
}

// images returns the rows' images, [n,length,length,1].
func (s scale) images(rows [][]float64) *tensors.Tensor {
	n := s.length
	flat := make([]float32, len(rows)*n*n)
	x, image := make([]float64, n), make([]float64, n*n)
	for i, row := range rows {
		for j := range x {
			x[j] = (s.signed(row, j) - s.low) / (s.high - s.low)
		}
		imaging.GASF{}.Encode(x, image)
		for k, v := range image {
			flat[i*n*n+k] = float32(v)
		}
	}
	return tensors.FromFlatDataAndDimensions(flat, len(rows), n, n, 1)
}
