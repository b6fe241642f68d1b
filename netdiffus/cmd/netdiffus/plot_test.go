package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// fewFlows are two ordinary classes and two with hard names, 10 flows each;
// shift moves the lengths.
func fewFlows(shift int) []traffic.Flow {
	var flows []traffic.Flow
	for i := range 40 {
		f := traffic.Flow{Label: []string{"chat", "video", "global", "../evil"}[i%4]}
		for k := range 3 + i%5 {
			f.Packets = append(f.Packets, traffic.Packet{Length: 1 + (i*37+k*211+shift)%1448, Dir: traffic.Direction((i + k) % 2)})
		}
		flows = append(flows, f)
	}
	return flows
}

func writeFlows(t *testing.T, path string, flows []traffic.Flow) string {
	t.Helper()
	if err := traffic.WriteParquet(path, traffic.All(flows)); err != nil {
		t.Fatal(err)
	}
	return path
}

// files lists what is in a folder, by base name.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestPlot(t *testing.T) {
	dir := t.TempDir()
	real := writeFlows(t, filepath.Join(dir, "real.parquet"), fewFlows(0))
	synthetic := writeFlows(t, filepath.Join(dir, "synthetic.parquet"), fewFlows(100)[:39])
	runDir := filepath.Join(dir, "run")
	keepMetrics(t, runDir)

	out := filepath.Join(dir, "a", "plots")
	if code := run([]string{"plot", "--real", real, "--synthetic", synthetic, "--run", runDir, "--out", out}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	want := []string{
		"classes_dir.png", "classes_pl.png",
		"dir_%2E.%2Fevil.png", "dir_chat.png", "dir_global.png", "dir_global~class.png", "dir_video.png",
		"distances.csv", "distances.json", "loss.png", "overview.png",
		"pl_%2E.%2Fevil.png", "pl_chat.png", "pl_global.png", "pl_global~class.png", "pl_video.png",
	}
	if got := files(t, out); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	data, err := os.ReadFile(filepath.Join(out, "distances.json"))
	if err != nil {
		t.Fatal(err)
	}
	type row struct{ Hellinger *float64 }
	var got struct {
		Overall, Classes []row
		Mean             []row `json:"mean_of_class"`
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Overall) != 2 || len(got.Mean) != 2 || len(got.Classes) != 8 {
		t.Errorf("table has %d, %d and %d rows, want 2, 2 and 8", len(got.Overall), len(got.Mean), len(got.Classes))
	}
	if h := got.Overall[0].Hellinger; h == nil || !(*h > 0 && *h < 1) {
		t.Errorf("Hellinger distance of PL = %v, want it in (0,1)", h)
	}

	// Again, as SVG, into the same folder: the user's file there stays.
	if err := os.WriteFile(filepath.Join(out, "notes.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if code := run([]string{"plot", "--real", real, "--synthetic", synthetic, "--out", out, "--format", "svg"}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	names := files(t, out)
	for _, name := range append(want, "notes.txt", "overview.svg") {
		if !slices.Contains(names, name) {
			t.Errorf("no %s", name)
		}
	}
}

// Folders of images are inverted, and shown.
func TestPlotFolders(t *testing.T) {
	dir := t.TempDir()
	for name, shift := range map[string]int{"real": 0, "synthetic": 50} {
		set, err := dataset.Build(traffic.All(fewFlows(shift)), dataset.Recipe{})
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Save(filepath.Join(dir, name), nil); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "plots")
	if code := run([]string{"plot", "--real", filepath.Join(dir, "real"), "--synthetic", filepath.Join(dir, "synthetic"), "--out", out, "--format", "svg"}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if got := files(t, out); !slices.Contains(got, "images.svg") || slices.Contains(got, "loss.svg") {
		t.Errorf("files %v: want images.svg and no loss.svg", got)
	}
}

func TestPlotLeavesNothingOnError(t *testing.T) {
	dir := t.TempDir()
	real := writeFlows(t, filepath.Join(dir, "real.parquet"), fewFlows(0))
	bad := filepath.Join(dir, "bad.parquet")
	if err := os.WriteFile(bad, []byte("PAR1 but no more"), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "plots")
	for _, c := range []struct {
		args string
		code int
	}{
		{"--real " + real + " --synthetic " + bad, exitFailed},
		{"--real " + real + " --synthetic " + dir + "/none", exitFailed},
		{"--real " + real + " --synthetic " + real + " --run " + dir, exitFailed},
		{"--real " + real + " --synthetic " + real + " --format bmp", exitUsage},
		{"--real " + real + " --synthetic " + real + " --bins 1", exitUsage},
		{"--real " + real, exitUsage},
	} {
		args := append([]string{"plot", "--out", out}, strings.Fields(c.args)...)
		if code := run(args); code != c.code {
			t.Errorf("plot %s: exit code %d, want %d", c.args, code, c.code)
		}
		if got, want := files(t, dir), []string{"bad.parquet", "real.parquet"}; !slices.Equal(got, want) {
			t.Fatalf("plot %s left %v, want %v", c.args, got, want)
		}
	}
}

// keepMetrics makes a run directory with a short training's metrics.
func keepMetrics(t *testing.T, dir string) {
	t.Helper()
	r, err := track.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	log, err := r.OpenLog(0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for step := 10; step <= 100; step += 10 {
		if err := log.Add(step, map[string]float64{"loss": 1 / float64(step), "mse": 0.9 / float64(step), "vb": 0.1}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPlotTimes: where both sides have times they are drawn, too.
func TestPlotTimes(t *testing.T) {
	dir := t.TempDir()
	flows := fewFlows(0)
	for i := range flows {
		flows[i].Timed = true
		for j := range flows[i].Packets {
			flows[i].Packets[j].IAT = float64(j * 1000 * (1 + i))
		}
	}
	timed := writeFlows(t, filepath.Join(dir, "timed.parquet"), flows)
	untimed := writeFlows(t, filepath.Join(dir, "untimed.parquet"), fewFlows(0))
	for synthetic, want := range map[string]bool{timed: true, untimed: false} {
		out := filepath.Join(dir, filepath.Base(synthetic)+"-plots")
		if code := run([]string{"plot", "--real", timed, "--synthetic", synthetic, "--out", out, "--format", "svg"}); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		got := files(t, out)
		if slices.Contains(got, "iat_global.svg") != want || slices.Contains(got, "classes_iat.svg") != want {
			t.Errorf("compared with %s: files %v", filepath.Base(synthetic), got)
		}
	}
}

// More flows or series than --limit are drawn from, on each side, and the program says so; the
// figures are those of the ones drawn.
func TestPlotLimit(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	real := writeFlows(t, at("real.parquet"), fewFlows(0))
	var ofSeries strings.Builder
	ofSeries.WriteString("label,v_0,v_1\n")
	for i := range 12 {
		fmt.Fprintf(&ofSeries, "%s,%d,%d\n", []string{"a", "b"}[i%2], i, i*i)
	}
	if err := os.WriteFile(at("series.csv"), []byte(ofSeries.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	prints(t, "", "convert", "--in", at("series.csv"), "--out", at("images"))
	for _, c := range []struct{ in, want string }{
		{real, "real side: 12 of 40, drawn at random: at most 3 of each class"},
		{at("series.csv"), "real side: 6 of 12"},
		{at("images"), "synthetic side: 6 of 12"},
	} {
		out := prints(t, c.want, "plot", "--real", c.in, "--synthetic", c.in, "--out", at("plots"), "--limit", "3")
		if again := prints(t, c.want, "plot", "--real", c.in, "--synthetic", c.in, "--out", at("plots"), "--limit", "3"); again != out {
			t.Errorf("%s: another time\n%s\nafter\n%s", c.in, again, out)
		}
		for _, limit := range []string{"0", "10"} {
			_, stderr, err := execute(t.Context(), "plot", "--real", c.in, "--synthetic", c.in, "--out", at("plots"), "--limit", limit)
			if err != nil || strings.Contains(stderr, "drawn at random") {
				t.Errorf("--limit %s: %v\n%s", limit, err, stderr)
			}
		}
	}
	if _, _, err := execute(t.Context(), "plot", "--real", real, "--synthetic", real, "--out", at("plots"), "--limit", "-1"); err == nil || !strings.Contains(err.Error(), "--limit") {
		t.Errorf("--limit -1: %v", err)
	}
}
