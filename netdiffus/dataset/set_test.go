package dataset

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// TestEveryLength: flows with packets of every length up to 65,535 bytes, in
// both directions, come back exactly; from float32 images too on the scale to
// [0.1,1].
func TestEveryLength(t *testing.T) {
	var flows []traffic.Flow
	for n := 0; n <= traffic.MaxLength; n += 8 {
		f := flow("a")
		for k := n; k < min(n+8, traffic.MaxLength+1); k++ {
			f.Packets = append(f.Packets, up(k), down(k))
		}
		flows = append(flows, f)
	}
	for _, low := range []float64{0, 0.1} {
		r := Recipe{SeriesLength: 16, Channels: []Channel{{Codec: codec.MinMax{Min: -traffic.MaxLength, Max: traffic.MaxLength, Low: low}}}}
		set, err := Build(traffic.All(flows), r)
		if err != nil {
			t.Fatal(err)
		}
		checkFlows(t, collect(t, set.Traffic()), flows)
		if low == 0 {
			continue
		}
		for i, p := range set.Images.Data {
			set.Images.Data[i] = float64(float32(p))
		}
		checkFlows(t, collect(t, set.Traffic()), flows)
	}
}

// TestAnyFlows is the same for flows drawn at random, of any number of packets
// on images of any size.
func TestAnyFlows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		length := 1 + r.IntN(40)
		var flows []traffic.Flow
		for range 2 + r.IntN(20) {
			f := flow(string(rune('a' + r.IntN(3))))
			for range 1 + r.IntN(2*length) {
				f.Packets = append(f.Packets, traffic.Packet{Length: r.IntN(1 << r.IntN(17)), Dir: traffic.Direction(r.IntN(2))})
			}
			flows = append(flows, f)
		}
		flows = append(flows, flow("a", up(1), down(1))) // no constant column
		set, err := Build(traffic.All(flows), Recipe{SeriesLength: length})
		if err != nil {
			if length == 1 && strings.Contains(err.Error(), "constant") {
				continue
			}
			t.Fatal(err)
		}
		checkFlows(t, collect(t, set.Traffic()), cut(flows, length))
	}
}

// TestUnknownLengths reads images as a sampler leaves them: no lengths, pixels
// a little off.
func TestUnknownLengths(t *testing.T) {
	set, err := Build(traffic.All([]traffic.Flow{
		flow("a", up(500), down(1000), up(7)),
		flow("b", up(3), up(0), down(9)),
		flow("a", down(0), up(0)),
	}), Recipe{SeriesLength: 4, Channels: []Channel{{Codec: codec.MinMax{Min: -1000, Max: 1000}}}})
	if err != nil {
		t.Fatal(err)
	}
	set.SeriesLengths = nil
	set.zeroDown = nil
	checkFlows(t, collect(t, set.Traffic()), []traffic.Flow{
		flow("a", up(500), down(1000), up(7)),
		flow("b", up(3), down(9)),
		// the third image holds padding only
	})
	for i, f := range collect(t, set.PaddedFlows()) {
		if len(f.Packets) != 4 || f.Packets[3].Length != 0 {
			t.Errorf("padded flow %d = %v, want 4 packets, the last of 0 bytes", i, f)
		}
	}
}

