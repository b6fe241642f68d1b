package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
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

// Pictures of series of one channel are decoded again, to what 8 bits hold.
func TestSeriesPictures(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pictures")
	out, _, err := execute(t.Context(), "convert", "--in", "../../../data/titles.parquet", "--col-series", "bytes_down", "--classes", "title-01", "--length", "16", "--format", "png", "--out", dir)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "60 series of 1 classes") || !strings.Contains(out, "16 x 16 pixels of 3 channel(s), jet") || !strings.Contains(out, "bytes_down") {
		t.Errorf("convert printed %q", out)
	}
	set, err := dataset.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := series.Collect(set.AllSeries())
	if err != nil {
		t.Fatal(err)
	}
	off, peak, at := 0.0, 0.0, 0
	for _, s := range readAllSeries(t, "../../../data/titles.parquet") {
		if s.Label == "title-01" {
			for bin, v := range back[at].Values[0] {
				want := s.Values[slices.Index(s.Channels, "bytes_down")][bin]
				off, peak = off+math.Abs(v-want)/60/16, max(peak, want)
			}
			at++
		}
	}
	if at != 60 || off > 0.03*peak {
		t.Errorf("%d series, on average %v off where the largest is %v", at, off, peak)
	}
}

// train --image none takes the series of a set of images, and so does the run when it goes
// on; models and data of two kinds of record are told apart.
func TestSeriesWithoutImages(t *testing.T) {
	dir := t.TempDir()
	images, run, flows := filepath.Join(dir, "images"), filepath.Join(dir, "run"), filepath.Join(dir, "flows")
	for _, args := range [][]string{
		{"convert", "--in", "../../../data/titles.parquet", "--classes", "title-01,title-02", "--length", "8", "--out", images},
		{"convert", "--in", "../../../data/dns.pcap", "--label", "dns", "--codec", "atoms", "--out", flows},
		{"train", "--data-dir", images, "--image", "none", "--run", run},
		{"train", "--data-dir", images, "--run", run},
		{"sample", "--run", run, "--num-samples", "5", "--out", filepath.Join(dir, "drawn")},
	} {
		if _, stderr, err := execute(t.Context(), args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, stderr)
		}
	}
	set, err := dataset.Open(filepath.Join(dir, "drawn"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if set.Len() != 10 || set.Images.H != 1 || set.Images.W != 8 || set.Images.C != 2 {
		t.Errorf("drawn: %d images of %d x %d x %d, want 10 of 1 x 8 x 2", set.Len(), set.Images.H, set.Images.W, set.Images.C)
	}
	other := filepath.Join(dir, "other")
	for want, args := range map[string][]string{
		"want a set of series": {"train", "--data-dir", flows, "--image", "none", "--run", other},
		"is one of series, and the data set holds flows: for flows take --preset default": {"train", "--data-dir", flows, "--preset", "series", "--run", other},
		"is one of series, and the data set holds flows: for flows":                       {"train", "--data-dir", flows, "--run", run},
		"is one of flows, and the data set holds series: for series take --preset copula": {"train", "--data-dir", images, "--preset", "network", "--run", other},
		`--image "gasf": want none`: {"train", "--data-dir", images, "--image", "gasf", "--run", other},
	} {
		if _, _, err := execute(t.Context(), args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want an error with %q", args, err, want)
		}
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

// npyHead is the start of a NumPy array of float64, of that shape.
func npyHead(shape string) string {
	head := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': %s, }\n", shape)
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(head)))) + head
}

// What cannot be right is an error that names the file, the place and the cure, and
// nothing is left behind.
func TestSeriesBadInput(t *testing.T) {
	dir := t.TempDir()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if w, err := z.Create("values.npy"); err != nil {
		t.Fatal(err)
	} else if _, err := io.WriteString(w, npyHead("(1000000000000, 1000000000000)")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"ragged.csv", "label,b_0,b_1\na,1,2\nb,3\n", []string{"line 3", "no value at bin 1", "--fill"}},
		{"longer.csv", "label,b_0,b_1\na,1,2\nb,3,4,5\n", []string{"line 3", "4 cells, where the first row has 3"}},
		{"lists.csv", "label,b\na,\"[1,2]\"\nb,\"[3]\"\n", []string{"line 3", "1 bins, want 2", "--length"}},
		{"ragged.jsonl", "{\"label\":\"a\",\"b\":[1,2]}\n{\"label\":\"b\",\"b\":[3]}\n", []string{"series 1", "1 bins, want 2", "--fill"}},
		{"infinite.csv", "label,b_0,b_1\na,1,2\nb,3,-Inf\n", []string{"line 3, column 3 (b_1)", "want finite"}},
		{"negative.csv", "label,trace,time,b\na,p,-1,2\na,p,0,3\n", []string{"line 2, column 3 (time)", "a time of -1, want 0 or more"}},
		{"backwards.csv", "label,trace,time,b\na,p,1,2\na,p,0,3\n", []string{"line 3, column 3 (time)", "sort the file"}},
		{"steps.csv", "label,trace,time,b\na,p,0,2\na,p,1,3\na,q,0,2\na,q,2,3\n", []string{"line 4", "steps of 2s, where the series before have 1s", "have one step"}},
		{"rows.npy", npyHead("(1000000000000, 64)"), []string{"shape [1000000000000 64]", "cut off, or its header is wrong"}},
		{"bins.npy", npyHead("(4, 1000000000000)"), []string{"shape [4 1000000000000]", "at most 4096 bins"}},
		{"trillion.npz", b.String() /* the product overflows */, []string{"values", "1000000000000"}},
	} {
		in, out := filepath.Join(dir, c.name), filepath.Join(dir, "out")
		if err := os.WriteFile(in, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"convert", "--in", in, "--out", out},
			{"chain", "--in", in, "--baseline", "copula", "--out", out + ".csv"},
			{"evaluate", "--real-train", in, "--real-test", in, "--synthetic", in, "--out", out},
		} {
			_, _, err := execute(t.Context(), args...)
			for _, want := range append(c.want, c.name) {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s %s: got %v, want an error with %q", args[0], c.name, err, want)
				}
			}
			for _, left := range []string{out, out + ".csv"} {
				if _, err := os.Stat(left); err == nil {
					t.Errorf("%s %s left %s behind", args[0], c.name, left)
				}
			}
		}
	}
}

