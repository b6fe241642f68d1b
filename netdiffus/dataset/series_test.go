package dataset

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// someSeries are n series of two classes with two channels, one in bytes and one of
// values below 0 as well.
func someSeries(n, bins int) []series.Series {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []series.Series
	for i := range n {
		s := series.Series{
			Label: []string{"music", "news"}[i%2], Channels: []string{"bytes_down", "drift"}, Units: []string{"bytes", ""},
			Values: [][]float64{make([]float64, bins), make([]float64, bins)}, Step: 100 * time.Millisecond,
		}
		for bin := range bins {
			if rng.Float64() < 0.5 {
				s.Values[0][bin] = math.Floor(rng.ExpFloat64() * 50_000)
			}
			s.Values[1][bin] = rng.NormFloat64()
		}
		all = append(all, s)
	}
	return all
}

func TestSeriesThereAndBack(t *testing.T) {
	all := someSeries(20, 16)
	log := codec.MinMax{Log: true, Low: 0.1}
	for name, r := range map[string]Recipe{
		"defaults":    {},
		"logarithms":  {Channels: []Channel{{Codec: log}}},
		"one channel": {Channels: []Channel{{Series: "drift"}}},
		"cut":         {SeriesLength: 9},
		"no image":    {Image: imaging.Series{}},
		"turned":      {Channels: []Channel{{Series: "drift", Codec: log}, {Series: "bytes_down"}}},
	} {
		for _, layout := range []Layout{PerFlow, PerClass, Samples} {
			dir := filepath.Join(t.TempDir(), "set")
			done, err := ConvertSeries(t.Context(), series.All(all), r, dir, ConvertOptions{SaveOptions: SaveOptions{Layout: layout}})
			if err != nil {
				t.Fatalf("%s, %s: %v", name, layout, err)
			}
			if done.Flows != len(all) || done.Exact64 != len(all) || done.Exact32 != len(all) || (done.Cut > 0) != (name == "cut") {
				t.Errorf("%s, %s: %+v", name, layout, done)
			}
			set, err := Open(dir, nil)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, layout, err)
			}
			built, err := BuildSeries(series.All(all), r)
			if err != nil {
				t.Fatal(err)
			}
			if layout != Samples && !slices.Equal(set.Images.Data, built.Images.Data) {
				t.Errorf("%s, %s: BuildSeries made other images than ConvertSeries", name, layout)
			}
			if set.Encoding.Record() != Series || set.Encoding.Step() != 100*time.Millisecond {
				t.Errorf("%s, %s: record %q with steps of %v", name, layout, set.Encoding.Record(), set.Encoding.Step())
			}
			i := 0
			for got, err := range set.Series() {
				if err != nil {
					t.Fatal(err)
				}
				if err := got.Check(); err != nil {
					t.Error(err)
				}
				if got.Label != all[i].Label || got.Index != i {
					t.Errorf("%s, %s: series %d is %d, of %s", name, layout, i, got.Index, got.Label)
				}
				for c, channel := range got.Channels {
					of := index(all[i].Channels, channel)
					if got.Unit(c) != all[i].Unit(of) {
						t.Errorf("%s: %s is in %q", name, channel, got.Unit(c))
					}
					for bin, v := range got.Values[c] {
						if want, p := all[i].Values[of][bin], done.Precision[c]; math.Abs(v-want) > p.Largest32*(1+1e-9) || p.Largest32 > 1e-6*p.Peak {
							t.Errorf("%s, %s: %s of series %d is %v at bin %d, want %v: %+v", name, layout, channel, i, v, bin, want, p)
						}
					}
				}
				i++
			}
			if i != len(all) {
				t.Errorf("%s, %s: %d series came back", name, layout, i)
			}
		}
	}
}

