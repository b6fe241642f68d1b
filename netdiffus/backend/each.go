package backend

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

// Each returns the first n devices of b, each as a backend that has this device alone: what
// computes on the first device of a backend computes there, unchanged, and several do so at
// the same time. They are b's: to finalise one of them does nothing.
//
// What one of them compiles runs on any device, so that XLA's program is the same for all
// and is compiled once where programs are kept.
func Each(b compute.Backend, n int) ([]compute.Backend, error) {
	if err := CheckDevices(b, n); err != nil {
		return nil, fmt.Errorf("backend: %w", err)
	}
	var all []compute.Backend
	for i := range n {
		all = append(all, &oneDevice{b, compute.DeviceNum(i)})
	}
	return all, nil
}

// CheckDevices reports n devices that b does not have. One it always has.
func CheckDevices(b compute.Backend, n int) error {
	if n <= 1 {
		return nil
	}
	if has := b.NumDevices(); n > has {
		return fmt.Errorf("%d devices are asked for, and %s has %d", n, b.Name(), has)
	}
	return nil
}

// oneDevice is a backend that has one of another's devices.
type oneDevice struct {
	compute.Backend
	number compute.DeviceNum
}

func (d *oneDevice) NumDevices() int { return 1 }

func (d *oneDevice) DeviceDescription(compute.DeviceNum) string {
	return d.Backend.DeviceDescription(d.number)
}

func (d *oneDevice) Finalize() {}

func (d *oneDevice) BufferFromFlatData(_ compute.DeviceNum, flat any, shape shapes.Shape) (compute.Buffer, error) {
	b, err := d.Backend.BufferFromFlatData(d.number, flat, shape)
	if err != nil {
		return nil, err
	}
	return &buffer{b, d}, nil
}

func (d *oneDevice) NewSharedBuffer(_ compute.DeviceNum, shape shapes.Shape) (compute.Buffer, any, error) {
	b, flat, err := d.Backend.NewSharedBuffer(d.number, shape)
	if err != nil {
		return nil, nil, err
	}
	return &buffer{b, d}, flat, nil
}

func (d *oneDevice) Builder(name string) compute.Builder {
	return &builder{d.Backend.Builder(name), d}
}

// buffer is one on a oneDevice.
type buffer struct {
	compute.Buffer
	on *oneDevice
}

func (b *buffer) Backend() compute.Backend { return b.on }

func (b *buffer) DeviceNum() (compute.DeviceNum, error) { return 0, nil }

// builder builds programs for a oneDevice.
type builder struct {
	compute.Builder
	on *oneDevice
}

func (b *builder) Compile() (compute.Executable, error) {
	e, err := b.Builder.Compile()
	if err != nil {
		return nil, err
	}
	return &executable{e, b.on}, nil
}

// executable is a program that runs on a oneDevice.
type executable struct {
	compute.Executable
	on *oneDevice
}

func (e *executable) Execute(inputs []compute.Buffer, donate []bool, _ compute.DeviceNum) ([]compute.Buffer, error) {
	inner := make([]compute.Buffer, len(inputs))
	for i, in := range inputs {
		own, ok := in.(*buffer)
		if !ok {
			return nil, fmt.Errorf("backend: argument %d is not on the device %d of %s", i, e.on.number, e.on.Name())
		}
		inner[i] = own.Buffer
	}
	out, err := e.Executable.Execute(inner, donate, e.on.number)
	for i := range out {
		out[i] = &buffer{out[i], e.on}
	}
	return out, err
}
