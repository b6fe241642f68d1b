package causal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Drawer draws series from a Model with the weights that it was made with.
type Drawer struct {
	// MinP leaves out of the network's own predictions what is less probable than this share
	// of the most probable symbol (Nguyen et al. 2024, "Min-p sampling"); 0 leaves out
	// nothing. The tail of many rare symbols, each as improbable as the next, is what a
	// network knows least about.
	MinP float64

	model  Model
	exec   *model.Exec
	marks  *model.Exec // nil without marks
	follow *model.Exec // hands the memory of each series to those that go on with it
}

// AtOnce is how many series are drawn at once; fewer take as long.
const AtOnce = 256

// NewDrawer returns what draws with the weights below scope.
func (m Model) NewDrawer(b compute.Backend, scope *model.Scope) (*Drawer, error) {
	m.Network = m.Network.WithDefaults()
	d := &Drawer{model: m}
	placeOf := func(y, j *Node) *Node { // row of the masks
		return InsertAxes(Add(MulScalar(y, m.Places), BroadcastToDims(j, AtOnce)), -1)
	}
	var err error
	d.exec, err = model.NewExec(b, scope.Store(), func(_ *model.Scope, in []*Node) []*Node {
		symbols, marks, j, y, notes, memory := in[0], in[1], in[2], in[3], in[4], in[5:]
		h, memory := m.step(scope, symbols, marks, j, y, memory)
		gate, own := m.predict(scope, m.Symbols, m.OfSymbols, h, notes, placeOf(y, j))
		return append([]*Node{gate, own, h}, memory...)
	})
	if err == nil {
		d.follow, err = model.NewExec(b, scope.Store(), func(_ *model.Scope, in []*Node) []*Node {
			var memory []*Node
			for _, kept := range in[1:] {
				memory = append(memory, Gather(kept, InsertAxes(in[0], -1)))
			}
			return memory
		})
	}
	if err == nil && m.Marks.Len > 0 {
		d.marks, err = model.NewExec(b, scope.Store(), func(_ *model.Scope, in []*Node) []*Node {
			h, symbols, j, y, notes := in[0], in[1], in[2], in[3], in[4]
			h = m.markFeatures(scope, h, symbols)
			gate, own := m.predict(nn.At(scope, "marks"), m.Marks, m.OfMarks, h, notes, placeOf(y, j))
			return []*Node{gate, own}
		})
	}
	if err != nil {
		return nil, fmt.Errorf("causal: %w", err)
	}
	return d, nil
}

// Draw draws a series of each of the classes y; streams[i] is the randomness of that of
// y[i].
func (d *Drawer) Draw(y []int32, streams []*rand.Rand) ([]Series, error) {
	return d.batches(y, streams, func(from int) func(i, j int, p prediction) int32 {
		return func(i, _ int, p prediction) int32 { return p.draw(streams[from+i]) }
	})
}

// DrawAlong is Draw, but the symbols are those that paths lead to. The marks are not, as a path has digits for
// the symbols only.
func (d *Drawer) DrawAlong(y []int32, paths []*noise.Path, streams []*rand.Rand) ([]Series, error) {
	return d.batches(y, streams, func(from int) func(i, j int, p prediction) int32 {
		weights := make([]float64, d.model.Symbols.Len)
		return func(i, _ int, p prediction) int32 {
			path := paths[from+i]
			if p.ended || !path.Even() {
				return p.draw(streams[from+i])
			}
			p.probabilities(weights)
			return path.Choose(weights)
		}
	})
}

