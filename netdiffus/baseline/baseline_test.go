package baseline

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// swings are series of two channels: an autoregression of order 1 around a level of the
// class, and twice its square where that is above 1, else silence.
func swings(classes, n, bins int, seed uint64) Data {
	d := Data{}
	for c := range classes {
		r := noise.Stream(seed, uint64(c))
		d.Classes = append(d.Classes, fmt.Sprintf("class%d", c))
		var traces [][][]float64
		for range n {
			trace, state := make([][]float64, 2), r.NormFloat64()
			for range bins {
				state = 0.7*state + math.Sqrt(1-0.49)*r.NormFloat64()
				trace[0] = append(trace[0], float64(10*(c+1))+state)
				trace[1] = append(trace[1], max(0, 2*state*math.Abs(state)-1))
			}
			traces = append(traces, trace)
		}
		d.Traces = append(d.Traces, traces)
	}
	return d
}

// channel is one channel of each series.
func channel(traces [][][]float64, k int) (out [][]float64) {
	for _, t := range traces {
		out = append(out, t[k])
	}
	return out
}

func drawn(t *testing.T, name string, d Data, class, n int, seed uint64) (out [][][]float64) {
	t.Helper()
	k, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := k.Fit(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	r := noise.Stream(seed)
	for range n {
		out = append(out, m.Draw(class, r))
	}
	return out
}

// TestDraws: every baseline draws series of its class, of the data's shape, the same by
// the same stream, and leaves the data alone.
func TestDraws(t *testing.T) {
	d := swings(2, 60, 24, 1)
	for _, name := range Names() {
		got := drawn(t, name, d, 1, 200, 7)
		mean := 0.0
		for _, trace := range got {
			if len(trace) != 2 || len(trace[0]) != 24 || len(trace[1]) != 24 {
				t.Fatalf("%s: %d channels", name, len(trace))
			}
			for j, v := range trace[0] {
				mean += v / 24 / 200
				if trace[1][j] < 0 {
					t.Fatalf("%s: %v, below every value of the channel", name, trace[1][j])
				}
			}
		}
		if math.Abs(mean-20) > 0.3 {
			t.Errorf("%s: mean %v of class1, want about 20", name, mean)
		}
		if again := drawn(t, name, d, 1, 3, 7); !slices.EqualFunc(again[2], got[2], slices.Equal) {
			t.Errorf("%s: another series by the same stream", name)
		}
		if other := drawn(t, name, d, 1, 3, 8); slices.EqualFunc(other[2], got[2], slices.Equal) {
			t.Errorf("%s: the same series by another stream", name)
		}
	}
	if want := swings(2, 60, 24, 1); !slices.EqualFunc(d.Traces[0][0], want.Traces[0][0], slices.Equal) {
		t.Error("a baseline changed the data")
	}
}

// TestWhatTheyKeep: what each baseline is to keep of real series, and what not.
func TestWhatTheyKeep(t *testing.T) {
	d := swings(1, 300, 32, 2)
	at1 := func(traces [][][]float64) float64 { return metric.MeanAutocorrelation(channel(traces, 0), 1)[0] }
	real := at1(d.Traces[0])
	for _, c := range []struct {
		name      string
		low, high float64 // of the autocorrelation, as a share of the real one
	}{
		{"copula", 0.75, 1.1}, {"ar", 0.93, 1.07}, {"block", 0.85, 1.02}, {"independent", -0.2, 0.1},
		{"jitter", 0.4, 1.05}, {"smote", 0.95, 1.3}, {"markov1", 0.8, 1.1}, {"markov2", 0.8, 1.1},
	} {
		got := drawn(t, c.name, d, 0, 400, 3)
		if share := at1(got) / real; share < c.low || share > c.high {
			t.Errorf("%s: autocorrelation %.3f of the real %.3f, want a share of %v to %v", c.name, at1(got), real, c.low, c.high)
		}
		// The channels belong together: the second follows from the first, but for what is
		// added to both (AR), multiplied (jitter) or averaged (SMOTE).
		want := metric.CrossCorrelation(channel(d.Traces[0], 0), channel(d.Traces[0], 1), 0)
		if r := metric.CrossCorrelation(channel(got, 0), channel(got, 1), 0); math.Abs(r-want) > 0.15 && c.name != "jitter" {
			t.Errorf("%s: channels correlate by %.3f, want %.3f", c.name, r, want)
		}
		silent := func(traces [][][]float64) float64 {
			return metric.Seen(slices.Concat(channel(traces, 1)...), []float64{0})
		}
		if got, want := silent(got), silent(d.Traces[0]); math.Abs(got-want) > 0.05 && c.name != "ar" && c.name != "smote" {
			t.Errorf("%s: %.3f of the second channel are silent, want %.3f", c.name, got, want)
		}
	}
}

// TestCopies: jitter and SMOTE are near to single series, the others are not.
func TestCopies(t *testing.T) {
	d := swings(1, 100, 32, 4)
	share := func(name string) float64 {
		near := 0.0
		for _, x := range metric.ClosestTwo(channel(drawn(t, name, d, 0, 200, 5), 1), channel(d.Traces[0], 1)) {
			if x[0] < 0.75*x[1] {
				near++
			}
		}
		return near / 200
	}
	for name, copies := range map[string]bool{"jitter": true, "smote": true, "copula": false, "ar": false, "independent": false, "markov1": false} {
		if got := share(name); got > 0.5 != copies || !copies && got > 0.15 {
			t.Errorf("%s: %.2f are near copies", name, got)
		}
	}
}

func TestRefuses(t *testing.T) {
	good := func() Data { return swings(2, 3, 5, 1) }
	for _, c := range []struct {
		name string
		make func(*Data)
		want string
	}{
		{"nothing", func(d *Data) { *d = Data{} }, "no series"},
		{"a class without series", func(d *Data) { d.Traces[1] = nil }, `no series of class "class1"`},
		{"labels", func(d *Data) { d.Classes = d.Classes[:1] }, "series of 2 classes, labels of 1"},
		{"channels", func(d *Data) { d.Traces[1][2] = d.Traces[1][2][:1] }, `series 2 of class "class1" has 1 channels, others have 2`},
		{"bins", func(d *Data) { d.Traces[1][2][1] = d.Traces[1][2][1][:4] }, "has 4 bins, others have 5"},
		{"not a number", func(d *Data) { d.Traces[0][1][1][3] = math.NaN() }, "channel 1, bin 3: the value is not finite"},
	} {
		d := good()
		c.make(&d)
		if _, err := Kinds()[0].Fit(t.Context(), d); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Find("magic"); err == nil || !strings.Contains(err.Error(), "want one of") {
		t.Errorf("unknown name: %v", err)
	}
	// One series, one bin, a constant: what there is to draw is drawn.
	for _, name := range Names() {
		lone := Data{Classes: []string{"a"}, Traces: [][][][]float64{{{{3}}}}}
		if got := drawn(t, name, lone, 0, 1, 1); len(got[0][0]) != 1 || math.Abs(got[0][0][0]-3) > 1 {
			t.Errorf("%s of one value: %v", name, got)
		}
	}
}
