package series

import (
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func TestBinTable(t *testing.T) {
	flows := []traffic.Flow{{Label: "a", Timed: true, Packets: []traffic.Packet{
		{Length: 10, Dir: traffic.Up}, {Length: 100, Dir: traffic.Down, IAT: 99_999}, {Length: 1, Dir: traffic.Down, IAT: 1}, {Length: 5, Dir: traffic.Up, IAT: 250_000},
	}}}
	path := filepath.Join(t.TempDir(), "flows.parquet")
	if err := traffic.Write(path, traffic.All(flows)); err != nil {
		t.Fatal(err)
	}
	got, err := Collect(Binner{Values: []string{"bytes_down", "bytes_up", "packets_down", "packets_up", "bytes", "packets"}}.Read(path))
	if err != nil || len(got) != 1 {
		t.Fatalf("%d series, %v", len(got), err)
	}
	want := [][]float64{{100, 1, 0, 0}, {10, 0, 0, 5}, {1, 1, 0, 0}, {1, 0, 0, 1}, {110, 1, 0, 5}, {2, 1, 0, 1}}
	if s := got[0]; !reflect.DeepEqual(s.Values, want) || s.Step != 100*time.Millisecond || s.Label != "a" || s.Trace != "flows.parquet:0" || s.Unit(0) != "bytes" || s.Unit(2) != "packets" {
		t.Errorf("%+v", s)
	}
	for want, b := range map[string]Binner{
		"count per flow":          {Per: PerHost},
		`per "subnet": want`:      {Per: "subnet"},
		"want some of bytes_down": {Values: []string{"octets"}},
		"bins of -1s":             {Bin: -time.Second},
		"a trace of":              {Bin: time.Nanosecond},
		"each once":               {Values: []string{"bytes", "bytes"}},
	} {
		_, err := Collect(b.Read(path))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want an error with %q", b, err, want)
		}
	}
	untimed := filepath.Join(t.TempDir(), "flows.parquet")
	flows[0].Timed = false
	if err := traffic.Write(untimed, traffic.All(flows)); err != nil {
		t.Fatal(err)
	}
	if _, err := Collect(Binner{}.Read(untimed)); err == nil || !strings.Contains(err.Error(), "inter-arrival times") {
		t.Errorf("flows without times: %v", err)
	}
}

// All bytes of a capture are in its bins, however they are divided.
func TestBinCapture(t *testing.T) {
	const path = "../../data/http1.pcap"
	flows, err := traffic.Collect(traffic.Read(path))
	if err != nil {
		t.Fatal(err)
	}
	want := [2]float64{}
	for _, f := range flows {
		for _, p := range f.Packets {
			want[p.Dir] += float64(p.Length)
		}
	}
	for per, series := range map[Per]int{PerFlow: len(flows), PerHost: -1, PerCapture: 1} {
		got, err := Collect(Binner{Per: per, Bin: 20 * time.Millisecond, Values: []string{"bytes_up", "bytes_down"}}.Read(path))
		if err != nil || series > 0 && len(got) != series {
			t.Fatalf("per %s: %d series, %v", per, len(got), err)
		}
		sum := [2]float64{}
		for _, s := range got {
			if err := s.Check(); err != nil && per == PerFlow {
				t.Fatalf("per %s: %v", per, err)
			}
			if s.Label != "data" || s.Start.IsZero() || !strings.HasPrefix(s.Trace, "http1.pcap") {
				t.Errorf("per %s: label %q, trace %q, start %v", per, s.Label, s.Trace, s.Start)
			}
			for i := range sum {
				for _, v := range s.Values[i] {
					sum[i] += v
				}
			}
		}
		if sum != want {
			t.Errorf("per %s: %v bytes, want %v", per, sum, want)
		}
	}
}

func TestWindows(t *testing.T) {
	trace := func(name string, n int) Series {
		s := Series{Label: "a", Trace: name, Channels: []string{"b"}, Values: [][]float64{make([]float64, n)}, Step: time.Second, Start: time.Unix(0, 0).UTC()}
		for i := range n {
			s.Values[0][i] = float64(i + 1)
		}
		return s
	}
	traces := []Series{trace("p", 10), trace("q", 3), trace("r", 4)}
	for want, w := range map[string]Window{
		"p[1 2 3 4] p[5 6 7 8] q[1 2 3 0] r[1 2 3 4]":             {Length: 4},
		"p[1 2 3 4] p[4 5 6 7] p[7 8 9 10] q[1 2 3 0] r[1 2 3 4]": {Length: 4, Stride: 3},
		"p[1 2 3 4] q[1 2 3 0] r[1 2 3 4]":                        {Length: 4, Most: 1},
		"p[1 2 3 4] p[5 6 7 8] r[1 2 3 4]":                        {Length: 4, MinBins: 4},
		"p[1 2 3 4] p[5 6 7 8] p[9 10 0 0] q[1 2 3 0] r[1 2 3 4]": {Length: 4, Partial: true},
	} {
		var got []string
		for s, err := range w.Windows(All(traces)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, s.Trace+fmt.Sprint(s.Values[0]))
			if first := s.Values[0][0]; s.Start.Unix() != int64(first)-1 {
				t.Errorf("the window from %v on begins at %v", first, s.Start)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%+v: %v, want %s", w, got, want)
		}
	}
	for _, w := range []Window{{}, {Length: 5, Stride: -1}, {Length: MaxBins + 1}} {
		if _, err := Collect(w.Windows(All(traces))); err == nil {
			t.Errorf("%+v: no error", w)
		}
	}
}

// Windows of one trace are in one part, and each label's share is near what is asked.
func TestSplit(t *testing.T) {
	var all []Series
	for i := range 200 {
		for range 3 {
			all = append(all, Series{Label: []string{"a", "b"}[i%2], Trace: fmt.Sprint(i), Channels: []string{"v"}, Values: [][]float64{{float64(i)}}})
		}
	}
	first, second, err := Split(All(all), 0.2, 1)
	if err != nil {
		t.Fatal(err)
	}
	counts, where := map[string]int{}, map[string]int{}
	for part, seq := range []func(func(Series, error) bool){first, second} {
		for s, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			if at, known := where[s.Trace]; known && at != part {
				t.Errorf("trace %s is in both parts", s.Trace)
			}
			where[s.Trace] = part
			counts[fmt.Sprint(s.Label, part)]++
		}
	}
	if want := map[string]int{"a0": 240, "b0": 240, "a1": 60, "b1": 60}; !reflect.DeepEqual(counts, want) {
		t.Errorf("%v, want %v", counts, want)
	}
	for _, share := range []float64{0, 1, -1, math.NaN()} {
		if _, _, err := Split(All(all), share, 1); err == nil {
			t.Errorf("a share of %v was taken", share)
		}
	}
	for range 5 { // seeds of hashes differ, parts do not
		again, _, err := Split(All(all), 0.2, 1)
		if err != nil {
			t.Fatal(err)
		}
		for s := range again {
			if where[s.Trace] != 0 {
				t.Fatalf("trace %s went the other way", s.Trace)
			}
		}
	}
}
