package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/bench"
)

func TestBench(t *testing.T) {
	out := filepath.Join(t.TempDir(), "bench")
	if _, stderr, err := execute(context.Background(), "bench", "--time", "1ms", "--rows", "450 samples, preset default", "--out", out); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	text, err := os.ReadFile(filepath.Join(out, "bench.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r bench.Result
	if err := json.Unmarshal(text, &r); err != nil || len(r.Rows) != 1 || r.Rows[0].Ours == nil {
		t.Errorf("%v: %s", err, text)
	}
	stdout, _, err := execute(context.Background(), "bench", "--time", "1ms", "--rows", "450 samples, preset default")
	if err != nil || !strings.Contains(stdout, "| 450 samples, preset default |") {
		t.Errorf("%v: %s", err, stdout)
	}
	for want, args := range map[string][]string{
		"want python or compile": {"--against", "jax"},
		"want a positive time":   {"--time", "0s"},
		"no row":                 {"--rows", "speed"},
		"leave out --against":    {"--against", "python", "--python", filepath.Join(t.TempDir(), "none")},
	} {
		if _, _, err := execute(context.Background(), append([]string{"bench"}, args...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
}
