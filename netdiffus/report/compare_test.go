package report

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func mustCompare(t *testing.T, real, synthetic Traffic, length int) *Comparison {
	t.Helper()
	c, err := Compare(real, synthetic, length)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCompareAsRun: a comparison's distances are the report's figures.
func TestCompareAsRun(t *testing.T) {
	long(t)
	d := Data{Train: chatter(3, 40, 1), Test: chatter(3, 30, 2), Synthetic: Traffic{Flows: chatter(3, 20, 3)}}
	r, err := Run(t.Context(), d, Options{PerClass: []int{20}, Seeds: 1, SeriesLength: 6, Trees: 1, Tasks: []Task{Classification}})
	if err != nil {
		t.Fatal(err)
	}
	row := r.Sizes[0].Row(synthesised)
	c := mustCompare(t, Traffic{Flows: d.Test}, d.Synthetic, 6)
	check := func(got distanceRow, suffix string, figures map[string]Spread) {
		t.Helper()
		for i, column := range distanceColumns {
			name := column.prefix + strings.ToLower(got.feature) + suffix
			if want := figures[name].Mean(); math.Abs(float64(got.values[i])-want) > 1e-12 {
				t.Errorf("%s of %q = %v, want the report's %v", name, got.class, got.values[i], want)
			}
		}
	}
	for i := range c.table.Overall {
		check(c.table.Overall[i], "_all", row.Figures)
		check(c.table.Mean[i], "", row.Figures)
	}
	for _, got := range c.table.Classes {
		check(got, "", row.Classes[got.class])
	}
	if len(c.table.Classes) != 6 {
		t.Errorf("%d rows of classes, want 2 of each of 3", len(c.table.Classes))
	}
}

// TestCompareMissingClass: a class that one side lacks has no distance; the others,
// and the mean, have one.
func TestCompareMissingClass(t *testing.T) {
	c := mustCompare(t, Traffic{Flows: chatter(3, 9, 1)}, Traffic{Flows: chatter(2, 9, 2)}, 0)
	if last := c.table.Classes[4]; last.class != "class2" || finite(float64(last.values[0])) || last.real == 0 || last.synthetic != 0 {
		t.Errorf("row %+v, want class2 without a distance", last)
	}
	for _, v := range c.table.Mean[0].values {
		if !finite(float64(v)) {
			t.Errorf("mean %+v, want that of the other classes", c.table.Mean[0])
		}
	}
	var b bytes.Buffer
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(b.String(), "\n"); !strings.HasPrefix(lines[5], "  class2") || !strings.HasSuffix(lines[5], "        -") {
		t.Errorf("table:\n%s", b.String())
	}
	if _, err := json.Marshal(c.table); err != nil {
		t.Error(err)
	}
}

// TestCompareCutsToTheImages: flows are compared over as many packets as the images of
// a side hold.
func TestCompareCutsToTheImages(t *testing.T) {
	flows := chatter(2, 20, 1)
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 3})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "images")
	if err := set.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	images, err := Open(dir, dataset.Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	c := mustCompare(t, Traffic{Flows: flows}, images, 0)
	if !slices.Equal(allOf(c.test, lengths), allOf(c.synthetic, lengths)) || !slices.Equal(allOf(c.test, directions), allOf(c.synthetic, directions)) {
		t.Error("the same flows differ when one side comes as images")
	}
}

func TestCompareRefuses(t *testing.T) {
	if _, err := Compare(Traffic{}, Traffic{Flows: chatter(1, 1, 1)}, 0); err == nil || !strings.Contains(err.Error(), "real traffic: no flows") {
		t.Errorf("no real flows: %v", err)
	}
	if _, err := Compare(Traffic{Flows: chatter(1, 1, 1)}, Traffic{Flows: []traffic.Flow{flow("a", 0)}}, 0); err == nil || !strings.Contains(err.Error(), "synthetic traffic: no flows") {
		t.Errorf("no synthetic flows: %v", err)
	}
}

func TestSaveStops(t *testing.T) {
	dir := t.TempDir()
	c := mustCompare(t, Traffic{Flows: chatter(2, 9, 1)}, Traffic{Flows: chatter(2, 9, 2)}, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Save(ctx, filepath.Join(dir, "plots"), PlotOptions{}); err != context.Canceled {
		t.Errorf("error %v, want that of the context", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestPrintable(t *testing.T) {
	for label, want := range map[string]string{"chat": "chat", "Übung": "Übung", "a\tb": `"a\tb"`, "\x1b[31m": `"\x1b[31m"`} {
		if got := printable(label); got != want {
			t.Errorf("printable(%q) = %s, want %s", label, got, want)
		}
	}
}
