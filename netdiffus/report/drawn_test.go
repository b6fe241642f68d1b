package report

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// A file and a set of images of the same flows are drawn from alike, and the report says so
// wherever it is read.
func TestLimit(t *testing.T) {
	flows := chatter(3, 90, 4)
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	images, file := filepath.Join(dir, "images"), filepath.Join(dir, "flows.parquet")
	if err := set.Save(images, &dataset.SaveOptions{Layout: dataset.PerClass}); err != nil {
		t.Fatal(err)
	}
	if err := traffic.Write(file, traffic.All(flows)); err != nil {
		t.Fatal(err)
	}
	limit := Limit{PerClass: 50, Seed: 3}
	ofImages, drawn, err := limit.Open(traffic.Reader{}, images, dataset.Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	if drawn == nil || *drawn != (Drawn{150, 270, 50, 3}) {
		t.Errorf("drawn %+v", drawn)
	}
	ofFile, again, err := limit.Open(traffic.Reader{}, file, dataset.Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	if again == nil || *again != *drawn || len(ofFile.Flows) != len(ofImages.Flows) {
		t.Errorf("of the file %+v, %d flows", again, len(ofFile.Flows))
	}
	for i, f := range ofFile.Flows {
		padded := make([]traffic.Packet, 6)
		copy(padded, f.Packets)
		for j := len(f.Packets); j < len(padded); j++ {
			padded[j].Dir = ofImages.Flows[i].Packets[j].Dir
		}
		if g := ofImages.Flows[i]; g.Label != f.Label || fmt.Sprint(g.Packets) != fmt.Sprint(padded) {
			t.Fatalf("flow %d is %v of the file and %v of the images", i, f, g)
		}
	}
	for _, l := range []Limit{{}, {PerClass: 90}} {
		if all, drawn, err := l.Open(traffic.Reader{}, images, dataset.Recipe{}); err != nil || drawn != nil || len(all.Flows) != 270 {
			t.Errorf("%+v: %d flows, %v, %v", l, len(all.Flows), drawn, err)
		}
	}

	d := Data{Train: chatter(3, 60, 1), Test: chatter(3, 30, 2), Synthetic: ofImages}
	d.Inputs = []Input{{Role: "train", Drawn: &Drawn{180, 400, 60, 0}}, {Role: "test"}, {Role: "synthetic", Drawn: drawn}}
	o := small()
	o.Tasks = []Task{Classification}
	r, err := Run(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	var summary strings.Builder
	if err := r.Summary(&summary); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string][2]string{
		"summary":      {summary.String(), "judged on a part of the synthetic flows: 150 of 270, drawn at random: at most 50 of each class, seed 3"},
		"notes":        {strings.Join(r.Notes, "\n"), "Judged on a part of the synthetic flows: 150 of 270"},
		"caveat":       {strings.Join(r.Notes, "\n"), "Copies of training flows that were not drawn are not found"},
		"metrics.json": {string(text), `"drawn":{"judged":150,"of":270,"per_class":50,"seed":3}`},
	} {
		if !strings.Contains(want[0], want[1]) {
			t.Errorf("%s: want %q in\n%s", where, want[1], want[0])
		}
	}
	if strings.Contains(summary.String(), "test flows: ") {
		t.Error("the summary says that test flows were drawn")
	}
}
