package dataset_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// partsOfFlows are flows of three classes and of two captures, in four parts, one of them
// empty and one long enough for its blocks to be merged.
func partsOfFlows() [][]traffic.Flow {
	r := rand.New(rand.NewPCG(4, 2))
	var parts [][]traffic.Flow
	for part, n := range []int{70, 0, 2600, 9} {
		var flows []traffic.Flow
		for i := range n {
			f := traffic.Flow{Label: []string{"ask", "push", "send"}[r.IntN(3)], Timed: true}
			if part == 0 && f.Label == "send" {
				f.Label = "push" // a class that comes later
			}
			for k := range 1 + r.IntN(6) {
				p := traffic.Packet{Length: r.IntN(40), Dir: traffic.Direction(r.IntN(2))}
				if k > 0 {
					p.IAT = float64(r.IntN(1e6))
				}
				f.Packets = append(f.Packets, p)
			}
			if part != 2 {
				f.Connection = &traffic.Connection{Protocol: traffic.TCP, ServerPort: uint16(80 + r.IntN(3)), ClientTTL: 64, Capture: fmt.Sprint(part), Start: int64(i) * 1e9}
			}
			flows = append(flows, f)
		}
		parts = append(parts, flows)
	}
	return parts
}

// rowsOf ranges over the flows of a shard.
func rowsOf(parts [][]traffic.Flow, s dataset.PlannedShard) iter.Seq2[traffic.Flow, error] {
	var flows []traffic.Flow
	for _, from := range s.Sources {
		flows = append(flows, parts[from.Part][from.First:from.End]...)
	}
	return traffic.All(flows)
}

// summaries are those of the parts, written and read again.
func summaries(t *testing.T, parts [][]traffic.Flow, r dataset.Recipe, classes []string) []*dataset.Summary {
	t.Helper()
	var out []*dataset.Summary
	for i, flows := range parts {
		s, err := dataset.NewSummary(r, classes)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(t.Context(), i, traffic.All(flows)); err != nil {
			t.Fatal(err)
		}
		data, err := s.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		read := &dataset.Summary{}
		if err := read.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		out = append(out, read)
	}
	return out
}

// A conversion in shards, of summaries merged in any order, is that of all flows at once, to
// the byte.
func TestConvertInShards(t *testing.T) {
	parts := partsOfFlows()
	atoms := &codec.Atoms{Novel: 3}
	for _, c := range []struct {
		name    string
		recipe  dataset.Recipe
		classes []string
		shards  int
	}{
		{"minmax", dataset.Recipe{SeriesLength: 4}, nil, 1},
		{"some classes", dataset.Recipe{SeriesLength: 4, Channels: []dataset.Channel{{Codec: codec.MinMax{Low: 0.1}}}}, []string{"ask", "send"}, 7},
		{"given scale", dataset.Recipe{SeriesLength: 4, Channels: []dataset.Channel{{Codec: codec.MinMax{Min: -100, Max: 100}}}}, nil, 3},
		{"atoms", dataset.Recipe{SeriesLength: 5, Channels: []dataset.Channel{{Codec: atoms}, {Feature: traffic.InterArrival{}, Codec: &codec.Atoms{Bins: 8}}}}, nil, 5},
		{"smooth atoms", dataset.Recipe{SeriesLength: 5, Channels: []dataset.Channel{{Codec: &codec.Atoms{Smooth: 0.1, MinCount: 4}}}}, nil, 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			inputs := []provenance.File{{Path: "in/a.pcap", Digest: provenance.Digest{Bytes: 3, SHA256: "ab"}}}
			want, got := filepath.Join(t.TempDir(), "want"), filepath.Join(t.TempDir(), "got")
			o := dataset.ConvertOptions{Classes: c.classes, SaveOptions: dataset.SaveOptions{Layout: dataset.PerClass, Inputs: inputs}}
			whole, err := dataset.Convert(t.Context(), traffic.All(slices.Concat(parts...)), c.recipe, want, o)
			if err != nil {
				t.Fatal(err)
			}
			all := summaries(t, parts, c.recipe, c.classes)
			for _, j := range [][2]int{{2, 0}, {3, 1}, {2, 3}} { // as a tree
				if err := all[j[0]].Merge(all[j[1]]); err != nil {
					t.Fatal(err)
				}
			}
			plan, err := all[2].Plan(len(parts), c.shards)
			if err != nil {
				t.Fatal(err)
			}
			if len(plan.Shards) != c.shards {
				t.Errorf("%d shards, want %d", len(plan.Shards), c.shards)
			}
			plan.Request = "asked"
			data, err := plan.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			plan = &dataset.Plan{}
			if err := plan.UnmarshalBinary(data); err != nil {
				t.Fatal(err)
			}
			dir, exact := t.TempDir(), 0
			for i, shard := range plan.Shards {
				to := filepath.Join(dir, shard.Folder())
				if there, err := plan.HasShard(i, to, o); there || err != nil {
					t.Errorf("shard %d before it is: %t, %v", i, there, err)
				}
				done, err := plan.ConvertShard(t.Context(), i, rowsOf(parts, shard), to, o)
				if err != nil {
					t.Fatal(err)
				}
				exact += done.Exact32
				if there, err := plan.HasShard(i, to, o); !there || err != nil {
					t.Errorf("shard %d: %t, %v", i, there, err)
				}
				other := *plan
				other.Request = "otherwise"
				if _, err := other.HasShard(i, to, o); err == nil || !strings.Contains(err.Error(), "another conversion") {
					t.Errorf("shard %d for another request: %v", i, err)
				}
			}
			if exact != whole.Exact32 || plan.Cut != whole.Cut {
				t.Errorf("%d come back and %d are cut, want %d and %d", exact, plan.Cut, whole.Exact32, whole.Cut)
			}
			shards, err := dataset.OpenShards(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := shards.Merge(t.Context(), got, nil); err != nil {
				t.Fatal(err)
			}
			have, should := files(t, got), files(t, want)
			for name, text := range should {
				if have[name] != text {
					t.Errorf("%s is not that of a conversion at once", name)
				}
			}
			if len(have) != len(should) {
				t.Errorf("%d files, want %d", len(have), len(should))
			}
			drawn, _, err := dataset.OpenDrawn(dir, nil, 20, 3)
			if err != nil {
				t.Fatal(err)
			}
			of, _, err := dataset.OpenDrawn(want, nil, 20, 3)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(drawn.Rows, of.Rows) || !slices.Equal(drawn.Images.Data, of.Images.Data) {
				t.Error("others are drawn of the shards than of the whole set")
			}
		})
	}
}

