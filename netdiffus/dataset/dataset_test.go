package dataset

import (
	"context"
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// up and down make packets.
func up(length int) traffic.Packet   { return traffic.Packet{Length: length, Dir: traffic.Up} }
func down(length int) traffic.Packet { return traffic.Packet{Length: length, Dir: traffic.Down} }

func flow(label string, packets ...traffic.Packet) traffic.Flow {
	return traffic.Flow{Label: label, Packets: packets}
}

// sample is a few flows with all that is awkward: packets of 0 bytes both ways
// and at every place, flows of one packet, of ten, and longer.
func sample() []traffic.Flow {
	long := flow("web")
	for i := range 25 {
		long.Packets = append(long.Packets, traffic.Packet{Length: 100 * i, Dir: traffic.Direction(i % 2)})
	}
	return []traffic.Flow{
		flow("web", up(517), down(1460), down(1460), up(64)),
		flow("dns", up(33), down(120)),
		flow("web", up(0), down(0), down(7), up(0), down(0)),
		long,
		flow("dns", down(0)),
		flow("video", up(1), down(1460), down(1460), down(1460), down(1460), down(1460), down(1460), down(1460), down(1460), down(2)),
	}
}

// cut is what a recipe of that length keeps of the flows.
func cut(flows []traffic.Flow, length int) []traffic.Flow {
	out := slices.Clone(flows)
	for i := range out {
		out[i].Packets = out[i].Packets[:min(length, len(out[i].Packets))]
		out[i].Timed = false
		out[i].Packets = slices.Clone(out[i].Packets)
		for j := range out[i].Packets {
			out[i].Packets[j].IAT = 0 // not in the images
		}
	}
	return out
}

func collect(t *testing.T, flows iter.Seq2[traffic.Flow, error]) []traffic.Flow {
	t.Helper()
	all, err := traffic.Collect(flows)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func checkFlows(t *testing.T, got, want []traffic.Flow) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d flows came back, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Label != want[i].Label || !slices.Equal(got[i].Packets, want[i].Packets) || got[i].Timed != want[i].Timed {
			t.Fatalf("flow %d = %v, want %v", i, got[i], want[i])
		}
	}
}

func TestRoundTrip(t *testing.T) {
	flows := sample()
	for _, length := range []int{1, 2, 10, 31} {
		for _, low := range []float64{0, 0.1} {
			r := Recipe{SeriesLength: length, Channels: []Channel{{Codec: codec.MinMax{Low: low}}}}
			if length == 1 {
				r.Channels[0].Codec = codec.MinMax{Min: -1460, Max: 1460, Low: low}
			}
			built, err := Build(traffic.All(flows), r)
			if err != nil {
				t.Fatal(err)
			}
			checkFlows(t, collect(t, built.Traffic()), cut(flows, length))
			for _, layout := range []Layout{PerFlow, PerClass} {
				t.Run(fmt.Sprint(length, low, layout), func(t *testing.T) {
					saved, converted := filepath.Join(t.TempDir(), "a", "set"), filepath.Join(t.TempDir(), "set")
					if err := built.Save(saved, &SaveOptions{Layout: layout}); err != nil {
						t.Fatal(err)
					}
					report, err := Convert(context.Background(), traffic.All(flows), r, converted, ConvertOptions{SaveOptions: SaveOptions{Layout: layout}})
					if err != nil {
						t.Fatal(err)
					}
					if report.Flows != len(flows) || report.Exact64 != len(flows) || !report.Invertible {
						t.Errorf("Convert reports %+v, want %d flows back", report, len(flows))
					}
					for _, dir := range []string{saved, converted} {
						set, err := Open(dir, nil)
						if err != nil {
							t.Fatal(err)
						}
						checkFlows(t, collect(t, set.Traffic()), cut(flows, length))
						if !slices.Equal(set.Images.Data, built.Images.Data) {
							t.Error("the images changed on their way through files")
						}
					}
				})
			}
		}
	}
}

const mirage = "data/mirage-appxact/"