// Sets of one kind of record are not read as the other.
func TestSeriesAreNotFlows(t *testing.T) {
	ofNumbers, err := BuildSeries(series.All(someSeries(4, 8)), Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	ofFlows, err := Build(traffic.All([]traffic.Flow{{Label: "a", Packets: []traffic.Packet{{Length: 3}, {Length: 5, Dir: traffic.Down}}}}), Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		"a set of series, want one of flows":  firstError(ofNumbers.Flows()),
		"set of series, want one of flows":    firstError(ofNumbers.PaddedFlows()),
		"a set of flows, want one of series":  firstError(ofFlows.Series()),
		"a recipe for flows, and series":      fails(BuildSeries(series.All(someSeries(1, 4)), Recipe{Record: Flows})),
		"flows have features":                 fails(BuildSeries(series.All(someSeries(1, 4)), Recipe{Channels: []Channel{{Series: "drift"}, {Feature: traffic.Length{}}}})),
		"flows have features, series":         fails(Build(traffic.All(nil), Recipe{Channels: []Channel{{Series: "drift", Feature: traffic.Length{}}}})),
		"a flow, in a set of series":          fails(build(ofFlow(), Recipe{Record: Series, SeriesLength: 4, Channels: []Channel{{Series: "drift"}}})),
		`record "photo": want flows or`:       fails(Build(traffic.All(nil), Recipe{Record: "photo"})),
		"series length 0: want 1 to 4096 bin": fails(NewEncoding(Recipe{Record: Series})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func ofFlow() iter.Seq2[source, error] {
	return ofFlows(traffic.All([]traffic.Flow{{Label: "a", Packets: []traffic.Packet{{Length: 3}}}}))
}

func fails[T any](_ T, err error) error { return err }

func firstError[T any](items iter.Seq2[T, error]) error {
	for _, err := range items {
		return err
	}
	return nil
}

func TestSeriesThatDoNotFit(t *testing.T) {
	for want, change := range map[string]func(*series.Series){
		"row 2: 7 bins, want 8":                      func(s *series.Series) { s.Values[0], s.Values[1] = s.Values[0][:7], s.Values[1][:7] },
		"row 2: channel drift has 3 bins":            func(s *series.Series) { s.Values[1] = s.Values[1][:3] },
		"row 2: channel bytes_down is NaN at bin 5":  func(s *series.Series) { s.Values[0][5] = math.NaN() },
		"row 2: channel drift is -Inf at bin 0":      func(s *series.Series) { s.Values[1][0] = math.Inf(-1) },
		"row 2: steps of 50ms, want 100ms":           func(s *series.Series) { s.Step = 50 * time.Millisecond },
		`row 2: no channel "drift": there are`:       func(s *series.Series) { s.Channels = []string{"bytes_down", "other"} },
		"row 2: a step of -1s":                       func(s *series.Series) { s.Step = -time.Second },
		"row 2: 1 names for 2 channels":              func(s *series.Series) { s.Channels = s.Channels[:1] },
		"row 2: channels 0 and 1 are both called \"": func(s *series.Series) { s.Channels = []string{"drift", "drift"} },
	} {
		all := someSeries(4, 8)
		change(&all[2])
		if _, err := BuildSeries(series.All(all), Recipe{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	constant := someSeries(3, 8)
	for i := range constant {
		for bin := range constant[i].Values[0] {
			constant[i].Values[0][bin] = 5
		}
	}
	if _, err := BuildSeries(series.All(constant), Recipe{}); err == nil || !strings.Contains(err.Error(), "bytes_down") || !strings.Contains(err.Error(), "constant") {
		t.Errorf("a channel that is 5 everywhere: %v", err)
	}
}

func TestSeriesAsPictures(t *testing.T) {
	all := someSeries(6, 16)
	r := Recipe{Channels: []Channel{{Series: "bytes_down"}}, Rendering: &imaging.Rendering{Color: "gray"}}
	dir := filepath.Join(t.TempDir(), "set")
	done, err := ConvertSeries(t.Context(), series.All(all), r, dir, ConvertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := done.Precision[0]
	if p.Mean64 <= 0 || p.Mean64 > 0.05*p.Peak || done.Loss != nil {
		t.Errorf("8 bits a pixel: %+v, %+v", p, done.Loss)
	}
	set, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := series.Collect(set.AllSeries())
	if err != nil || len(back) != len(all) {
		t.Fatalf("%d series of pictures: %v", len(back), err)
	}
}

// TestHoldOutByTrace: the windows of one trace stay together where a set is divided, also
// after the set was written and read in any layout.
func TestHoldOutByTrace(t *testing.T) {
	var all []series.Series
	for trace := range 20 {
		for window := range 1 + trace%4 {
			all = append(all, series.Series{
				Label: "ab"[trace%2 : trace%2+1], Trace: fmt.Sprint("session ", trace/2), Channels: []string{"bytes"}, // "a" and "b" have sessions of the same names
				Values: [][]float64{{float64(trace), float64(window), 7}},
			})
		}
	}
	traces := func(s *Set) map[int]bool {
		out := map[int]bool{}
		for i := range s.Len() {
			out[s.trace(i)] = true
		}
		return out
	}
	check := func(what string, s *Set) {
		t.Helper()
		fit, held, lost, err := s.HoldOut(0.3, 1)
		if err != nil || lost != 0 || fit.Len()+held.Len() != len(all) {
			t.Fatalf("%s: %d and %d of %d, %d lost: %v", what, fit.Len(), held.Len(), len(all), lost, err)
		}
		kept, out := traces(fit), traces(held)
		if len(kept) != 14 || len(out) != 6 {
			t.Errorf("%s: %d and %d traces, want 14 and 6", what, len(kept), len(out))
		}
		for trace := range out {
			if kept[trace] {
				t.Errorf("%s: trace %v is on both sides", what, trace)
			}
		}
		if again, _, _, err := fit.HoldOut(0.3, 1); err != nil || len(traces(again)) != 10 { // 7 of each class, 5 of them kept
			t.Errorf("%s: held out of what was kept: %d traces, %v", what, len(traces(again)), err)
		}
	}
	for _, layout := range []Layout{PerFlow, PerClass, Pictures} {
		r := Recipe{Channels: []Channel{{Codec: &codec.Quantiles{}}}}
		if layout == Pictures {
			r.Channels, r.Rendering = []Channel{{Codec: &codec.MinMax{}}}, &imaging.Rendering{Color: "gray"}
		}
		set, err := BuildSeries(series.All(all), r)
		if err != nil {
			t.Fatal(err)
		}
		check("built", set)
		dir := filepath.Join(t.TempDir(), "set")
		if err := set.Save(dir, &SaveOptions{Layout: layout}); err != nil {
			t.Fatal(err)
		}
		if set, err = Open(dir, nil); err != nil {
			t.Fatal(err)
		}
		check(string(layout), set)
	}
}
