package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// readAllSeries reads a file of series.
func readAllSeries(t *testing.T, path string) []series.Series {
	t.Helper()
	all, err := series.Collect(series.Reader{Recognized: func(string, string) {}}.Read(path))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Captures become series, series become images, and these the same series again.
func TestSeriesRoad(t *testing.T) {
	dir := t.TempDir()
	made := filepath.Join(dir, "series.parquet")
	out, _, err := execute(t.Context(), "series", "--in", "../../../data/http1.pcap", "--label", "{file}", "--bin", "20ms", "--length", "16", "--values", "bytes_down,bytes_up,packets_down,packets_up", "--out", made)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "16 bins of 20ms, channels bytes_down, bytes_up, packets_down, packets_up") {
		t.Errorf("series printed %q", out)
	}
	want := readAllSeries(t, made)
	if len(want) < 46 || want[0].Label != "http1" {
		t.Fatalf("%d series of %q", len(want), want[0].Label)
	}
	for _, codec := range []string{"quantiles", "minmax"} {
		set := filepath.Join(dir, codec)
		out, stderr, err := execute(t.Context(), "convert", "--in", made, "--out", set, "--codec", codec, "--layout", "per-class")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(stderr, "series a row") || !strings.Contains(out, "series come back") || !strings.Contains(out, "bytes_down") {
			t.Errorf("convert printed %q and %q", out, stderr)
		}
		for _, name := range []string{"back.csv", "back.npz", "back.jsonl", "back.parquet"} {
			back := filepath.Join(dir, codec+name)
			if out, _, err := execute(t.Context(), "invert", "--in", set, "--out", back); err != nil || !strings.Contains(out, "series of 1 classes") {
				t.Fatalf("%s: %q, %v", name, out, err)
			}
			got := readAllSeries(t, back)
			if len(got) != len(want) {
				t.Fatalf("%s: %d series, want %d", name, len(got), len(want))
			}
			for i, s := range got {
				if s.Label != "http1" || s.Step != want[i].Step || !reflect.DeepEqual(s.Channels, want[i].Channels) {
					t.Fatalf("%s: series %d is %+v", name, i, s)
				}
				for c := range s.Values {
					for bin, v := range s.Values[c] {
						if w := want[i].Values[c][bin]; v-w > 0.01 || w-v > 0.01 {
							t.Fatalf("%s: %s of series %d is %v at bin %d, want %v", name, s.Channels[c], i, v, bin, w)
						}
					}
				}
			}
		}
	}
	folder := filepath.Join(dir, "original")
	if _, _, err := execute(t.Context(), "invert", "--in", filepath.Join(dir, "minmax"), "--out", folder+string(os.PathSeparator)); err != nil {
		t.Fatal(err)
	}
	if got := readAllSeries(t, folder); len(got) != len(want) || got[0].Label != "http1" {
		t.Errorf("the folder holds %d series of %q", len(got), got[0].Label)
	}
}

// Windows of one trace are in one of the two files.
func TestSeriesShare(t *testing.T) {
	dir := t.TempDir()
	train, test := filepath.Join(dir, "train.csv"), filepath.Join(dir, "test.csv")
	out, _, err := execute(t.Context(), "series", "--in", "../../../data/http1.pcap", "--bin", "5ms", "--length", "4", "--stride", "2", "--share", "0.7", "--seed", "3", "--out", train, "--rest", test, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var j seriesJSON
	if err := json.Unmarshal([]byte(out), &j); err != nil {
		t.Fatal(err)
	}
	in := map[string]bool{}
	for _, s := range readAllSeries(t, train) {
		in[s.Trace] = true
	}
	if j.Traces != len(in) || j.Bins != 4 || j.Step != 0.005 {
		t.Errorf("%+v for %d traces", j, len(in))
	}
	rest := map[string]bool{}
	for _, s := range readAllSeries(t, test) {
		if rest[s.Trace] = true; in[s.Trace] {
			t.Errorf("trace %s is in both", s.Trace)
		}
	}
	if len(rest) < 5 || len(in) < 2*len(rest)-2 {
		t.Errorf("%d and %d traces", len(in), len(rest))
	}
}

func TestSeriesRefuses(t *testing.T) {
	dir := t.TempDir()
	gaps := filepath.Join(dir, "gaps.csv")
	if err := os.WriteFile(gaps, []byte("label,b_0,b_1\nx,1,\ny,2,3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	flows, capture := "../../../data/loopback.parquet", "../../../data/dns.pcap"
	for want, args := range map[string][]string{
		"--fill zero and --fill hold":                {"convert", "--in", gaps, "--out", out},
		"'netdiffus series' and 'netdiffus convert'": {"flows", "--in", gaps},
		"'netdiffus series --bin' makes series":      {"convert", "--in", capture, "--record", "series", "--out", out},
		"--features is for flows":                    {"convert", "--in", gaps, "--features", "length", "--out", out},
		"--record pictures: want":                    {"convert", "--in", gaps, "--record", "pictures", "--out", out},
		"want some of bytes_down":                    {"series", "--in", capture, "--values", "octets"},
		"count per flow":                             {"series", "--in", flows, "--per", "host"},
		"--share 2: want":                            {"series", "--in", flows, "--share", "2"},
		"--rest needs":                               {"series", "--in", flows, "--rest", out},
		"is there: choose another":                   {"series", "--in", flows, "--out", gaps},
		"--fill often: want":                         {"series", "--in", gaps, "--fill", "often"},
		"no column d":                                {"series", "--in", gaps, "--col-series", "d"},
	} {
		_, _, err := execute(t.Context(), args...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want an error with %q", args, err, want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%v left something behind", args)
		}
	}
	if _, _, err := execute(t.Context(), "convert", "--in", gaps, "--fill", "hold", "--codec", "minmax", "--out", out); err != nil {
		t.Fatal(err)
	}
	if record, err := dataset.Recognize(out, series.Columns{}); err != nil || record != dataset.Series {
		t.Errorf("the set is of %q, %v", record, err)
	}
}
