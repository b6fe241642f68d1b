package main

import (
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/pytorch"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// TestOldRoad: flows to PNG, a model of RGB pictures, samples as guided-diffusion
// writes them and as PNG, and back to flows, with the reference's flags.
func TestOldRoad(t *testing.T) {
	if testing.Short() {
		t.Skip("trains and samples")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	in := writeFlows(t, at("in.parquet"), fewFlows(0))
	stdout, _, err := execute(t.Context(), "convert", "--in", in, "--out", at("png"), "--format", "png", "--color", "jet", "--image_size", "16", "--group", "Youtube")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stdout, "% of packets come back with their length") || !strings.Contains(stdout, "16 x 16 pixels of 3 channel(s), jet") {
		t.Errorf("convert prints\n%s", stdout)
	}
	_, stderr, err := execute(t.Context(), "train", "--data_dir", at("png"), "--run", at("run"), "--steps", "2",
		"--image_size", "16", "--num_channels", "32", "--num_res_blocks", "1", "--channel_mult", "1", "--attention_resolutions", "16,8",
		"--diffusion_steps", "8", "--noise_schedule", "cosine", "--learn_sigma", "True", "--class_cond", "True",
		"--rescale_learned_sigmas", "False", "--rescale_timesteps", "False", "--lr", "5e-5", "--batch_size", "2",
		"--microbatch", "1", "--use_checkpoint", "True", "--use_fp16", "True", "--random_flip", "True", "--num_heads", "2", "--num_head_channels", "-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"--use-fp16 is ignored", "--use-checkpoint is ignored", "--random-flip mirrors"} {
		if strings.Count(stderr, said) != 1 {
			t.Errorf("train does not say once %q:\n%s", said, stderr)
		}
	}
	mustRun(t, "sample", "--model_path", at("run"), "--out", at("npz"), "--num_samples", "2")
	mustRun(t, "sample", "--model_path", at("run"), "--out", at("drawn"), "--num_samples", "2", "--format", "png")
	for _, name := range []string{"npz/samples_8x16x16x3.npz", "npz/samples.png", "npz/label_map.csv", "drawn/samples.png", "drawn/flows.csv"} {
		if _, err := os.Stat(at(name)); err != nil {
			t.Error(err)
		}
	}
	a, err := dataset.Open(at("npz"), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := dataset.Open(at("drawn"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Images.Bytes) != 8*16*16*3 || string(a.Images.Bytes) != string(b.Images.Bytes) {
		t.Error("the same samples differ as npz and as png")
	}
	for _, from := range []string{"png", "npz", "drawn"} {
		stdout, _, err := execute(t.Context(), "invert", "--in", at(from), "--out", at(from+".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(stdout, "from the colours of jet") || strings.Contains(stdout, "come back with their length") != (from == "png") {
			t.Errorf("invert of %s prints\n%s", from, stdout)
		}
	}
	if got := len(readFlows(t, traffic.Reader{}, at("png.parquet"))); got != 40 {
		t.Errorf("%d flows came back of 40", got)
	}
	mustRun(t, "plot", "--real", at("png"), "--synthetic", at("npz"), "--out", at("plots"), "--run", at("run"))
	mustRun(t, "plot", "--real", in, "--synthetic", at("drawn"), "--out", at("plots"))
	if longtest.On() {
		mustRun(t, "train", "--data_dir", at("png"), "--run", at("run"), "--steps", "3") // finds the size in the run
	}
}

func TestPictureUsage(t *testing.T) {
	dir := t.TempDir()
	in := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0))
	out := filepath.Join(dir, "out")
	for _, c := range []struct {
		line, want string
	}{
		{"--image_size 64", "--image-size is for pictures"},
		{"--format jpeg", `--format "jpeg"`},
		{"--format png --color hot", "unknown colours"},
		{"--format png --gamma 0", "--gamma 0"},
		{"--format png --layout per-class", "--layout is for images of numbers"},
		{"--color gray --group A", "--group is for --format png"},
		{"--format png --features length,direction", "one feature"},
	} {
		_, _, err := execute(t.Context(), append([]string{"convert", "--in", in, "--out", out}, strings.Fields(c.line)...)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("convert %s: %v, want %q", c.line, err, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("convert %s leaves a folder", c.line)
		}
	}
	mustRun(t, "convert", "--in", in, "--out", out, "--format", "png", "--color", "gray", "--gamma", "0.5")
	file, err := os.Open(filepath.Join(out, "chat", "chat_0.png"))
	if err != nil {
		entries, _ := os.ReadDir(out)
		t.Fatal(err, entries)
	}
	defer file.Close()
	if c, err := png.DecodeConfig(file); err != nil || c.Width != 10 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestImportModelOfPictures: guided-diffusion's own networks, of 3 channels, come in
// that can be decoded from their pictures.
func TestImportModelOfPictures(t *testing.T) {
	dir := t.TempDir()
	network := unet.Config{
		ImageSize: 16, InChannels: 3, Channels: 32, ChannelMult: []float64{1, 2}, ResBlocks: 1, Attention: []int{16, 8}, Classes: 4, LearnSigma: true,
	}
	path := writePyTorch(t, filepath.Join(dir, "model000005.pt"), pytorch.State(weightsOf(network, 1)))
	run := filepath.Join(dir, "run")
	mustRun(t, append(steps, "import", path, "--run", run, "--scale=-1460,1460", "--classes", "a,b,c,d", "--image_size", "16", "--length", "10")...)
	var cfg netdiffus.Config
	if err := track.ReadConfig(run, &cfg); err != nil {
		t.Fatal(err)
	}
	if e := cfg.Encoding; e.SeriesLength() != 10 || e.Rendering() == nil || *e.Rendering() != (imaging.Rendering{Color: "jet", Side: 16}) {
		t.Errorf("encoding %+v, %+v", cfg.Encoding, cfg.Encoding.Rendering())
	}
	in := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0))
	mustRun(t, "convert", "--in", in, "--out", filepath.Join(dir, "png"), "--format", "png")
	mustRun(t, append(steps, "import", path, "--run", run+"2", "--data_dir", filepath.Join(dir, "png"), "--image_size", "16")...)
	if err := track.ReadConfig(run+"2", &cfg); err != nil {
		t.Fatal(err)
	}
	if e := cfg.Encoding; e.SeriesLength() != 10 || e.Rendering().Side != 16 || cfg.Image.Channels != 3 {
		t.Errorf("encoding %+v, %+v", cfg.Encoding, cfg.Encoding.Rendering())
	}
}
