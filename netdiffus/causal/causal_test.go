package causal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

const scope = "/model"

// kind is what a model has beside symbols and chains.
type kind struct {
	marks int
	alone bool // see Model
}

// allKinds runs a test of a model without and with marks, and without chains.
func allKinds(t *testing.T, test func(t *testing.T, k kind)) {
	for _, k := range []kind{{}, {marks: 4}, {alone: true}, {marks: 4, alone: true}} {
		t.Run(fmt.Sprintf("%+v", k), func(t *testing.T) { test(t, k) })
	}
}

// example is a small model with random weights, and the series that it was
// counted from.
func example(t *testing.T, k kind) (m Model, store *model.Store, series []Series, classes []int) {
	t.Helper()
	const places, symbols = 5, 7
	marks := k.marks
	m.Alone = k.alone
	m.Network = Network{Width: 32, Layers: 2, Dropout: 0.3, Places: places, Classes: 2}
	m.Symbols = Vocabulary{Len: symbols, Chains: len(Mixed)}
	for s := range symbols {
		m.Symbols.Numbers = append(m.Symbols.Numbers, Describe(float64(s-3), 4))
	}
	if marks > 0 {
		m.Marks = Vocabulary{Len: marks, Chains: len(MixedMarks)}
	}
	for k := range marks {
		m.Marks.Numbers = append(m.Marks.Numbers, Describe(float64(k), 4))
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		var s Series
		for len(s.Symbols) < places && (len(s.Symbols) == 0 || s.Symbols[len(s.Symbols)-1] != m.End()) {
			symbol := int32(rng.IntN(symbols))
			if len(s.Symbols) == 0 && symbol == m.End() {
				symbol = 1
			}
			s.Symbols = append(s.Symbols, symbol)
			if marks > 0 && symbol != m.End() {
				s.Marks = append(s.Marks, int32(rng.IntN(marks)))
			}
		}
		series, classes = append(series, s), append(classes, rng.IntN(2))
	}
	none := func(n int) (all [][][]bool) {
		for range m.Classes {
			places := make([][]bool, m.Places)
			for j := range places {
				places[j] = make([]bool, n)
			}
			all = append(all, places)
		}
		return all
	}
	m.OfSymbols.Allowed = none(symbols)
	if marks > 0 {
		m.OfMarks.Allowed = none(marks)
	}
	for i, s := range series {
		for j, symbol := range s.Symbols {
			m.OfSymbols.Allowed[classes[i]][j][symbol] = true
		}
		for j, mark := range s.Marks {
			m.OfMarks.Allowed[classes[i]][j][mark] = true
		}
	}
	m.Count(series, classes)
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
func losses(t *testing.T, m Model, store *model.Store, series []Series, classes []int, own bool) []float32 {
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
func TestDrawingIsWhatIsTrained(t *testing.T) { allKinds(t, testDrawingIsWhatIsTrained) }

func testDrawingIsWhatIsTrained(t *testing.T, k kind) {
	m, store, series, classes := example(t, k)
	d, err := m.NewDrawer(backendtest.Open(t), store.Scope(scope))
	if err != nil {
		t.Fatal(err)
	}
	y, streams := make([]int32, len(series)), make([]*rand.Rand, len(series))
	for i, c := range classes {
		y[i] = int32(c)
	}
	got := make([]float64, len(series))
	b := d.newBatch(y, streams)
	follow := func(size int, of func(Series) []int32) func(i, j int, next prediction) int32 {
		p := make([]float64, size)
		return func(i, j int, next prediction) int32 {
			next.probabilities(p)
			sum := 0.0
			for _, v := range p {
				sum += v
			}
			if math.Abs(sum-1) > 1e-5 {
				t.Errorf("series %d, place %d: the probabilities sum to %v", i, j, sum)
			}
			s := of(series[i])
			if j >= len(s) {
				return int32(size - 1) // the end
			}
			got[i] -= math.Log(p[s[j]])
			return s[j]
		}
	}
	err = b.run(nil, follow(m.Symbols.Len, symbolsOf), follow(m.Marks.Len, marksOf))
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
func TestOwnSeriesIsLeftOut(t *testing.T) { allKinds(t, testOwnSeriesIsLeftOut) }

func testOwnSeriesIsLeftOut(t *testing.T, k kind) {
	m, store, series, classes := example(t, k)
	all := losses(t, m, store, series, classes, true)
	for _, i := range []int{0, 7, 31} {
		without := m
		without.Count(append(append([]Series{}, series[:i]...), series[i+1:]...), append(append([]int{}, classes[:i]...), classes[i+1:]...))
		want := losses(t, without, store, series[i:i+1], classes[i:i+1], false)[0]
		if math.Abs(float64(all[i]-want)) > 1e-4 {
			t.Errorf("series %d: %v, want %v", i, all[i], want)
		}
	}
}

// TestOwnSeriesThatWasNotCounted: a run may go on with other flows than those counted.
func TestOwnSeriesThatWasNotCounted(t *testing.T) {
	m, store, series, classes := example(t, kind{})
	own := make(map[string]bool)
	for i, s := range series {
		own[fmt.Sprint(classes[i], s.Symbols)] = true
	}
	first := func(i int) int32 { return series[i].Symbols[0] }
	other := []int32{first(1), first(2), first(3), first(1), first(2)}
	if own[fmt.Sprint(0, other)] {
		t.Fatal("the series was counted")
	}
	for _, l := range losses(t, m, store, []Series{{Symbols: other}}, []int{0}, true) {
		if !(l > 0) || math.IsInf(float64(l), 0) {
			t.Errorf("loss %v", l)
		}
	}
}

// TestDrawFollowsProbabilities compares how often series are drawn with their
// probabilities.
func TestDrawFollowsProbabilities(t *testing.T) {
	allKinds(t, func(t *testing.T, k kind) {
		t.Run("independently", func(t *testing.T) { testDrawFollowsProbabilities(t, k, (*Drawer).Draw, 5) })
		t.Run("evenly", func(t *testing.T) { testDrawFollowsProbabilities(t, k, drawEvenly, 0.5) })
	})
}

// drawEvenly draws series along even paths.
func drawEvenly(d *Drawer, y []int32, streams []*rand.Rand) ([]Series, error) {
	paths := make([]*noise.Path, len(y))
	for i := range paths {
		paths[i] = noise.NewEvenPath(streams[i], noise.Spread(17, uint64(i)))
	}
	return d.DrawAlong(y, paths, streams)
}

// testDrawFollowsProbabilities allows the first symbols to be off by so many standard deviations of independent ones.
func testDrawFollowsProbabilities(t *testing.T, k kind, draw func(*Drawer, []int32, []*rand.Rand) ([]Series, error), deviations float64) {
	m, store, _, _ := example(t, k)
	d, err := m.NewDrawer(backendtest.Open(t), store.Scope(scope))
	if err != nil {
		t.Fatal(err)
	}
	const n = 8 * AtOnce
	y, streams := make([]int32, n), make([]*rand.Rand, n)
	for i := range streams {
		streams[i] = rand.New(rand.NewPCG(9, uint64(i)))
	}
	drawn, err := draw(d, y, streams)
	if err != nil {
		t.Fatal(err)
	}
	p, counts := make([]float64, m.Symbols.Len), make([]float64, m.Symbols.Len)
	marked, markCounts, after := make([]float64, m.Marks.Len), make([]float64, m.Marks.Len), 0.0
	const symbol = 2 // whose marks are counted
	for _, s := range drawn {
		counts[s.Symbols[0]]++
		if s.Symbols[0] == symbol && k.marks > 0 {
			markCounts[s.Marks[0]]++
			after++
		}
		packets := 0
		for j, symbol := range s.Symbols {
			if j > 0 && s.Symbols[j-1] == m.End() {
				if symbol != m.End() {
					t.Fatalf("%v goes on after its end", s)
				}
			} else if !m.OfSymbols.Allowed[0][j][symbol] {
				t.Fatalf("%v has a symbol that is not allowed", s)
			}
			if symbol != m.End() {
				packets++
			}
		}
		if k.marks > 0 && len(s.Marks) != packets {
			t.Fatalf("%v has not a mark for each symbol", s)
		}
		for j, mark := range s.Marks {
			if !m.OfMarks.Allowed[0][j][mark] {
				t.Fatalf("%v has a mark that is not allowed", s)
			}
		}
	}
	first := func(p []float64, result int32) func(i, j int, next prediction) int32 {
		return func(_, j int, next prediction) int32 {
			if j == 0 {
				next.probabilities(p)
			}
			return result
		}
	}
	if err = d.newBatch(y[:1], streams[:1]).run(nil, first(p, symbol), first(marked, 0)); err != nil {
		t.Fatal(err)
	}
	compare := func(what string, counts, p []float64, n, deviations float64) {
		for s := range p {
			if off := counts[s]/n - p[s]; math.Abs(off) > deviations*math.Sqrt(p[s]/n)+1e-9 {
				t.Errorf("%s %d comes first in %v of the series, want %v", what, s, counts[s]/n, p[s])
			}
		}
	}
	compare("symbol", counts, p, n, deviations)
	compare("mark", markCounts, marked, after, 5)
	again, err := draw(d, y[:3], []*rand.Rand{rand.New(rand.NewPCG(9, 0)), rand.New(rand.NewPCG(9, 1)), rand.New(rand.NewPCG(9, 2))})
	if err != nil {
		t.Fatal(err)
	}
	for i := range again {
		if !reflect.DeepEqual(again[i], drawn[i]) {
			t.Fatalf("series %d is %v with others, %v alone", i, drawn[i], again[i])
		}
	}
}

// TestPosterior: evidence that shows a series draws it, and evidence about the last place
// alone gives that place its posterior and what comes before it too.
func TestPosterior(t *testing.T) { allKinds(t, testPosterior) }

func testPosterior(t *testing.T, k kind) {
	m, store, series, classes := example(t, k)
	d, err := m.NewDrawer(backendtest.Open(t), store.Scope(scope))
	if err != nil {
		t.Fatal(err)
	}
	y, streams := make([]int32, 20), make([]*rand.Rand, 20)
	for i := range y {
		y[i], streams[i] = int32(classes[i]), rand.New(rand.NewPCG(1, uint64(i)))
	}
	at := func(s []int32, j, after int) int {
		if j >= len(s) {
			return after
		}
		return int(s[j])
	}
	one := func(n, at int) []float64 {
		l := make([]float64, n)
		l[at] = 1
		return l
	}
	drawn, err := d.Posterior(y, streams,
		func(i, j int) []float64 { return one(m.Symbols.Len, at(series[i].Symbols, j, int(m.End()))) },
		func(i, j int) []float64 { return one(m.Marks.Len, at(series[i].Marks, j, 0)) })
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range drawn {
		for j, symbol := range s.Symbols {
			if int(symbol) != at(series[i].Symbols, j, int(m.End())) {
				t.Fatalf("series %d: drew %v, the evidence shows %v", i, s, series[i])
			}
		}
		if !slices.Equal(s.Marks, series[i].Marks) {
			t.Fatalf("series %d: drew the marks %v, the evidence shows %v", i, s.Marks, series[i].Marks)
		}
	}

	if k.alone {
		return // too few of these networks' series end for so few particles
	}
	// Whether the series has ended by the last place is all that is known: the particles
	// that cannot end so are given up.
	const n = 320
	y, streams = make([]int32, n), make([]*rand.Rand, n)
	for i := range y {
		streams[i] = rand.New(rand.NewPCG(2, uint64(i)))
	}
	ended := func(_, j int) []float64 {
		l := make([]float64, m.Symbols.Len)
		for s := range l {
			if j < m.Places-1 || int32(s) == m.End() {
				l[s] = 1
			}
		}
		return l
	}
	nothing := func(_, _ int) []float64 {
		l := make([]float64, m.Marks.Len)
		for k := range l {
			l[k] = 1
		}
		return l
	}
	if drawn, err = d.Posterior(y, streams, ended, nothing); err != nil {
		t.Fatal(err)
	}
	// The share of those that have ended after two symbols, among all that end at all.
	free, err := d.Draw(make([]int32, 16*AtOnce), newStreams(16*AtOnce))
	if err != nil {
		t.Fatal(err)
	}
	early := func(all []Series) float64 {
		ended, soon := 0.0, 0.0
		for _, s := range all {
			if s.Symbols[m.Places-1] == m.End() {
				ended++
				if s.Symbols[2] == m.End() {
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
		if s.Symbols[m.Places-1] != m.End() {
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

func TestLeaveOut(t *testing.T) {
	p := []float64{0.5, 0.3, 0.15, 0.05}
	for _, c := range []struct {
		share float64
		want  []float64
	}{
		{0, p},
		{0.01, p},
		{0.2, []float64{0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0}},
		{0.9, []float64{1, 0, 0, 0}},
	} {
		logs := make([]float32, len(p))
		for i, v := range p {
			logs[i] = float32(math.Log(v))
		}
		leaveOut(logs, c.share)
		for i, log := range logs {
			if got := math.Exp(float64(log)); math.Abs(got-c.want[i]) > 1e-6 {
				t.Errorf("share %v: %v at %d, want %v", c.share, got, i, c.want[i])
			}
		}
	}
}
