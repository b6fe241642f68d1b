package train

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Validation is a measurement of the flows held out, with the averaged weights:
// always the same flows at the same steps under the same noise.
type Validation struct {
	Step  int     `json:"step"`                    // training steps done
	Loss  float64 `json:"loss"`                    // as StepMetrics.Loss
	MSE   float64 `json:"mse"`                     // as StepMetrics.MSE
	Cross float64 `json:"cross_entropy,omitempty"` // as StepMetrics.Cross

	// Copies is the share of flows drawn with these weights that are exact copies of
	// training flows, and Allowed the share of the flows held out that are, both means
	// of classes; 0 where copies are not limited.
	Copies  float64 `json:"copies,omitempty"`
	Allowed float64 `json:"copies_allowed,omitempty"`
}

// copiesTooMuch reports whether the model copies training flows more often than traffic
// repeats itself.
func (v Validation) copiesTooMuch() bool { return v.Copies > v.Allowed }

// figure is what validations are compared by, less being better.
func (v Validation) figure() float64 {
	if v.Cross != 0 {
		return v.Cross
	}
	return v.Loss
}

// watch is the state of early stopping, kept in checkpoints.
type watch struct {
	Best   *Validation `json:"best,omitempty"`
	Misses int         `json:"misses,omitempty"` // validations since Best
}

// take records a measurement and reports whether it is the best so far. One that copies
// too much never is.
func (w *watch) take(v Validation) bool {
	if v.copiesTooMuch() || w.Best != nil && v.figure() >= w.Best.figure() {
		w.Misses++
		return false
	}
	w.Best, w.Misses = &v, 0
	return true
}

// keep lists the steps whose checkpoints are never pruned.
func (w watch) keep() []int {
	if w.Best == nil {
		return nil
	}
	return []int{w.Best.Step}
}

// validator measures the flows held out. It is nil where there are none.
type validator struct {
	exec   *model.Exec
	args   []any
	every  int     // training steps between two measurements
	copies *copies // nil where they are not limited
}

// mostHeldOut is how many flows are measured at most, in one batch, where the model does not
// say (Traits.HeldOut).
const mostHeldOut = 1536

// mostMeasured is how many flows held out are measured of m at most.
func mostMeasured(m netdiffus.Model) int { return cmp.Or(m.Traits().HeldOut, mostHeldOut) }

// holdOut divides set by share, drawn by seed; held is nil where all is to be trained
// on.
func holdOut(set *dataset.Set, share float64, seed uint64, status func(string)) (fit, held *dataset.Set, err error) {
	if share == 0 {
		return set, nil, nil
	}
	fit, held, lost, err := set.HoldOut(share, seed)
	if err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	if held.Len() == 0 {
		return nil, nil, fmt.Errorf("train: validation %v: none of %d flows is left to measure", share, lost)
	}
	note := fmt.Sprintf("holding out %d flows, training on %d", held.Len(), fit.Len())
	if lost > 0 {
		note += fmt.Sprintf(" (%d more are held out but hold values that no other flow has there)", lost)
	}
	status(note)
	return fit, held, nil
}

// newValidator returns the measurement of the one batch of f, for the weights below
// scope in store. steps is the number of steps of the process, over which the images are
// spread.
func newValidator(ctx context.Context, b compute.Backend, store *model.Store, scope string, m netdiffus.Bound, f *feed, steps int) (*validator, error) {
	exec, err := model.NewExec(b, store, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		var y *graph.Node
		if len(in) > 3 {
			y = in[3]
		}
		l := m.Loss(store.Scope(scope), in[0], in[1], y, in[2], nil)
		report := []*graph.Node{l.Total, l.MSE, l.CrossEntropy}
		for i, part := range report {
			if part == nil {
				part = graph.ZerosLike(l.Total)
			}
			report[i] = graph.ReduceAllMean(part)
		}
		return report
	})
	if err != nil {
		return nil, err
	}
	// A batch of steps before the first, whose streams no training step uses.
	batch := f.draw(ctx, math.MaxInt32)
	t := evenly(f.size, steps)
	noise.Stream(f.seed, streamValidation).Shuffle(len(t), func(i, j int) { t[i], t[j] = t[j], t[i] })
	v := &validator{exec: exec, args: []any{
		tensors.FromFlatDataAndDimensions(batch.x, f.shape(f.size)...),
		tensors.FromFlatDataAndDimensions(t, f.size),
		tensors.FromFlatDataAndDimensions(batch.noise, f.shape(f.size)...),
	}}
	if batch.y != nil {
		v.args = append(v.args, tensors.FromFlatDataAndDimensions(batch.y, f.size))
	}
	return v, nil
}

// evenly returns n steps spread evenly over [0,steps).
func evenly(n, steps int) []int32 {
	t := make([]int32, n)
	for i := range t {
		t[i] = int32((2*i + 1) * steps / (2 * n))
	}
	return t
}

// measure returns the measurement of the weights after step training steps.
func (v *validator) measure(step int) (Validation, error) {
	out, err := v.exec.Call(v.args...)
	if err != nil {
		return Validation{}, fmt.Errorf("train: validation after step %d: %w", step, err)
	}
	figures := make([]float64, len(out))
	for i, o := range out {
		figures[i] = float64(tensors.ToScalar[float32](o))
	}
	m := Validation{Step: step, Loss: figures[0], MSE: figures[1], Cross: figures[2]}
	if v.copies != nil {
		m.Allowed = v.copies.allowed
		if m.Copies, err = v.copies.count(); err != nil {
			return m, err
		}
	}
	return m, nil
}
