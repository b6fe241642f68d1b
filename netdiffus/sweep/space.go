// Package sweep tries settings: all of a grid, some drawn at random, or many for few
// steps and the best of them for more (successive halving). What a trial is, and how good
// it is, the caller says; what was measured is kept in a directory, so that a sweep that
// was killed goes on where it was.
package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Parameter is a setting that is swept, by its name in config.json ("training.lr"):
// either Values, or a range from Min to Max.
type Parameter struct {
	Name   string            `json:"name"`
	Values []json.RawMessage `json:"values,omitempty"`
	Min    float64           `json:"min,omitempty"`
	Max    float64           `json:"max,omitempty"`
	Log    bool              `json:"log,omitempty"` // the logarithm is uniform in the range
	Int    bool              `json:"int,omitempty"` // whole numbers only, Min and Max included
}

// Check returns what is wrong with the parameter.
func (p Parameter) Check() error {
	switch {
	case p.Name == "":
		return errors.New("sweep: a parameter has no name")
	case len(p.Values) > 0 && (p.Min != 0 || p.Max != 0 || p.Log || p.Int):
		return fmt.Errorf("sweep: %s has both values and a range: want one of them", p.Name)
	case len(p.Values) > 0:
		return nil
	case !(p.Min < p.Max) || math.IsInf(p.Min, 0) || math.IsInf(p.Max, 0):
		return fmt.Errorf("sweep: %s: want values, or a range with min below max", p.Name)
	case p.Log && p.Min <= 0:
		return fmt.Errorf("sweep: %s: a logarithmic range begins above 0, not at %v", p.Name, p.Min)
	case p.Int && (p.Min != math.Trunc(p.Min) || p.Max != math.Trunc(p.Max)):
		return fmt.Errorf("sweep: %s: the ends of a range of whole numbers are whole", p.Name)
	}
	return nil
}

// draw draws a value.
func (p Parameter) draw(r *rand.Rand) json.RawMessage {
	if len(p.Values) > 0 {
		return p.Values[r.IntN(len(p.Values))]
	}
	if p.Int && !p.Log {
		return number(p.Min + float64(r.Int64N(int64(p.Max-p.Min)+1)))
	}
	v := p.Min + r.Float64()*(p.Max-p.Min)
	if p.Log {
		v = math.Exp(math.Log(p.Min) + r.Float64()*(math.Log(p.Max)-math.Log(p.Min)))
	}
	if p.Int {
		v = math.Round(v)
	}
	return number(min(max(round(v), p.Min), p.Max))
}

// round keeps four significant digits: a learning rate of 0.001234 can be read and typed.
func round(v float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	return r
}

func number(v float64) json.RawMessage {
	return json.RawMessage(strconv.FormatFloat(v, 'f', -1, 64))
}

// Point is a value for each parameter, by its name.
type Point map[string]json.RawMessage

// String is the point in a line, in the order of the names.
func (p Point) String() string {
	var parts []string
	for name, v := range p {
		parts = append(parts, name+"="+strings.Trim(string(v), `"`))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// Settings is the point as the JSON of a configuration: {"training":{"lr":0.001}}.
func (p Point) Settings() ([]byte, error) {
	tree := map[string]any{}
	for name, v := range p {
		at := tree
		parts := strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			next, ok := at[part].(map[string]any)
			if at[part] != nil && !ok {
				return nil, fmt.Errorf("sweep: %s lies within another parameter", name)
			}
			if !ok {
				next = map[string]any{}
				at[part] = next
			}
			at = next
		}
		if at[parts[len(parts)-1]] != nil {
			return nil, fmt.Errorf("sweep: %s holds another parameter", name)
		}
		at[parts[len(parts)-1]] = v
	}
	return json.Marshal(tree)
}

// equal reports whether two points have the same values.
func (p Point) equal(q Point) bool {
	if len(p) != len(q) {
		return false
	}
	for name, v := range p {
		if !bytes.Equal(v, q[name]) {
			return false
		}
	}
	return true
}

// mostTrials is how many points a grid may have.
const mostTrials = 10_000

// grid returns all combinations, the last parameter changing fastest.
func grid(space []Parameter) ([]Point, error) {
	points := []Point{{}}
	for _, p := range space {
		if len(p.Values) == 0 {
			return nil, fmt.Errorf("sweep: %s has a range: a grid needs values", p.Name)
		}
		var next []Point
		for _, before := range points {
			for _, v := range p.Values {
				point := Point{p.Name: v}
				for name, value := range before {
					point[name] = value
				}
				next = append(next, point)
			}
		}
		if points = next; len(points) > mostTrials {
			return nil, fmt.Errorf("sweep: the grid has more than %d points: take fewer values, or draw at random", mostTrials)
		}
	}
	return points, nil
}

// random draws n points, no two alike where there are so many.
func random(space []Parameter, n int, seed uint64) []Point {
	r := rand.New(rand.NewPCG(seed, 0x5eed))
	var points []Point
	for tries := 0; len(points) < n && tries < 100*n; tries++ {
		point := Point{}
		for _, p := range space {
			point[p.Name] = p.draw(r)
		}
		if !slices.ContainsFunc(points, point.equal) {
			points = append(points, point)
		}
	}
	return points
}
