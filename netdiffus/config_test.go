package netdiffus_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

func ExampleConfig_Fit() {
	set := &dataset.Set{
		Classes: []string{"dns", "web"},
		Images:  imaging.New(1, 10, 10, 1),
		Labels:  []int{1},
	}
	c, err := netdiffus.Default().Fit(set)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Image.Side, c.NumClasses(), c.UNet.ChannelMult, c.Diffusion.Schedule)
	// Output: 10 2 [1 2] cosine
}

// text is c as JSON.
func text(t *testing.T, c netdiffus.Config) []byte {
	t.Helper()
	text, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func diff(t *testing.T, a, b netdiffus.Config) []string {
	t.Helper()
	lines, err := netdiffus.Diff(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// fitted is a data set that suits c and the configuration fitted to it.
func fitted(t *testing.T, c netdiffus.Config, classes ...string) (netdiffus.Config, *dataset.Set) {
	t.Helper()
	var values codec.Codec = codec.MinMax{Min: -1460, Max: 1460}
	if learner, ok := c.Kind.Codec().(codec.Learner); ok {
		fitter := learner.Fitter(10)
		for i, class := range classes {
			if err := fitter.Add(class, append(make([]float64, 8), -517, float64(i))); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if values, err = fitter.Codec(); err != nil {
			t.Fatal(err)
		}
	}
	recipe := dataset.Recipe{Channels: []dataset.Channel{{Codec: values}}}
	if _, ok := values.(*codec.Quantiles); ok {
		recipe.Record, recipe.SeriesLength, recipe.Channels[0].Series = dataset.Series, 10, "bytes"
	}
	set := &dataset.Set{
		Encoding: dataset.MustEncoding(recipe),
		Classes:  classes, Images: imaging.New(1, 10, 10, 1), Labels: []int{0},
	}
	c, err := c.Fit(set)
	if err != nil {
		t.Fatal(err)
	}
	return c, set
}

// The reference's model with its 20 classes has 20,974,978 parameters in 241
// tensors, counted in guided-diffusion's own network at these flags.
func TestReferenceIsTheReferencesModel(t *testing.T) {
	classes := strings.Split("abcdefghijklmnopqrst", "")
	c, _ := fitted(t, netdiffus.Reference(), classes...)
	m, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	if params := m.Params(); nn.Count(params) != 20974978 || len(params) != 241 {
		t.Errorf("%d parameters in %d tensors", nn.Count(params), len(params))
	}
	p, err := c.Diffusion.Process()
	if err != nil {
		t.Fatal(err)
	}
	if p.Schedule.Len() != 100 || !p.Variance.Learned() {
		t.Errorf("%d steps, variance %T", p.Schedule.Len(), p.Variance)
	}
}

func TestConfigSurvivesJSON(t *testing.T) {
	for name, preset := range netdiffus.Presets {
		c, _ := fitted(t, preset(), "dns", "web")
		want := text(t, c)
		back, err := netdiffus.Decode(want, netdiffus.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, back); string(got) != string(want) {
			t.Errorf("%s: comes back as\n%s\nwant\n%s", name, got, want)
		}
		if reflect.TypeOf(back.Kind) != reflect.TypeOf(c.Kind) {
			t.Errorf("%s: comes back as a model of kind %T, want %T", name, back.Kind, c.Kind)
		}
		if lines := diff(t, c, back); len(lines) != 0 {
			t.Errorf("%s: differs from itself: %v", name, lines)
		}
	}
}

func TestDecodeKeepsWhatIsMissing(t *testing.T) {
	base := netdiffus.Default()
	c, err := netdiffus.Decode([]byte(`{"unet": {"num_channels": 96}, "training": {"ema_rate": [0.5]}}`), base)
	if err != nil {
		t.Fatal(err)
	}
	if c.UNet.Channels != 96 || c.UNet.ResBlocks != base.UNet.ResBlocks || c.Training.EMA[0] != 0.5 || c.Training.LR != base.Training.LR {
		t.Errorf("got\n%s", text(t, c))
	}
	if base.Training.EMA[0] != 0.999 {
		t.Errorf("Decode changed its base: %v", base.Training.EMA)
	}
	for _, text := range []string{`{"unet": {"chanels": 96}}`, `{} {}`, `{"training": {"lr": "fast"}}`, `[]`} {
		if _, err := netdiffus.Decode([]byte(text), base); err == nil {
			t.Errorf("Decode(%s) finds nothing wrong", text)
		}
	}
}

// Settings files of earlier versions had the images' shape and the number of classes
// among the UNet's settings.
func TestDecodeReadsEarlierFiles(t *testing.T) {
	c, err := netdiffus.Decode([]byte(`{"unet": {"image_size": 12, "in_channels": 2, "classes": 2, "learn_sigma": true}, "class_cond": true, "classes": ["a", "b"]}`), netdiffus.Default())
	if err != nil {
		t.Fatal(err)
	}
	if want := (netdiffus.Image{Side: 12, Channels: 2}); c.Image != want || c.UNet.ImageSize != 0 || c.UNet.Classes != 0 {
		t.Errorf("images %+v, want %+v; UNet %+v", c.Image, want, c.UNet)
	}
	if n := c.Network(); n.ImageSize != 12 || n.InChannels != 2 || n.Classes != 2 || !n.LearnSigma {
		t.Errorf("network %+v", n)
	}
	if c, err = netdiffus.Decode([]byte(`{"atoms": {"trunk": "mlp", "width": 64}}`), netdiffus.Default()); err != nil {
		t.Fatal(err)
	}
	if a, ok := c.Kind.(netdiffus.Atoms); !ok || a.Width != 64 || a.Trunk.Name() != "mlp" {
		t.Errorf("kind %T %+v, want Atoms", c.Kind, c.Kind)
	}
	for text, want := range map[string]string{
		`{"unet": {"classes": 3}, "class_cond": true, "classes": ["a", "b"]}`: "3 classes, but 2 are named",
		`{"atoms": {}, "pixels": {}}`:                                         "two kinds of model",
		`{"atoms": {"widht": 64}}`:                                            "widht",
		`{"diffusion": {"noise_schedule": "sigmoid"}}`:                        "want one of angular, cosine, linear",
	} {
		if _, err := netdiffus.Decode([]byte(text), netdiffus.Default()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Decode(%s): %v, want an error with %q", text, err, want)
		}
	}
}

func TestDiffNamesTheSettings(t *testing.T) {
	a := netdiffus.Default()
	b := a
	b.UNet.Channels, b.Training.WeightDecay = 128, 0.1
	got := strings.Join(diff(t, a, b), "; ")
	if want := "training.weight_decay: 0.1, was nothing; unet.num_channels: 128, was 64"; got != want {
		t.Errorf("Diff = %s, want %s", got, want)
	}
}

func TestValidateReturnsEverything(t *testing.T) {
	c := netdiffus.Default()
	c.UNet.Channels = 10
	c.Diffusion.Schedule, c.Diffusion.Variance, c.Diffusion.MinSNR = netdiffus.Part[netdiffus.NewSchedule]{}, netdiffus.Part[diffusion.LogVariance]{}, -1
	c.Training.BatchSize, c.Training.LR, c.Training.EMA, c.Training.LabelDropout = 0, -1, []float64{1}, 1
	c.Training.Sampler = netdiffus.Part[netdiffus.NewTimesteps]{}
	err := c.Validate()
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{"num_channels 10", "no noise schedule", "no variance", "min_snr", "batch_size", "lr is -1", "ema_rate", "label_dropout", "no schedule sampler"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s:\n%v", want, err)
		}
	}
	for name, preset := range netdiffus.Presets {
		if err := preset().Validate(); err != nil {
			t.Errorf("preset %s: %v", name, err)
		}
	}
}

func TestFitKeepsToTheFirstSet(t *testing.T) {
	c, set := fitted(t, netdiffus.Default(), "dns", "web")
	if _, err := c.Fit(set); err != nil {
		t.Errorf("the same set again: %v", err)
	}
	set.Classes = []string{"dns", "ssh"}
	if _, err := c.Fit(set); err == nil || !strings.Contains(err.Error(), "ssh") {
		t.Errorf("other classes: %v", err)
	}
	free := netdiffus.Default()
	free.ClassCond = false
	if free, _ = fitted(t, free, "dns", "web"); free.NumClasses() != 0 {
		t.Errorf("an unconditional model is for %d classes", free.NumClasses())
	}
	guided := netdiffus.Default()
	guided.Training.LabelDropout = 0.1
	if guided, _ = fitted(t, guided, "dns", "web"); !guided.Network().NullClass {
		t.Error("label dropout makes no null class")
	}
}

// Every name makes a part, and names are what Validate accepts.
func TestNames(t *testing.T) {
	for _, name := range netdiffus.Schedules.Names() {
		newSchedule, err := netdiffus.Schedules.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := newSchedule.Value(50); err != nil || s.Len() != 50 {
			t.Errorf("schedule %s: %d steps, %v", name, s.Len(), err)
		}
	}
	for _, name := range netdiffus.TimestepSamplers.Names() {
		newSampler, err := netdiffus.TimestepSamplers.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		if newSampler.Value(10) == nil {
			t.Errorf("timestep sampler %s is nil", name)
		}
	}
	if _, err := netdiffus.Losses.Get("l1"); err == nil || err.Error() != `netdiffus: no loss "l1": want one of kl, mse, rescaled_kl, rescaled_mse` {
		t.Errorf("an unknown loss: %v", err)
	}
}
