package causal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
)

// Drawer draws series from a Model with the weights that it was made with. It is for one
// goroutine.
type Drawer struct {
	model Model
	exec  *model.Exec
}

// atOnce is how many series are drawn at once.
const atOnce = 256

// NewDrawer returns what draws with the weights below scope.
func (m Model) NewDrawer(b compute.Backend, scope *model.Scope) (*Drawer, error) {
	m.Network = m.Network.WithDefaults()
	exec, err := model.NewExec(b, scope.Store(), func(_ *model.Scope, in []*Node) []*Node {
		symbols, j, y, notes, memory, parent := in[0], in[1], in[2], in[3], in[4], in[5]
		memory = Gather(memory, InsertAxes(parent, -1))
		h, memory := m.step(scope, symbols, j, y, memory)
		mask := Gather(m.masks(h.Graph()), InsertAxes(Add(MulScalar(y, m.Places), BroadcastToDims(j, atOnce)), -1))
		return []*Node{m.gate(scope, h, notes), LogSoftmax(Add(m.logits(scope, h), mask), -1), memory}
	})
	if err != nil {
		return nil, fmt.Errorf("causal: %w", err)
	}
	return &Drawer{model: m, exec: exec}, nil
}

// Draw draws a series of each of the classes y; streams[i] is the randomness of that of
// y[i].
func (d *Drawer) Draw(y []int32, streams []*rand.Rand) ([][]int32, error) {
	all := make([][]int32, 0, len(y))
	for from := 0; from < len(y); from += atOnce {
		to := min(from+atOnce, len(y))
		b := d.newBatch(y[from:to], streams[from:to])
		err := b.run(nil, func(i, _ int, p prediction) int32 { return p.draw(b.streams[i]) })
		if err != nil {
			return nil, err
		}
		all = append(all, b.series...)
	}
	return all, nil
}

// particles is how many series Posterior follows at once, of which it returns one.
const particles = 16

// Posterior draws a series of each of the classes y given evidence about it: evidence
// returns the likelihood of what is known of place j of series i for every symbol there,
// [Symbols]. It is a particle filter (Gordon, Salmond and Smith 1993) that draws each
// symbol from its distribution given those before it and the evidence at its place, so it
// is exact only where that evidence tells the symbols apart, or is of no account; in
// between it is the better, the more particles there are.
func (d *Drawer) Posterior(y []int32, streams []*rand.Rand, evidence func(i, j int) []float64) ([][]int32, error) {
	const each = atOnce / particles
	all := make([][]int32, 0, len(y))
	for from := 0; from < len(y); from += each {
		to := min(from+each, len(y))
		var classes []int32
		var own []*rand.Rand
		for i := from; i < to; i++ {
			for range particles {
				classes, own = append(classes, y[i]), append(own, streams[i])
			}
		}
		b := d.newBatch(classes, own)
		weights := make([]float64, len(classes))
		p := make([]float64, d.model.Symbols)
		var likelihood []float64 // the same for all particles of a series
		err := b.run(func() { b.resample(weights) }, func(i, j int, next prediction) int32 {
			next.probabilities(p)
			if i%particles == 0 {
				likelihood = evidence(from+i/particles, j)
			}
			sum := 0.0
			for s, l := range likelihood {
				p[s] *= l
				sum += p[s]
			}
			weights[i] = sum
			if sum == 0 { // the evidence is of no series
				next.probabilities(p)
			}
			return markov.Choose(b.streams[i], p)
		})
		if err != nil {
			return nil, err
		}
		b.resample(weights)
		for i := 0; i < len(classes); i += particles {
			all = append(all, b.series[i])
		}
	}
	return all, nil
}

// batch is series that are drawn together, place by place.
type batch struct {
	drawer  *Drawer
	y       []int32 // padded to atOnce
	streams []*rand.Rand
	series  [][]int32
	parents []int32 // whose memory each series goes on with
}

func (d *Drawer) newBatch(y []int32, streams []*rand.Rand) *batch {
	b := &batch{drawer: d, y: make([]int32, atOnce), streams: streams, series: make([][]int32, len(y)), parents: make([]int32, atOnce)}
	copy(b.y, y)
	for i := range b.parents {
		b.parents[i] = int32(i)
	}
	return b
}

// prediction is what is known of the next symbol of a series.
type prediction struct {
	model    *Model
	gate     []float32 // logarithms of the weights of the chains and of the network
	network  []float32 // logarithms of the network's probabilities
	contexts []int32
	allowed  func(symbol int32) bool
	ended    bool // the series has ended: it stays so
}

