package main

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// execute runs one command line and returns what it prints.
func execute(ctx context.Context, args ...string) (stdout, stderr string, err error) {
	var out, log bytes.Buffer
	root := rootCommand()
	root.SetOut(&out)
	root.SetErr(&log)
	root.SetArgs(programArgs(root, args))
	err = root.ExecuteContext(ctx)
	return out.String(), log.String(), err
}

// prints fails the test where a command line fails, or prints no want. It returns what is
// printed on standard output.
func prints(t *testing.T, want string, args ...string) string {
	t.Helper()
	stdout, stderr, err := execute(context.Background(), args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", args, err, stderr)
	}
	if !strings.Contains(stdout+stderr, want) {
		t.Errorf("%s printed\n%s%s\nwant %q", args, stdout, stderr, want)
	}
	return stdout
}

func readFlows(t *testing.T, r traffic.Reader, path string) []traffic.Flow {
	t.Helper()
	flows, err := traffic.Collect(r.Read(path))
	if err != nil {
		t.Fatal(err)
	}
	return flows
}

func sameFlows(a, b []traffic.Flow) bool {
	return slices.EqualFunc(a, b, func(a, b traffic.Flow) bool {
		return a.Label == b.Label && slices.Equal(a.Packets, b.Packets)
	})
}

func TestConvertAndInvert(t *testing.T) {
	flows := fewFlows(0)
	for _, args := range [][]string{
		{},
		{"--layout", "per-class"},
		{"--low", "0.1", "--length", "32"},
		{"--scale", "-65535,65535", "--layout", "per-class"},
		{"--codec", "atoms"},
		{"--codec", "atoms", "--features", "length,direction"},
		{"--low", "0.1", "--features", "length,direction", "--length", "64"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			dir := t.TempDir()
			in, set, out := writeFlows(t, filepath.Join(dir, "in.parquet"), flows), filepath.Join(dir, "new", "set"), filepath.Join(dir, "out.parquet")
			stdout, stderr, err := execute(t.Context(), append([]string{"convert", "--in", in, "--out", set}, args...)...)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(stdout, "40 of 40 flows come back exactly") || !strings.Contains(stderr, "writing: flow 40/40") {
				t.Errorf("convert prints\n%s\n%s", stdout, stderr)
			}
			if stdout, _, err = execute(t.Context(), "invert", "--in", set, "--out", out); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(stdout, "40 flows of 4 classes") {
				t.Errorf("invert prints\n%s", stdout)
			}
			if got := readFlows(t, traffic.Reader{}, out); !sameFlows(got, flows) {
				t.Errorf("flows came back as %v", got)
			}
			if _, _, err = execute(t.Context(), "invert", "--in", set, "--out", out, "--decode", "matrix"); err != nil {
				t.Fatal(err)
			}
			if got := readFlows(t, traffic.Reader{}, out); !sameFlows(got, flows) {
				t.Errorf("off the whole images flows came back as %v", got)
			}
			if _, _, err = execute(t.Context(), "invert", "--in", set, "--out", out, "--keep_padding"); err != nil {
				t.Fatal(err)
			}
			back := readFlows(t, traffic.Reader{KeepPadding: true}, out)
			for i, f := range back {
				if len(f.Packets) < 10 || len(f.Packets) != len(back[0].Packets) {
					t.Errorf("padded flow %d has %d packets", i, len(f.Packets))
				}
			}
		})
	}
}

// TestInvertTheReferencesSamples ends at the very rows that the reference's
// own inversion wrote.
func TestInvertTheReferencesSamples(t *testing.T) {
	const seed = "data/mirage-appxact/seed-outputs/"
	samples := golden.Shared(t, seed+"samples_10_per_class_signed")
	want := readFlows(t, traffic.Reader{KeepPadding: true}, golden.Shared(t, seed+"diagonali_sintetiche.parquet"))
	out := filepath.Join(t.TempDir(), "out.parquet")
	if _, _, err := execute(t.Context(), "invert", "--in", samples, "--out", out, "--scale", "-1460,1460", "--keep_padding"); err != nil {
		t.Fatal(err)
	}
	got := readFlows(t, traffic.Reader{KeepPadding: true}, out)
	byLabel := func(a, b traffic.Flow) int { return strings.Compare(a.Label, b.Label) }
	slices.SortStableFunc(want, byLabel)
	slices.SortStableFunc(got, byLabel)
	if !sameFlows(got, want) {
		t.Error("the rows differ from the reference's")
	}
	_, _, err := execute(t.Context(), "invert", "--in", samples, "--out", out)
	if err == nil || !strings.Contains(err.Error(), "--scale MIN,MAX") {
		t.Errorf("without a scale: %v, want what is missing", err)
	}
	stdout, _, err := execute(t.Context(), "invert", "--in", golden.Shared(t, seed+"samples_100_per_class"), "--out", out, "--scale", "0,1460", "--unsigned")
	if err != nil || !strings.Contains(stdout, "1400 flows of 14 classes") || !strings.Contains(stdout, "consistency  0.014") {
		t.Errorf("the unsigned samples: %v\n%s", err, stdout)
	}
}

