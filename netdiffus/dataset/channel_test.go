package dataset

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// timedFlows are n flows of up to most packets, two classes, with times and
// packets of 0 bytes both ways among them.
func timedFlows(r *rand.Rand, n, most int) []traffic.Flow {
	flows := make([]traffic.Flow, n)
	for i := range flows {
		packets := make([]traffic.Packet, 1+r.IntN(most))
		for j := range packets {
			packets[j] = traffic.Packet{Length: r.IntN(1461), Dir: traffic.Direction(r.IntN(2))}
			if r.IntN(8) == 0 {
				packets[j].Length = 0
			}
			if j > 0 {
				packets[j].IAT = math.Round(1000*math.Exp(r.Float64()*16)) / 1000 // up to 9 s, to the nanosecond
			}
		}
		flows[i] = traffic.Flow{Label: []string{"chat", "video"}[i%2], Timed: true, Packets: packets}
	}
	return flows
}

// recipes are ways to make one image of several features.
func recipes(length int) map[string]Recipe {
	atoms := func() codec.Codec { return &codec.Atoms{} }
	times := func() codec.Codec { return &codec.Atoms{Bins: 16} }
	return map[string]Recipe{
		"signed lengths and times": {SeriesLength: length, Channels: []Channel{{Codec: codec.MinMax{Low: 0.1}}, {Feature: traffic.InterArrival{}}}},
		"times first":              {SeriesLength: length, Channels: []Channel{{Feature: traffic.InterArrival{}}, {Codec: codec.MinMax{Low: 0.1}}}},
		"lengths and directions":   {SeriesLength: length, Channels: []Channel{{Feature: traffic.Length{}, Codec: codec.MinMax{Low: 0.1}}, {Feature: traffic.PacketDirection{}}}},
		"all three":                {SeriesLength: length, Channels: []Channel{{Feature: traffic.Length{}, Codec: codec.MinMax{Low: 0.1}}, {Feature: traffic.PacketDirection{}}, {Feature: traffic.InterArrival{}}}},
		"atoms":                    {SeriesLength: length, Channels: []Channel{{Codec: atoms()}, {Feature: traffic.InterArrival{}, Codec: times()}}},
		"atoms of three":           {SeriesLength: length, Channels: []Channel{{Feature: traffic.Length{}, Codec: atoms()}, {Feature: traffic.PacketDirection{}, Codec: atoms()}, {Feature: traffic.InterArrival{}, Codec: times()}}},
		"mixed codecs":             {SeriesLength: length, Channels: []Channel{{Codec: atoms()}, {Feature: traffic.InterArrival{}}}},
	}
}

// TestChannelsRoundTrip: whatever the flows, features, codecs, lengths and
// files, lengths and directions come back exactly, from float64 and from float32
// files; times come back to the nanosecond from scales in float64.
func TestChannelsRoundTrip(t *testing.T) {
	for _, length := range []int{2, 10, 32, 64} {
		flows := timedFlows(rand.New(rand.NewPCG(uint64(length), 1)), 12, length+length/2+1)
		for name, recipe := range recipes(length) {
			set, err := Build(traffic.All(flows), recipe)
			if err != nil {
				t.Fatalf("%s, length %d: %v", name, length, err)
			}
			for _, layout := range []Layout{PerFlow, PerClass, Samples} {
				dir := filepath.Join(t.TempDir(), "set")
				if err := set.Save(dir, &SaveOptions{Layout: layout}); err != nil {
					t.Fatal(err)
				}
				back, err := Open(dir, nil)
				if err != nil {
					t.Fatal(err)
				}
				if back.Images.C != len(recipe.Channels) {
					t.Fatalf("%s: %d channels", name, back.Images.C)
				}
				binned := strings.HasPrefix(name, "atoms")
				checkTimed(t, fmt.Sprintf("%s, length %d, %s", name, length, layout), back, flows, layout != Samples && !binned)
			}
		}
	}
}

// checkTimed compares a set's flows with those it was made of.
func checkTimed(t *testing.T, what string, set *Set, flows []traffic.Flow, exactTimes bool) {
	t.Helper()
	i := 0
	for got, err := range set.Flows() {
		if err != nil {
			t.Fatal(err)
		}
		want := flows[i]
		want.Packets = want.Packets[:min(len(want.Packets), set.Encoding.SeriesLength())]
		timed := set.Encoding.Holds(traffic.FieldIAT)
		if got.Label != want.Label || got.Timed != timed || len(got.Packets) != len(want.Packets) {
			t.Fatalf("%s: flow %d: %d packets of %q, timed %v; want %d of %q", what, i, len(got.Packets), got.Label, got.Timed, len(want.Packets), want.Label)
		}
		for j, p := range got.Packets {
			q := want.Packets[j]
			if p.Length != q.Length || p.Dir != q.Dir {
				t.Fatalf("%s: flow %d packet %d: %v, want %v", what, i, j, p, q)
			}
			if timed && exactTimes && math.Abs(p.IAT-q.IAT) > 0.001+1e-9*q.IAT {
				t.Fatalf("%s: flow %d packet %d: after %v, want %v", what, i, j, p.IAT, q.IAT)
			}
		}
		i++
	}
	if i != len(flows) {
		t.Errorf("%s: %d flows of %d", what, i, len(flows))
	}
}

