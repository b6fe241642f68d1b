package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// writeTalk writes n flows of each of two classes that answer differently.
func writeTalk(t *testing.T, n int) string {
	t.Helper()
	var flows []traffic.Flow
	for i := range 2 * n {
		f := traffic.Flow{Label: fmt.Sprintf("talk%d", i%2), Packets: make([]traffic.Packet, 3)}
		traffic.SignedLength{}.Restore([]float64{-100, float64(200 + 300*(i%2) + i%7), -float64(10 + i%5)}, f.Packets)
		flows = append(flows, f)
	}
	path := filepath.Join(t.TempDir(), "flows.parquet")
	if err := traffic.WriteParquet(path, traffic.All(flows)); err != nil {
		t.Fatal(err)
	}
	return path
}

func evaluate(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	c := rootCommand()
	c.SetOut(&out)
	c.SetErr(&errs)
	c.SetArgs(append([]string{"evaluate"}, args...))
	err = c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestEvaluate(t *testing.T) {
	train, test, dir := writeTalk(t, 60), writeTalk(t, 30), filepath.Join(t.TempDir(), "deep", "report")
	images := filepath.Join(t.TempDir(), "images")
	set, err := dataset.Build(traffic.Read(writeTalk(t, 40)), dataset.Recipe{SeriesLength: 4})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Save(images, nil); err != nil {
		t.Fatal(err)
	}
	common := []string{"--real-train", train, "--real-test", test, "--synthetic", images, "--out", dir, "--per-class", "20,all", "--seeds", "2", "--trees", "10"}
	out, err := evaluate(t, common...)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "as useful as real flows") || !strings.Contains(out, "Markov, order 1") {
		t.Errorf("summary:\n%s", out)
	}
	for _, name := range []string{"report.html", "metrics.json"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "metrics.json"))
	if err != nil {
		t.Fatal(err)
	}
	var written, metrics struct {
		Inputs   []struct{ SHA256 string }
		Settings struct{ Length int }
	}
	if err := json.Unmarshal(text, &written); err != nil || written.Settings.Length != 4 {
		t.Errorf("%d packets a flow, %v; the images show 4", written.Settings.Length, err)
	}
	out, err = evaluate(t, append(common, "--json", "--tasks", "classification", "--length", "3", "--also", "mine="+train, "--also", "as images="+images)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{`"source":"mine"`, `"source":"as images"`, `"name":"mine"`} {
		if !strings.Contains(out, row) {
			t.Errorf("no %s in what is printed", row)
		}
	}
	if err := json.Unmarshal([]byte(out), &metrics); err != nil || len(metrics.Inputs) != 5 || metrics.Inputs[2].SHA256 == "" {
		t.Errorf("--json: %v, inputs %+v", err, metrics.Inputs)
	}
	if metrics.Settings.Length != 3 {
		t.Errorf("%d packets a flow, told 3", metrics.Settings.Length)
	}
}

// More flows than --limit are drawn from, on each side; fewer are left as they are.
func TestEvaluateLimit(t *testing.T) {
	train, test, synthetic := writeTalk(t, 60), writeTalk(t, 30), writeTalk(t, 50)
	common := []string{"--real-train", train, "--real-test", test, "--synthetic", synthetic, "--per-class", "10", "--seeds", "1", "--trees", "5", "--tasks", "classification"}
	out, err := evaluate(t, append(common, "--out", t.TempDir(), "--limit", "40")...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"training flows: 80 of 120, drawn at random", "synthetic flows: 80 of 100, drawn at random: at most 40 of each class, seed 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "test flows: ") {
		t.Errorf("60 test flows were drawn from:\n%s", out)
	}
	// What is judged at one size cannot be less than that.
	if out, err = evaluate(t, append(common, "--out", t.TempDir(), "--limit", "1", "--per-class", "45")...); err != nil || !strings.Contains(out, "synthetic flows: 90 of 100") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err = evaluate(t, append(common, "--out", t.TempDir(), "--limit", "-1")...); err == nil || !strings.Contains(err.Error(), "--limit") {
		t.Errorf("--limit -1: %v", err)
	}
}

