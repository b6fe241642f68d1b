package train

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/dtensor"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
)

// devices are several devices of one backend that train together: each keeps the whole
// state and takes its share of every batch. The graph stays that of one device. XLA
// divides it (Shardy) as the sharding of its arguments tells: so nothing random in it
// depends on how many devices there are, and the losses differ only in how sums over a
// batch are rounded. nil is one device.
type devices struct {
	mesh   *distributed.DeviceMesh
	shared *distributed.ShardingSpec // of arguments [B, ...], divided along the batch
	whole  *distributed.ShardingSpec // of all else: every device has its own
}

// newDevices takes the first n devices of b.
func newDevices(b compute.Backend, n int) (*devices, error) {
	if err := backend.CheckDevices(b, n); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if n <= 1 {
		return nil, nil
	}
	const along = "batch"
	mesh, err := distributed.NewDeviceMesh([]int{n}, []string{along})
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	shared, err := distributed.BuildSpec(mesh).S(along).Done()
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return &devices{mesh, shared, distributed.NewReplicatedShardingSpec(mesh)}, nil
}

// count is how many there are.
func (d *devices) count() int {
	if d == nil {
		return 1
	}
	return d.mesh.NumDevices()
}

// check returns what keeps a batch of size, in microbatches if they are not 0, from being
// divided.
func (d *devices) check(size, microbatch int) error {
	n := d.count()
	what := "batches"
	if microbatch > 0 && microbatch < size {
		if size%microbatch%n == 0 {
			size = microbatch
		}
		what = "microbatches, the last of a batch included,"
	}
	if size%n != 0 {
		return fmt.Errorf("train: %s of %d images cannot be divided evenly among %d devices", what, size, n)
	}
	return nil
}

// share has exec's graphs divided among the devices.
func (d *devices) share(exec *model.Exec) {
	if d == nil {
		return
	}
	specs := make([]*distributed.ShardingSpec, argY+1)
	for i := range specs {
		specs[i] = d.spec(i)
	}
	exec.AutoSharding(d.mesh).WithInputShardingSpecs(specs...).WithOutputShardingSpecs(d.whole)
}

// spec is how the argument at position i is divided.
func (d *devices) spec(i int) *distributed.ShardingSpec {
	if i == argKey || i == argScalars {
		return d.whole
	}
	return d.shared
}

// shapes are those of the arguments as the devices get them, all of the first device's,
// then the second's.
func (d *devices) shapes(args []*tensors.Tensor) (all []shapes.Shape) {
	for range d.count() {
		for i, arg := range args {
			shape := arg.Shape().Clone()
			if d != nil && d.spec(i) == d.shared {
				shape.Dimensions[0] /= d.count()
			}
			all = append(all, shape)
		}
	}
	return all
}

// call runs exec on the arguments and returns the first device's results; the others have
// the same.
func (d *devices) call(exec *model.Exec, args []*tensors.Tensor) ([]*tensors.Tensor, error) {
	all := make([]any, len(args))
	for i, arg := range args {
		if d == nil {
			all[i] = arg
			continue
		}
		divided, err := dtensor.ShardTensor(d.spec(i), arg)
		if err != nil {
			return nil, err
		}
		all[i] = divided
	}
	out, err := exec.Call(all...)
	if err != nil {
		return nil, err
	}
	return out[:len(out)/d.count()], nil
}
