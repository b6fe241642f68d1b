package netdiffus_test

import (
	"errors"
	"fmt"
	"log"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/categorical"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// Templates is a kind of model made outside of the library: for every class it
// learns one image, which is its estimate whatever the noisy image.
type Templates struct {
	Scale float64 `json:"scale"` // of the first images
}

func (Templates) Codec() codec.Codec { return nil }

func (k Templates) Check(c netdiffus.Config) error {
	if !c.ClassCond {
		return errors.New("templates are learned by class")
	}
	if k.Scale < 0 {
		return fmt.Errorf("scale is %v, want 0 or more", k.Scale)
	}
	return nil
}

func (k Templates) New(c netdiffus.Config) (netdiffus.Model, error) {
	return templates{images: nn.Embedding{Rows: c.NumClasses(), Channels: c.Image.Pixels(), Std: k.Scale}}, nil
}

type templates struct {
	images nn.Embedding
	s      schedule.Schedule
}

func (m templates) Params() []nn.Param { return m.images.Params("images") }

func (m templates) Traits() netdiffus.Traits { return netdiffus.Traits{Batch: 5} }

func (m templates) Bind(s schedule.Schedule, _ []int) netdiffus.Bound {
	m.s = s
	return m
}

func (m templates) estimate(scope *model.Scope, x, y *graph.Node) *graph.Node {
	return graph.Reshape(m.images.Graph(nn.At(scope, "images"), y), x.Shape().Dimensions...)
}

func (m templates) Loss(scope *model.Scope, x0, _, y, _, _ *graph.Node) diffusion.Losses {
	mse := graph.ReduceMean(graph.Square(graph.Sub(m.estimate(scope, x0, y), x0)), 1, 2, 3)
	return diffusion.Losses{Total: mse, MSE: mse}
}

func (m templates) Denoiser(*graph.Node) diffusion.Denoiser {
	return func(scope *model.Scope, x, t, y *graph.Node) diffusion.Prediction {
		return diffusion.FromX0(m.s, m.estimate(scope, x, y), x, t)
	}
}

func (templates) Decoder(string) netdiffus.Decoder { return nil }

// ramps are images of two classes, one the negative of the other.
func ramps() *dataset.Set {
	set := &dataset.Set{Encoding: dataset.MustEncoding(dataset.Recipe{SeriesLength: 4}), Classes: []string{"down", "up"}, Images: imaging.New(8, 4, 4, 1)}
	for i := range set.Images.N {
		set.Labels = append(set.Labels, i%2)
		for j := range set.Images.At(i) {
			set.Images.At(i)[j] = (float64(j)/8 - 1) * (1 - 2*float64(i%2))
		}
	}
	return set
}

// templatesConfig is a configuration of the kind Templates.
func templatesConfig() netdiffus.Config {
	c := netdiffus.Default()
	c.Kind = Templates{Scale: 0.1}
	c.Diffusion.Steps, c.Training.BatchSize, c.Training.LR, c.Training.EMA = 4, 8, 0.1, nil
	return c
}

// A kind of model from outside of the library trains, is saved, and draws; train and
// sample are told nothing else of it.
func TestAnotherKind(t *testing.T) {
	b := backendtest.Open(t)
	if err := registerTemplates(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	var losses []float64
	for r, err := range train.Run(t.Context(), b, templatesConfig(), ramps(), train.Options{Dir: dir, Steps: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, r.Loss)
	}
	if len(losses) != 2 || !(losses[1] < losses[0]) {
		t.Errorf("losses %v, want two, falling", losses)
	}
	g, err := sample.Open(b, dir)
	if err != nil {
		t.Fatal(err)
	}
	if k, ok := g.Config.Kind.(Templates); !ok || k.Scale != 0.1 {
		t.Errorf("opened as %T %+v", g.Config.Kind, g.Config.Kind)
	}
	set, err := g.Draw(t.Context(), sample.Request{N: 3})
	if err != nil {
		t.Fatal(err)
	}
	if set.Len() != 6 {
		t.Fatalf("%d images, want 3 of each class", set.Len())
	}
	// After two steps of 0.1 each of a class's pixels has moved towards its images.
	if down, up := set.Images.At(0)[0], set.Images.At(3)[0]; !(down < 0 && up > 0) {
		t.Errorf("first pixels %v and %v, want one below and one above 0", down, up)
	}
}

// registerTemplates registers the kind once, whatever the order of tests.
var registerTemplates = sync.OnceValue(func() error { return netdiffus.Kinds.Register("templates", Templates{}) })

// What has no name works in this process; saving it is an error that says what to do.
func TestUnregisteredParts(t *testing.T) {
	c := netdiffus.Default()
	steep := func(steps int) (schedule.Schedule, error) {
		return schedule.FromAlphaBar(steps, func(u float64) float64 { return 1 / (1 + 50*u*u) })
	}
	c.Diffusion.Schedule = netdiffus.Schedules.Of(steep)
	if err := c.Validate(); err != nil {
		t.Errorf("a schedule of one's own: %v", err)
	}
	if _, err := c.JSON(); err == nil || !strings.Contains(err.Error(), "netdiffus.Schedules.Register(name, value)") {
		t.Errorf("saving it: %v, want the cure", err)
	}
	if err := netdiffus.Schedules.Register("steep", steep); err != nil {
		t.Fatal(err)
	}
	c.Diffusion.Schedule = netdiffus.Schedules.Must("steep")
	back, err := netdiffus.Decode(text(t, c), netdiffus.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := back.Diffusion.NewSchedule("")
	if err != nil || s.AlphaBar[len(s.AlphaBar)-1] > 0.03 {
		t.Errorf("the schedule read back ends at %v, %v", s.AlphaBar[len(s.AlphaBar)-1], err)
	}

	type nameless struct{ Templates }
	c.Kind = nameless{}
	if _, err := c.JSON(); err == nil || !strings.Contains(err.Error(), "netdiffus.Kinds.Register") {
		t.Errorf("saving a kind without a name: %v, want the cure", err)
	}
	for _, name := range []string{"steep", ""} {
		if netdiffus.Schedules.Register(name, steep) == nil {
			t.Errorf("%q was registered twice", name)
		}
	}
}

// halfway is a base from outside: the mean of two others, which counts its uses.
type halfway struct {
	a, b categorical.Base
	uses *int
}

func (h halfway) Posterior(e categorical.Evidence) []*graph.Node {
	*h.uses++
	q := h.a.Posterior(e)
	for i, other := range h.b.Posterior(e) {
		q[i] = graph.MulScalar(graph.Add(q[i], other), 0.5)
	}
	return q
}

// A base of one's own is what the estimate of a model without a network starts from.
func TestOwnBase(t *testing.T) {
	c, set := fitted(t, netdiffus.Categorical(1, 1), "dns", "web")
	atoms := c.Kind.(netdiffus.Atoms)
	estimate := func(base categorical.Base) []float32 {
		atoms.Base = netdiffus.Bases.Of(base)
		c.Kind = atoms
		m, err := c.Model()
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Diffusion.NewSchedule("2")
		if err != nil {
			t.Fatal(err)
		}
		store := model.NewStore()
		if err := nn.Create(store.RootScope(), m.Params(), 1); err != nil {
			t.Fatal(err)
		}
		exec, err := model.NewExec(backendtest.Open(t), store, func(_ *model.Scope, in []*graph.Node) *graph.Node {
			return m.Bind(s, []int{1, 0}).Denoiser(nil)(store.RootScope(), in[0], in[1], in[2]).X0
		})
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, 100)
		set.Images.Read(0, x)
		out, err := exec.Call(tensors.FromFlatDataAndDimensions(x, 1, 10, 10, 1), []int32{1}, []int32{0})
		if err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float32](out[0])
	}
	uses := 0
	chain, same := estimate(categorical.Chain), estimate(halfway{categorical.Chain, categorical.Chain, &uses})
	if uses == 0 {
		t.Error("the base was not used")
	}
	for i := range chain {
		if math.Abs(float64(chain[i]-same[i])) > 1e-5 {
			t.Fatalf("pixel %d: %v with the chain, %v halfway between it and itself", i, chain[i], same[i])
		}
	}
}

// Registries may be used by several goroutines.
func TestRegistryIsSafe(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprint("ours-", i)
			if err := netdiffus.Variances.Register(name, diffusion.FixedSmall{}); err != nil {
				t.Error(err)
			}
			netdiffus.Variances.Names()
			if _, err := netdiffus.Variances.Get(name); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A sampler is a function from a prediction to the next, less noisy image. This one
// takes the mean of what Ancestral draws, without noise.
func ExampleRegistry_Register() {
	direct := func(s schedule.Schedule, p diffusion.Prediction, x, t, noise *graph.Node) *graph.Node {
		return p.Mean
	}
	err := netdiffus.Samplers.Register("direct", func(eta float64) diffusion.Sampler { return direct })
	if err != nil {
		log.Fatal(err)
	}
	request := sample.Request{N: 100, Sampler: netdiffus.Samplers.Must("direct")}
	fmt.Println(request.Sampler, "of", netdiffus.Samplers.Names())
	// Output: direct of [ancestral ddim direct dpm++]
}
