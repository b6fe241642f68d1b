package bench

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// row is something that can be measured.
type row struct {
	name    string
	unit    string
	units   float64 // of these in a call
	large   bool    // a CPU takes minutes
	prepare func(ctx context.Context, b compute.Backend) (call func() error, done func(), err error)
	peer    *task // the same at the peer's; nil where there is none
}

// task is what the peer is asked to do, with names as peer.py has them.
type task struct {
	What  string `json:"what"` // product, forward, step, sample
	Batch int    `json:"batch,omitempty"`
	Size  int    `json:"size,omitempty"`  // height and width of the images, or of the matrices
	Steps int    `json:"steps,omitempty"` // of denoising

	Precision nn.Precision `json:"precision,omitempty"` // nn.BF16, or none
}

// classes of the made-up sets; the reference's data have as many.
const classes = 14

// rows are all there are, in the order in which they are measured: what says most first,
// for a limit may end them early.
func rows() []row {
	return []row{
		product(2048, false),
		step(4, 10, "", false), step(64, 10, "", false),
		forward(4, 10, "", false), forward(64, 10, "", false),
		drawing(64, 25, false),
		presetStep("quick", false), presetDrawing("quick", false),
		presetDrawing("default", false),
		step(1, 10, "", false),
		product(8192, true),
		step(512, 10, "", true), step(512, 10, nn.BF16, true),
		forward(512, 10, "", true), forward(512, 10, nn.BF16, true), drawing(512, 25, true),
		presetStep("best", true), presetStep("causal", true),
		step(16, 64, "", true), step(16, 64, nn.BF16, true), step(4, 128, "", true), step(4, 128, nn.BF16, true),
		forward(16, 64, "", true), forward(4, 128, "", true), step(64, 10, nn.BF16, true),
	}
}

func product(n int, large bool) row {
	return row{
		name: fmt.Sprintf("product of matrices %d x %d", n, n), unit: "GFLOP", units: 2e-9 * float64(n) * float64(n) * float64(n),
		large: large, peer: &task{What: "product", Size: n},
		prepare: func(_ context.Context, b compute.Backend) (func() error, func(), error) {
			x := tensors.FromScalarAndDimensions[float32](1, n, n)
			exec, err := graph.NewExec(b, func(x, y *graph.Node) *graph.Node {
				return graph.ReduceAllMax(graph.Dot(x, y).Product())
			})
			if err != nil {
				return nil, nil, err
			}
			y := tensors.FromScalarAndDimensions[float32](1, n, n)
			return func() error { return callAndWait(exec, x, y) }, exec.Finalize, nil
		},
	}
}

// callAndWait runs a program and waits for the device: it copies what comes out.
func callAndWait(exec interface {
	Call(args ...any) ([]*tensors.Tensor, error)
}, args ...any) error {
	out, err := exec.Call(args...)
	if err != nil {
		return err
	}
	for _, o := range out {
		if _, err := tensors.CopyFlatData[float32](o); err != nil {
			return err
		}
		o.MustFinalizeAll()
	}
	return nil
}

// network is the reference's at that image size, its set of made-up images, and the
// training settings.
func network(batch, size int) (netdiffus.Config, *dataset.Set, error) {
	c := netdiffus.Reference()
	c.Training.BatchSize = batch
	e, err := dataset.NewEncoding(dataset.Recipe{SeriesLength: size})
	if err != nil {
		return c, nil, err
	}
	set := &dataset.Set{Encoding: e, Images: imaging.New(max(batch, classes), size, size, 1)}
	random := noise.Stream(1)
	for i := range set.Images.N {
		set.Labels = append(set.Labels, i%classes)
		pixels := set.Images.At(i)
		for j := range pixels {
			pixels[j] = 2*random.Float64() - 1
		}
	}
	for i := range classes {
		set.Classes = append(set.Classes, string(rune('a'+i)))
	}
	c, err = c.Fit(set)
	return c, set, err
}

// suffix is what a row's name says of a precision that is not float32.
func suffix(p nn.Precision) string {
	if p == "" {
		return ""
	}
	return ", " + string(p)
}

func step(batch, size int, p nn.Precision, large bool) row {
	return row{
		name: fmt.Sprintf("training step, %d x %d, batch %d%s", size, size, batch, suffix(p)), unit: "image", units: float64(batch),
		large: large, peer: &task{What: "step", Batch: batch, Size: size, Precision: p},
		prepare: func(ctx context.Context, b compute.Backend) (func() error, func(), error) {
			c, set, err := network(batch, size)
			if err != nil {
				return nil, nil, err
			}
			c.Precision = p
			call, done := training(ctx, b, c, set)
			return call, done, nil
		},
	}
}

// training returns a call that makes one training step.
func training(ctx context.Context, b compute.Backend, c netdiffus.Config, set *dataset.Set) (call func() error, done func()) {
	next, stop := iter.Pull2(train.Run(ctx, b, c, set, train.Options{Steps: 1 << 30}))
	return func() error {
		_, err, ok := next()
		if !ok {
			return fmt.Errorf("training ended")
		}
		return err
	}, stop
}