// batches draws series, their symbols by what next returns for the batch that begins with number from.
func (d *Drawer) batches(y []int32, streams []*rand.Rand, next func(from int) func(i, j int, p prediction) int32) ([]Series, error) {
	all := make([]Series, len(y))
	// Several batches at the same time: what the host does for one leaves the device to another.
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < len(y); from += AtOnce {
		group.Go(func() error {
			to := min(from+AtOnce, len(y))
			b := d.newBatch(y[from:to], streams[from:to])
			err := b.run(nil, next(from), func(i, _ int, p prediction) int32 { return p.draw(b.streams[i]) })
			copy(all[from:], b.series)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return all, nil
}

// particles is how many series Posterior follows at once, of which it returns one.
const particles = 16

// Evidence is the likelihood of what is known of place j of series i for every symbol, or
// mark, there.
type Evidence func(i, j int) []float64

// Posterior draws a series of each of the classes y given evidence about its symbols, and its
// marks where it has any. It is a particle filter (Gordon, Salmond and Smith 1993) that draws
// each symbol from its distribution given those before it and the evidence at its place, so it
// is exact only where that evidence tells the symbols apart, or is of no account; in
// between it is the better, the more particles there are.
func (d *Drawer) Posterior(y []int32, streams []*rand.Rand, ofSymbols, ofMarks Evidence) ([]Series, error) {
	const each = AtOnce / particles
	all := make([]Series, 0, len(y))
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
		// choose draws from a prediction given evidence, and multiplies the weight by how
		// probable that was.
		choose := func(evidence Evidence, size int) func(i, j int, p prediction) int32 {
			p := make([]float64, size)
			var likelihood []float64 // the same for all particles of a series
			return func(i, j int, next prediction) int32 {
				next.probabilities(p)
				if i%particles == 0 {
					likelihood = evidence(from+i/particles, j)
				}
				sum := 0.0
				for s, l := range likelihood {
					p[s] *= l
					sum += p[s]
				}
				weights[i] *= sum
				if sum == 0 { // the evidence is of no series
					next.probabilities(p)
				}
				return markov.Choose(b.streams[i], p)
			}
		}
		between := func() {
			b.resample(weights)
			for i := range weights {
				weights[i] = 1
			}
		}
		for i := range weights {
			weights[i] = 1
		}
		if err := b.run(between, choose(ofSymbols, d.model.Symbols.Len), choose(ofMarks, d.model.Marks.Len)); err != nil {
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
	y       []int32 // padded to AtOnce
	streams []*rand.Rand
	series  []Series
	parents []int32 // whose memory each series goes on with; nil means its own
}

func (d *Drawer) newBatch(y []int32, streams []*rand.Rand) *batch {
	b := &batch{drawer: d, y: make([]int32, AtOnce), streams: streams, series: make([]Series, len(y))}
	copy(b.y, y)
	return b
}

// prediction is what is known of the next symbol, or mark, of a series.
type prediction struct {
	chains   *markov.Contexts
	gate     []float32 // logarithms of the weights of the chains and of the network
	all      []float32 // logarithms of the network's probabilities, the drawer's MinP notwithstanding
	drawer   *Drawer
	contexts []int32
	allowed  func(symbol int32) bool
	ended    bool // the series has ended: it stays so
}

// end is the symbol after the end of a series.
func (p prediction) end() int32 { return int32(len(p.all) - 1) }

// network returns the logarithms of the network's probabilities without what MinP leaves out.
func (p prediction) network() []float32 {
	leaveOut(p.all, p.drawer.MinP)
	return p.all
}

// run appends to each series, place by place, the symbol that next returns and, where the
// model has marks and the series has not ended, the mark that mark returns. between, if not
// nil, is called between two places.
func (b *batch) run(between func(), next, mark func(i, j int, p prediction) int32) error {
	d := b.drawer
	m := &d.model
	memory := make([]any, 2*m.Layers)
	for i := range memory {
		memory[i] = tensors.FromFlatDataAndDimensions(make([]float32, AtOnce*m.Places*m.Width), AtOnce, m.Places, m.heads(), m.Width/m.heads())
	}
	keep := func(out []*tensors.Tensor) {
		for i, t := range out {
			memory[i] = t
		}
	}
	y := tensors.FromFlatDataAndDimensions(b.y, AtOnce)
	ended := func(i int) bool {
		s := b.series[i].Symbols
		return len(s) > 0 && s[len(s)-1] == m.End()
	}
	for j := range m.Places {
		if j > 0 && between != nil {
			between()
		}
		if b.parents != nil {
			out, err := d.follow.Call(append([]any{tensors.FromFlatDataAndDimensions(b.parents, AtOnce)}, memory...)...)
			if err != nil {
				return fmt.Errorf("causal: %w", err)
			}
			keep(out)
			b.parents = nil
		}
		last := func(of func(Series) []int32, first int) *tensors.Tensor { // the one before, of each
			all := make([]int32, AtOnce)
			for i := range all {
				all[i] = int32(first)
				if i < len(b.series) && j > 0 {
					if s := of(b.series[i]); len(s) == j {
						all[i] = s[j-1]
					}
				}
			}
			return tensors.FromFlatDataAndDimensions(all, AtOnce)
		}
		place := tensors.FromScalar(int32(j))
		notes, contexts := b.notes(m.OfSymbols, j, func(i int) (markov.Position, bool) {
			return m.symbolAt(int(b.y[i]), j, b.series[i]), true
		})
		out, err := d.exec.Call(append([]any{last(symbolsOf, m.Symbols.Len), last(marksOf, m.Marks.Len), place, y, notes}, memory...)...)
		if err != nil {
			return fmt.Errorf("causal: %w", err)
		}
		keep(out[3:])
		err = b.each(m.OfSymbols, j, contexts, out[:2], func(i int, p prediction) {
			p.ended = ended(i)
			b.series[i].Symbols = append(b.series[i].Symbols, next(i, j, p))
		})
		if err != nil {
			return err
		}
		if m.Marks.Len == 0 {
			continue
		}
		notes, contexts = b.notes(m.OfMarks, j, func(i int) (markov.Position, bool) {
			if ended(i) {
				return markov.Position{}, false
			}
			return m.markAt(int(b.y[i]), j, b.series[i]), true
		})
		here := make([]int32, AtOnce)
		for i, s := range b.series {
			here[i] = s.Symbols[j]
		}
		if out, err = d.marks.Call(out[2], tensors.FromFlatDataAndDimensions(here, AtOnce), place, y, notes); err != nil {
			return fmt.Errorf("causal: %w", err)
		}
		err = b.each(m.OfMarks, j, contexts, out, func(i int, p prediction) {
			if !ended(i) {
				b.series[i].Marks = append(b.series[i].Marks, mark(i, j, p))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func symbolsOf(s Series) []int32 { return s.Symbols }
func marksOf(s Series) []int32   { return s.Marks }

// notes returns what the gate is told at place j, [AtOnce,chains,noted], and the contexts of
// each series there; at returns the position of one, and whether it has one.
func (b *batch) notes(c Counted, j int, at func(i int) (markov.Position, bool)) (*tensors.Tensor, []int32) {
	k := c.Chains.Kinds()
	notes, contexts := make([]float32, AtOnce*k*noted), make([]int32, len(b.series)*k)
	for i := range b.series {
		own := contexts[i*k : (i+1)*k]
		position, there := at(i)
		if !there {
			for x := range own {
				own[x] = -1
			}
			continue
		}
		c.Chains.Find(position, own)
		allowed := c.allowed(position.Class, j)
		for x, context := range own {
			seen, _ := c.Chains.Look(context, -1, allowed)
			note(seen, notes[(i*k+x)*noted:])
		}
	}
	return tensors.FromFlatDataAndDimensions(notes, AtOnce, k, noted), contexts
}

// each calls do with the prediction for each series at place j; out is what the device
// returned, the gate's logarithms and the network's.
func (b *batch) each(c Counted, j int, contexts []int32, out []*tensors.Tensor, do func(i int, p prediction)) error {
	gate, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		return fmt.Errorf("causal: %w", err)
	}
	network, err := tensors.CopyFlatData[float32](out[1])
	if err != nil {
		return fmt.Errorf("causal: %w", err)
	}
	k, size := c.Chains.Kinds(), len(network)/AtOnce
	for i := range b.series {
		do(i, prediction{
			chains: c.Chains, gate: gate[i*(k+1) : (i+1)*(k+1)], all: network[i*size : (i+1)*size], drawer: b.drawer,
			contexts: contexts[i*k : (i+1)*k], allowed: c.allowed(int(b.y[i]), j),
		})
	}
	return nil
}

// leaveOut makes what is less probable than a share of the most probable impossible; logs are
// logarithms of probabilities.
func leaveOut(logs []float32, share float64) {
	if share == 0 {
		return
	}
	least := slices.Max(logs) + float32(math.Log(share))
	kept := 0.0
	for i, log := range logs {
		if log < least {
			logs[i] = never
		} else {
			kept += math.Exp(float64(log))
		}
	}
	all := float32(math.Log(kept))
	for i := range logs {
		logs[i] -= all
	}
}

// resample replaces the particles of each series by as many drawn in proportion to their
// weights.
func (b *batch) resample(weights []float64) {
	old := slices.Clone(b.series)
	b.parents = make([]int32, AtOnce)
	for from := 0; from < len(weights); from += particles {
		group := weights[from : from+particles]
		likely := slices.Max(group) > 0
		for i := range group {
			parent := i
			if likely {
				parent = int(markov.Choose(b.streams[from], group))
			}
			b.parents[from+i] = int32(from + parent)
			b.series[from+i] = Series{slices.Clone(old[from+parent].Symbols), slices.Clone(old[from+parent].Marks)}
		}
	}
}

// draw draws the symbol: the part of the mixture first, then the symbol from that.
func (p prediction) draw(rng *rand.Rand) int32 {
	if p.ended {
		return p.end()
	}
	if !p.drawer.model.Alone {
		if part := pickLog(rng, p.gate); int(part) < len(p.contexts) {
			if s := p.chains.Draw(rng, p.contexts[part], p.allowed); s >= 0 {
				return s
			}
		}
	}
	return pickLog(rng, p.network())
}

// probabilities writes those of all symbols.
func (p prediction) probabilities(dst []float64) {
	if p.ended {
		clear(dst)
		dst[p.end()] = 1
		return
	}
	network := 1.0
	if !p.drawer.model.Alone {
		network = math.Exp(float64(p.gate[len(p.contexts)]))
	}
	for s, log := range p.network() {
		dst[s] = network * math.Exp(float64(log))
	}
	if p.drawer.model.Alone {
		return
	}
	for k, context := range p.contexts {
		p.chains.Probabilities(context, p.allowed, math.Exp(float64(p.gate[k])), dst)
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
