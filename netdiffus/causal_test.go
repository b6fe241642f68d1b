package netdiffus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// small is a causal model that trains in seconds, for so many steps.
func small(steps int) netdiffus.Config {
	c := netdiffus.Sequential(0, 0)
	k := c.Kind.(netdiffus.Causal)
	k.Width, k.Layers = 32, 1
	c.Kind = k
	c.Training.BatchSize, c.Training.Steps, c.Training.Epochs, c.Training.Warmup = 32, steps, 0, 5
	c.Training.ValidateEvery = steps
	return c
}

// fitTo trains c on set to the end and returns the measurements of the flows held out.
func fitTo(t *testing.T, c netdiffus.Config, set *dataset.Set, dir string) (held []float64) {
	t.Helper()
	for step, err := range train.Run(context.Background(), backendtest.Open(t), c, set, train.Options{Dir: dir}) {
		if err != nil {
			t.Fatal(err)
		}
		if step.Validation != nil {
			held = append(held, step.Validation.Cross)
		}
	}
	return held
}

func TestCausalTrainsAndDraws(t *testing.T) {
	set, err := dataset.Build(traffic.Read("../data/loopback.parquet"), dataset.Recipe{Channels: []dataset.Channel{{Codec: netdiffus.Causal{}.Codec()}}, SeriesLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	held := fitTo(t, small(40), set, dir)
	if len(held) != 2 || !(held[1] < held[0]) {
		t.Errorf("the flows held out have %v nats a packet before and after training, want less after", held)
	}
	checkDrawing(t, dir, set)
	g, err := sample.Open(backendtest.Open(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	drawn := func(r sample.Request) *dataset.Set {
		t.Helper()
		r.N, r.Seed = 40, 5
		set, err := g.Draw(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	all := drawn(sample.Request{})
	if off := (imaging.GASF{}).MeanConsistency(all.Images.Plane(0)); off > 1e-6 {
		t.Errorf("pixels lie %v from what the diagonal implies", off)
	}
	flows := collect(t, all.Traffic())
	for i, f := range flows {
		if len(f.Packets) == 0 {
			t.Errorf("flow %d has no packets", i)
		}
	}
	// The flow is drawn at the first step, and kept.
	for _, r := range []sample.Request{{Steps: "3"}, {Batch: 7}} {
		if !reflect.DeepEqual(flows, collect(t, drawn(r).Traffic())) {
			t.Errorf("%+v: other flows", r)
		}
	}
	checkEven(t, g)
	// At little noise a reconstruction is the image itself, at much a flow of its class.
	for r, err := range g.Reconstruct(context.Background(), set.Select([]int{0, 1, 2, 3, 4}), 1, 10, 900) {
		if err != nil {
			t.Fatal(err)
		}
		if r.T == 10 && r.X0MSE > 1e-3 {
			t.Errorf("step %d: the clean images are %v off", r.T, r.X0MSE)
		}
		if off := (imaging.GASF{}).MeanConsistency(r.X0.Plane(0)); off > 1e-6 {
			t.Errorf("step %d: pixels lie %v from what the diagonal implies", r.T, off)
		}
	}
}

// checkEven: the first packets of samples are nearly the same of two seeds, which those of independent ones are
// not, and are distributed as these are.
func checkEven(t *testing.T, g *sample.Generator) {
	t.Helper()
	const n = 300
	first := func(seed uint64, independent bool) map[string]float64 {
		set, err := g.Draw(context.Background(), sample.Request{N: n, Seed: seed, Independent: independent, Steps: "2"})
		if err != nil {
			t.Fatal(err)
		}
		if set.Origin.Even == independent || set.Origin.Chain {
			t.Errorf("drawn evenly: %v, by a chain: %v, though independent: %v", set.Origin.Even, set.Origin.Chain, independent)
		}
		shares := map[string]float64{}
		for _, f := range collect(t, set.Traffic()) {
			shares[fmt.Sprint(f.Label, traffic.SignedLength{}.Values(f.Packets[:1]))] += 1. / n / float64(len(set.Classes))
		}
		return shares
	}
	off := func(a, b map[string]float64) (tv float64) { // total variation
		for value, share := range a {
			tv += max(0, share-b[value])
		}
		return tv
	}
	even, other := first(1, false), first(2, false)
	one, two := first(1, true), first(2, true)
	if got, want := off(even, other), off(one, two); got > 0.75*want {
		t.Errorf("first packets of two seeds drawn evenly are %.3f apart, independently %.3f", got, want)
	}
	if got, want := off(even, one), off(one, two); got > want {
		t.Errorf("first packets drawn evenly are %.3f from those drawn independently, which are %.3f from each other", got, want)
	}
}

// checkDrawing: how samples are drawn was chosen, it is the way that the run draws, and no
// other way has better figures and copies as little. It leaves the run to draw by its network.
func checkDrawing(t *testing.T, dir string, set *dataset.Set) {
	t.Helper()
	d, err := sample.ReadChoice(dir)
	if err != nil || d == nil || len(d.Ways) < 3 || !strings.HasPrefix(d.Ways[0].Name, "chain") {
		t.Fatalf("chosen: %+v, %v", d, err)
	}
	chosen := slices.IndexFunc(d.Ways, func(w sample.MeasuredWay) bool { return w.Name == d.Name })
	for _, w := range d.Ways {
		if w.Accuracy == 0 || w.FourGram == 0 || w.Detection == 0 || w.Score() > d.Ways[chosen].Score() && !w.Repeats(d.HeldOut) {
			t.Errorf("%+v, where %s was chosen: %+v", w, d.Name, d.Ways[chosen])
		}
	}
	network := -1
	for i, w := range d.Ways {
		d.Way = w.Way
		if err := d.Write(dir); err != nil {
			t.Fatal(err)
		}
		g, err := sample.Open(backendtest.Open(t), dir)
		if err != nil {
			t.Fatal(err)
		}
		drawing := g.Config.Kind.(netdiffus.Causal).CausalDrawing
		var want bytes.Buffer
		if err := json.Compact(&want, w.Settings); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(drawing); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s: the run draws by %s, want %s", w.Name, got, &want)
		}
		if drawing.Chain == nil && drawing.Rare == 0 && drawing.MinP == 0 {
			network = i
			continue
		}
		drawn, err := g.Draw(context.Background(), sample.Request{N: 3, Seed: 1, Steps: "2"})
		if err != nil || drawn.Len() != 3*len(set.Classes) || drawn.Origin.Way != w.Name {
			t.Errorf("%s: %v, drawn by %q", w.Name, err, drawn.Origin.Way)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "choice.json"), []byte(`{"settings": {"rarely": 1}}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := sample.Open(backendtest.Open(t), dir); err == nil || !strings.Contains(err.Error(), "choice.json") || !strings.Contains(err.Error(), "rarely") {
		t.Errorf("settings that nobody knows: %v", err)
	}
	d.Way = d.Ways[network].Way
	if err := d.Write(dir); err != nil {
		t.Fatal(err)
	}
}

// timed is flows of the sample traffic of so many packets, with the times between them.
func timed(t *testing.T, length int) *dataset.Set {
	t.Helper()
	set, err := dataset.Build(traffic.Read("../data/loopback.parquet"), dataset.Recipe{
		Channels: []dataset.Channel{
			{Feature: traffic.SignedLength{}, Codec: netdiffus.Causal{}.Codec()},
			{Feature: traffic.InterArrival{}, Codec: &codec.Atoms{Bins: 64}},
		},
		SeriesLength: length,
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestCausalTimes: the second channel is learned, drawn and read from noisy images.
func TestCausalTimes(t *testing.T) {
	set := timed(t, 6)
	dir := filepath.Join(t.TempDir(), "run")
	config := small(40)
	config.Training.Choose = longtest.On() // TestCausalTrainsAndDraws chooses without times
	held := fitTo(t, config, set, dir)
	if len(held) != 2 || !(held[1] < held[0]) {
		t.Errorf("the flows held out have %v nats a packet before and after training, want less after", held)
	}
	g, err := sample.Open(backendtest.Open(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := g.Draw(context.Background(), sample.Request{N: 40, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	for k := range 2 {
		if off := (imaging.GASF{}).MeanConsistency(drawn.Images.Plane(k)); off > 1e-6 {
			t.Errorf("channel %d: pixels lie %v from what the diagonal implies", k, off)
		}
	}
	later := 0
	for i, f := range collect(t, drawn.Traffic()) {
		if len(f.Packets) == 0 || !f.Timed || f.Packets[0].IAT != 0 {
			t.Fatalf("flow %d: %+v", i, f)
		}
		for _, p := range f.Packets {
			if p.IAT > 0 {
				later++
			}
		}
	}
	if later == 0 {
		t.Error("no packet comes later than the one before")
	}
	for r, err := range g.Reconstruct(context.Background(), set.Select([]int{0, 1, 2, 3, 4}), 1, 10, 900) {
		if err != nil {
			t.Fatal(err)
		}
		if r.T == 10 && r.X0MSE > 1e-3 {
			t.Errorf("step %d: the clean images are %v off", r.T, r.X0MSE)
		}
	}
	thinsByTimes(t, g, set)
}

// thinsByTimes: the flows that are left out are chosen by their times, too, so that durations are
// nearer to those of set.
func thinsByTimes(t *testing.T, g *sample.Generator, set *dataset.Set) {
	t.Helper()
	durations := func(set *dataset.Set) map[string][]float64 {
		all := map[string][]float64{}
		for _, f := range collect(t, set.Traffic()) {
			sum := 0.0
			for _, v := range (traffic.InterArrival{}).Values(f.Packets) {
				sum += v
			}
			all[f.Label] = append(all[f.Label], math.Log1p(sum))
		}
		return all
	}
	real := durations(set)
	off := func(drawn *dataset.Set) (mean float64) {
		for class, all := range durations(drawn) {
			mean += metric.Wasserstein(all, real[class]) / float64(len(real))
		}
		return mean
	}
	way := netdiffus.Way{Name: "network", Settings: json.RawMessage(`{}`)}
	before := drawnBy(t, g, way, sample.Request{N: 300, Seed: 1})
	way, err := g.Config.Kind.(netdiffus.Causal).Thinned(g.Config, way, before)
	if err != nil {
		t.Fatal(err)
	}
	var thinned netdiffus.CausalDrawing
	if err := json.Unmarshal(way.Settings, &thinned); err != nil {
		t.Fatal(err)
	}
	had, got := off(before), off(drawnBy(t, g, way, sample.Request{N: 300, Seed: 2}))
	if len(thinned.Thinning[0].Beside) != 2 || got > had {
		t.Errorf("thinned by %d numbers of times, durations are %.3f off, %.3f before", len(thinned.Thinning[0].Beside), got, had)
	}
}

// drawnBy draws in a way, in two steps.
func drawnBy(t *testing.T, g *sample.Generator, way netdiffus.Way, r sample.Request) *dataset.Set {
	t.Helper()
	kind, err := g.Config.Kind.(netdiffus.Causal).Drawing(way.Settings)
	if err != nil {
		t.Fatal(err)
	}
	one, err := g.As(kind)
	if err != nil {
		t.Fatal(err)
	}
	r.Steps = "2"
	drawn, err := one.Draw(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return drawn
}

func TestCausalRefusesThreeChannels(t *testing.T) {
	atoms := func() codec.Codec { return &codec.Atoms{Bins: 64} }
	set, err := dataset.Build(traffic.Read("../data/loopback.parquet"), dataset.Recipe{SeriesLength: 3, Channels: []dataset.Channel{
		{Feature: traffic.Length{}, Codec: atoms()}, {Feature: traffic.PacketDirection{}, Codec: atoms()}, {Feature: traffic.InterArrival{}, Codec: atoms()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := small(1).Fit(set); err == nil || !strings.Contains(err.Error(), "3 channels") {
		t.Errorf("three channels: %v", err)
	}
}

// TestCausalTables: flows that are not of the data set are refused, since files may hold
// anything.
func TestCausalTables(t *testing.T) {
	set, err := dataset.Build(traffic.Read("../data/loopback.parquet"), dataset.Recipe{Channels: []dataset.Channel{{Codec: netdiffus.Causal{}.Codec()}}, SeriesLength: 3})
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := small(1).Fit(set)
	if err != nil {
		t.Fatal(err)
	}
	good := make([][][]int32, len(set.Classes))
	for _, c := range []struct {
		flows [][][]int32
		want  string
	}{
		{good, ""},
		{good[1:], "classes"},
		{append([][][]int32{{{0, 0, 0, 0}}}, good[1:]...), "4 packets"},
		{append([][][]int32{{{-1}}}, good[1:]...), "atom -1"},
		{append([][][]int32{{{1 << 30}}}, good[1:]...), "atom 1073741824"},
	} {
		k := fitted.Kind.(netdiffus.Causal)
		k.Tables = &netdiffus.CausalTables{Flows: c.flows}
		fitted.Kind = k
		if _, err := fitted.Model(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.flows, err, c.want)
		}
	}
}

// TestCausalTimesTables: nor are times believed that do not fit the flows.
func TestCausalTimesTables(t *testing.T) {
	set := timed(t, 3)
	fitted, err := small(1).Fit(set)
	if err != nil {
		t.Fatal(err)
	}
	flows := make([][][]int32, len(set.Classes))
	flows[0] = [][]int32{{0}}
	times := func(first ...[]int32) [][][]int32 {
		return append([][][]int32{first}, make([][][]int32, len(set.Classes)-1)...)
	}
	for _, c := range []struct {
		times [][][]int32
		want  string
	}{
		{times([]int32{0}), ""},
		{nil, "times of 0 classes"},
		{times(), "1 flows and times of 0"},
		{times([]int32{0, 0}), "1 packets and 2 times"},
		{times([]int32{-1}), "atom -1"},
		{times([]int32{1 << 30}), "atom 1073741824"},
	} {
		k := fitted.Kind.(netdiffus.Causal)
		k.Tables = &netdiffus.CausalTables{Flows: flows, Times: c.times}
		fitted.Kind = k
		if _, err := fitted.Model(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.times, err, c.want)
		}
	}
}

// TestCausalThins: thinned, the network copies about as often as flows of the data set repeat each
// other, and what it draws does not depend on how much is drawn at once.
func TestCausalThins(t *testing.T) {
	set, err := dataset.Build(traffic.Read("../data/loopback.parquet"), dataset.Recipe{Channels: []dataset.Channel{{Codec: netdiffus.Causal{}.Codec()}}, SeriesLength: 6})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	config := small(60)
	config.Training.Choose = false
	fitTo(t, config, set, dir)
	g, err := sample.Open(backendtest.Open(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	rows := func(set *dataset.Set) map[string][][]float64 {
		all := map[string][][]float64{}
		for _, f := range collect(t, set.Traffic()) {
			row := make([]float64, 6)
			copy(row, traffic.SignedLength{}.Values(f.Packets))
			all[f.Label] = append(all[f.Label], row)
		}
		return all
	}
	real := rows(set)
	// off is how far the share of copies is from that among the flows of the data set, mean of classes.
	off := func(drawn map[string][][]float64) (mean float64) {
		for class, rows := range drawn {
			records := metric.NewRecords(real[class])
			share := func(rows [][]float64, own bool) (share float64) {
				for _, row := range rows {
					if records.Repeat(row, own) == metric.Copy {
						share += 1 / float64(len(rows))
					}
				}
				return share
			}
			mean += math.Abs(share(rows, false)-share(real[class], true)) / float64(len(drawn))
		}
		return mean
	}
	k := g.Config.Kind.(netdiffus.Causal)
	// Without what it thinks improbable, the network repeats itself.
	way := netdiffus.Way{Name: "network", Settings: json.RawMessage(`{"min_p":0.3}`)}
	before := drawnBy(t, g, way, sample.Request{N: 200, Seed: 1})
	if way, err = k.Thinned(g.Config, way, before); err != nil {
		t.Fatal(err)
	}
	had, got := off(rows(before)), off(rows(drawnBy(t, g, way, sample.Request{N: 200, Seed: 2})))
	if got > had/2 {
		t.Errorf("the share of copies is %.3f off, thinned %.3f", had, got)
	}
	if a, b := rows(drawnBy(t, g, way, sample.Request{N: 20, Seed: 3})), rows(drawnBy(t, g, way, sample.Request{N: 20, Seed: 3, Batch: 7})); !reflect.DeepEqual(a, b) {
		t.Error("thinned flows depend on the batch size")
	}
}
