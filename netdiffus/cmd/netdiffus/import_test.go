package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
	"github.com/netdiffus/netdiffus-go/netdiffus/pytorch"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// small is the network of the tests' checkpoints.
var small = unet.Config{
	ImageSize: 10, InChannels: 1, Channels: 32, ChannelMult: []float64{1, 2}, ResBlocks: 1,
	Attention: []int{10}, Heads: 4, Classes: 3, LearnSigma: true,
}

// weightsOf are c's initial weights as PyTorch has them.
func weightsOf(c unet.Config, seed uint64) []pytorch.Named {
	var list []pytorch.Named
	for _, p := range c.Params() {
		values := p.Initial(seed)
		for i := range values {
			values[i] += float32(i%7) / 800 // zero modules, too, hold something
		}
		list = append(list, pytorch.Named{Name: p.PyTorchName(), Tensor: pytorch.Float32(p.ToPyTorch(values), p.PyTorchShape()...)})
	}
	return list
}

// bfloat16 rounds float32 values down to bfloat16.
func bfloat16(list []pytorch.Named) []pytorch.Named {
	short := slices.Clone(list)
	for i, t := range list {
		short[i].DType, short[i].Data = "BF16", nil
		for at := 0; at < len(t.Data); at += 4 {
			short[i].Data = append(short[i].Data, t.Data[at+2:at+4]...)
		}
	}
	return short
}

// adam is an optimiser's state after 11 steps.
func adam(c unet.Config) pytorch.Adam {
	a := pytorch.Adam{LR: 2e-4, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.05}
	for _, t := range weightsOf(c, 3) {
		values, _ := t.Float32s()
		for i, v := range values {
			values[i] = v * v
		}
		a.Moments = append(a.Moments, pytorch.Moments{Step: 11, ExpAvg: t.Tensor, ExpAvgSq: pytorch.Float32(values, t.Shape...)})
	}
	return a
}

func writePyTorch(t *testing.T, path string, value any) string {
	t.Helper()
	if err := pytorch.Write(path, value); err != nil {
		t.Fatal(err)
	}
	return path
}