func TestEvaluateRefuses(t *testing.T) {
	flows := writeTalk(t, 20)
	out := filepath.Join(t.TempDir(), "report")
	all := []string{"--real-train", flows, "--real-test", flows, "--synthetic", flows, "--out", out}
	for _, c := range []struct {
		args []string
		want string
	}{
		{all[:6], "--out is missing"},
		{append(all, "--per-class", "0"), "--per-class"},
		{append(all, "--per-class", "many"), "--per-class"},
		{append(all, "--tasks", "cooking"), "--tasks"},
		{append(all, "--classifiers", "oracle"), "--classifiers"},
		{append(all, "--seeds", "0"), "--seeds"},
		{append(all, "--length", "1"), "--length"},
		{append(all, "--privacy", "thorough"), "--privacy"},
		{append(all, "--privacy", "quick", "--shadow-run", "run"), "--shadow-run is for --privacy deep"},
		{append(all, "--privacy", "deep", "--shadow-run", flows+".gone"), "--shadow-run"},
		{append(all, "--privacy", "quick"), "held-out records are left to attack"},
		{append(all, "--also", flows), "--also"},
		{append(all, "--also", "="+flows), "--also"},
		{append(all, "--also", "mine="+flows+".gone"), "no such file"},
		{append(all, "--also", "real="+flows), "a name that no other row has"},
		{append(all[:4:4], "--synthetic", flows+".gone", "--out", out), "no such file"},
		{append(all[:6:6], "--out", flows), "is a file: name a folder"},
	} {
		if _, err := evaluate(t, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a report was left by commands that failed")
	}
}

// writeChat writes n flows of each of two classes with lengths that hardly any other has.
func writeChat(t *testing.T, n int, seed uint64) string {
	t.Helper()
	rng := noise.Stream(seed)
	var flows []traffic.Flow
	for i := range 2 * n {
		f := traffic.Flow{Label: fmt.Sprintf("chat%d", i%2), Packets: make([]traffic.Packet, 3)}
		traffic.SignedLength{}.Restore([]float64{-float64(1 + rng.IntN(1400)), float64(1 + rng.IntN(1400)), -float64(1 + rng.IntN(1400))}, f.Packets)
		flows = append(flows, f)
	}
	path := filepath.Join(t.TempDir(), "flows.parquet")
	if err := traffic.WriteParquet(path, traffic.All(flows)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEvaluatePrivacy: a chain of order 2 copies three packets from one flow, and the run's
// own settings as shadow models tell.
func TestEvaluatePrivacy(t *testing.T) {
	train, test, dir := writeChat(t, 100, 1), writeChat(t, 100, 2), t.TempDir()
	atoms, run, drawn := filepath.Join(dir, "atoms"), filepath.Join(dir, "run"), filepath.Join(dir, "drawn")
	for _, args := range [][]string{
		{"convert", "--in", train, "--out", atoms, "--codec", "atoms", "--layout", "per-class"},
		{"train", "--data-dir", atoms, "--run", run, "--order", "2"},
		{"sample", "--run", run, "--out", drawn, "--num-samples", "100"},
	} {
		if _, stderr, err := execute(t.Context(), args...); err != nil {
			t.Fatalf("%s: %v\n%s", args, err, stderr)
		}
	}
	out, err := evaluate(t, "--real-train", train, "--real-test", test, "--synthetic", drawn, "--out", filepath.Join(dir, "report"),
		"--per-class", "50", "--seeds", "1", "--trees", "5", "--tasks", "classification", "--privacy", "deep", "--shadow-run", run)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "more often than by a coin") || !strings.Contains(out, "LiRA") {
		t.Errorf("summary:\n%s", out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "report", "metrics.json"))
	if err != nil {
		t.Fatal(err)
	}
	var metrics struct {
		Privacy struct {
			Shadow string
			Rows   []struct {
				Source     string
				Membership []struct {
					Attack string
					AUC    struct{ Low float64 }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &metrics); err != nil {
		t.Fatal(err)
	}
	p := metrics.Privacy
	if p.Shadow != "the run's own settings" || len(p.Rows) == 0 || p.Rows[0].Source != "synthetic" {
		t.Fatalf("metrics.json has %+v", p)
	}
	if last := p.Rows[0].Membership[len(p.Rows[0].Membership)-1]; last.Attack != "lira" || last.AUC.Low < 0.7 {
		t.Errorf("%s has AUC %+v, want LiRA above 0.7", last.Attack, last.AUC)
	}
}
