package causal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

const scope = "/model"

// example is a small model with random weights, and the series that it was counted from.
func example(t *testing.T) (m Model, store *model.Store, series [][]int32, classes []int) {
	t.Helper()
	const places, symbols = 5, 7
	m.Network = Network{Width: 32, Layers: 2, Dropout: 0.3, Places: places, Classes: 2, Symbols: symbols, NumChains: len(Mixed)}
	for s := range symbols {
		m.Numbers = append(m.Numbers, Describe(float64(s-3), 4))
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		var s []int32
		for len(s) < places && (len(s) == 0 || s[len(s)-1] != m.End()) {
			s = append(s, int32(rng.IntN(symbols)))
		}
		if s[0] == m.End() {
			s = []int32{1, m.End()}
		}
		series, classes = append(series, s), append(classes, rng.IntN(2))
	}
	m.Allowed = make([][][]bool, 2)
	for c := range m.Allowed {
		for range places {
			m.Allowed[c] = append(m.Allowed[c], make([]bool, symbols))
		}
	}
	for i, s := range series {
		for j, symbol := range s {
			m.Allowed[classes[i]][j][symbol] = true
		}
	}
	m.Chains = markov.CountContexts(Mixed, series, classes)
	store = model.NewStore()
	params := m.Params()
	for i := range params { // the layers that begin at zero, too
		params[i].Init = func(r *rand.Rand, dst []float32) {
			for k := range dst {
				dst[k] = float32(0.3 * r.NormFloat64())
			}
		}
	}
	if err := nn.Create(store.Scope(scope), params, 5); err != nil {
		t.Fatal(err)
	}
	return m, store, series, classes
}

