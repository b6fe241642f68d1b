package main

import (
	"slices"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// The committed file, as the README describes it.
func TestTitlesFile(t *testing.T) {
	counts := map[string]int{}
	zeros, bins := 0, 0
	for s, err := range (series.Reader{Recognized: func(string, string) {}}).Read("../titles.parquet") {
		if err != nil {
			t.Fatal(err)
		}
		counts[s.Label]++
		if !slices.Equal(s.Channels, []string{"bytes_down", "bytes_up"}) || s.Bins() != titleBins || s.Step != titleBin {
			t.Fatalf("%q, %d bins of %v", s.Channels, s.Bins(), s.Step)
		}
		for _, v := range s.Values[0] {
			bins++
			if v == 0 {
				zeros++
			}
			if v < 0 || v > 1.6e6*titleBin.Seconds()*2 {
				t.Fatalf("%v bytes in a bin", v)
			}
		}
	}
	for _, s := range titleScenarios() {
		if counts[s.name] != 60 {
			t.Errorf("%d sessions of %s, want 60", counts[s.name], s.name)
		}
	}
	if share := float64(zeros) / float64(bins); len(counts) != titles || share < 0.2 || share > 0.4 {
		t.Errorf("%d titles, %.0f %% silent bins", len(counts), 100*share)
	}
}

// A title's sizes are its own, whoever streams it, and a link is its connection's.
func TestTitlesAreSeeded(t *testing.T) {
	a, b := complexities(1, "title-01"), complexities(1, "title-02")
	if !slices.Equal(a, complexities(1, "title-01")) || slices.Equal(a, b) || len(a) != segments {
		t.Error("segments are not their title's")
	}
	for quality := range ladder {
		if size := segmentBytes(1, quality); size != int(ladder[quality]) {
			t.Errorf("an average segment of quality %d has %d bytes", quality, size)
		}
	}
	for port := range uint16(200) {
		l := linkOf(1, port)
		if l != linkOf(1, port) || l.delay < time.Millisecond || l.delay > 6*time.Millisecond || l.loss > 0.006 || l.rate < 150_000 {
			t.Fatalf("port %d: %+v", port, l)
		}
	}
}
