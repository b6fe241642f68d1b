// Package ema keeps exponential moving averages of a network's weights. They are
// updated in the same XLA program as the optimiser's step, and sampling with an
// average is building the network's graph in the average's scope.
package ema

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// root is the path below which the averages live, one folder a rate.
const root = "/ema"

// Path is where the average with the given rate is kept: "/ema/0.9999". Below it
// the weights have the same relative names as below the network's own scope, so
// that network(store.Scope(ema.Path(0.9999)), x, t, y) runs the averaged network.
func Path(rate float64) string {
	return root + "/" + strconv.FormatFloat(rate, 'g', -1, 64)
}

// Init makes an average of each trainable weight below weights for each rate,
// starting as a copy of its present value. One that is there already, as after
// loading a checkpoint, is left as it is. Rates are in [0,1).
func Init(weights *model.Scope, rates ...float64) error {
	store := weights.Store()
	for _, rate := range rates {
		if !(rate >= 0 && rate < 1) {
			return fmt.Errorf("ema: rate %v is outside [0,1)", rate)
		}
		for _, v := range trainable(weights) {
			path := averagePath(weights, v, rate)
			if store.GetVariable(path) != nil {
				continue
			}
			value, err := v.Value()
			if err != nil {
				return fmt.Errorf("ema: %s: %w", v.Path(), err)
			}
			copied, err := value.LocalClone()
			if err != nil {
				return fmt.Errorf("ema: %s: %w", v.Path(), err)
			}
			average, err := store.CreateVariable(path, copied)
			if err != nil {
				return fmt.Errorf("ema: %w", err)
			}
			average.SetTrainable(false)
		}
	}
	return nil
}

// Update adds to g the step e ← rate·e + (1−rate)·p for each trainable weight p
// below weights and each rate, p being the weight's value at this point of the
// graph: call it after the optimiser has set the new one. There is no bias
// correction (guided_diffusion/nn.py, update_ema); instead, where step, a scalar
// float32 counted from 1, is not nil, the rate is at most step/(9+step), so that
// the average soon forgets the weights it started from. It panics where Init has
// not run.
func Update(weights *model.Scope, g *graph.Graph, step *graph.Node, rates ...float64) {
	for _, rate := range rates {
		for _, v := range trainable(weights) {
			if !v.InUseByGraph(g) {
				continue
			}
			average := weights.Store().GetVariable(averagePath(weights, v, rate))
			if average == nil {
				panic(fmt.Errorf("ema: no average of %s with rate %v: call Init first", v.Path(), rate))
			}
			e, p := average.NodeValue(g), v.NodeValue(g)
			if step == nil {
				average.SetNodeValue(graph.Add(graph.MulScalar(e, rate), graph.MulScalar(p, 1-rate)))
				continue
			}
			young := graph.MinScalar(graph.Div(step, graph.AddScalar(step, 9)), rate)
			average.SetNodeValue(graph.Add(graph.Mul(e, young), graph.Mul(p, graph.OneMinus(young))))
		}
	}
}

// trainable lists the trainable variables below scope: a list, because Init adds
// variables to the store that it walks.
func trainable(scope *model.Scope) []*model.Variable {
	var list []*model.Variable
	for v := range scope.IterVariables() {
		if v.Trainable {
			list = append(list, v)
		}
	}
	return list
}

// averagePath is the path of v's average.
func averagePath(weights *model.Scope, v *model.Variable, rate float64) string {
	return model.JoinPath(Path(rate), strings.TrimPrefix(v.Path(), weights.Scope()))
}