// Series that do not vary, or are silent throughout, go the whole road and come back.
func TestConstantSeries(t *testing.T) {
	for _, value := range []string{"5", "0"} {
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		text := "label,b_0,b_1\n"
		for range 8 {
			text += "a," + value + "," + value + "\nb," + value + "," + value + "\n"
		}
		if err := os.WriteFile(at("in.csv"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"convert", "--in", at("in.csv"), "--out", at("images")},
			{"train", "--data-dir", at("images"), "--run", at("run")},
			{"sample", "--run", at("run"), "--num-samples", "3", "--out", at("drawn")},
			{"invert", "--in", at("drawn"), "--out", at("drawn.csv")},
			{"evaluate", "--real-train", at("in.csv"), "--real-test", at("in.csv"), "--synthetic", at("drawn"), "--out", at("report"), "--seeds", "1", "--per-class", "3", "--trees", "5"},
		} {
			if _, stderr, err := execute(t.Context(), args...); err != nil {
				t.Fatalf("%v: %v\n%s", args, err, stderr)
			}
		}
		want, _ := strconv.ParseFloat(value, 64)
		for _, s := range readAllSeries(t, at("drawn.csv")) {
			if !slices.Equal(s.Values[0], []float64{want, want}) {
				t.Errorf("of series of %s, %v was drawn", value, s.Values)
			}
		}
	}
}

// Images of series become files of every kind, which hold the same series, and each is counted
// once, also where the file is written in two passes.
func TestInvertSeries(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("in.csv"), []byte("label,v_0,v_1\na,1,2\nb,3,4\na,0,5\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	prints(t, "", "convert", "--in", at("in.csv"), "--out", at("images"), "--layout", "per-class")
	var want []series.Series
	for _, ending := range []string{"csv", "tsv", "parquet", "jsonl", "npz"} {
		prints(t, "3 series of 2 classes", "invert", "--in", at("images"), "--out", at("out."+ending))
		got := readAllSeries(t, at("out."+ending))
		if want == nil {
			want = got
		}
		if len(got) != 3 || !slices.EqualFunc(got, want, func(a, b series.Series) bool {
			return a.Label == b.Label && slices.EqualFunc(a.Values, b.Values, slices.Equal)
		}) {
			t.Errorf("%s: %v, want %v", ending, got, want)
		}
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
		"--fill zero and --fill hold":                    {"convert", "--in", gaps, "--out", out},
		"'netdiffus series' and 'netdiffus convert'":     {"flows", "--in", gaps},
		"'netdiffus series --bin' makes series":          {"convert", "--in", capture, "--record", "series", "--out", out},
		"--features is for flows":                        {"convert", "--in", gaps, "--features", "length", "--out", out},
		"--record pictures: want":                        {"convert", "--in", gaps, "--record", "pictures", "--out", out},
		"want some of bytes_down":                        {"series", "--in", capture, "--values", "octets"},
		"count per flow":                                 {"series", "--in", flows, "--per", "host"},
		"--share 2: want":                                {"series", "--in", flows, "--share", "2"},
		"--rest needs":                                   {"series", "--in", flows, "--rest", out},
		"is there: choose another":                       {"series", "--in", flows, "--out", gaps},
		"--fill often: want":                             {"series", "--in", gaps, "--fill", "often"},
		"no column d":                                    {"series", "--in", gaps, "--col-series", "d"},
		"is for time series, and ../../../data/loopback": {"chain", "--in", flows, "--baseline", "copula", "--out", out},
		"hold one channel, in colours, and the series have 2 (bytes_down, bytes_up)": {"convert", "--in", "../../../data/titles.parquet", "--format", "png", "--out", out},
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