func forward(batch, size int, p nn.Precision, large bool) row {
	return row{
		name: fmt.Sprintf("forward, %d x %d, batch %d%s", size, size, batch, suffix(p)), unit: "image", units: float64(batch),
		large: large, peer: &task{What: "forward", Batch: batch, Size: size, Precision: p},
		prepare: func(_ context.Context, b compute.Backend) (func() error, func(), error) {
			c, set, err := network(batch, size)
			if err != nil {
				return nil, nil, err
			}
			store, net := model.NewStore(), c.Network()
			if err := nn.SetPrecision(b, store, p); err != nil {
				return nil, nil, err
			}
			if err := net.Create(store.RootScope(), 1); err != nil {
				return nil, nil, err
			}
			exec, err := model.NewExec(b, store, net.Graph)
			if err != nil {
				return nil, nil, err
			}
			x := make([]float32, batch*size*size)
			set.Images.Read(0, x[:size*size])
			images := tensors.FromFlatDataAndDimensions(x, batch, size, size, 1)
			return func() error { return callAndWait(exec, images, make([]float32, batch), make([]int32, batch)) }, exec.Finalize, nil
		},
	}
}

func drawing(n, steps int, large bool) row {
	return row{
		name: fmt.Sprintf("%d samples, 10 x 10, DDIM, %d steps", n, steps), unit: "sample", units: float64(n),
		large: large, peer: &task{What: "sample", Batch: n, Size: 10, Steps: steps},
		prepare: func(ctx context.Context, b compute.Backend) (func() error, func(), error) {
			c, _, err := network(n, 10)
			if err != nil {
				return nil, nil, err
			}
			r := sample.Request{N: n, Classes: c.Classes[:1], Batch: n, Sampler: netdiffus.Samplers.Must("ddim"), Steps: fmt.Sprintf("ddim%d", steps)}
			return generation(ctx, b, c, r)
		},
	}
}

// generation returns a call that draws what r asks for from random weights.
func generation(ctx context.Context, b compute.Backend, c netdiffus.Config, r sample.Request) (func() error, func(), error) {
	m, err := c.Model()
	if err != nil {
		return nil, nil, err
	}
	store := model.NewStore()
	if err := nn.Create(store.Scope("/model"), m.Params(), 1); err != nil {
		return nil, nil, err
	}
	g, err := sample.New(b, c, store, "/model")
	if err != nil {
		return nil, nil, err
	}
	return func() error { _, err := g.Draw(ctx, r); return err }, func() {}, nil
}

// preset is a preset over atoms, fitted to made-up flows.
func preset(ctx context.Context, name string) (netdiffus.Config, *dataset.Set, error) {
	c := netdiffus.Presets[name]()
	set, err := dataset.Build(traffic.All(flows(9, 300, 10)), dataset.Recipe{SeriesLength: 10, Channels: []dataset.Channel{{Codec: &codec.Atoms{}}}})
	if err != nil {
		return c, nil, err
	}
	if c, err = c.Fit(set); err != nil {
		return c, nil, err
	}
	if e, ok := c.Kind.(netdiffus.Estimator); ok {
		c.Kind, err = e.Estimate(ctx, c, set, func(string) {})
	}
	return c, set, err
}

// flows are made-up flows: each class has some twenty lengths, of which each packet's is
// likely to follow from the one before it.
func flows(classes, each, packets int) []traffic.Flow {
	var all []traffic.Flow
	for class := range classes {
		random := rand.New(rand.NewPCG(1, uint64(class)))
		lengths := make([]int, 20)
		for i := range lengths {
			lengths[i] = 1 + random.IntN(1460)
		}
		for range each {
			flow := traffic.Flow{Label: string(rune('a' + class))}
			at := random.IntN(len(lengths))
			for i := range packets {
				if random.IntN(3) > 0 {
					at = (at*7 + 3*class + 1) % len(lengths)
				} else {
					at = random.IntN(len(lengths))
				}
				flow.Packets = append(flow.Packets, traffic.Packet{Length: lengths[at], Dir: traffic.Direction((at + i) % 2)})
			}
			all = append(all, flow)
		}
	}
	return all
}

func presetStep(name string, large bool) row {
	c := netdiffus.Presets[name]()
	return row{
		name: "training step, preset " + name, unit: "image", units: float64(c.Training.BatchSize), large: large,
		prepare: func(ctx context.Context, b compute.Backend) (func() error, func(), error) {
			c, set, err := preset(ctx, name)
			if err != nil {
				return nil, nil, err
			}
			c.Training.Validation, c.Training.KeepBest = 0, false
			call, done := training(ctx, b, c, set)
			return call, done, nil
		},
	}
}

func presetDrawing(name string, large bool) row {
	const n = 50
	return row{
		name: fmt.Sprintf("%d samples, preset %s", 9*n, name), unit: "sample", units: 9 * n, large: large,
		prepare: func(ctx context.Context, b compute.Backend) (func() error, func(), error) {
			c, _, err := preset(ctx, name)
			if err != nil {
				return nil, nil, err
			}
			return generation(ctx, b, c, sample.Request{N: n})
		},
	}
}