// TestSamples saves what a sampler draws, in the reference's form, and opens
// it.
func TestSamples(t *testing.T) {
	set, err := Build(traffic.All(sample()), Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	drawn := &Set{Encoding: set.Encoding, Classes: append(set.Classes, "zz unused"), Images: set.Images, Labels: set.Labels}
	dir := filepath.Join(t.TempDir(), "samples")
	if err := drawn.Save(dir, &SaveOptions{Layout: Samples}); err != nil {
		t.Fatal(err)
	}
	checkEntries(t, dir, "dns_synthetic_samples.npz", "manifest.json", "video_synthetic_samples.npz", "web_synthetic_samples.npz")
	back, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(back.Classes, drawn.Classes) || back.Len() != drawn.Len() || back.SeriesLengths != nil || back.Rows != nil || !reflect.DeepEqual(back.Encoding, drawn.Encoding) {
		t.Errorf("opened %d images of %q by %v with lengths %v, rows %v", back.Len(), back.Classes, back.Encoding, back.SeriesLengths, back.Rows)
	}
	if !slices.Equal(back.Counts(), []int{2, 1, 3, 0}) {
		t.Errorf("counts %v", back.Counts())
	}
	for i := range back.Len() { // class after class
		var of []int
		for j, label := range drawn.Labels {
			if label == back.Labels[i] {
				of = append(of, j)
			}
		}
		n := slices.Index(back.Labels, back.Labels[i])
		want := drawn.Images.At(of[i-n])
		for p, v := range back.Images.At(i) {
			if v != float64(float32(want[p])) {
				t.Fatalf("image %d pixel %d = %v, want %v in float32", i, p, v, want[p])
			}
		}
	}
}

func TestOfClass(t *testing.T) {
	var flows []traffic.Flow
	for i := range 12 {
		flows = append(flows, flow([]string{"a", "b", "b"}[i%3], up(i+1)))
	}
	set, err := Build(traffic.All(flows), Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		class string
		n     int
		rows  []int
	}{{"b", 3, []int{1, 2, 4}}, {"a", 0, []int{0, 3, 6, 9}}, {"a", 9, []int{0, 3, 6, 9}}, {"c", 3, nil}} {
		got := set.OfClass(c.class, c.n)
		if !slices.Equal(got.Rows, c.rows) || got.Images.N != len(c.rows) || got.Images.W != set.Images.W {
			t.Errorf("OfClass(%q, %d): rows %v of %d images, want %v", c.class, c.n, got.Rows, got.Images.N, c.rows)
		}
	}
}

func TestSplit(t *testing.T) {
	var flows []traffic.Flow
	for i := range 130 {
		flows = append(flows, flow([]string{"a", "b", "b", "c"}[i%4], up(i), down(i%7)))
	}
	set, err := Build(traffic.All(flows), Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	first, second, err := set.Split(0.8, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := first.Counts(), []int{26, 52, 26}; !slices.Equal(got, want) {
		t.Errorf("the first part has %v images a class, want %v of %v", got, want, set.Counts())
	}
	rows := slices.Concat(first.Rows, second.Rows)
	if slices.Sort(rows); len(rows) != 130 || rows[0] != 0 || rows[129] != 129 || len(slices.Compact(rows)) != 130 {
		t.Errorf("the parts hold rows %v", rows)
	}
	for _, part := range []*Set{first, second} {
		if !slices.IsSorted(part.Rows) {
			t.Errorf("rows %v are out of order", part.Rows)
		}
		var want []traffic.Flow
		for _, row := range part.Rows {
			want = append(want, flows[row])
		}
		checkFlows(t, collect(t, part.Traffic()), want)
	}
	again, _, _ := set.Split(0.8, 1)
	other, _, _ := set.Split(0.8, 2)
	if !slices.Equal(again.Rows, first.Rows) || slices.Equal(other.Rows, first.Rows) {
		t.Error("a seed should divide the same way each time, another seed another way")
	}
	for _, fraction := range []float64{-0.1, 1.1} {
		if _, _, err := set.Split(fraction, 1); err == nil {
			t.Errorf("fraction %v passed", fraction)
		}
	}
	if all, none, err := set.Split(1, 1); err != nil || all.Len() != 130 || none.Len() != 0 {
		t.Errorf("Split(1) = %v", err)
	}
}

// TestNotInvertible: images that cannot be decoded give an error.
func TestNotInvertible(t *testing.T) {
	for _, image := range []imaging.Encoder{imaging.GADF{}, imaging.MTF{Bins: 3}, imaging.Recurrence{}} {
		dir := filepath.Join(t.TempDir(), "set")
		report, err := Convert(context.Background(), traffic.All(sample()), Recipe{Image: image}, dir, ConvertOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if report.Invertible || report.Exact64 != 0 {
			t.Errorf("%s: %+v, want that it is not invertible", image.Name(), report)
		}
		set, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if set.Encoding.Image() != image {
			t.Errorf("opened as %#v, want %#v", set.Encoding.Image(), image)
		}
		if _, err := traffic.Collect(set.Traffic()); err == nil || !strings.Contains(err.Error(), image.Name()) {
			t.Errorf("Flows of %s = %v, want that they cannot be decoded", image.Name(), err)
		}
	}
}

// TestOtherFeatures: a set of inter-arrival times gives times back, one of
// unsigned lengths lengths.
func TestOtherFeatures(t *testing.T) {
	flows := []traffic.Flow{{Label: "a", Timed: true, Packets: []traffic.Packet{{Length: 5, Dir: traffic.Down}, {Length: 9, IAT: 250}, {Length: 1, IAT: 1000}}}}
	set, err := Build(traffic.All(flows), Recipe{SeriesLength: 3, Channels: []Channel{{Feature: traffic.InterArrival{}}}})
	if err != nil {
		t.Fatal(err)
	}
	back := collect(t, set.Traffic())
	if len(back) != 1 || !back[0].Timed || back[0].Packets[1].IAT != 250 || back[0].Packets[1].Length != 0 {
		t.Errorf("times come back as %v", back)
	}
	if set, err = Build(traffic.All(flows), Recipe{SeriesLength: 4, Channels: []Channel{{Feature: traffic.Length{}}}}); err != nil {
		t.Fatal(err)
	}
	back = collect(t, set.Traffic())
	if want := []traffic.Packet{up(5), up(9), up(1)}; len(back) != 1 || back[0].Timed || !slices.Equal(back[0].Packets, want) {
		t.Errorf("unsigned lengths come back as %v, want %v", back, want)
	}
}

// TestConvertClasses keeps the rows of the input when classes are left out.
func TestConvertClasses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	if _, err := Convert(context.Background(), traffic.All(sample()), Recipe{}, dir, ConvertOptions{Classes: []string{"dns", "video"}}); err != nil {
		t.Fatal(err)
	}
	set, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(set.Rows, []int{1, 4, 5}) || !slices.Equal(set.Classes, []string{"dns", "video"}) {
		t.Errorf("rows %v of %q", set.Rows, set.Classes)
	}
	if _, err := os.Stat(filepath.Join(dir, "dns", "dns_4.npz")); err != nil {
		t.Error(err)
	}
}

func ExampleBuild() {
	flows := []traffic.Flow{
		{Label: "dns", Packets: []traffic.Packet{{Length: 33, Dir: traffic.Up}, {Length: 120, Dir: traffic.Down}}},
		{Label: "web", Packets: []traffic.Packet{{Length: 517, Dir: traffic.Up}, {Length: 1460, Dir: traffic.Down}, {Length: 64, Dir: traffic.Up}}},
	}
	set, err := Build(traffic.All(flows), Recipe{SeriesLength: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Classes, set.Images.N, "images of", set.Images.H, "x", set.Images.W, set.Encoding.Channels()[0].Codec)
	for f := range set.Flows() {
		fmt.Println(f.Label, traffic.SignedLength{}.Values(f.Packets))
	}
	// Output:
	// [dns web] 2 images of 4 x 4 {-517 1460 0 false}
	// dns [-33 120]
	// web [-517 1460 -64]
}

// many returns n flows of 10 packets of 12 classes, made as they are asked for.
func many(n int) iter.Seq2[traffic.Flow, error] {
	return func(yield func(traffic.Flow, error) bool) {
		for i := range n {
			packets := make([]traffic.Packet, 10)
			for j := range packets {
				packets[j] = traffic.Packet{Length: (i*7919 + j*104729) % 1461, Dir: traffic.Direction((i + j) % 2)}
			}
			if !yield(traffic.Flow{Label: labels[i%len(labels)], Packets: packets}, nil) {
				return
			}
		}
	}
}

var labels = strings.Split("abcdefghijkl", "")

func BenchmarkConvertPerClass(b *testing.B) { benchmarkConvert(b, PerClass, 100_000) }
func BenchmarkConvertPerFlow(b *testing.B)  { benchmarkConvert(b, PerFlow, 5_000) }

// benchmarkConvert counts flows converted, checked and on the disk, in flows/s
// and MB/s of pixels.
func benchmarkConvert(b *testing.B, layout Layout, n int) {
	b.SetBytes(int64(n) * 800)
	for b.Loop() {
		dir := filepath.Join(b.TempDir(), "set")
		report, err := Convert(context.Background(), many(n), Recipe{}, dir, ConvertOptions{SaveOptions: SaveOptions{Layout: layout}})
		if err != nil || report.Exact64 != n {
			b.Fatal(report, err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "flows/s")
}

// BenchmarkPlainPython is the same work as people do it with NumPy, to compare
// with: a row at a time, one np.savez for each.
func BenchmarkPlainPython(b *testing.B) {
	python := cmp.Or(os.Getenv("NETDIFFUS_PYTHON"), "python3")
	if out, err := exec.Command(python, "-c", "import numpy").CombinedOutput(); err != nil {
		b.Skipf("needs a Python with NumPy, as $NETDIFFUS_PYTHON or python3: %v: %s", err, out)
	}
	const n = 5_000
	const script = `
import os, sys, time
import numpy as np
n, out = int(sys.argv[1]), sys.argv[2]
i, j = np.arange(n)[:, None], np.arange(10)[None, :]
signed = (i * 7919 + j * 104729) % 1461 * np.where((i + j) % 2 == 0, -1, 1)
low, high = signed.min(), signed.max()
start = time.perf_counter()
for row in range(n):
    label = "abcdefghijkl"[row % 12]
    phi = np.arccos((signed[row] - low) / (high - low))
    os.makedirs(f"{out}/{label}", exist_ok=True)
    np.savez(f"{out}/{label}/{label}_{row}.npz", gasf=np.cos(phi[:, None] + phi[None, :]))
print(time.perf_counter() - start)
`
	seconds := 0.0
	for b.Loop() {
		out, err := exec.Command(python, "-c", script, strconv.Itoa(n), b.TempDir()).Output()
		if err != nil {
			b.Fatal(err)
		}
		s, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		if err != nil {
			b.Fatal(err)
		}
		seconds += s
	}
	b.ReportMetric(n*float64(b.N)/seconds, "flows/s")
}

func BenchmarkFlows(b *testing.B) {
	const n = 10_000
	set, err := Build(many(n), Recipe{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, err := range set.Flows() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "flows/s")
}