func TestConvertOtherImages(t *testing.T) {
	dir := t.TempDir()
	in := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0))
	for i, image := range [][]string{{"gadf"}, {"mtf", "--bins", "3"}, {"recurrence", "--eps", "0.1"}} {
		set := filepath.Join(dir, "set"+string(rune('0'+i)))
		stdout, _, err := execute(t.Context(), append([]string{"convert", "--in", in, "--out", set, "--image"}, image...)...)
		if err != nil || !strings.Contains(stdout, image[0]+" images cannot be inverted") {
			t.Errorf("%s: %v\n%s", image[0], err, stdout)
		}
		out := filepath.Join(dir, "out.parquet")
		if _, _, err = execute(t.Context(), "invert", "--in", set, "--out", out); err == nil || !strings.Contains(err.Error(), "cannot be decoded") {
			t.Errorf("invert of %s: %v", image[0], err)
		}
		if _, err := os.Stat(out); err == nil {
			t.Error("a failed invert left a file")
		}
	}
}

func TestConvertUsage(t *testing.T) {
	dir := t.TempDir()
	in := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0))
	out := filepath.Join(dir, "out")
	for _, args := range []string{
		"convert", "convert --in X", "convert --out Y", "convert --in X --out Y extra", "convert --in X --out Y --length 0",
		"convert --in X --out Y --codec zip", "convert --in X --out Y --image fft", "convert --in X --out Y --layout samples",
		"convert --in X --out Y --scale 1", "convert --in X --out Y --scale 2,1", "convert --in X --out Y --scale a,b", "convert --in X --out Y --scale NaN,1",
		"convert --in X --out Y --low 1", "convert --in X --out Y --low -0.1", "convert --in X --out Y --codec atoms --low 0.1",
		"convert --in X --out Y --bins 3", "convert --in X --out Y --eps 0.1", "convert --in X --out Y --image mtf --bins 1", "convert --in X --out Y --image recurrence --eps 2",
		"convert --unknown", "invert", "invert --in X", "invert --in X --out Y --unsigned", "invert --in X --out Y --scale 5,5",
	} {
		words := strings.Fields(args)
		for i, w := range words {
			words[i] = map[string]string{"X": in, "Y": out}[w]
			if words[i] == "" {
				words[i] = w
			}
		}
		_, _, err := execute(t.Context(), words...)
		if usage := (usageError{}); !errors.As(err, &usage) {
			t.Errorf("%s: %v, want a usage error", args, err)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a wrong command line left an output")
	}
}

