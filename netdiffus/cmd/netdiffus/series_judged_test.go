package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// writeStreams writes n series each of two classes.
func writeStreams(t *testing.T, path string, n int, seed uint64) {
	t.Helper()
	var all []series.Series
	for c, label := range []string{"film", "news"} {
		r := noise.Stream(seed, uint64(c))
		for range n {
			s := series.Series{Label: label, Channels: []string{"bytes"}, Step: 100 * time.Millisecond, Values: make([][]float64, 1)}
			for j := range 12 {
				s.Values[0] = append(s.Values[0], 1000+float64(500*c*(j%3))+100*r.NormFloat64())
			}
			all = append(all, s)
		}
	}
	if err := series.Write(path, series.All(all)); err != nil {
		t.Fatal(err)
	}
}

// TestSeriesAreJudged: chain, evaluate and plot find out by themselves that files hold
// series, whatever the format.
func TestSeriesAreJudged(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeStreams(t, at("train.csv"), 20, 1)
	writeStreams(t, at("test.parquet"), 15, 2)
	if _, _, err := execute(t.Context(), "chain", "--in", at("train.csv"), "--baseline", "copula", "--out", at("drawn.jsonl"), "--num-samples", "15"); err != nil {
		t.Fatal(err)
	}
	out, _, err := execute(t.Context(), "evaluate", "--real-train", at("train.csv"), "--real-test", at("test.parquet"), "--synthetic", at("drawn.jsonl"), "--out", at("report"),
		"--per-class", "15", "--seeds", "1", "--trees", "10", "--tasks", "classification", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Settings struct{ Record string }
		Sizes    []struct {
			Rows []struct {
				Source  string
				Figures map[string]struct{ Mean float64 }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Settings.Record != "series" || r.Sizes[0].Rows[0].Figures["tstr_accuracy"].Mean < 0.9 {
		t.Errorf("metrics.json (%v): %+v", err, r)
	}
	if _, _, err := execute(t.Context(), "plot", "--real", at("test.parquet"), "--synthetic", at("drawn.jsonl"), "--out", at("plots")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"report/report.html", "plots/traces.png", "plots/spectra.png", "plots/distances.csv"} {
		if _, err := os.Stat(at(name)); err != nil {
			t.Error(err)
		}
	}
	for want, args := range map[string][]string{
		"want one of copula":         {"chain", "--in", at("train.csv"), "--baseline", "magic", "--out", at("x.csv")},
		`no series of class "sport"`: {"chain", "--in", at("train.csv"), "--baseline", "block", "--classes", "sport", "--out", at("x.csv")},
		"unknown task":               {"evaluate", "--real-train", at("train.csv"), "--real-test", at("test.parquet"), "--synthetic", at("drawn.jsonl"), "--out", at("r2"), "--tasks", "fingerprint"},
		"series are compared whole":  {"plot", "--real", at("test.parquet"), "--synthetic", at("drawn.jsonl"), "--out", at("p2"), "--length", "5"},
	} {
		if _, _, err := execute(t.Context(), args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}