// run appends to each series, place by place, the symbol that next returns. between, if
// not nil, is called between two places.
func (b *batch) run(between func(), next func(i, j int, p prediction) int32) error {
	d := b.drawer
	m := &d.model
	k := m.NumChains
	var memory any = tensors.FromFlatDataAndDimensions(make([]float32, atOnce*m.Layers*2*m.Places*m.Width),
		atOnce, m.Layers, 2, m.Places, m.heads(), m.Width/m.heads())
	contexts := make([]int32, len(b.series)*k)
	for j := range m.Places {
		if j > 0 && between != nil {
			between()
		}
		symbols, notes := make([]int32, atOnce), make([]float32, atOnce*k*noted)
		for i := range symbols {
			symbols[i] = int32(m.Symbols)
			if i >= len(b.series) {
				continue
			}
			if j > 0 {
				symbols[i] = b.series[i][j-1]
			}
			at := contexts[i*k : (i+1)*k]
			m.Chains.Find(int(b.y[i]), b.series[i], at)
			for c, context := range at {
				seen, _ := m.Chains.Look(context, -1, m.allowed(int(b.y[i]), j))
				note(seen, notes[(i*k+c)*noted:])
			}
		}
		out, err := d.exec.Call(tensors.FromFlatDataAndDimensions(symbols, atOnce), tensors.FromScalar(int32(j)),
			tensors.FromFlatDataAndDimensions(b.y, atOnce), tensors.FromFlatDataAndDimensions(notes, atOnce, k, noted),
			memory, tensors.FromFlatDataAndDimensions(b.parents, atOnce))
		if err != nil {
			return fmt.Errorf("causal: %w", err)
		}
		memory = out[2]
		gate, err := tensors.CopyFlatData[float32](out[0])
		if err != nil {
			return err
		}
		network, err := tensors.CopyFlatData[float32](out[1])
		if err != nil {
			return err
		}
		for i := range b.parents {
			b.parents[i] = int32(i)
		}
		for i, s := range b.series {
			b.series[i] = append(s, next(i, j, prediction{
				model: m, gate: gate[i*(k+1) : (i+1)*(k+1)], network: network[i*m.Symbols : (i+1)*m.Symbols],
				contexts: contexts[i*k : (i+1)*k], allowed: m.allowed(int(b.y[i]), j), ended: j > 0 && s[j-1] == m.End(),
			}))
		}
	}
	return nil
}

// resample replaces the particles of each series by as many drawn in proportion to their
// weights.
func (b *batch) resample(weights []float64) {
	old := make([][]int32, len(b.series))
	copy(old, b.series)
	for from := 0; from < len(weights); from += particles {
		group := weights[from : from+particles]
		likely := slices.Max(group) > 0
		for i := range group {
			parent := i
			if likely {
				parent = int(markov.Choose(b.streams[from], group))
			}
			b.parents[from+i] = int32(from + parent)
			b.series[from+i] = append([]int32(nil), old[from+parent]...)
		}
	}
}

// draw draws the symbol: the part of the mixture first, then the symbol from that.
func (p prediction) draw(rng *rand.Rand) int32 {
	if p.ended {
		return p.model.End()
	}
	part := pickLog(rng, p.gate)
	if int(part) < len(p.contexts) {
		if s := p.model.Chains.Draw(rng, p.contexts[part], p.allowed); s >= 0 {
			return s
		}
	}
	return pickLog(rng, p.network)
}

// probabilities writes those of all symbols.
func (p prediction) probabilities(dst []float64) {
	if p.ended {
		clear(dst)
		dst[p.model.End()] = 1
		return
	}
	network := math.Exp(float64(p.gate[len(p.contexts)]))
	for s, log := range p.network {
		dst[s] = network * math.Exp(float64(log))
	}
	for k, context := range p.contexts {
		p.model.Chains.Probabilities(context, p.allowed, math.Exp(float64(p.gate[k])), dst)
	}
}

// pickLog draws an index by the logarithms of the probabilities.
func pickLog(rng *rand.Rand, logs []float32) int32 {
	u, last := rng.Float64(), 0
	for i, log := range logs {
		if w := math.Exp(float64(log)); w > 0 {
			if last = i; u < w {
				break
			}
			u -= w
		}
	}
	return int32(last)
}
