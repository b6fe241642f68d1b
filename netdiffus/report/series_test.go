package report

import (
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// streams are n series each of so many classes, of two channels: bytes down in bursts
// whose period is the class's, silent between them, and bytes up that follow them.
func streams(classes, n, bins int, seed uint64) []series.Series {
	var out []series.Series
	for c := range classes {
		r := noise.Stream(seed, uint64(c))
		for range n {
			s := series.Series{Label: fmt.Sprintf("video%d", c), Channels: []string{"bytes_down", "bytes_up"}, Step: 100 * time.Millisecond, Values: make([][]float64, 2)}
			for j := range bins {
				down := 0.0
				if j%(4+c) < 2 {
					down = 1e5 * math.Exp(0.3*r.NormFloat64())
				}
				s.Values[0], s.Values[1] = append(s.Values[0], down), append(s.Values[1], down/50+100*r.Float64())
			}
			out = append(out, s)
		}
	}
	return out
}

func smallSeries() Options { return Options{PerClass: []int{10, 20}, Seeds: 2, Trees: 20} }

func runSeries(t *testing.T, synthetic []series.Series, o Options) *Report {
	t.Helper()
	r, err := RunSeries(t.Context(), SeriesData{Train: streams(3, 30, 24, 1), Test: streams(3, 20, 24, 2), Synthetic: synthetic}, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRunSeries: every figure is measured of every source, twice the same, and series as
// good as real ones are called so.
func TestRunSeries(t *testing.T) {
	o, last, total := smallSeries(), 0, 0
	o.Progress = func(done, n int, _ string) { last, total = done, n }
	r := runSeries(t, streams(3, 40, 24, 3), o)
	if last != total || last == 0 {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	for _, s := range ofSeries.sources {
		row := r.Sizes[1].Row(s.name)
		if row.Flows != 60 {
			t.Errorf("%s: %d series, want 20 of each of 3 classes", s.name, row.Flows)
		}
		for _, f := range ofSeries.figures {
			if f.network != nil {
				continue // there are none
			}
			if got := row.Figures[f.name]; len(got.Values) != 2 || !finite(got.Mean()) {
				t.Errorf("%s: %s = %v, want two numbers", s.name, f.name, got.Values)
			}
		}
	}
	for figure, limits := range map[string][2]float64{
		"tstr_accuracy": {0.95, 1}, "detection_auc": {0.3, 0.65}, "nearest": {0.9, 1.1}, "near_duplicates": {0, 0.1}, "autocorrelation": {0, 0.05}, "cross_correlation": {0, 0.05},
	} {
		if got := r.Sizes[1].Row(synthesised).Figures[figure].Mean(); got < limits[0] || got > limits[1] {
			t.Errorf("%s of series as real: %.3f, want %v", figure, got, limits)
		}
	}
	if !strings.Contains(r.Verdict.Headline, "these synthetic series are as useful as real series") {
		t.Errorf("headline: %q", r.Verdict.Headline)
	}
	for _, name := range []string{"jitter", "smote"} {
		if !r.copies(name) {
			t.Errorf("%s is not marked as a copy", name)
		}
	}
	if r.copies("copula") || r.copies("ar") {
		t.Errorf("copies: %v", r.Verdict.Copying)
	}
	if len(r.Augmentation) != 2*len(ofSeries.few) || r.Augmentation[0].Added != 10 || r.Augmentation[7].Added != 20 {
		t.Errorf("augmentation: %d tables", len(r.Augmentation))
	}
	again := runSeries(t, streams(3, 40, 24, 3), smallSeries())
	a, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := again.JSON(); string(a) != string(b) {
		t.Error("two runs give two reports")
	}
	for _, want := range []string{`"record":"series"`, `"channels":["bytes_down","bytes_up"]`, `"step_seconds":0.1`, `"deviations":[`} {
		if !strings.Contains(string(a), want) {
			t.Errorf("metrics.json lacks %s", want)
		}
	}
	page, err := r.HTML(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"24 bins of 0.1 s of bytes_down, bytes_up", "Series of each class, real above and synthetic below", "Power spectra", "10 and 20 others", "near copies"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(string(page), "flows") || strings.Contains(string(page), "packets") {
		t.Error("the page of series is about flows or packets")
	}
	var summary strings.Builder
	if err := r.Summary(&summary); err != nil || strings.Contains(summary.String(), "flow") {
		t.Errorf("the summary (%v):\n%s", err, summary.String())
	}
}

// TestSlowJudgesOfSeries: a further judge does the smallest size, and augmentation there.
func TestSlowJudgesOfSeries(t *testing.T) {
	long(t)
	o, last, total := smallSeries(), 0, 0
	o.Tasks = []Task{Classification, Augmentation}
	o.Judges = []NamedJudge{{Name: "slow", Title: "slow judge", Judge: classify.Trees(5)}}
	o.Progress = func(done, n int, _ string) { last, total = done, n }
	r := runSeries(t, streams(3, 40, 24, 3), o)
	if last != total {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	for _, s := range ofSeries.sources {
		for _, figure := range []string{"slow_tstr_accuracy", "slow_trts_f1"} {
			if few, many := r.Sizes[0].Row(s.name).Figures[figure].Values, r.Sizes[1].Row(s.name).Figures[figure].Values; len(few) != 2 || len(many) != 0 {
				t.Errorf("%s of %s: %v at the first size and %v at the second, want two numbers and none", figure, s.name, few, many)
			}
		}
	}
	if got := r.Sizes[1].Row(allReal).Figures["slow_tstr_accuracy"].Values; len(got) != 2 {
		t.Errorf("all real series: %v, want two numbers", got)
	}
	n := 0
	for _, a := range r.Augmentation {
		if a.Judge != "slow" {
			continue
		}
		n++
		if a.Added != 10 || len(a.Rows) != 4 {
			t.Errorf("augmentation of %d real by %d others, %d rows, want 10 and 4", a.Real, a.Added, len(a.Rows))
		}
	}
	if n != len(ofSeries.few) {
		t.Errorf("augmentation by the slow judge: %d tables, want %d", n, len(ofSeries.few))
	}
	page, err := r.HTML(t.Context())
	if err != nil || strings.Count(string(page), "<h3>slow judge</h3>") != 1 {
		t.Errorf("the page (%v) has %d tables by the slow judge, want 1", err, strings.Count(string(page), "<h3>slow judge</h3>"))
	}
}

// TestBadSeriesAreCalledBad: classes exchanged, copies, and bins without order.
func TestBadSeriesAreCalledBad(t *testing.T) {
	o := smallSeries()
	o.Tasks = []Task{Classification}
	exchanged := streams(3, 40, 24, 3)
	for i := range exchanged {
		exchanged[i].Label = fmt.Sprintf("video%d", (int(exchanged[i].Label[5]-'0')+1)%3)
	}
	if r := runSeries(t, exchanged, o); !strings.Contains(r.Verdict.Headline, "and than those of every other baseline") {
		t.Errorf("classes exchanged: %q", r.Verdict.Headline)
	}
	if r := runSeries(t, streams(3, 30, 24, 1), o); !r.Memorisation.Leaks || !strings.Contains(r.Memorisation.Verdict, "Do not publish these series") {
		t.Errorf("copies: %q", r.Memorisation.Verdict)
	}
	reversed := streams(3, 40, 24, 3)
	for _, s := range reversed {
		for j := range s.Values[1] { // up no longer follows down
			s.Values[1][j] = s.Values[1][(j*7+3)%24]
		}
	}
	r := runSeries(t, reversed, o)
	got, want := r.Sizes[1].Row(synthesised).Figures["cross_correlation"].Mean(), r.Sizes[1].Row(realSubset).Figures["cross_correlation"].Mean()
	if !(got > 5*want) {
		t.Errorf("channels that do not belong together: cross-correlation gap %.3f, of real series %.3f", got, want)
	}
}

func TestRunSeriesRefuses(t *testing.T) {
	good := streams(2, 6, 8, 1)
	short, other, wild := streams(2, 6, 7, 1), streams(2, 6, 8, 1), streams(2, 6, 8, 1)
	other[3].Channels, wild[2].Values[1][5] = []string{"bytes_down", "packets"}, math.Inf(1)
	for _, c := range []struct {
		name string
		d    SeriesData
		want string
	}{
		{"nothing", SeriesData{}, "no training series"},
		{"no synthetic series", SeriesData{Train: good, Test: good}, "no synthetic series"},
		{"bins", SeriesData{Train: good, Test: good, Synthetic: short}, "synthetic series 1 has 7 bins of bytes_down, bytes_up, the first training series 8"},
		{"channels", SeriesData{Train: good, Test: other, Synthetic: good}, "test series 4 has 8 bins of bytes_down, packets"},
		{"values", SeriesData{Train: wild, Test: good, Synthetic: good}, "training series 3: channel bytes_up is +Inf at bin 5"},
		{"a class", SeriesData{Train: good[:6], Test: good[:6], Synthetic: good[:6]}, "two classes or more"},
	} {
		if _, err := RunSeries(t.Context(), c.d, smallSeries()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	o := smallSeries()
	o.Tasks = []Task{Fingerprint}
	if _, err := RunSeries(t.Context(), SeriesData{Train: good, Test: good, Synthetic: good}, o); err == nil || !strings.Contains(err.Error(), "unknown task") {
		t.Errorf("fingerprinting: %v", err)
	}
}

// TestSeriesOddities: constant series, one bin, channels in another order.
func TestSeriesOddities(t *testing.T) {
	long(t)
	for _, bins := range []int{1, 2, 3} {
		flat := streams(2, 12, bins, 1)
		for _, s := range flat {
			for j := range s.Values[0] {
				s.Values[0][j], s.Values[1][j] = 5, 0
			}
		}
		o := smallSeries()
		o.PerClass = []int{5}
		r, err := RunSeries(t.Context(), SeriesData{Train: flat, Test: flat, Synthetic: flat}, o)
		if err != nil {
			t.Fatalf("%d bins: %v", bins, err)
		}
		if _, err := r.HTML(t.Context()); err != nil {
			t.Errorf("%d bins: %v", bins, err)
		}
	}
	turned := streams(3, 20, 24, 3)
	for i, s := range turned {
		turned[i].Channels, turned[i].Values = []string{"bytes_up", "bytes_down"}, [][]float64{s.Values[1], s.Values[0]}
	}
	c, err := CompareSeries(streams(3, 20, 24, 3), turned)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.overall["w1_place"]; got != 0 {
		t.Errorf("the same series with their channels in another order: W1 %v", got)
	}
}

// TestCompareSeries: pictures and the table are written, of every channel.
func TestCompareSeries(t *testing.T) {
	real := append(streams(3, 20, 24, 1), series.Series{Label: "only real", Channels: []string{"bytes_down", "bytes_up"}, Values: [][]float64{make([]float64, 24), make([]float64, 24)}})
	c, err := CompareSeries(real, streams(3, 20, 24, 2))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "plots")
	if err := c.Save(t.Context(), dir, PlotOptions{Format: "svg"}); err != nil {
		t.Fatal(err)
	}
	// The two channels' pictures differ, and each is of its own channel.
	var pictures []image.Image
	for _, channel := range []string{"bytes_down", "bytes_up"} {
		f, err := c.Traces(channel)
		if err != nil {
			t.Fatalf("%s: %v", channel, err)
		}
		pictures = append(pictures, f.Image())
	}
	if reflect.DeepEqual(pictures[0], pictures[1]) {
		t.Error("both channels have one picture")
	}
	if _, err := c.Traces("packets"); err == nil || !strings.Contains(err.Error(), `"packets"`) {
		t.Errorf("a channel that there is not: %v", err)
	}
	for _, name := range []string{"traces_bytes_down.svg", "values_bytes_up.svg", "autocorrelation_bytes_up.svg", "spectra_bytes_down.svg", "distances.csv", "distances.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	table, err := os.ReadFile(filepath.Join(dir, "distances.csv"))
	if err != nil || !strings.Contains(string(table), "class,only real,1,0,,,,,,,\n") || !strings.Contains(string(table), "mean,,61,60,0.") {
		t.Errorf("distances.csv (%v):\n%s", err, table)
	}
	var text strings.Builder
	if err := c.Print(&text); err != nil || !strings.Contains(text.String(), "mean of classes") {
		t.Errorf("Print (%v):\n%s", err, text.String())
	}
}
