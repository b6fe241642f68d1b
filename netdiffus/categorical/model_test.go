package categorical

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

var series = map[string][][]float64{
	"a": {{-5, 7, 7}, {-5, 7}, {-5, 7}, {3, 3, 3}, {3}, {-5}, {9, 7, 1}},
	"b": {{1, 2}, {1, 2, 1}, {2, 1, 2}, {2, 2}},
}

func atoms(t *testing.T) *codec.Atoms {
	t.Helper()
	f := (&codec.Atoms{}).Fitter(3)
	for _, label := range []string{"a", "b"} {
		for _, v := range series[label] {
			if err := f.Add(label, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	c, err := f.Codec()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*codec.Atoms)
}

func prior(t *testing.T) Prior {
	t.Helper()
	p, err := NewPrior(atoms(t), []string{"a", "b"}, DefaultJump)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run executes fn, which may use no variables, and returns its outputs.
func run(t *testing.T, fn func(in []*graph.Node) []*graph.Node, in ...any) [][]float32 {
	t.Helper()
	return runWith(t, model.NewStore(), func(_ *model.Scope, in []*graph.Node) []*graph.Node { return fn(in) }, in...)
}

// runWith is run for a graph with the weights in store.
func runWith(t *testing.T, store *model.Store, fn func(scope *model.Scope, in []*graph.Node) []*graph.Node, in ...any) [][]float32 {
	t.Helper()
	return compiled(t, store, fn)(in...)
}

// compiled returns what runs a graph, which is compiled once for all inputs of the
// same shapes.
func compiled(t *testing.T, store *model.Store, fn func(scope *model.Scope, in []*graph.Node) []*graph.Node) func(in ...any) [][]float32 {
	t.Helper()
	exec, err := model.NewExec(backendtest.Open(t), store, fn)
	if err != nil {
		t.Fatal(err)
	}
	return func(in ...any) [][]float32 {
		t.Helper()
		out, err := exec.Call(in...)
		if err != nil {
			t.Fatal(err)
		}
		flat := make([][]float32, len(out))
		for i, o := range out {
			flat[i] = tensors.MustCopyFlatData[float32](o)
		}
		return flat
	}
}

func TestTransitionsByHand(t *testing.T) {
	p := prior(t)
	// Class a, place 1: after -5 came 7 three times of four, then the end. The
	// atoms there are 3, 7 and padding, with shares 1, 4 and 2 of 7.
	c := p.Classes[0]
	want := []float64{
		.005 / 7, .995*.75 + .005*4/7, .995*.25 + .005*2/7, // after -5
		.995*.5 + .005/7, .005 * 4 / 7, .995*.5 + .005*2/7, // after 3
		.005 / 7, .995 + .005*4/7, .005 * 2 / 7, // after 9
	}
	for i, w := range want {
		if math.Abs(c.Transitions[1][i]-w) > 1e-12 {
			t.Fatalf("transitions to place 1 = %v, want %v", c.Transitions[1], want)
		}
	}
	// Place 2 has the atoms 1, 3, 7 and padding; padding stays padding.
	last := c.Transitions[2][len(c.Transitions[2])-4:]
	if last[0] != 0 || last[1] != 0 || last[2] != 0 || last[3] != 1 {
		t.Errorf("after padding comes %v, want padding alone", last)
	}
	if p.Values != 7 { // -5 1 2 3 7 9 and padding
		t.Errorf("%d values, want 7", p.Values)
	}
}

// smoothed is P(atom at j | diagonal) by summing over all paths.
func smoothed(c ClassPrior, diagonal []float64, signal, noise float64) [][]float64 {
	n := len(c.Middles)
	likelihood := func(j, k int) float64 {
		d := (diagonal[j] - signal*(2*c.Middles[j][k]-1)) / max(noise, leastNoise)
		return math.Exp(-d * d / 2)
	}
	all := make([][]float64, n)
	for j := range all {
		all[j] = make([]float64, c.atoms(j))
	}
	var walk func(path []int, p float64)
	walk = func(path []int, p float64) {
		j := len(path)
		if j == n {
			for i, k := range path {
				all[i][k] += p
			}
			return
		}
		for k := range c.atoms(j) {
			step := 0.0
			if j == 0 {
				step = c.Shares[0][k]
			} else {
				step = c.Transitions[j][path[j-1]*c.atoms(j)+k]
			}
			walk(append(path[:j:j], k), p*step*likelihood(j, k))
		}
	}
	walk(nil, 1)
	for _, q := range all {
		normalise(q)
	}
	return all
}

// normalise scales q to sum to 1.
func normalise(q []float64) {
	total := 0.0
	for _, v := range q {
		total += v
	}
	for k := range q {
		q[k] /= total
	}
}

func TestSmoothingIsExact(t *testing.T) {
	p := prior(t)
	rng := rand.New(rand.NewPCG(3, 4))
	for c, class := range p.Classes {
		exec, err := graph.NewExec(backendtest.Open(t), func(in []*graph.Node) []*graph.Node {
			tables := newTables(in[0].Graph(), []ClassPrior{class}, 1)
			seen := tables.evidence(in[0], in[1], in[2])
			e := Evidence{Likelihood: []*graph.Node{seen}, tables: tables}
			return []*graph.Node{Chain.Posterior(e)[0], Independent.Posterior(e)[0]}
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			level := 0.05 + 0.9*rng.Float64() // of noise
			signal := math.Sqrt(1 - level*level)
			diagonal := []float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
			narrow := [][]float32{{float32(diagonal[0]), float32(diagonal[1]), float32(diagonal[2])}}
			out, err := exec.Call(narrow, [][][]float32{{{float32(signal)}}}, [][][]float32{{{float32(level)}}})
			if err != nil {
				t.Fatal(err)
			}
			chain, alone := tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1])
			for j, row := range smoothed(class, diagonal, signal, level) {
				for k, want := range row {
					i := j*class.widest() + k
					if got := float64(chain[i]); math.Abs(got-want) > 2e-5 {
						t.Errorf("class %d, chain: P(atom %d at %d) = %v, want %v", c, k, j, got, want)
					}
					want = independently(class, j, k, diagonal[j], signal, level)
					if got := float64(alone[i]); math.Abs(got-want) > 2e-5 {
						t.Errorf("class %d, independent: P(atom %d at %d) = %v, want %v", c, k, j, got, want)
					}
				}
			}
		}
	}
}

func independently(c ClassPrior, j, k int, d, signal, noise float64) float64 {
	weight := func(k int) float64 {
		e := (d - signal*(2*c.Middles[j][k]-1)) / max(noise, leastNoise)
		return c.Shares[j][k] * math.Exp(-e*e/2)
	}
	total := 0.0
	for k := range c.atoms(j) {
		total += weight(k)
	}
	return weight(k) / total
}

func TestSmoothingStaysFinite(t *testing.T) {
	class := prior(t).Classes[0]
	logits := compiled(t, model.NewStore(), func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		tables := newTables(in[0].Graph(), []ClassPrior{class}, 1)
		return []*graph.Node{tables.logits(tables.smooth(tables.evidence(in[0], in[1], in[2])))}
	})
	for _, level := range []float32{1e-4, .02, .9} {
		for _, d := range []float32{-40, 0, 40} {
			got := logits([][]float32{{d, -d, d}}, [][][]float32{{{1}}}, [][][]float32{{{level}}})[0]
			for _, v := range got {
				if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
					t.Fatalf("noise %v, diagonal ±%v: logits %v", level, d, got)
				}
			}
		}
	}
}

