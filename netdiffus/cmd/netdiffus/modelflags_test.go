package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus"
)

// apply is base with the flags of one command line.
func apply(t *testing.T, base netdiffus.Config, line string) (netdiffus.Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.SetNormalizeFunc(canonical)
	given := addSettings(flags, netdiffus.Default(), append(append([]setting{}, modelSettings...), trainSettings...)...)
	if err := flags.Parse(joinSwitches(flags, noArguments, strings.Fields(line))); err != nil {
		return base, err
	}
	return base, given.apply(&base)
}

func diff(t *testing.T, a, b netdiffus.Config) []string {
	t.Helper()
	lines, err := netdiffus.Diff(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// The flags of the reference's README, as typed there, make the reference's
// model, and change nothing in it.
func TestTheReferencesFlagsAreThePresetReference(t *testing.T) {
	const readme = "--image_size 10 --num_channels 128 --num_res_blocks 3 --diffusion_steps 100 --noise_schedule cosine " +
		"--learn_sigma True --class_cond True --rescale_learned_sigmas False --rescale_timesteps False --lr 1e-4 --batch_size 4"
	want := netdiffus.Reference()
	want.Image.Side = 10
	for name, base := range map[string]netdiffus.Config{"default": netdiffus.Default(), "reference": netdiffus.Reference()} {
		got, err := apply(t, base, readme)
		if err != nil {
			t.Fatal(err)
		}
		if lines := diff(t, want, got); len(lines) > 0 {
			t.Errorf("from %s: %v", name, lines)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct{ line, want string }{ // want: lines of Diff with the default
		{"", ""},
		{"--channel_mult 1,2,2", "unet.channel_mult: [1,2,2], was nothing"},
		{"--attention_resolutions 5", "unet.attention_resolutions: [5], was [16,8]"},
		{"--num_head_channels 32 --num_heads_upsample -1", "unet.num_head_channels: 32, was nothing"},
		{"--use_scale_shift_norm False", "unet.add_embedding: true, was nothing"},
		{"--learn_sigma false", `diffusion.variance: "fixed_large", was "learned_range"`},
		{"--variance fixed_small --learn_sigma 0", `diffusion.variance: "fixed_small", was "learned_range"`},
		{"--use_kl True --rescale_learned_sigmas False", `diffusion.loss: "rescaled_kl", was "rescaled_mse"`},
		{"--predict_xstart True", `diffusion.predict: "x0", was "eps"`},
		{"--v_prediction True --predict_xstart False", `diffusion.predict: "v", was "eps"`},
		{"--ema_rate 0.9999,0.99", "training.ema_rate: [0.9999,0.99], was [0.999]"},
		{"--microbatch -1", ""},
		{"--seed 18446744073709551615", "training.seed: 18446744073709551615, was 0"},
	} {
		got, err := apply(t, netdiffus.Default(), c.line)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		if lines := strings.Join(diff(t, netdiffus.Default(), got), "; "); lines != c.want {
			t.Errorf("%s: %s, want %s", c.line, lines, c.want)
		}
	}
	for _, line := range []string{"--learn_sigma maybe", "--noise_schedule sigmoid", "--num_channels many", "--ema_rate 0.9,x", "--seed -1"} {
		if _, err := apply(t, netdiffus.Default(), line); err == nil {
			t.Errorf("%s: nothing wrong", line)
		}
	}
}

// The flags of a model over atoms go with its presets, and with no other.
func TestAtomSettings(t *testing.T) {
	got, err := apply(t, netdiffus.Presets["network"](), "--trunk unet --base independent")
	if err != nil {
		t.Fatal(err)
	}
	if a := got.Kind.(netdiffus.Atoms); a.Trunk.Name() != "unet" || a.Base.Name() != "independent" {
		t.Errorf("trunk %s, base %s, want unet, independent", a.Trunk, a.Base)
	}
	if _, err := apply(t, netdiffus.Default(), "--trunk unet"); err == nil {
		t.Error("a trunk for a model over pixels: nothing wrong")
	}
	if _, err := apply(t, netdiffus.Presets["network"](), "--trunk rnn"); err == nil {
		t.Error("an unknown trunk: nothing wrong")
	}
}

// sample takes the model's flags again and finds those that do not fit.
func TestSettingsAreCheckedAgainstARun(t *testing.T) {
	run := netdiffus.Reference()
	run.Image.Side, run.UNet.ChannelMult = 10, []float64{1, 2}
	for _, c := range []struct{ line, want string }{
		{"--image_size 10 --num_channels 128 --learn_sigma True --use_kl False --channel_mult 1,2 --attention_resolutions 16,8", ""},
		{"--num_res_blocks 2", "--num-res-blocks 2 does not fit the model, which was trained with --num-res-blocks 3"},
		{"--learn_sigma false", "--learn-sigma false does not fit the model, which was trained with --learn-sigma true"},
		{"--noise_schedule linear", "--noise-schedule linear does not fit the model, which was trained with --noise-schedule cosine"},
	} {
		flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
		flags.SetNormalizeFunc(canonical)
		given := addSettings(flags, netdiffus.Default(), modelSettings...)
		if err := flags.Parse(joinSwitches(flags, noArguments, strings.Fields(c.line))); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := given.check(run); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"train"},
		{"train", "--data_dir", "x", "--preset", "huge"},
		{"train", "--learn_sigma", "maybe"},
		{"sample", "--model_path", "x"},
		{"sample", "--model_path", "x", "--out", "y", "--sampler", "euler"},
		{"sample", "--model_path", "x", "--out", "y", "--num_samples", "0"},
	} {
		if got := run(args); got != exitUsage {
			t.Errorf("netdiffus %s: exit code %d, want %d", strings.Join(args, " "), got, exitUsage)
		}
	}
	for _, args := range [][]string{
		{"train", "--data_dir", t.TempDir() + "/none", "--steps", "1"},
		{"train", "--config", t.TempDir() + "/none.json", "--print-config"},
		{"sample", "--model_path", t.TempDir(), "--out", t.TempDir() + "/out"},
	} {
		if got := run(args); got != exitFailed {
			t.Errorf("netdiffus %s: exit code %d, want %d", strings.Join(args, " "), got, exitFailed)
		}
	}
}

func TestPrintedConfigIsRead(t *testing.T) {
	dir := t.TempDir()
	print := func(args ...string) string {
		t.Helper()
		root, out := rootCommand(), new(bytes.Buffer)
		root.SetArgs(append([]string{"train", "--print-config"}, args...))
		root.SetOut(out)
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	first := print("--num_channels", "96", "--preset", "reference")
	write(t, dir+"/c.json", first)
	if got := print("--config", dir+"/c.json"); got != first {
		t.Errorf("read back:\n%s\nwant\n%s", got, first)
	}
	write(t, dir+"/c.yaml", "unet:\n  num_channels: 96\n  num_res_blocks: 3\n")
	if got := print("--config", dir+"/c.yaml", "--preset", "reference"); got != first {
		t.Errorf("from YAML:\n%s\nwant\n%s", got, first)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestProgressLines(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "step", 4)
	p.every = 0
	p.start = time.Now().Add(-2 * time.Second)
	p.set(1, "loss 0.5")
	p.set(4, "")
	if got, want := out.String(), "step 1/4  loss 0.5  6s left\nstep 4/4\n"; got != want {
		t.Errorf("lines %q, want %q", got, want)
	}
}
