package sample

import (
	"errors"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// drawing is a batch between two denoising steps. What it holds stays on the device.
type drawing struct {
	p        *plan
	b        *batch
	x        *tensors.Tensor // x_t
	x0       *tensors.Tensor // the estimate of the clean images of the step before, zeros at the first one
	t        *tensors.Tensor // the next step's number, a scalar int32
	y        *tensors.Tensor // the batch's classes; nil without classes
	counters *tensors.Tensor // of the samples; nil where the host draws the noise

	// Of models whose clean images are computed by Go: those of the step before, as x0
	// holds them.
	clean imaging.Images
}

// begin draws x_T.
func (p *plan) begin(b *batch) (*drawing, error) {
	d := &drawing{p: p, b: b, t: tensors.FromScalar(int32(p.steps - 1))}
	zeros := make([]float32, len(b.part)*b.image.Pixels())
	d.x0 = b.tensor(zeros)
	if p.host != nil {
		d.clean = b.images(zeros)
	}
	if p.classes {
		d.y = tensors.FromFlatDataAndDimensions(b.y, len(b.y))
	}
	if p.start == nil {
		d.x = b.tensor(b.normal())
		return d, nil
	}
	d.counters = b.counters()
	out, err := p.start.Call(d.counters)
	if err != nil {
		d.free()
		return nil, err
	}
	d.x = out[0]
	return d, nil
}

// free gives the device's memory back, for which the garbage collector sees no need.
func (d *drawing) free() error { return free(d.x, d.x0, d.t, d.y, d.counters) }

func free(all ...*tensors.Tensor) error {
	var errs []error
	for _, t := range all {
		if t != nil {
			errs = append(errs, t.FinalizeAll())
		}
	}
	return errors.Join(errs...)
}

// noise is the next step's, as the program takes it.
func (d *drawing) noise() *tensors.Tensor {
	if d.counters != nil {
		return d.counters
	}
	return d.b.tensor(d.b.normal())
}

// grain is the noise that is left on finished images.
func (d *drawing) grain() []float32 {
	if d.counters == nil {
		return d.b.normal()
	}
	pixels := d.b.image.Pixels()
	values := make([]float32, len(d.b.part)*pixels)
	for i, c := range d.b.samples {
		c.Normal(drawGrain, values[i*pixels:(i+1)*pixels])
	}
	return values
}

// step runs the program: from x_t to x_{t-1}.
func (d *drawing) step(z *tensors.Tensor) error {
	args := []any{d.x, d.x0, d.t, z}
	if d.y != nil {
		args = append(args, d.y)
	}
	out, err := d.p.exec.Call(args...)
	if err != nil {
		return err
	}
	before := []*tensors.Tensor{d.x, d.t}
	d.x, d.t = out[0], out[1]
	if d.p.host == nil {
		before, d.x0 = append(before, d.x0), out[2]
	}
	if d.counters == nil {
		before = append(before, z)
	}
	return free(before...)
}

// estimate sets x0 to the clean images of x_t as p.host computes them.
func (d *drawing) estimate(t int) error {
	images, err := d.b.read(d.x)
	if err != nil {
		return err
	}
	var y []int32
	var sources []noise.Source
	for i, number := range d.b.part {
		if number != filler {
			y, sources = append(y, d.b.y[i]), append(sources, d.b.sources[i])
		}
	}
	if err := d.p.host.EstimateX0(images, t, y, sources, d.clean); err != nil {
		return err
	}
	before := d.x0
	d.x0 = d.b.tensor(d.b.values(d.clean))
	for i, v := range d.clean.Data {
		d.clean.Data[i] = float64(float32(v)) // as the device has them
	}
	return free(before)
}
