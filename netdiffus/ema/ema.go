// Package ema maintains exponential moving averages of a network's weights. They are
// updated in the same compiled graph as the optimizer's step. To sample with an
// average, build the network's graph in the average's scope.
package ema

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// root is the scope of the averages, with one scope below it for each rate.
const root = "/ema"

// Path returns the scope of the average with the given rate: "/ema/0.9999". Below it
// the weights have the same relative names as below the network's own scope, so
// network(store.Scope(ema.Path(0.9999)), x, t, y) is the averaged network.
func Path(rate float64) string {
	return root + "/" + strconv.FormatFloat(rate, 'g', -1, 64)
}

// Init creates an average of each trainable weight below weights for each rate, whose
// initial value is the weight's. Averages that exist already, as after loading a
// checkpoint, are left unchanged. It fails where a rate is not in [0,1).
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

// Update adds to g the update e ← rate·e + (1−rate)·p of the average e of each
// trainable weight p below weights for each rate. p is the weight's value at this point
// of the graph: call Update after the optimizer has set the new one. Weights that g
// does not use are skipped. There is no bias correction (guided_diffusion/nn.py,
// update_ema); instead, where step is not nil, the rate is at most step/(9+step), which
// reduces the influence of the initial weights. step is a scalar float32 that counts
// training steps from 1. It panics where an average is missing (see Init).
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
			capped := graph.MinScalar(graph.Div(step, graph.AddScalar(step, 9)), rate)
			average.SetNodeValue(graph.Add(graph.Mul(e, capped), graph.Mul(p, graph.OneMinus(capped))))
		}
	}
}

// trainable returns the trainable variables below scope as a slice, because Init adds
// variables to the store that the iterator is over.
func trainable(scope *model.Scope) []*model.Variable {
	var list []*model.Variable
	for v := range scope.IterVariables() {
		if v.Trainable {
			list = append(list, v)
		}
	}
	return list
}

// averagePath returns the path of v's average.
func averagePath(weights *model.Scope, v *model.Variable, rate float64) string {
	return model.JoinPath(Path(rate), strings.TrimPrefix(v.Path(), weights.Scope()))
}
