package sweep

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Method is how settings are chosen.
type Method string

// The methods.
const (
	Grid   Method = "grid"
	Random Method = "random"
	// Halving is asynchronous successive halving (ASHA: Li et al., "A System for Massively
	// Parallel Hyperparameter Tuning", MLSys 2020, algorithm 2): trials drawn at random are
	// trained for few steps, and one in Eta of them, the best, for Eta times as many.
	Halving Method = "asha"
)

// Spec is a sweep: what is tried, and how. It is kept in the sweep's directory.
type Spec struct {
	Method Method      `json:"method"`
	Space  []Parameter `json:"space"`
	Trials int         `json:"trials,omitempty"` // of Random and Halving
	Seed   uint64      `json:"seed"`             // of Random and Halving
	// Steps is how many steps a trial is trained for; 0 leaves it to the settings.
	// Halving needs it.
	Steps int `json:"steps,omitempty"`
	// MinSteps is what Halving begins with; 0 means Steps/Eta², and Eta 0 means 3.
	MinSteps int `json:"min_steps,omitempty"`
	Eta      int `json:"eta,omitempty"`
	// Higher says that higher values are better.
	Higher bool `json:"higher"`
	// Setting is whatever else decides about the values, for the caller: the sweep's
	// directory goes on only where it is the same.
	Setting map[string]string `json:"setting,omitempty"`
}

// points returns the trials.
func (s Spec) points() ([]Point, error) {
	if len(s.Space) == 0 {
		return nil, fmt.Errorf("sweep: no parameters: name a setting and its values")
	}
	for i, p := range s.Space {
		if err := p.Check(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(s.Space[:i], func(q Parameter) bool { return q.Name == p.Name }) {
			return nil, fmt.Errorf("sweep: %s is there twice", p.Name)
		}
	}
	switch s.Method {
	case Grid:
		if s.Trials != 0 {
			return nil, fmt.Errorf("sweep: a grid has as many trials as points: leave their number open")
		}
		return grid(s.Space)
	case Halving:
		if s.Steps < 1 {
			return nil, fmt.Errorf("sweep: successive halving needs the number of steps; a model that is counted has none: use a grid or random points")
		}
		if s.MinSteps < 0 || s.MinSteps > s.Steps || s.Eta < 0 || s.Eta == 1 {
			return nil, fmt.Errorf("sweep: min_steps %d and eta %d: want at most %d, and 2 or more", s.MinSteps, s.Eta, s.Steps)
		}
		fallthrough
	case Random:
		if s.Trials < 1 || s.Trials > mostTrials {
			return nil, fmt.Errorf("sweep: %d trials: want 1 to %d", s.Trials, mostTrials)
		}
		return random(s.Space, s.Trials, s.Seed), nil
	}
	return nil, fmt.Errorf("sweep: method %q: want grid, random or asha", string(s.Method))
}

// Rungs are the numbers of steps after which trials are compared; one of 0 where the
// settings decide.
func (s Spec) Rungs() []int {
	if s.Method != Halving {
		return []int{s.Steps}
	}
	eta := cmp.Or(s.Eta, 3)
	steps := cmp.Or(s.MinSteps, max(1, s.Steps/(eta*eta)))
	var rungs []int
	for ; steps < s.Steps; steps *= eta {
		rungs = append(rungs, steps)
	}
	return append(rungs, s.Steps)
}

// Job is a trial to train up to a number of steps.
type Job struct {
	Trial int // from 0
	Rung  int // which of Rungs
	Steps int // in all; 0 as the settings have it
	Point Point
}

// planner decides what is tried next.
type planner struct {
	spec   Spec
	points []Point
	rungs  []int
	// value[rung][trial] is what was measured; NaN where it failed.
	value   []map[int]float64
	begun   []map[int]bool
	started int // trials
}

func newPlanner(s Spec) (*planner, error) {
	points, err := s.points()
	if err != nil {
		return nil, err
	}
	p := &planner{spec: s, points: points, rungs: s.Rungs()}
	for range p.rungs {
		p.value, p.begun = append(p.value, map[int]float64{}), append(p.begun, map[int]bool{})
	}
	return p, nil
}

// begin notes that a job runs.
func (p *planner) begin(j Job) {
	p.begun[j.Rung][j.Trial] = true
	p.started = max(p.started, j.Trial+1)
}

// done notes what a job measured.
func (p *planner) done(j Job, value float64) {
	p.begin(j)
	p.value[j.Rung][j.Trial] = value
}

// next returns a job to begin; ok is false where there is none, now or at all.
func (p *planner) next() (j Job, ok bool) {
	eta := cmp.Or(p.spec.Eta, 3)
	for rung := len(p.rungs) - 2; rung >= 0; rung-- {
		best := p.ranked(rung)
		n := len(p.value[rung]) / eta
		if p.complete(rung) { // nothing more to come: the best goes on in any case
			n = max(n, 1)
		}
		for _, trial := range best[:min(n, len(best))] {
			if !p.begun[rung+1][trial] {
				return p.job(trial, rung+1), true
			}
		}
	}
	if p.started < len(p.points) {
		return p.job(p.started, 0), true
	}
	return Job{}, false
}

// complete reports whether no further trial can reach the rung.
func (p *planner) complete(rung int) bool {
	if p.started < len(p.points) {
		return false
	}
	for r := 0; r <= rung; r++ {
		if len(p.begun[r]) != len(p.value[r]) {
			return false
		}
	}
	for r := range rung { // those that are to be promoted to it
		if n := max(len(p.value[r])/cmp.Or(p.spec.Eta, 3), 1); len(p.begun[r+1]) < min(n, len(p.ranked(r))) {
			return false
		}
	}
	return true
}

func (p *planner) job(trial, rung int) Job {
	return Job{Trial: trial, Rung: rung, Steps: p.rungs[rung], Point: p.points[trial]}
}

// ranked are the trials of a rung that did not fail, the best first.
func (p *planner) ranked(rung int) []int {
	var trials []int
	for trial, v := range p.value[rung] {
		if !math.IsNaN(v) {
			trials = append(trials, trial)
		}
	}
	slices.SortFunc(trials, func(a, b int) int {
		order := cmp.Compare(p.value[rung][a], p.value[rung][b])
		if p.spec.Higher {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(a, b))
	})
	return trials
}
