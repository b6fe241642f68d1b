package diffusion

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Timesteps chooses the steps to train on, on the host. Its state, if any, is
// in its exported fields and survives JSON, so that a run can be resumed.
type Timesteps interface {
	// Draw fills t with steps in [0,T) and weight, of the same length, with
	// what their losses are to be multiplied by so that the expected loss is
	// the one of uniform steps.
	Draw(r *rand.Rand, t []int32, weight []float32)

	// Observe takes in the losses, unweighted, that came of the steps t.
	Observe(t []int32, loss []float64)
}

// Uniform draws each of T steps equally often.
type Uniform struct {
	T int // number of steps
}

func (u Uniform) Draw(r *rand.Rand, t []int32, weight []float32) {
	for i := range t {
		t[i] = int32(r.IntN(u.T))
		weight[i] = 1
	}
}

func (Uniform) Observe([]int32, []float64) {}

// Stratified draws the steps of a batch evenly over [0,T): each from a stretch of
// its own, in random order, so that the batch's loss varies less than with
// Uniform. Each step is drawn equally often.
type Stratified struct {
	T int // number of steps
}

func (s Stratified) Draw(r *rand.Rand, t []int32, weight []float32) {
	for i, stretch := range r.Perm(len(t)) {
		u := (float64(stretch) + r.Float64()) / float64(len(t))
		t[i] = int32(min(float64(s.T-1), u*float64(s.T)))
		weight[i] = 1
	}
}

func (Stratified) Observe([]int32, []float64) {}

const (
	historyPerStep = 10    // losses remembered of each step
	uniformShare   = 0.001 // of the draws stays uniform, so that no step is forgotten
)

// LossSecondMoment draws a step the more often the larger its recent losses,
// by the root of the mean of their squares (Nichol & Dhariwal 2021, eq. 18;
// resample.py in guided-diffusion). Until each step has been seen ten times it
// draws uniformly.
type LossSecondMoment struct {
	History [][]float64 // the last losses of each step, oldest first, at most ten
}

// NewLossSecondMoment has seen none of the given number of steps yet.
func NewLossSecondMoment(steps int) *LossSecondMoment {
	return &LossSecondMoment{History: make([][]float64, steps)}
}

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

// importance undoes drawing the step with probability p[step] in place of 1/T.
func importance(p []float64, step int) float32 {
	return float32(1 / (float64(len(p)) * p[step]))
}

// Observe panics if a step is not in [0,T), and passes over losses that are not
// finite, which would spoil the weights for good.
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

// Weights are in proportion to how often each step is drawn: all 1 until each
// step has been seen ten times, after that they add up to 1.
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
	if sum == 0 { // every loss was 0: nothing tells the steps apart
		return ones(len(l.History))
	}
	for t := range weights {
		weights[t] = weights[t]/sum*(1-uniformShare) + uniformShare/float64(len(weights))
	}
	return weights
}

// probabilities are Weights that add up to 1.
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