func TestConvertFails(t *testing.T) {
	dir := t.TempDir()
	in := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0))
	bad := filepath.Join(dir, "bad.parquet")
	write(t, bad, "PAR1 is not enough")
	kept := filepath.Join(dir, "kept")
	if err := os.Mkdir(kept, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(kept, "notes.txt"), "mine")
	for _, c := range []struct {
		in, out string
		more    []string
		about   string
	}{
		{bad, "out", nil, "bad.parquet"},
		{filepath.Join(dir, "none.parquet"), "out", nil, "none.parquet"},
		{in, "kept", nil, "not empty"},
		{in, "kept", []string{"--overwrite"}, "not empty"},
		{in, "out", []string{"--scale", "-10,10"}, "in.parquet: row 0"},
		{in, "out", []string{"--classes", "chat,tv"}, `"tv"`},
	} {
		_, _, err := execute(t.Context(), append([]string{"convert", "--in", c.in, "--out", filepath.Join(dir, c.out)}, c.more...)...)
		if err == nil || !strings.Contains(err.Error(), c.about) {
			t.Errorf("convert of %s to %s %v = %v, want an error about %q", c.in, c.out, c.more, err, c.about)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := execute(ctx, "convert", "--in", in, "--out", filepath.Join(dir, "out")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if got, want := files(t, dir), []string{"bad.parquet", "in.parquet", "kept"}; !slices.Equal(got, want) {
		t.Errorf("left behind: %q, want %q", got, want)
	}
}

// TestOverwrite replaces an earlier output, and records its input.
func TestOverwrite(t *testing.T) {
	dir := t.TempDir()
	in, out := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0)), filepath.Join(dir, "set")
	for _, args := range [][]string{nil, {"--overwrite", "--classes", "chat"}} {
		if _, _, err := execute(t.Context(), append([]string{"convert", "--in", in, "--out", out}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	if got := files(t, out); !slices.Equal(got, []string{"chat", "manifest.json"}) {
		t.Errorf("the folder holds %q", got)
	}
	if _, _, err := execute(t.Context(), "convert", "--in", in, "--out", out); err == nil || !strings.Contains(err.Error(), "overwrite") {
		t.Errorf("without --overwrite: %v", err)
	}
	manifest, err := os.ReadFile(filepath.Join(out, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	input, err := provenance.Hash(t.Context(), in)
	if err != nil || !strings.Contains(string(manifest), input.SHA256) || strings.Contains(string(manifest), dir) {
		t.Errorf("the manifest should hold the input's hash and no path:\n%s", manifest)
	}
}

// TestConvertTimes: times are a channel, and stand in every kind of file that
// invert writes.
func TestConvertTimes(t *testing.T) {
	flows := fewFlows(0)
	for i := range flows {
		flows[i].Timed = true
		flows[i].Label = strings.TrimPrefix(flows[i].Label, "../") // folders' names
		for j := range flows[i].Packets {
			flows[i].Packets[j].IAT = float64(j * (100 + 37*i)) // few enough for a bin each
		}
	}
	for _, args := range [][]string{{"--codec", "atoms"}, {"--low", "0.1"}} {
		dir := t.TempDir()
		in, set := writeFlows(t, filepath.Join(dir, "in.parquet"), flows), filepath.Join(dir, "set")
		stdout, _, err := execute(t.Context(), append([]string{"convert", "--in", in, "--out", set, "--features", "signed_length,inter_arrival"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(stdout, "40 of 40 flows come back exactly, 40 in float32") || !strings.Contains(stdout, "times ") {
			t.Errorf("convert prints\n%s", stdout)
		}
		for _, name := range []string{"out.parquet", "out.csv", "out.jsonl", "pcap/"} {
			out := filepath.Join(dir, name)
			if strings.HasSuffix(name, "/") {
				out += "/"
			}
			if _, _, err := execute(t.Context(), "invert", "--in", set, "--out", out); err != nil {
				t.Fatal(err)
			}
			total, want := 0.0, 0.0
			for _, f := range flows {
				for _, p := range f.Packets[min(1, len(f.Packets)):] {
					want += p.IAT
				}
			}
			back := readFlows(t, traffic.Reader{}, out)
			for _, f := range back {
				if !f.Timed {
					t.Fatalf("%s: a flow without times", name)
				}
				for _, p := range f.Packets {
					total += p.IAT
				}
			}
			if len(back) != len(flows) || math.Abs(total-want) > 0.005*want {
				t.Errorf("%s: %d flows of %v microseconds in all, want %d of %v", name, len(back), total, len(flows), want)
			}
		}
	}
	in := writeFlows(t, filepath.Join(t.TempDir(), "in.parquet"), fewFlows(0))
	for args, about := range map[string]string{
		"signed_length,inter_arrival": "without inter-arrival times",
		"signed_length,length":        "both hold",
		"length,length":               "duplicate",
		"colour":                      "unknown feature",
	} {
		if _, _, err := execute(t.Context(), "convert", "--in", in, "--out", filepath.Join(t.TempDir(), "set"), "--features", args); err == nil || !strings.Contains(err.Error(), about) {
			t.Errorf("--features %s: %v, want an error about %s", args, err, about)
		}
	}
}

// loudCodec is a codec that the program has no flags for.
type loudCodec struct{ codec.MinMax }

func (loudCodec) Name() string { return "loud" }

func (c loudCodec) Fitter(int) codec.Fitter { return nil }

// --codec takes whatever is registered.
func TestConvertRegisteredCodec(t *testing.T) {
	if err := codec.Register(loudCodec{codec.MinMax{Min: -1500, Max: 1500}}); err != nil {
		t.Fatal(err)
	}
	flows := fewFlows(0)
	in, set := writeFlows(t, filepath.Join(t.TempDir(), "in.parquet"), flows), filepath.Join(t.TempDir(), "set")
	mustRun(t, "convert", "--in", in, "--out", set, "--codec", "loud", "--length", "20")
	out := filepath.Join(t.TempDir(), "out.parquet")
	mustRun(t, "invert", "--in", set, "--out", out)
	if back := readFlows(t, traffic.Reader{}, out); len(back) != len(flows) {
		t.Errorf("%d flows come back, want %d", len(back), len(flows))
	}
	if _, _, err := execute(t.Context(), "convert", "--in", in, "--out", set+"2", "--codec", "loud", "--low", "0.1"); err == nil || !strings.Contains(err.Error(), "--low") {
		t.Errorf("flags of another codec: %v", err)
	}
}