func TestSummaryRefuses(t *testing.T) {
	for want, r := range map[string]dataset.Recipe{
		"pictures": {Rendering: &imaging.Rendering{Color: "jet"}},
		"series":   {Record: dataset.Series, SeriesLength: 4, Channels: []dataset.Channel{{Series: "bytes"}}},
		"quantiles of channel signed_length is fitted to all flows at once": {Channels: []dataset.Channel{{Codec: &codec.Quantiles{}}}},
	} {
		if _, err := dataset.NewSummary(r, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
	parts := partsOfFlows()
	r := dataset.Recipe{SeriesLength: 4}
	all := summaries(t, parts, r, nil)
	if err := all[0].Merge(all[0]); err == nil || !strings.Contains(err.Error(), "part 0 is there twice") {
		t.Errorf("a part twice: %v", err)
	}
	all = summaries(t, parts, r, nil)
	if _, err := all[0].Plan(2, 3); err == nil || !strings.Contains(err.Error(), "part 1 of 2 is missing") {
		t.Errorf("a part missing: %v", err)
	}
	if _, err := all[1].Plan(2, 3); err == nil {
		t.Error("of no flows, and without the first part, a plan was made")
	}
	for _, other := range all[1:] {
		if err := all[0].Merge(other); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := all[0].Plan(len(parts), 2)
	if err != nil {
		t.Fatal(err)
	}
	flows, err := traffic.Collect(rowsOf(parts, plan.Shards[1]))
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string][]traffic.Flow{"fewer": flows[1:], "more": append(flows[:len(flows):len(flows)], flows[0])} {
		dir := filepath.Join(t.TempDir(), "shard")
		if _, err := plan.ConvertShard(t.Context(), 1, traffic.All(other), dir, dataset.ConvertOptions{}); err == nil || !strings.Contains(err.Error(), "changed") {
			t.Errorf("%s flows than planned: %v", name, err)
		}
	}
	if s, _ := dataset.NewSummary(r, []string{"none"}); s.Add(t.Context(), 0, traffic.All(flows)) == nil {
		if _, err := s.Plan(1, 1); err == nil || !strings.Contains(err.Error(), `nothing of class "none"`) {
			t.Errorf("a class without flows: %v", err)
		}
	}
}
