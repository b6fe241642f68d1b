package beam

import (
	"os"
	"path/filepath"
	"testing"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/report"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// What Beam judges of shards is what is judged of the set merged of them without it, with
// work that fails between.
func TestEvaluate(t *testing.T) {
	dir := t.TempDir()
	run, many := newRun(t), filepath.Join(dir, "many")
	so := pinned(t, SampleOptions{Run: run, Device: device, Out: many, N: 80, Shards: 3})
	if err := runSample(t.Context(), 1, so); err != nil {
		t.Fatal(err)
	}
	var flows []traffic.Flow
	for i := range 60 {
		up, down := traffic.Packet{Length: 100 + i%7}, traffic.Packet{Length: 1400 - i%5, Dir: traffic.Down}
		flows = append(flows, traffic.Flow{Label: "ask", Packets: []traffic.Packet{up, down, down, down}}, traffic.Flow{Label: "send", Packets: []traffic.Packet{up, up, up, down}[:2+i%3]})
	}
	train, test := filepath.Join(dir, "train.parquet"), filepath.Join(dir, "test.csv")
	for path, part := range map[string][]traffic.Flow{train: flows[:80], test: flows[80:]} {
		if err := traffic.Write(path, traffic.All(part)); err != nil {
			t.Fatal(err)
		}
	}
	o := EvaluateOptions{
		Train: train, Test: test, Synthetic: many, Out: filepath.Join(dir, "report"), Limit: report.Limit{PerClass: 30, Seed: 2},
		PerClass: []int{10}, Seeds: 2, Trees: 10, Tasks: []report.Task{report.Classification},
	}
	listed, err := o.Listed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	deathsIn := t.TempDir()
	fault = dying(deathsIn, func(where string) { panic("dying: " + where) })
	defer func() { fault = func(string, string) {} }()
	if _, err := Run(t.Context(), "prism", 20, func(s sdk.Scope) { Evaluate(s, listed) }); err != nil {
		t.Fatal(err)
	}
	if n := len(deaths(t, deathsIn)); n == 0 {
		t.Error("no work failed")
	}

	set, of, err := dataset.OpenDrawn(merged(t, many), nil, o.Limit.PerClass, o.Limit.Seed)
	if err != nil {
		t.Fatal(err)
	}
	d := report.Data{}
	if d.Synthetic.Flows, err = traffic.Collect(set.PaddedFlows()); err != nil {
		t.Fatal(err)
	}
	for _, in := range []struct {
		role, path string
		flows      *[]traffic.Flow
	}{{"train", train, &d.Train}, {"test", test, &d.Test}} {
		input, err := report.Describe(t.Context(), in.role, in.path)
		if err != nil {
			t.Fatal(err)
		}
		input.Path = filepath.Base(in.path)
		if *in.flows, input.Drawn, err = o.Limit.Flows(traffic.Read(in.path)); err != nil {
			t.Fatal(err)
		}
		d.Inputs = append(d.Inputs, input)
	}
	d.Inputs = append(d.Inputs, report.Input{Role: "synthetic", Path: "many", MadeBy: set.Origin.Run, Drawn: o.Limit.Drawn(len(d.Synthetic.Flows), of)})
	r, err := report.Run(t.Context(), d, report.Options{PerClass: o.PerClass, Seeds: o.Seeds, Trees: o.Trees, Tasks: o.Tasks, SeriesLength: 4})
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(o.Out, "metrics.json"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("Beam's report is\n%s\nwant\n%s", got, want)
	}
	if _, err := os.Stat(filepath.Join(o.Out, report.HTMLName)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(o.Out, stagedName)); err == nil {
		if entries, _ := os.ReadDir(filepath.Join(o.Out, stagedName)); len(entries) > 0 {
			t.Errorf("left in the output: %v", entries)
		}
	}
	if err := os.RemoveAll(filepath.Join(many, "shard-00001-of-00003")); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Listed(t.Context()); err == nil {
		t.Error("a missing shard was not missed")
	}
}
