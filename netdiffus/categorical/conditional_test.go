package categorical

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// times are a further channel of series, value by value.
var times = map[string][][]float64{
	"a": {{0, 10, 20}, {0, 10}, {0, 30}, {0, 20, 20}, {0}, {0}, {0, 10, 30}},
	"b": {{0, 5}, {0, 5, 6}, {0, 6, 5}, {0, 5}},
}

// twoChannels are the codecs of series and of times conditional on them.
func twoChannels(t *testing.T) (lead, leaf *codec.Atoms) {
	t.Helper()
	lead = atoms(t)
	f := (&codec.Atoms{}).Fitter(3).(codec.ConditionalFitter)
	for _, label := range []string{"a", "b"} {
		for i, v := range times[label] {
			if err := f.AddConditional(label, v, series[label][i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	c, err := f.ConditionalCodec(lead)
	if err != nil {
		t.Fatal(err)
	}
	return lead, c.(*codec.Atoms)
}

func twoChannelPrior(t *testing.T) Prior {
	t.Helper()
	lead, leaf := twoChannels(t)
	p, err := NewPrior(lead, []string{"a", "b"}, DefaultJump, leaf)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGivenByHand(t *testing.T) {
	p := twoChannelPrior(t)
	if p.Channels() != 2 || p.Values != 7+7 { // 0 5 6 10 20 30 and padding, of its own
		t.Errorf("%d channels of %d values, want 2 of 14", p.Channels(), p.Values)
	}
	// Class a, place 1: the first channel has 3, 7 and padding; the second 10, 20,
	// 30 and padding, with 3, 1 and 1 of 7. With 7 came 10 three times and 30
	// once: two kinds in four, so a third is left to the place's own shares.
	got := p.Classes[0].Conditional[0].Transitions[1]
	want := []float64{
		.5 * 3 / 5, .5 + .5*1/5, .5 * 1 / 5, 0, // with 3 came 20, once
		2./3*3/4 + 1./3*3/5, 1. / 3 * 1 / 5, 2./3*1/4 + 1./3*1/5, 0,
		0, 0, 0, 1,
	}
	if len(got) != len(want) {
		t.Fatalf("given %v, want %v", got, want)
	}
	for i, w := range want {
		if math.Abs(got[i]-w) > 1e-12 {
			t.Fatalf("given %v, want %v", got, want)
		}
	}
}

// conditionalExactly is what all evidence says of both channels, by summing over all
// paths and leaves; likelihood(c, j, k) is of channel c's atom k at j.
func conditionalExactly(c ClassPrior, likelihood func(channel, j, k int) float64) [2][][]float64 {
	leaf := c.Conditional[0]
	n := len(c.Middles)
	var all [2][][]float64
	for j := range n {
		all[0] = append(all[0], make([]float64, c.atoms(j)))
		all[1] = append(all[1], make([]float64, leaf.atoms(j)))
	}
	var walk func(path, leaves []int, p float64)
	walk = func(path, leaves []int, p float64) {
		j := len(path)
		if j == n {
			for i := range n {
				all[0][i][path[i]] += p
				all[1][i][leaves[i]] += p
			}
			return
		}
		for k := range c.atoms(j) {
			step := c.Shares[0][min(k, len(c.Shares[0])-1)]
			if j > 0 {
				step = c.Transitions[j][path[j-1]*c.atoms(j)+k]
			}
			for l := range leaf.atoms(j) {
				given := leaf.Transitions[j][k*leaf.atoms(j)+l]
				walk(append(slices.Clip(path), k), append(slices.Clip(leaves), l), p*step*likelihood(0, j, k)*given*likelihood(1, j, l))
			}
		}
	}
	walk(nil, nil, 1)
	for _, channel := range all {
		for _, q := range channel {
			normalise(q)
		}
	}
	return all
}

func TestPosteriorIsExact(t *testing.T) {
	p := twoChannelPrior(t)
	rng := rand.New(rand.NewPCG(5, 6))
	for c, class := range p.Classes {
		exec, err := graph.NewExec(backendtest.Open(t), func(in []*graph.Node) []*graph.Node {
			tables := newTables(in[0].Graph(), []ClassPrior{class}, 1)
			return tree{tables: tables, evidence: []*graph.Node{
				tables.evidence(in[0], in[2], in[3]), tables.conditional[0].evidence(in[1], in[2], in[3])}}.smooth()
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 6 {
			level := 0.1 + 0.8*rng.Float64()
			signal := math.Sqrt(1 - level*level)
			var diagonal [2][]float64
			var narrow [2][][]float32
			for i := range diagonal {
				row := make([]float32, 3)
				for j := range row {
					row[j] = float32(rng.NormFloat64())
					diagonal[i] = append(diagonal[i], float64(row[j]))
				}
				narrow[i] = [][]float32{row}
			}
			out, err := exec.Call(narrow[0], narrow[1], [][][]float32{{{float32(signal)}}}, [][][]float32{{{float32(level)}}})
			if err != nil {
				t.Fatal(err)
			}
			want := conditionalExactly(class, func(channel, j, k int) float64 {
				of := class
				if channel == 1 {
					of = class.Conditional[0]
				}
				d := (diagonal[channel][j] - signal*(2*of.Middles[j][k]-1)) / level
				return math.Exp(-d * d / 2)
			})
			for channel, of := range []ClassPrior{class, class.Conditional[0]} {
				got := tensors.MustCopyFlatData[float32](out[channel])
				for j, row := range want[channel] {
					for k, w := range row {
						if g := float64(got[j*of.widest()+k]); math.Abs(g-w) > 3e-5 {
							t.Errorf("class %d, channel %d: P(atom %d at %d) = %v, want %v", c, channel, k, j, g, w)
						}
					}
				}
			}
		}
	}
}

// TestPosteriorStaysFinite where no atoms of the two channels agree with what is
// seen, and with each other.
func TestPosteriorStaysFinite(t *testing.T) {
	class := twoChannelPrior(t).Classes[0]
	posterior := compiled(t, model.NewStore(), func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		tables := newTables(in[0].Graph(), []ClassPrior{class}, 1)
		leaf := tables.conditional[0]
		q := tree{tables: tables, evidence: []*graph.Node{tables.evidence(in[0], in[2], in[3]), leaf.evidence(in[1], in[2], in[3])}}.smooth()
		return []*graph.Node{tables.logits(q[0]), leaf.logits(q[1]), graph.ReduceSum(q[0], -1), graph.ReduceSum(q[1], -1)}
	})
	for _, level := range []float32{1e-4, .02, .9} {
		for _, d := range []float32{-40, -1, 0, 1, 40} {
			out := posterior([][]float32{{d, -d, d}}, [][]float32{{-d, d, -d}}, [][][]float32{{{1}}}, [][][]float32{{{level}}})
			for _, row := range out[:2] {
				for _, v := range row {
					if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
						t.Fatalf("noise %v, diagonal ±%v: logits %v", level, d, out)
					}
				}
			}
			for _, row := range out[2:] {
				for _, v := range row {
					if math.Abs(float64(v)-1) > 1e-5 {
						t.Fatalf("noise %v, diagonal ±%v: probabilities sum to %v", level, d, row)
					}
				}
			}
		}
	}
}

// TestUNetChannels: the trunk sees and gives as many channels as images have.
func TestUNetChannels(t *testing.T) {
	for _, patch := range []int{1, 2} {
		u := UNet{Shape: Shape{Places: 8 / (3 - patch), Channels: 3, Classes: 2}, Patch: patch, Config: unet.Config{Channels: 32, ChannelMult: []float64{1}, ResBlocks: 1, Heads: 4}}
		store := model.NewStore()
		if err := nn.Create(store.RootScope(), u.Params(3*packetFeatures), 1); err != nil {
			t.Fatal(err)
		}
		exec, err := model.NewExec(backendtest.Open(t), store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
			residual, packets := u.Graph(scope, in[0], in[1], in[2], 3*packetFeatures)
			return []*graph.Node{residual, packets}
		})
		if err != nil {
			t.Fatal(err)
		}
		n := u.Places
		out, err := exec.Call(tensors.FromFlatDataAndDimensions(make([]float32, 2*n*n*6), 2, n, n, 6), []float32{1, 2}, []int32{0, 1})
		if err != nil {
			t.Fatal(err)
		}
		if r, p := out[0].Shape().Dimensions, out[1].Shape().Dimensions; !slices.Equal(r, []int{2, n, n, 3}) || !slices.Equal(p, []int{2, n, 3 * packetFeatures}) {
			t.Errorf("patch %d: residual %v, features %v", patch, r, p)
		}
	}
}

func TestTwoChannels(t *testing.T) {
	twoChannelModel(t, MLP{Shape: Shape{Places: 3, Channels: 2, Classes: 2}, Width: 96, Blocks: 1})
}

// twoChannelModel: the model of two channels is a denoiser of images of two, and
// where there is next to no noise it knows the atoms of both.
func twoChannelModel(t *testing.T, trunk Trunk) {
	t.Helper()
	s, err := schedule.Cosine(100)
	if err != nil {
		t.Fatal(err)
	}
	lead, leaf := twoChannels(t)
	h := Model{Prior: twoChannelPrior(t), Schedule: s, Groups: []int{2, 1}, Trunk: trunk}
	var images []float32
	for i, label := range []string{"a", "a", "b"} {
		first, second := make([]float64, 3), make([]float64, 3)
		if err := lead.Encode(label, series[label][i], first); err != nil {
			t.Fatal(err)
		}
		if err := leaf.Encode(label, times[label][i], second); err != nil {
			t.Fatal(err)
		}
		for j := range 9 { // GASF of both, channels last
			for _, x := range [][]float64{first, second} {
				images = append(images, float32(math.Cos(math.Acos(x[j/3])+math.Acos(x[j%3]))))
			}
		}
	}
	store := model.NewStore()
	if err := nn.Create(store.RootScope(), h.Params(), 1); err != nil {
		t.Fatal(err)
	}
	exec, err := model.NewExec(backendtest.Open(t), store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		noise := graph.Sin(graph.MulScalar(in[0], 37))
		l := h.Loss(scope, in[0], in[1], in[2], noise, nil)
		p := h.Denoiser(nil)(scope, in[0], in[1], in[2])
		return []*graph.Node{l.CrossEntropy, l.MSE, graph.Sub(p.X0, in[0])}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(images, 3, 3, 3, 2), []int32{0, 0, 0}, []int32{0, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range tensors.MustCopyFlatData[float32](out[0]) {
		if v > .02 {
			t.Errorf("image %d: cross-entropy %v, want about 0", i, v)
		}
	}
	for i, v := range tensors.MustCopyFlatData[float32](out[2]) {
		if math.Abs(float64(v)) > .01 {
			t.Errorf("pixel %d of the clean image is off by %v", i, v)
		}
	}
}

// TestLongFlows: the loop over places gives what they give written out.
func TestLongFlows(t *testing.T) {
	classes := prior(t).Classes
	out := run(t, func(in []*graph.Node) []*graph.Node {
		tables := newTables(in[0].Graph(), classes, 3)
		repeat := func(x *graph.Node) *graph.Node {
			return graph.Concatenate(slices.Repeat([]*graph.Node{x}, len(classes)), 0)
		}
		seen := tables.evidence(repeat(in[0]), repeat(in[1]), repeat(in[2]))
		return []*graph.Node{tables.smooth(seen), tables.smoothLong(seen)}
	}, [][]float32{{.3, -.2, .9}, {-1, 1, .1}, {2, -40, .5}}, [][][]float32{{{.6}}, {{.9}}, {{1}}}, [][][]float32{{{.8}}, {{.4}}, {{.01}}})
	for i, want := range out[0] {
		if math.Abs(float64(out[1][i]-want)) > 1e-6 {
			t.Fatalf("%v, want %v", out[1], out[0])
		}
	}
}
