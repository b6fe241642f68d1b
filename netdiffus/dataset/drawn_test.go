package dataset_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/reservoir"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// marked are flows of two classes of which each has a length of its own.
func marked(n int) []traffic.Flow {
	var flows []traffic.Flow
	for i := range n {
		label := "many"
		if i%10 == 3 {
			label = "few"
		}
		flows = append(flows, traffic.Flow{Label: label, Packets: []traffic.Packet{{Length: 100 + i, Dir: traffic.Up}, {Length: 0, Dir: traffic.Down}, {Length: 50, Dir: traffic.Down}}[:1+i%3]})
	}
	return flows
}

// Whatever the layout, the images drawn are those that the reservoir keeps of each class,
// with their labels, rows and all that is known of their flows.
func TestOpenDrawn(t *testing.T) {
	const n, each, seed = 60, 9, 5
	flows := marked(n)
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{SeriesLength: 4})
	if err != nil {
		t.Fatal(err)
	}
	var want []int
	for label, of := range map[string]int{"few": 6, "many": 54} {
		var rows []int
		for i, f := range flows {
			if f.Label == label {
				rows = append(rows, i)
			}
		}
		for _, i := range reservoir.Choose(of, each, seed, label) {
			want = append(want, rows[i])
		}
	}
	slices.Sort(want)
	for _, layout := range []dataset.Layout{dataset.PerFlow, dataset.PerClass, dataset.Samples} {
		dir := filepath.Join(t.TempDir(), "set")
		if err := set.Save(dir, &dataset.SaveOptions{Layout: layout}); err != nil {
			t.Fatal(err)
		}
		whole, err := dataset.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		drawn, of, err := dataset.OpenDrawn(dir, nil, each, seed)
		if err != nil {
			t.Fatal(err)
		}
		if of != n || !slices.Equal(drawn.Rows, want) {
			t.Errorf("%s: rows %v of %d, want %v of %d", layout, drawn.Rows, of, want, n)
		}
		sameSet(t, drawn, whole.Select(want))
		for _, k := range []int{0, n} {
			all, of, err := dataset.OpenDrawn(dir, nil, k, seed)
			if err != nil {
				t.Fatal(err)
			}
			if of != n || all.Len() != n {
				t.Errorf("%s: %d of %d with %d a class", layout, all.Len(), of, k)
			}
		}
	}
}

// sameSet fails the test where two sets do not show the same flows by the same images.
func sameSet(t *testing.T, got, want *dataset.Set) {
	t.Helper()
	if !slices.Equal(got.Labels, want.Labels) || !slices.Equal(got.Images.Data, want.Images.Data) || !slices.Equal(got.SeriesLengths, want.SeriesLengths) {
		t.Errorf("%d images %v, want %d %v", got.Len(), got.SeriesLengths, want.Len(), want.SeriesLengths)
	}
	a, err := traffic.Collect(got.Traffic())
	if err != nil {
		t.Fatal(err)
	}
	b, err := traffic.Collect(want.Traffic())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(a, b, func(x, y traffic.Flow) bool { return x.Label == y.Label && slices.Equal(x.Packets, y.Packets) }) {
		t.Error("the flows differ")
	}
}

// Of shards the same images are drawn as of the set merged of them.
func TestOpenDrawnOfShards(t *testing.T) {
	const each, seed = 4, 2
	dir := t.TempDir()
	shards, merged := filepath.Join(dir, "shards"), filepath.Join(dir, "merged")
	set, err := dataset.Build(traffic.All(marked(40)), dataset.Recipe{SeriesLength: 4})
	if err != nil {
		t.Fatal(err)
	}
	for index := range 3 { // any images do
		shard := dataset.Shard{Index: index, Of: 3, N: 11}
		first, end := shard.Range()
		var images []int
		for label := range set.Classes {
			for i, l := range set.Labels {
				if l == label && len(images) < (label+1)*(end-first) {
					images = append(images, (i+index)%set.Len())
				}
			}
			for len(images) < (label+1)*(end-first) {
				images = append(images, 3)
			}
		}
		part := set.Select(images)
		part.SeriesLengths, part.Rows = nil, nil
		for i := range part.Labels {
			part.Labels[i] = i / (end - first)
		}
		part.Origin = &dataset.Origin{Run: "0123", Shard: &shard}
		if err := part.Save(filepath.Join(shards, shard.Folder()), &dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := dataset.OpenShards(shards)
	if err != nil {
		t.Fatal(err)
	}
	if err := all.Merge(t.Context(), merged, nil); err != nil {
		t.Fatal(err)
	}
	byClass := func(path string, perClass int) (images [2][]float64, of int) {
		t.Helper()
		set, of, err := dataset.OpenDrawn(path, nil, perClass, seed)
		if err != nil {
			t.Fatal(err)
		}
		if set.Origin == nil || set.Origin.Shard != nil {
			t.Errorf("%s: origin %+v", filepath.Base(path), set.Origin)
		}
		for i, label := range set.Labels {
			images[label] = append(images[label], set.Images.At(i)...)
		}
		return images, of
	}
	for _, k := range []int{each, 0} {
		a, n := byClass(shards, k)
		b, m := byClass(merged, k)
		if n != 22 || m != 22 {
			t.Errorf("%d and %d images", n, m)
		}
		for label := range a {
			if !slices.Equal(a[label], b[label]) {
				t.Errorf("%d a class: class %d of shards is not that of the merged set", k, label)
			}
		}
	}
	var one []float64 // class 0, a shard at a time
	for index := range 3 {
		part, _, err := dataset.OpenDrawnShard(filepath.Join(shards, dataset.Shard{Index: index, Of: 3}.Folder()), each, seed)
		if err != nil {
			t.Fatal(err)
		}
		for i, label := range part.Labels {
			if label == 0 {
				one = append(one, part.Images.At(i)...)
			}
		}
	}
	if want, _ := byClass(shards, each); !slices.Equal(one, want[0]) {
		t.Error("the shards by themselves do not give what all give together")
	}
	if _, _, err := dataset.OpenDrawnShard(merged, each, seed); err == nil || !strings.Contains(err.Error(), "not a shard") {
		t.Errorf("a whole set: %v", err)
	}
	if err := os.Remove(filepath.Join(shards, "shard-00001-of-00003", "manifest.json")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := dataset.OpenDrawn(shards, nil, each, seed); err == nil || !strings.Contains(err.Error(), "shard-00001") {
		t.Errorf("a shard without a manifest: %v", err)
	}
}
