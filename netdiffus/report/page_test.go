package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// TestDescribeKnowsTheRun: a set of samples, and a file of flows read from one, name the run
// that they are from.
func TestDescribeKnowsTheRun(t *testing.T) {
	flows := chatter(2, 5, 3)
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	images, file, plain := filepath.Join(dir, "images"), filepath.Join(dir, "drawn.parquet"), filepath.Join(dir, "plain.csv")
	set.Origin = &dataset.Origin{Run: "0123", Way: "network"}
	if err := set.Save(images, nil); err != nil {
		t.Fatal(err)
	}
	if err := (traffic.Writer{Run: "0123"}).Write(file, traffic.All(flows)); err != nil {
		t.Fatal(err)
	}
	if err := traffic.Write(plain, traffic.All(flows)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{images: "0123", file: "0123", plain: ""} {
		input, err := Describe(t.Context(), "synthetic", path)
		if err != nil || input.MadeBy != want {
			t.Errorf("%s: made by %q, %v; want %q", filepath.Base(path), input.MadeBy, err, want)
		}
		if path == images && input.Way != "network" {
			t.Errorf("drawn by %q, want the network", input.Way)
		}
	}
}

func TestWrite(t *testing.T) {
	set, err := dataset.Build(traffic.All(chatter(3, 30, 3)), dataset.Recipe{SeriesLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	images := filepath.Join(t.TempDir(), "images")
	if err := set.Save(images, nil); err != nil {
		t.Fatal(err)
	}
	d := Data{Train: chatter(3, 60, 1), Test: chatter(3, 30, 2)}
	if d.Synthetic, err = Open(images, dataset.Recipe{}); err != nil {
		t.Fatal(err)
	}
	input, err := Describe(t.Context(), "synthetic", images)
	if err != nil || input.SHA256 == "" {
		t.Fatalf("Describe = %+v, %v: want the manifest's hash", input, err)
	}
	d.Inputs = []Input{input}
	r, err := Run(t.Context(), d, small())
	if err != nil {
		t.Fatal(err)
	}
	if im := r.Images; im == nil || im.Images != 90 || im.Holes != 0 || im.Empty != 0 || im.Inconsistency > 1e-6 {
		t.Errorf("images as they were encoded: %+v", im)
	}
	out := filepath.Join(t.TempDir(), "a", "report")
	if err := r.Write(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(out, jsonName))
	if err != nil {
		t.Fatal(err)
	}
	var metrics struct {
		Schema string
		Sizes  []struct {
			Rows []struct {
				Source  string
				Figures map[string]struct {
					Mean, SD *float64
					Values   []*float64
				}
			}
		}
	}
	if err := json.Unmarshal(text, &metrics); err != nil {
		t.Fatal(err)
	}
	if f := metrics.Sizes[0].Rows[0].Figures["tstr_accuracy"]; metrics.Schema != schema || f.Mean == nil || len(f.Values) != 2 {
		t.Errorf("schema %q, TSTR %+v", metrics.Schema, f)
	}

	page, err := os.ReadFile(filepath.Join(out, HTMLName))
	if err != nil {
		t.Fatal(err)
	}
	picture := regexp.MustCompile(`<img alt="[^"]+" src="data:image/png;base64,[^"]+">`)
	if n := len(picture.FindAll(page, -1)); n != 10 {
		t.Errorf("%d pictures, want 10", n)
	}
	page = picture.ReplaceAll(page, nil)
	// One file, nothing to run, nothing to fetch.
	for _, bad := range []string{"<script", "http://", "https://", "<link", "@import", "ZgotmplZ", "NaN", "<no value>", "%!"} {
		if strings.Contains(string(page), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if open, closed := strings.Count(string(page), "<tr"), strings.Count(string(page), "</tr>"); open != closed {
		t.Errorf("%d rows opened, %d closed", open, closed)
	}
	var summary strings.Builder
	if err := r.Summary(&summary); err != nil || !strings.Contains(summary.String(), "Markov, order 2") {
		t.Errorf("summary (%v):\n%s", err, summary.String())
	}
}