// TestConvertChannels: convert writes and measures the same.
func TestConvertChannels(t *testing.T) {
	flows := timedFlows(rand.New(rand.NewPCG(7, 7)), 300, 14)
	for name, recipe := range recipes(10) {
		dir := filepath.Join(t.TempDir(), "set")
		report, err := Convert(context.Background(), traffic.All(flows), recipe, dir, ConvertOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if report.Exact64 != 300 || report.Exact32 != 300 {
			t.Errorf("%s: %d and %d of 300 exact", name, report.Exact64, report.Exact32)
		}
		if bins := strings.HasPrefix(name, "atoms"); bins != (report.TimesOff > 0.01) || report.TimesOff > 0.5 {
			t.Errorf("%s: times are off by %v", name, report.TimesOff)
		}
		f, err := npz.Open(filepath.Join(dir, "chat", "chat_0.npz"))
		if err != nil {
			t.Fatal(err)
		}
		a, err := f.Read("gasf")
		f.Close()
		if err != nil || len(a.Shape) != 3 || a.Shape[2] != len(recipe.Channels) {
			t.Errorf("%s: shape %v, %v", name, a.Shape, err)
		}
	}
}

// TestDrawnChannels: where the number of packets is not known the lengths tell
// it, a packet that goes takes its time along, and the first has none.
func TestDrawnChannels(t *testing.T) {
	flows := []traffic.Flow{{Label: "a", Timed: true, Packets: []traffic.Packet{
		{Length: 7, Dir: traffic.Up, IAT: 5}, {Length: 9, Dir: traffic.Down, IAT: 100}, {Length: 3, Dir: traffic.Down, IAT: 2000}}},
		{Label: "a", Timed: true, Packets: []traffic.Packet{{Length: 1, Dir: traffic.Down}}}}
	for name, recipe := range recipes(4) {
		set, err := Build(traffic.All(flows), recipe)
		if err != nil {
			t.Fatal(err)
		}
		drawn := &Set{Encoding: set.Encoding, Classes: set.Classes, Images: set.Images, Labels: set.Labels}
		back := collect(t, drawn.Traffic())
		if len(back) != 2 || len(back[0].Packets) != 3 || len(back[1].Packets) != 1 {
			t.Fatalf("%s: %v", name, back)
		}
		for j, p := range back[0].Packets {
			want := flows[0].Packets[j]
			if j == 0 || !set.Encoding.Holds(traffic.FieldIAT) {
				want.IAT = 0
			}
			if p.Length != want.Length || p.Dir != want.Dir || math.Abs(p.IAT-want.IAT) > 0.01*want.IAT {
				t.Errorf("%s: packet %d is %v, want %v", name, j, p, want)
			}
		}
		if padded := collect(t, drawn.PaddedFlows()); len(padded) != 2 || len(padded[1].Packets) != 4 {
			t.Errorf("%s: padded %v", name, padded)
		}
	}
}

// TestChannelsRefused: what cannot be drawn together says so.
func TestChannelsRefused(t *testing.T) {
	untimed := []traffic.Flow{flow("a", up(5), down(9))}
	for _, c := range []struct {
		r     Recipe
		about string
	}{
		{Recipe{Channels: []Channel{{}, {Feature: traffic.InterArrival{}}}}, "inter-arrival"},
		{Recipe{Channels: []Channel{{}, {Feature: traffic.SignedLength{}}}}, "duplicate"},
		{Recipe{Channels: []Channel{{}, {Feature: traffic.Length{}}}}, "both hold"},
	} {
		if _, err := Build(traffic.All(untimed), c.r); err == nil || !strings.Contains(err.Error(), c.about) {
			t.Errorf("Build = %v, want an error about %s", err, c.about)
		}
	}
}

// TestEncodingJSON: one channel is written as ever, several after it, and both
// are read.
func TestEncodingJSON(t *testing.T) {
	one, err := json.Marshal(MustEncoding(Recipe{Channels: []Channel{{Codec: codec.MinMax{Min: -5, Max: 9}}}}))
	if want := `{"length":10,"feature":"signed_length","codec":{"max":9,"min":-5,"name":"minmax"},"image":{"name":"gasf"}}`; err != nil || string(one) != want {
		t.Errorf("%s, %v, want %s", one, err, want)
	}
	r := Recipe{SeriesLength: 12, Channels: []Channel{{Feature: traffic.Length{}, Codec: codec.MinMax{Max: 9}}, {Feature: traffic.PacketDirection{}, Codec: codec.MinMax{Max: 1}}}, Image: imaging.GASF{}}
	data, err := json.Marshal(MustEncoding(r))
	if err != nil {
		t.Fatal(err)
	}
	var back *Encoding
	if err := json.Unmarshal(data, &back); err != nil || !slices.Equal(back.Channels(), r.Channels) || back.SeriesLength() != 12 {
		t.Errorf("%s reads as %v, %v", data, back, err)
	}
	for _, bad := range []string{
		strings.Replace(string(data), "direction", "length", 1),
		strings.Replace(string(data), "direction", "colour", 1),
		strings.Replace(string(data), `"more_channels":[`, `"more_channels":[`+strings.Repeat(`{"feature":"direction","codec":{"name":"minmax"}},`, 64), 1),
	} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%.200s is accepted", bad)
		}
	}
}
