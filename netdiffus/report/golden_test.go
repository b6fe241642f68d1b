package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

var update = flag.Bool("update", false, "remake the golden files")

// TestFlowsGolden: every figure of flows is what it was, to rounding.
func TestFlowsGolden(t *testing.T) {
	long(t)
	set, err := dataset.Build(traffic.All(clocked(chatter(3, 24, 3), 1.5, 3)), dataset.Recipe{SeriesLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	flows, err := traffic.Collect(set.PaddedFlows())
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range clocked(flows, 1.5, 4) {
		flows[i] = f
	}
	d := Data{Train: clocked(chatter(3, 30, 1), 1, 1), Test: clocked(chatter(3, 20, 2), 1, 2), Synthetic: Traffic{Flows: flows, Set: set}}
	checkGolden(t, "testdata/flows.golden.json", d, Options{PerClass: []int{10}, Seeds: 2, Trees: 10})
}

// checkGolden compares the report's metrics.json with a file.
func checkGolden(t *testing.T, file string, d Data, o Options) {
	t.Helper()
	r, err := Run(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		var b bytes.Buffer
		if err := json.Compact(&b, text); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b.Bytes(), '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(golden, &want); err != nil {
		t.Fatal(err)
	}
	alikeJSON(t, "", got, want)
}

// alikeJSON compares two values of JSON, numbers to nine digits.
func alikeJSON(t *testing.T, at string, got, want any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for k := range g {
			if _, known := w[k]; !known {
				t.Errorf("%s.%s is new", at, k)
			}
		}
		for k := range w {
			alikeJSON(t, at+"."+k, g[k], w[k])
		}
	case []any:
		g, _ := got.([]any)
		if len(g) != len(w) {
			t.Errorf("%s: %d values, want %d", at, len(g), len(w))
			return
		}
		for i := range w {
			alikeJSON(t, fmt.Sprintf("%s[%d]", at, i), g[i], w[i])
		}
	case float64:
		if g, ok := got.(float64); !ok || math.Abs(g-w) > 1e-8*math.Max(1, math.Abs(w)) {
			t.Errorf("%s: %v, want %v", at, got, w)
		}
	default:
		if got != want {
			t.Errorf("%s: %v, want %v", at, got, want)
		}
	}
}