// losses are the mixture's negative log likelihoods of the series.
func losses(t *testing.T, m Model, store *model.Store, series [][]int32, classes []int, own bool) []float32 {
	t.Helper()
	var flat []float32
	var y []int32
	for i, s := range series {
		row := make([]float32, m.Row())
		m.Read(classes[i], s, own, row)
		flat, y = append(flat, row...), append(y, int32(classes[i]))
	}
	exec, err := model.NewExec(backendtest.Open(t), store, func(_ *model.Scope, in []*graph.Node) *graph.Node {
		return graph.MulScalar(m.Loss(store.Scope(scope), in[0], in[1], nil).CrossEntropy, m.Places)
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(flat, len(series), m.Row()), tensors.FromFlatDataAndDimensions(y, len(y)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestDrawingIsWhatIsTrained: place by place, with the memory of the places before, a series
// has the probability that the loss says; and the probabilities at a place sum to 1.
func TestDrawingIsWhatIsTrained(t *testing.T) {
	m, store, series, classes := example(t)
	d, err := m.NewDrawer(backendtest.Open(t), store.Scope(scope))
	if err != nil {
		t.Fatal(err)
	}
	y, streams := make([]int32, len(series)), make([]*rand.Rand, len(series))
	for i, c := range classes {
		y[i] = int32(c)
	}
	got, p := make([]float64, len(series)), make([]float64, m.Symbols)
	b := d.newBatch(y, streams)
	err = b.run(nil, func(i, j int, next prediction) int32 {
		next.probabilities(p)
		sum := 0.0
		for _, v := range p {
			sum += v
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("series %d, place %d: the probabilities sum to %v", i, j, sum)
		}
		if j >= len(series[i]) {
			return m.End()
		}
		got[i] -= math.Log(p[series[i][j]])
		return series[i][j]
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range losses(t, m, store, series, classes, false) {
		if math.Abs(got[i]-float64(want)) > 1e-4 {
			t.Errorf("series %d: -log p is %v place by place, %v of the loss", i, got[i], want)
		}
	}
}

// TestOwnSeriesIsLeftOut: a series read as its own has the loss that it has with chains
// counted without it.
func TestOwnSeriesIsLeftOut(t *testing.T) {
	m, store, series, classes := example(t)
	all := losses(t, m, store, series, classes, true)
	for _, i := range []int{0, 7, 31} {
		without := m
		without.Chains = markov.CountContexts(Mixed, append(append([][]int32{}, series[:i]...), series[i+1:]...),
			append(append([]int{}, classes[:i]...), classes[i+1:]...))
		want := losses(t, without, store, series[i:i+1], classes[i:i+1], false)[0]
		if math.Abs(float64(all[i]-want)) > 1e-4 {
			t.Errorf("series %d: %v, want %v", i, all[i], want)
		}
	}
}

// TestOwnSeriesThatWasNotCounted: a run may go on with other flows than those counted.
func TestOwnSeriesThatWasNotCounted(t *testing.T) {
	m, store, series, classes := example(t)
	own := make(map[string]bool)
	for i, s := range series {
		own[fmt.Sprint(classes[i], s)] = true
	}
	other := []int32{series[1][0], series[2][0], series[3][0], series[1][0], series[2][0]}
	if own[fmt.Sprint(0, other)] {
		t.Fatal("the series was counted")
	}
	for _, l := range losses(t, m, store, [][]int32{other}, []int{0}, true) {
		if !(l > 0) || math.IsInf(float64(l), 0) {
			t.Errorf("loss %v", l)
		}
	}
}

// TestDrawFollowsProbabilities compares how often series are drawn with their
// probabilities.
func TestDrawFollowsProbabilities(t *testing.T) {
	m, store, _, _ := example(t)
	d, err := m.NewDrawer(backendtest.Open(t), store.Scope(scope))
	if err != nil {
		t.Fatal(err)
	}
	const n = 8 * atOnce
	y, streams := make([]int32, n), make([]*rand.Rand, n)
	for i := range streams {
		streams[i] = rand.New(rand.NewPCG(9, uint64(i)))
	}
	drawn, err := d.Draw(y, streams)
	if err != nil {
		t.Fatal(err)
	}
	p, counts := make([]float64, m.Symbols), make([]float64, m.Symbols)
	for _, s := range drawn {
		counts[s[0]]++
		for j, symbol := range s {
			if j > 0 && s[j-1] == m.End() {
				if symbol != m.End() {
					t.Fatalf("%v goes on after its end", s)
				}
			} else if !m.Allowed[0][j][symbol] {
				t.Fatalf("%v has a symbol that is not allowed", s)
			}
		}
	}
	err = d.newBatch(y[:1], streams[:1]).run(nil, func(_, j int, next prediction) int32 {
		if j == 0 {
			next.probabilities(p)
		}
		return 0
	})
	if err != nil {
		t.Fatal(err)
	}
	for s := range p {
		if off := counts[s]/n - p[s]; math.Abs(off) > 5*math.Sqrt(p[s]/n)+1e-9 {
			t.Errorf("symbol %d comes first in %v of the series, want %v", s, counts[s]/n, p[s])
		}
	}
	again, err := d.Draw(y[:3], []*rand.Rand{rand.New(rand.NewPCG(9, 0)), rand.New(rand.NewPCG(9, 1)), rand.New(rand.NewPCG(9, 2))})
	if err != nil {
		t.Fatal(err)
	}
	for i := range again {
		for j := range again[i] {
			if again[i][j] != drawn[i][j] {
				t.Fatalf("series %d is %v with others, %v alone", i, drawn[i], again[i])
			}
		}
	}
}

// TestPosterior: evidence that shows a series draws it, and evidence about the last place
// alone gives that place its posterior and what comes before it too.
func TestPosterior(t *testing.T) {
	m, store, series, classes := example(t)
	d, err := m.NewDrawer(backendtest.Open(t), store.Scope(scope))
	if err != nil {
		t.Fatal(err)
	}
	y, streams := make([]int32, 20), make([]*rand.Rand, 20)
	for i := range y {
		y[i], streams[i] = int32(classes[i]), rand.New(rand.NewPCG(1, uint64(i)))
	}
	at := func(i, j int) int32 {
		if j >= len(series[i]) {
			return m.End()
		}
		return series[i][j]
	}
	drawn, err := d.Posterior(y, streams, func(i, j int) []float64 {
		l := make([]float64, m.Symbols)
		l[at(i, j)] = 1
		return l
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range drawn {
		for j, symbol := range s {
			if symbol != at(i, j) {
				t.Fatalf("series %d: drew %v, the evidence shows %v", i, s, series[i])
			}
		}
	}

	// Whether the series has ended by the last place is all that is known: the particles
	// that cannot end so are given up.
	const n = 320
	y, streams = make([]int32, n), make([]*rand.Rand, n)
	for i := range y {
		streams[i] = rand.New(rand.NewPCG(2, uint64(i)))
	}
	drawn, err = d.Posterior(y, streams, func(_, j int) []float64 {
		l := make([]float64, m.Symbols)
		for s := range l {
			if j < m.Places-1 || int32(s) == m.End() {
				l[s] = 1
			}
		}
		return l
	})
	if err != nil {
		t.Fatal(err)
	}
	// The share of those that have ended after two symbols, among all that end at all.
	free, err := d.Draw(make([]int32, 16*atOnce), newStreams(16*atOnce))
	if err != nil {
		t.Fatal(err)
	}
	early := func(all [][]int32) float64 {
		ended, soon := 0.0, 0.0
		for _, s := range all {
			if s[m.Places-1] == m.End() {
				ended++
				if s[2] == m.End() {
					soon++
				}
			}
		}
		return soon / ended
	}
	if got, want := early(drawn), early(free); math.Abs(got-want) > 0.12 {
		t.Errorf("%.3f of the series end after two symbols, want about %.3f", got, want)
	}
	for i, s := range drawn {
		if s[m.Places-1] != m.End() {
			t.Errorf("series %d is %v: it has not ended", i, s)
		}
	}
}

func newStreams(n int) []*rand.Rand {
	streams := make([]*rand.Rand, n)
	for i := range streams {
		streams[i] = rand.New(rand.NewPCG(7, uint64(i)))
	}
	return streams
}