// TestReferenceImages holds our images to the reference's own files, made of
// the same flows.
func TestReferenceImages(t *testing.T) {
	folder := golden.Shared(t, mirage+"gasf_npz")
	set, err := Build(traffic.Read(golden.Shared(t, mirage+"Mirage-AppxAct.parquet")), Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := set.Encoding.Channels()[0].Codec, (codec.MinMax{Min: -1460, Max: 1460}); got != want {
		t.Errorf("the codec is %v, want the reference's %v", got, want)
	}
	reference, err := Open(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(reference.Classes, set.Classes) || reference.Len() != 140 {
		t.Fatalf("the reference has %d images of %q", reference.Len(), reference.Classes)
	}
	worst := 0.0
	for i := range reference.Len() {
		row := reference.Rows[i]
		if got, want := set.Labels[row], reference.Labels[i]; got != want {
			t.Fatalf("row %d has class %d, want %d", row, got, want)
		}
		for p, want := range reference.Images.At(i) {
			worst = max(worst, math.Abs(set.Images.At(row)[p]-want))
		}
	}
	t.Logf("largest difference of a pixel: %.2g", worst)
	if worst > 1e-12 {
		t.Errorf("a pixel differs by %v from the reference's, want rounding at most", worst)
	}
}

// TestAllFlowsComeBack is the whole data set, in memory.
func TestAllFlowsComeBack(t *testing.T) {
	flows := collect(t, traffic.Read(golden.Shared(t, mirage+"Mirage-AppxAct.parquet")))
	if len(flows) != 16310 {
		t.Fatalf("%d flows, want 16,310", len(flows))
	}
	set, err := Build(traffic.All(flows), Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	checkFlows(t, collect(t, set.Traffic()), cut(flows, 10))
}

// TestAllFlowsComeBackFromFiles is the same through the files of both layouts.
func TestAllFlowsComeBackFromFiles(t *testing.T) {
	input := golden.Shared(t, mirage+"Mirage-AppxAct.parquet")
	layouts := []Layout{PerClass}
	if longtest.On() {
		layouts = append(layouts, PerFlow)
	} else {
		t.Log("only the per-class layout: 16,310 files are written where NETDIFFUS_LONG is set")
	}
	want := cut(collect(t, traffic.Read(input)), 10)
	for _, layout := range layouts {
		t.Run(string(layout), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "set")
			report, err := Convert(context.Background(), traffic.Read(input), Recipe{}, dir, ConvertOptions{SaveOptions: SaveOptions{Layout: layout}})
			if err != nil {
				t.Fatal(err)
			}
			if report.Exact64 != 16310 || report.Exact32 != 16310 || report.Cut != 0 {
				t.Errorf("Convert reports %d and %d of 16,310 flows back, %d cut", report.Exact64, report.Exact32, report.Cut)
			}
			set, err := Open(dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkFlows(t, collect(t, set.Traffic()), want)
		})
	}
}

// TestReferenceSamples opens what the reference's sampler wrote, and inverts
// it as the reference did.
func TestReferenceSamples(t *testing.T) {
	signed := Recipe{Channels: []Channel{{Codec: codec.MinMax{Min: -1460, Max: 1460}}}}
	set, err := Open(golden.Shared(t, mirage+"seed-outputs/samples_10_per_class_signed"), &OpenOptions{Recipe: signed})
	if err != nil {
		t.Fatal(err)
	}
	if set.Len() != 140 || len(set.Classes) != 14 || set.SeriesLengths != nil {
		t.Fatalf("%d images of %d classes with lengths %v", set.Len(), len(set.Classes), set.SeriesLengths)
	}
	want := collect(t, traffic.Reader{KeepPadding: true}.Read(golden.Shared(t, mirage+"seed-outputs/diagonali_sintetiche.parquet")))
	byClass := map[string][]traffic.Flow{}
	for _, f := range want {
		byClass[f.Label] = append(byClass[f.Label], f)
	}
	for _, f := range collect(t, set.PaddedFlows()) {
		if len(byClass[f.Label]) == 0 {
			t.Fatalf("one flow of %s too many", f.Label)
		}
		w := byClass[f.Label][0]
		byClass[f.Label] = byClass[f.Label][1:]
		if !slices.Equal(f.Packets, w.Packets) {
			t.Errorf("%s: %v, want the reference's %v", f.Label, f.Packets, w.Packets)
		}
	}
}

func TestReferenceUnsigned(t *testing.T) {
	unsigned := Recipe{Channels: []Channel{{Feature: traffic.Length{}, Codec: codec.MinMax{Max: 1460}}}}
	for path, n := range map[string]int{"gasf_npz_per_class_unsigned": 115, "gasf_npz_per_class_unsigned/KakaoTalk.npz": 115, "seed-outputs/samples_100_per_class": 1400} {
		set, err := Open(golden.Shared(t, mirage+path), &OpenOptions{Recipe: unsigned})
		if err != nil {
			t.Fatal(err)
		}
		flows := collect(t, set.Traffic())
		if set.Len() != n || len(flows) != n {
			t.Errorf("%s: %d images, %d flows, want %d", path, set.Len(), len(flows), n)
		}
		if set.Classes[len(set.Classes)-1] == "KakaoTalk" {
			t.Log(flows[0])
		}
	}
}

// TestGoldenFlows is the recorded walk through the reference's conversion.
func TestGoldenFlows(t *testing.T) {
	g := golden.Open(t, "gasf.npz")
	lengths, pl, dir := g.Ints(t, "seed_lengths"), g.Ints(t, "seed_pl"), g.Ints(t, "seed_dir")
	var flows []traffic.Flow
	for i, n := range lengths {
		f := flow("a")
		for j := range n {
			f.Packets = append(f.Packets, traffic.Packet{Length: int(pl[i*10+int(j)]), Dir: traffic.Direction(dir[i*10+int(j)])})
		}
		flows = append(flows, f)
	}
	set, err := Build(traffic.All(flows), Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range g.Floats(t, "seed_gasf") {
		if got := set.Images.Data[i]; math.Abs(got-want) > 1e-12 {
			t.Fatalf("pixel %d = %v, want %v", i, got, want)
		}
	}
	back, dirs := g.Ints(t, "seed_pl_back"), g.Ints(t, "seed_dir_back")
	for i, f := range collect(t, set.PaddedFlows()) {
		for j, p := range f.Packets {
			if want := back[i*10+j]; int64(p.Length) != want {
				t.Errorf("flow %d packet %d has %d bytes, want %d", i, j, p.Length, want)
			}
			// For 0 bytes rounding noise decides, here and there.
			if want := dirs[i*10+j]; p.Length > 0 && int64(p.Dir) != want {
				t.Errorf("flow %d packet %d has direction %d, want %d", i, j, p.Dir, want)
			}
		}
	}
}