// readBack reads the state dict at path.
func readBack(t *testing.T, path string) []pytorch.Named {
	t.Helper()
	file, err := pytorch.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	list, err := file.StateDict()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// steps are the flags that import always needs.
var steps = []string{"--diffusion_steps", "100", "--noise_schedule", "cosine"}

func mustRun(t *testing.T, args ...string) {
	t.Helper()
	if code := run(args); code != 0 {
		t.Fatalf("netdiffus %s: exit code %d", strings.Join(args, " "), code)
	}
}

// A checkpoint of guided-diffusion that is imported and exported again is what
// it was, in every format, with its averages and its optimiser.
func TestImportExport(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	want, average := weightsOf(small, 1), bfloat16(weightsOf(small, 2))
	nested := &pytorch.Dict{}
	nested.Set("model", pytorch.State(want))
	nested.Set("step", 7)
	writePyTorch(t, at("model000010.pt"), nested)
	writePyTorch(t, at("ema_0.9_000010.pt"), pytorch.State(average))
	writePyTorch(t, at("opt000010.pt"), adam(small).State())
	if err := os.WriteFile(at("label_map.csv"), []byte("label,index\nssh,2\nchat,0\ndns,1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	mustRun(t, append(steps, "import", at("model000010.pt"), "--ema", at("ema_0.9_000010.pt"), "--opt", at("opt000010.pt"),
		"--run", at("run"), "--scale=-1460,1460", "--label_map", at("label_map.csv"), "--num_res_blocks", "1")...)

	var cfg netdiffus.Config
	if err := track.ReadConfig(at("run"), &cfg); err != nil {
		t.Fatal(err)
	}
	if got := cfg.Network(); !reflect.DeepEqual(got, small) {
		t.Errorf("the network is %+v, want %+v", got, small)
	}
	tr := cfg.Training
	if !slices.Equal(cfg.Classes, []string{"chat", "dns", "ssh"}) || !slices.Equal(tr.EMA, []float64{0.9}) || tr.LR != 2e-4 || tr.WeightDecay != 0.05 {
		t.Errorf("classes %q, averages %v, lr %v, weight decay %v", cfg.Classes, tr.EMA, tr.LR, tr.WeightDecay)
	}
	c, _, err := checkpoint.OpenLatest(track.Checkpoints(at("run")))
	if err != nil {
		t.Fatal(err)
	}
	if c.Step != 10 {
		t.Errorf("the checkpoint is of step %d, want 10", c.Step)
	}

	mustRun(t, "export", at("run"), "--weights", "model", "--out", at("model.pt"))
	mustRun(t, "export", at("run"), "--out", at("average.pt"))
	mustRun(t, "export", c.Path, "--weights", "opt", "--out", at("opt.pt"))
	if got := readBack(t, at("model.pt")); !reflect.DeepEqual(got, want) {
		t.Error("the weights changed")
	}
	if got := bfloat16(readBack(t, at("average.pt"))); !reflect.DeepEqual(got, average) {
		t.Error("the average changed")
	}
	optimiser, err := pytorch.Open(at("opt.pt"))
	if err != nil {
		t.Fatal(err)
	}
	defer optimiser.Close()
	kept, err := optimiser.Adam()
	if err != nil {
		t.Fatal(err)
	}
	again := adam(small)
	for i := range again.Moments {
		again.Moments[i].Step = 10 // the run's
	}
	if !reflect.DeepEqual(kept, again) {
		t.Error("the optimiser's state changed")
	}

	mustRun(t, "export", at("run"), "--weights", "ema_0.9", "--format", "npz", "--out", at("average.npz"))
	mustRun(t, "export", at("run"), "--weights", "model", "--out", at("model.safetensors"))
	arrays, err := npz.Open(at("average.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer arrays.Close()
	for i, tensor := range readBack(t, at("average.pt")) {
		array, err := arrays.Read(tensor.Name)
		values, _ := tensor.Float32s()
		if err != nil || arrays.Keys()[i] != tensor.Name || !slices.Equal(array.Shape, tensor.Shape) || !slices.Equal(array.Float32s(), values) {
			t.Fatalf("npz: %s differs (%v)", tensor.Name, err)
		}
	}
	file, err := os.Open(at("model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, _ := file.Stat()
	safe, _, err := checkpoint.ReadTensors(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	for _, tensor := range want {
		if !reflect.DeepEqual(safe[tensor.Name], checkpoint.Tensor(tensor.Tensor)) {
			t.Fatalf("safetensors: %s differs", tensor.Name)
		}
	}
}

// Files that guided-diffusion's own TrainLoop saved.
func TestImportGolden(t *testing.T) {
	dir := t.TempDir()
	recorded := golden.Open(t, "unet1_weights.npz")
	for i, name := range []string{"unet1.pt", "unet1_legacy.pt"} {
		path := golden.Shared(t, "golden/"+name)
		run := filepath.Join(dir, fmt.Sprint("run", i))
		mustRun(t, append(steps, "import", path, "--run", run, "--scale=-1460,1460", "--classes", "a,b,c", "--step", "0",
			"--attention_resolutions", "16,8", "--num_channels", "32", "--learn_sigma", "True", "--class_cond", "True")...)
		out := filepath.Join(dir, name)
		mustRun(t, "export", run, "--out", out)
		list := readBack(t, out)
		if len(list) != len(recorded.Keys()) {
			t.Errorf("%s: %d tensors, want %d", name, len(list), len(recorded.Keys()))
		}
		for _, tensor := range list {
			values, _ := tensor.Float32s()
			if want := recorded.Array(t, tensor.Name); !slices.Equal(values, want.Float32s()) || !slices.Equal(tensor.Shape, want.Shape) {
				t.Errorf("%s: %s differs", name, tensor.Name)
			}
		}
	}
}

func TestImportRefuses(t *testing.T) {
	dir := t.TempDir()
	model := writePyTorch(t, filepath.Join(dir, "model000001.pt"), pytorch.State(weightsOf(small, 1)))
	nameless := writePyTorch(t, filepath.Join(dir, "weights.pt"), pytorch.State(weightsOf(small, 1)))
	deep := small
	deep.ImageSize, deep.ChannelMult = 64, []float64{1, 1, 2}
	deepModel := writePyTorch(t, filepath.Join(dir, "model000002.pt"), pytorch.State(weightsOf(deep, 1)))
	other := small
	other.ResBlocks = 2
	otherAdam := writePyTorch(t, filepath.Join(dir, "opt000001.pt"), adam(other).State())
	otherAverage := writePyTorch(t, filepath.Join(dir, "ema_0.9_000001.pt"), pytorch.State(weightsOf(other, 1)))
	text := filepath.Join(dir, "label_map.csv")
	if err := os.WriteFile(text, []byte("a,0\nb,2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	usual := append([]string{"--scale=-1460,1460", "--classes", "a,b,c"}, steps...)
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no schedule", []string{model, "--scale=0,1", "--classes", "a,b,c"}, "--diffusion-steps is missing"},
		{"no scale", append([]string{model, "--classes", "a,b,c"}, steps...), "--data-dir or --scale"},
		{"no classes", append([]string{model, "--scale=0,1"}, steps...), "give --data-dir, --label-map or --classes"},
		{"classes short", append([]string{model, "--scale=0,1", "--classes", "a"}, steps...), "3 classes, but 1 are named"},
		{"a class too many known", append([]string{model, "--scale=0,1", "--classes", "a,b"}, steps...), "--label-dropout"},
		{"a class twice", append([]string{model, "--scale=0,1", "--classes", "a,b,a"}, steps...), "distinct"},
		{"a hole", append([]string{model, "--scale=0,1", "--label_map", text}, steps...), "no label has the index 1"},
		{"another width", append([]string{model, "--num_channels", "64"}, usual...), "time_embed.0.weight is [128 32], the model has [256 64]"},
		{"other blocks", append([]string{model, "--num_res_blocks", "2"}, usual...), "is missing"},
		{"fixed variance", append([]string{model, "--learn_sigma", "False"}, usual...), "out.2.bias is [2], the model has [1]"},
		{"unconditional", append([]string{model, "--class_cond", "False"}, usual...), "label_emb.weight [3 128] is not in the model"},
		{"heads", append([]string{model, "--num_heads", "5"}, usual...), "num_heads 5"},
		{"no step", append([]string{nameless}, usual...), "--step"},
		{"size", append([]string{deepModel}, usual...), "the network has 3 levels, more than 10x10 pixels can be halved for: give --image-size"},
		{"optimiser", append([]string{model, "--opt", otherAdam}, usual...), "the optimiser has"},
		{"optimiser for a model", append([]string{otherAdam}, usual...), "optimiser's state, want a model's"},
		{"average", append([]string{model, "--ema", otherAverage}, usual...), "the average with rate 0.9: unet: the tensors do not fit"},
		{"average without a rate", append([]string{model, "--ema", nameless}, usual...), "does not hold the rate"},
		{"no checkpoint", append([]string{text}, usual...), "no checkpoint of PyTorch's"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			_, _, err := execute(t.Context(), append([]string{"import", "--run", out}, c.args...)...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("it left a run directory")
			}
		})
	}
}

func TestImportKeepsARun(t *testing.T) {
	dir := t.TempDir()
	model := writePyTorch(t, filepath.Join(dir, "model000001.pt"), pytorch.State(weightsOf(small, 1)))
	args := append(steps, "import", model, "--run", filepath.Join(dir, "run"), "--scale=-1460,1460", "--classes", "a,b,c")
	mustRun(t, args...)
	if code := run(args); code != exitFailed {
		t.Errorf("importing over a run: exit code %d, want %d", code, exitFailed)
	}
	out := filepath.Join(dir, "out.pt")
	mustRun(t, "export", filepath.Join(dir, "run"), "--out", out)
	if code := run([]string{"export", filepath.Join(dir, "run"), "--out", out}); code != exitFailed {
		t.Errorf("exporting over a file: exit code %d, want %d", code, exitFailed)
	}
	mustRun(t, "export", filepath.Join(dir, "run"), "--out", out, "--overwrite", "True")
	for _, bad := range [][]string{
		{"export", filepath.Join(dir, "run")},
		{"export", "--out", filepath.Join(dir, "x.pt")},
		{"export", filepath.Join(dir, "run"), "--run", filepath.Join(dir, "run"), "--out", filepath.Join(dir, "x.pt")},
		{"export", filepath.Join(dir, "run"), "--out", filepath.Join(dir, "x.bin")},
	} {
		if code := run(bad); code != exitUsage {
			t.Errorf("netdiffus %v: exit code %d, want %d", bad, code, exitUsage)
		}
	}
	for _, bad := range [][]string{
		{"export", dir, "--out", filepath.Join(dir, "x.pt")},
		{"export", filepath.Join(dir, "run"), "--out", filepath.Join(dir, "x.pt"), "--weights", "ema_0.5"},
		{"export", filepath.Join(dir, "run"), "--out", filepath.Join(dir, "x.npz"), "--weights", "opt"},
		{"export", filepath.Join(dir, "run"), "--out", filepath.Join(dir, "x.pt"), "--weights", "best"},
	} {
		if code := run(bad); code != exitFailed {
			t.Errorf("netdiffus %v: exit code %d, want %d", bad, code, exitFailed)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "x.pt")); err == nil {
		t.Error("a failed export left a file")
	}
}

// A model that was imported trains on and draws.
func TestImportedRunGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs a model: half a minute")
	}
	backendtest.Open(t) // skips where there is no XLA
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	in := writeFlows(t, at("in.parquet"), fewFlows(0))
	mustRun(t, "convert", "--in", in, "--out", at("gasf"))
	set, err := dataset.Open(at("gasf"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := small
	c.Classes, c.ChannelMult, c.Attention = len(set.Classes), []float64{1}, []int{}
	writePyTorch(t, at("model000010.pt"), pytorch.State(weightsOf(c, 1)))
	writePyTorch(t, at("opt000010.pt"), adam(c).State())
	mustRun(t, append(steps, "import", at("model000010.pt"), "--opt", at("opt000010.pt"), "--run", at("run"), "--data_dir", at("gasf"))...)
	mustRun(t, "sample", "--model_path", at("run"), "--out", at("before"), "--num_samples", "1", "--timestep_respacing", "2")
	mustRun(t, "train", "--data_dir", at("gasf"), "--run", at("run"), "--steps", "12")
	newest, _, err := checkpoint.OpenLatest(track.Checkpoints(at("run")))
	if err != nil {
		t.Fatal(err)
	}
	if newest.Step != 12 {
		t.Errorf("the newest checkpoint is of step %d, want 12", newest.Step)
	}
	drawn, err := dataset.Open(at("before"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(drawn.Classes, set.Classes) || !drawn.Encoding.Fitted() {
		t.Errorf("samples of the classes %q, want %q and an encoding", drawn.Classes, set.Classes)
	}
}

// guided-diffusion's own network and PyTorch's own AdamW take what export
// writes. It needs NETDIFFUS_PYTHON to name a Python that has PyTorch and
// finds guided_diffusion.
func TestGuidedDiffusionTakesExports(t *testing.T) {
	python := os.Getenv("NETDIFFUS_PYTHON")
	if python == "" {
		t.Skip("NETDIFFUS_PYTHON names no Python with PyTorch")
	}
	if out, err := exec.Command(python, "-c", "import torch, guided_diffusion.unet").CombinedOutput(); err != nil {
		t.Skipf("%s has no PyTorch or no guided_diffusion: %s", python, out)
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writePyTorch(t, at("model000010.pt"), pytorch.State(weightsOf(small, 1)))
	writePyTorch(t, at("opt000010.pt"), adam(small).State())
	mustRun(t, append(steps, "import", at("model000010.pt"), "--opt", at("opt000010.pt"), "--run", at("run"), "--scale=-1460,1460", "--classes", "a,b,c")...)
	mustRun(t, "export", at("run"), "--weights", "model", "--out", at("model.pt"))
	mustRun(t, "export", "--run", at("run"), "--weights", "opt", "--out", at("opt.pt"))
	out, err := exec.Command(python, "-c", `
import sys, torch
from guided_diffusion.unet import UNetModel
model = UNetModel(image_size=10, in_channels=1, model_channels=32, out_channels=2, num_res_blocks=1,
    attention_resolutions=(1,), channel_mult=(1, 2), num_classes=3, num_heads=4, use_scale_shift_norm=True)
before = torch.load(sys.argv[1] + "/model000010.pt", weights_only=True)
ours = torch.load(sys.argv[1] + "/model.pt", weights_only=True)
model.load_state_dict(ours)
assert list(ours) == [name for name, _ in model.named_parameters()] == list(before)
assert all(torch.equal(ours[name], before[name]) for name in before)
opt = torch.optim.AdamW(model.parameters())
opt.load_state_dict(torch.load(sys.argv[1] + "/opt.pt", weights_only=True))
model(torch.randn(2, 1, 10, 10), torch.tensor([1, 2]), torch.tensor([0, 1])).sum().backward()
opt.step()
print(int(opt.state_dict()["state"][0]["step"]), opt.param_groups[0]["lr"], opt.param_groups[0]["weight_decay"])
`, dir).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "11 0.0002 0.05" {
		t.Errorf("%v\n%s", err, out)
	}
}
