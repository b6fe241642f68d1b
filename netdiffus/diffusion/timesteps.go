package diffusion

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Timesteps draws the steps to train on, on the host. A training run stores it as
// JSON to be resumed, so its state, if any, must be in exported fields.
type Timesteps interface {
	// Draw fills t with steps in [0,T) and weight, of the same length, with the
	// factors of their losses that keep the expected loss that of uniform steps.
	Draw(r *rand.Rand, t []int32, weight []float32)

	// Observe records the losses, unweighted, of the steps t that Draw returned.
	Observe(t []int32, loss []float64)
}

// Uniform draws each of T steps with equal probability.
type Uniform struct {
	T int // number of steps
}

// Draw implements Timesteps.
func (u Uniform) Draw(r *rand.Rand, t []int32, weight []float32) {
	for i := range t {
		t[i] = int32(r.IntN(u.T))
		weight[i] = 1
	}
}

// Observe implements Timesteps; it does nothing.
func (Uniform) Observe([]int32, []float64) {}

// Stratified divides [0,T) into as many intervals as the batch has images and draws
// one step from each, in random order, so that the batch's loss varies less than
// with Uniform. Each step is drawn with equal probability.
type Stratified struct {
	T int // number of steps
}

// Draw implements Timesteps.
func (s Stratified) Draw(r *rand.Rand, t []int32, weight []float32) {
	for i, interval := range r.Perm(len(t)) {
		u := (float64(interval) + r.Float64()) / float64(len(t))
		t[i] = int32(min(float64(s.T-1), u*float64(s.T)))
		weight[i] = 1
	}
}

// Observe implements Timesteps; it does nothing.
func (Stratified) Observe([]int32, []float64) {}

const (
	historyPerStep = 10    // losses kept for each step
	uniformShare   = 0.001 // probability of a uniform draw, so that every step is drawn
)

// LossSecondMoment draws each step with a probability proportional to the root mean
// square of its recent losses (Nichol & Dhariwal 2021, eq. 18;
// guided_diffusion/resample.py). It draws uniformly until it has observed ten losses
// of every step. Make one with NewLossSecondMoment.
type LossSecondMoment struct {
	History [][]float64 // the last losses of each step, oldest first, at most ten
}

// NewLossSecondMoment returns a LossSecondMoment over the given number of steps
// that has observed no loss.
func NewLossSecondMoment(steps int) *LossSecondMoment {
	return &LossSecondMoment{History: make([][]float64, steps)}
}

// Draw implements Timesteps.
func (l *LossSecondMoment) Draw(r *rand.Rand, t []int32, weight []float32) {
	p := l.probabilities()
	for i := range t {
		u, step := r.Float64(), 0
		for u -= p[0]; u >= 0 && step < len(p)-1; u -= p[step] {
			step++
		}
		t[i] = int32(step)
		weight[i] = importance(p, step)
	}
}

// importance returns the weight of a step that is drawn with probability p[step]
// instead of 1/T.
func importance(p []float64, step int) float32 {
	return float32(1 / (float64(len(p)) * p[step]))
}

// Observe implements Timesteps. It ignores losses that are not finite, which would
// make all later weights NaN. It panics where t and loss differ in length or a step
// is not in [0,T).
func (l *LossSecondMoment) Observe(t []int32, loss []float64) {
	if len(t) != len(loss) {
		panic(fmt.Sprintf("diffusion: %d losses for %d steps", len(loss), len(t)))
	}
	for i, step := range t {
		if math.IsNaN(loss[i]) || math.IsInf(loss[i], 0) {
			continue
		}
		h := l.History[step]
		if len(h) == historyPerStep {
			copy(h, h[1:])
			h[len(h)-1] = loss[i]
			continue
		}
		l.History[step] = append(h, loss[i])
	}
}

// Weights returns numbers proportional to the probability of each step: all 1 until
// ten losses of every step have been observed, and numbers that sum to 1 after that.
func (l *LossSecondMoment) Weights() []float64 {
	weights := make([]float64, len(l.History))
	sum := 0.0
	for t, h := range l.History {
		if len(h) < historyPerStep {
			return ones(len(l.History))
		}
		squares := 0.0
		for _, loss := range h {
			squares += loss * loss
		}
		weights[t] = math.Sqrt(squares / historyPerStep)
		sum += weights[t]
	}
	if sum == 0 { // every loss was 0
		return ones(len(l.History))
	}
	for t := range weights {
		weights[t] = weights[t]/sum*(1-uniformShare) + uniformShare/float64(len(weights))
	}
	return weights
}

// probabilities returns Weights scaled to sum to 1.
func (l *LossSecondMoment) probabilities() []float64 {
	p := l.Weights()
	sum := 0.0
	for _, w := range p {
		sum += w
	}
	for t := range p {
		p[t] /= sum
	}
	return p
}

func ones(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = 1
	}
	return values
}