// TestRenderOfACertainFlow: where every packet is certain the rendered image is
// the flow's own field.
func TestRenderOfACertainFlow(t *testing.T) {
	p, a := prior(t), atoms(t)
	flow := []float64{-5, 7}
	x := make([]float64, 3)
	if err := a.Encode("a", flow, x); err != nil {
		t.Fatal(err)
	}
	want := make([]float64, 9)
	imaging.GASF{}.Encode(x, want)
	class := p.Classes[0]
	q := make([]float32, 3*class.widest())
	for j, table := range a.Tables["a"] {
		k := len(table.Values) // padding
		if j < len(flow) {
			k = table.Index(flow[j])
		}
		q[j*class.widest()+k] = 1
	}
	got := run(t, func(in []*graph.Node) []*graph.Node {
		tables := newTables(in[0].Graph(), []ClassPrior{class}, 1)
		return []*graph.Node{tables.moments(graph.Reshape(in[0], 1, 3, -1)).render()}
	}, q)[0]
	for i := range want {
		if math.Abs(float64(got[i])-want[i]) > 1e-6 {
			t.Fatalf("rendered %v, want %v", got, want)
		}
	}
}

// TestLoss: at next to no noise a new model knows every atom, and its gradient
// reaches every parameter's layer.
func TestLoss(t *testing.T) {
	p, a := prior(t), atoms(t)
	s, err := schedule.Cosine(100)
	if err != nil {
		t.Fatal(err)
	}
	h := Model{Prior: p, Schedule: s, Groups: []int{2, 1}, Trunk: MLP{Shape: Shape{Places: 3, Classes: 2}, Width: 96, Blocks: 1}}
	images := make([]float32, 0, 27)
	for _, f := range []struct {
		label string
		v     []float64
	}{{"a", []float64{-5, 7}}, {"a", []float64{3, 3, 3}}, {"b", []float64{1, 2}}} {
		x, image := make([]float64, 3), make([]float64, 9)
		if err := a.Encode(f.label, f.v, x); err != nil {
			t.Fatal(err)
		}
		imaging.GASF{}.Encode(x, image)
		for _, pixel := range image {
			images = append(images, float32(pixel))
		}
	}
	store := model.NewStore()
	if err := nn.Create(store.RootScope(), h.Params(), 1); err != nil {
		t.Fatal(err)
	}
	noise := make([]float32, 27)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range noise {
		noise[i] = float32(rng.NormFloat64())
	}
	exec, err := model.NewExec(backendtest.Open(t), store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		l := h.Loss(scope, in[0], in[1], in[2], in[3], nil)
		out := []*graph.Node{l.Total, l.MSE, l.CrossEntropy}
		var params []*graph.Node
		for _, p := range h.Params() {
			params = append(params, store.GetVariable("/"+p.Name).NodeValue(in[0].Graph()))
		}
		for _, g := range graph.Gradient(graph.ReduceAllMean(l.Total), params...) {
			out = append(out, graph.ReduceAllSum(graph.Abs(g)))
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	shape := []int{3, 3, 3, 1}
	call := func(step int32) [][]float32 {
		out, err := exec.Call(tensors.FromFlatDataAndDimensions(images, shape...), []int32{step, step, step}, []int32{0, 0, 1},
			tensors.FromFlatDataAndDimensions(noise, shape...))
		if err != nil {
			t.Fatal(err)
		}
		flat := make([][]float32, len(out))
		for i, o := range out {
			flat[i] = []float32{0}
			if o.Shape().Rank() > 0 {
				flat[i] = tensors.MustCopyFlatData[float32](o)
			} else {
				flat[i][0] = tensors.ToScalar[float32](o)
			}
		}
		return flat
	}
	clean := call(0)
	for i, v := range clean[2] {
		if v > .01 {
			t.Errorf("image %d: cross-entropy %v at the last step, want about 0", i, v)
		}
	}
	noisy := call(90)
	moved := 0
	for _, g := range noisy[3:] {
		if math.IsNaN(float64(g[0])) {
			t.Fatal("a gradient is not a number")
		}
		if g[0] > 0 {
			moved++
		}
	}
	// Behind a layer that starts at zero there is no gradient yet: the two last
	// layers alone, weights and biases, learn from the first step.
	if moved != 4 {
		t.Errorf("%d of %d parameters have a gradient, want 4", moved, len(noisy)-3)
	}
	if noisy[2][0] <= clean[2][0] {
		t.Errorf("cross-entropy %v under noise, %v without", noisy[2][0], clean[2][0])
	}
}
