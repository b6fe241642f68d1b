package beam

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// writeInput writes files of flows of several kinds into a folder, and returns them.
func writeInput(t *testing.T, dir string) []string {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 7))
	var paths []string
	for i, name := range []string{"a.parquet", "b.csv", "c.parquet", "d.jsonl"} {
		var flows []traffic.Flow
		for range 120 + 40*i {
			f := traffic.Flow{Label: []string{"ask", "push", "send"}[r.IntN(3)], Timed: true}
			if i == 0 && f.Label == "ask" {
				f.Label = "push" // a class that other files bring
			}
			for k := range 1 + r.IntN(6) {
				p := traffic.Packet{Length: 40 * r.IntN(30), Dir: traffic.Direction(r.IntN(2))}
				if k > 0 {
					p.IAT = float64(r.IntN(1e6))
				}
				f.Packets = append(f.Packets, p)
			}
			flows = append(flows, f)
		}
		paths = append(paths, filepath.Join(dir, name))
		if err := traffic.Write(paths[i], traffic.All(flows)); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// timedAtoms is a recipe whose tables need all flows, of two channels.
func timedAtoms() dataset.Recipe {
	return dataset.Recipe{SeriesLength: 4, Channels: []dataset.Channel{
		{Codec: &codec.Atoms{Novel: 3}}, {Feature: traffic.InterArrival{}, Codec: &codec.Atoms{Bins: 8}},
	}}
}

// wholeConverted converts without Beam, at once, and returns the folder.
func wholeConverted(t *testing.T, r dataset.Recipe, classes []string, paths ...string) string {
	t.Helper()
	o := dataset.ConvertOptions{Classes: classes, SaveOptions: dataset.SaveOptions{Layout: dataset.PerClass}}
	for _, path := range paths {
		in, err := provenance.Hash(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		o.Inputs = append(o.Inputs, in)
	}
	dir := filepath.Join(t.TempDir(), "whole")
	if _, err := dataset.Convert(t.Context(), traffic.Reader{}.ReadAll(paths...), r, dir, o); err != nil {
		t.Fatal(err)
	}
	return dir
}

func runConvert(ctx context.Context, tries int, o ConvertOptions) error {
	o, err := o.Divided(ctx)
	if err != nil {
		return err
	}
	if _, err := Run(ctx, "prism", tries, func(s sdk.Scope) { Count(s, o) }); err != nil {
		return err
	}
	if o, err = o.Counted(ctx); err != nil {
		return err
	}
	_, err = Run(ctx, "prism", tries, func(s sdk.Scope) { Convert(s, o) })
	return err
}

// shardsOf are the files of all shards, by their paths in the folder.
func shardsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	names, err := filesIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(text)
	}
	return out
}

func sameShards(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is not the same to the byte", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
}

// What Beam converts is, merged, what is converted without it, to the byte, and the same
// each time.
func TestConvert(t *testing.T) {
	dir := t.TempDir()
	paths := writeInput(t, dir)
	for name, c := range map[string]struct {
		recipe  dataset.Recipe
		classes []string
	}{
		"minmax":       {recipe: dataset.Recipe{SeriesLength: 4}},
		"atoms":        {recipe: timedAtoms()},
		"some classes": {dataset.Recipe{SeriesLength: 4, Channels: []dataset.Channel{{Codec: &codec.Atoms{}}}}, []string{"ask", "send"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := ConvertOptions{In: []string{filepath.Join(dir, "[ab].*"), paths[2], paths[3]}, Shards: 5, Encoding: dataset.MustEncoding(c.recipe), Classes: c.classes}
			want := wholeConverted(t, c.recipe, c.classes, paths...)
			o.Out = filepath.Join(t.TempDir(), "shards")
			var first map[string]string
			for i := range 3 { // the second time all are there, the third time somewhere else
				if i == 2 {
					o.Out = filepath.Join(t.TempDir(), "shards")
				}
				if err := runConvert(t.Context(), 1, o); err != nil {
					t.Fatal(err)
				}
				onlyShards(t, o.Out)
				sameFolders(t, merged(t, o.Out), want)
				if i == 0 {
					first = shardsOf(t, o.Out)
				} else {
					sameShards(t, shardsOf(t, o.Out), first)
				}
			}
			for want, change := range map[string]func(*ConvertOptions){
				"shard-00000-of-00005 holds flows of another conversion":     func(o *ConvertOptions) { o.Reader.MaxPackets = 20 },
				"shard-00000-of-00005 is there, and 4 shards are to be made": func(o *ConvertOptions) { o.Shards = 4 },
			} {
				other := o
				change(&other)
				if err := runConvert(t.Context(), 1, other); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("over other shards: %v, want %q", err, want)
				}
				onlyShards(t, o.Out)
				sameShards(t, shardsOf(t, o.Out), first)
			}
		})
	}
}

// Work that fails at any place, by a panic, is done again, and nothing of it shows.
func TestConvertOfWorkThatPanics(t *testing.T) {
	dir := t.TempDir()
	paths := writeInput(t, dir)
	deathsIn := t.TempDir()
	fault = dying(deathsIn, func(where string) { panic("dying: " + where) })
	defer func() { fault = func(string, string) {} }()
	o := ConvertOptions{In: []string{dir}, Out: filepath.Join(t.TempDir(), "shards"), Shards: 4, Encoding: dataset.MustEncoding(timedAtoms())}
	if err := runConvert(t.Context(), 60, o); err != nil {
		t.Fatal(err)
	}
	died := deaths(t, deathsIn)
	for _, where := range []string{"begun-part", "counted-part", "begun-shard", "converted-shard", "staged-shard", "unfinished-shard", "published-shard"} {
		if !slices.ContainsFunc(died, func(at string) bool { return strings.HasPrefix(at, where) }) {
			t.Errorf("nothing died at %s: %q", where, died)
		}
	}
	fault = func(string, string) {}
	onlyShards(t, o.Out)
	sameFolders(t, merged(t, o.Out), wholeConverted(t, timedAtoms(), nil, paths...))
}

// The same with workers that are processes of their own and are killed.
func TestConvertOfWorkersThatAreKilled(t *testing.T) {
	dir := t.TempDir()
	paths := writeInput(t, dir)
	deathsIn := t.TempDir()
	t.Setenv(faultsVariable, deathsIn)
	useWorkerProcesses(t)
	o := ConvertOptions{In: []string{filepath.Join(dir, "*")}, Out: filepath.Join(t.TempDir(), "shards"), Shards: 3, Encoding: dataset.MustEncoding(timedAtoms())}
	if err := runConvert(t.Context(), 60, o); err != nil {
		t.Fatal(err)
	}
	if n := len(deaths(t, deathsIn)); n < 8 {
		t.Errorf("only %d workers died: %q", n, deaths(t, deathsIn))
	}
	onlyShards(t, o.Out)
	sameFolders(t, merged(t, o.Out), wholeConverted(t, timedAtoms(), nil, paths...))
}

// Input and output can lie where only Beam's file systems reach.
func TestConvertElsewhere(t *testing.T) {
	dir := t.TempDir()
	paths := writeInput(t, dir)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		memfs.Write("memfs://bucket/in [1]/"+filepath.Base(path), text)
	}
	o := ConvertOptions{Out: "memfs://bucket/converted", Shards: 3, Encoding: dataset.MustEncoding(timedAtoms())}
	for _, path := range paths {
		o.In = append(o.In, "memfs://bucket/in [1]/"+filepath.Base(path))
	}
	if err := runConvert(t.Context(), 1, o); err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	if err := fetch(t.Context(), o.Out, copied, "*", "*/*", "*/*/*"); err != nil {
		t.Fatal(err)
	}
	onlyShards(t, copied)
	sameFolders(t, merged(t, copied), wholeConverted(t, timedAtoms(), nil, paths...))

	memfs.Write("memfs://bucket/bad/x.parquet", []byte("PAR1 and no more"))
	o.In, o.Out = []string{"memfs://bucket/bad/*"}, "memfs://bucket/none"
	if err := runConvert(t.Context(), 1, o); err == nil || !strings.Contains(err.Error(), "memfs://bucket/bad/x.parquet") || strings.Contains(err.Error(), os.TempDir()) {
		t.Errorf("a damaged file elsewhere: %v", err)
	}
}

// What is wrong with the input is said plainly, at once, with the file's name.
func TestConvertOfBadInput(t *testing.T) {
	dir := t.TempDir()
	good := writeInput(t, dir)
	put := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole, err := os.ReadFile(good[0])
	if err != nil {
		t.Fatal(err)
	}
	cut := append(slices.Clone(whole[:200]), make([]byte, 300)...)
	damaged := put("damaged.parquet", string(append(cut, whole[500:]...)))
	untimed := put("untimed.csv", "PL_0,PL_1,LABEL\n10,20,ask\n30,40,ask\n")
	series := put("series.csv", "time,bytes\n1,20\n2,30\n")
	for _, c := range []struct {
		in     []string
		want   []string
		change func(*ConvertOptions)
	}{
		{in: []string{put("empty.csv", "")}, want: []string{"empty.csv", "the file is empty"}},
		{in: []string{damaged}, want: []string{"damaged.parquet"}},
		{in: []string{put("text.parquet", "\x00\x01nothing")}, want: []string{"text.parquet", "not a file of flows"}},
		{in: []string{untimed}, want: []string{"untimed.csv: row 0", "without inter-arrival times", "leave the feature inter_arrival out"}},
		{in: []string{series}, want: []string{"series.csv", "no column PL"}},
		{in: []string{filepath.Join(dir, "*.nothing")}, want: []string{"*.nothing", "no file is named so: look into its folder"}},
		{in: []string{t.TempDir()}, want: []string{"no file below this folder"}},
		{want: []string{`nothing of class "none"`}, change: func(o *ConvertOptions) { o.Classes = []string{"none"} }},
		{want: []string{"no flows"}, change: func(o *ConvertOptions) { o.Reader.MinPackets = 100 }},
		{want: []string{"are needed"}, change: func(o *ConvertOptions) { o.Out = "" }},
		{want: []string{"joined"}, change: func(o *ConvertOptions) { o.Reader.Join = true }},
		{want: []string{"another codec"}, change: func(o *ConvertOptions) {
			o.Encoding = dataset.MustEncoding(dataset.Recipe{Channels: []dataset.Channel{{Codec: &codec.Quantiles{}}}})
		}},
	} {
		o := ConvertOptions{In: append(c.in, good...), Out: filepath.Join(t.TempDir(), "shards"), Shards: 2, Encoding: dataset.MustEncoding(timedAtoms())}
		if c.change != nil {
			c.change(&o)
		}
		err := runConvert(t.Context(), 3, o)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("%v: %v, want %q", c.in, err, want)
			}
		}
		if entries, err := os.ReadDir(filepath.Join(o.Out)); err == nil && len(entries) > 0 {
			t.Errorf("%v: left in the output: %v", c.in, entries)
		}
	}
}

// Input that changes between the two pipelines is an error.
func TestConvertOfInputThatChanges(t *testing.T) {
	dir := t.TempDir()
	paths := writeInput(t, dir)
	o := ConvertOptions{In: []string{paths[1]}, Out: filepath.Join(t.TempDir(), "shards"), Shards: 2, Encoding: dataset.MustEncoding(dataset.Recipe{SeriesLength: 4})}
	o, err := o.Divided(t.Context())
	if err == nil {
		_, err = Run(t.Context(), "prism", 1, func(s sdk.Scope) { Count(s, o) })
	}
	if err == nil {
		o, err = o.Counted(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(paths[1])
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	if err := os.WriteFile(paths[1], []byte(strings.Join(lines[:len(lines)-3], "")), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), "prism", 1, func(s sdk.Scope) { Convert(s, o) })
	if err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("%v, want one that says that the data changed", err)
	}
}

// Tallies of parts give the same plan in whatever order they are put together.
func TestTallies(t *testing.T) {
	paths := writeInput(t, t.TempDir())
	o, err := ConvertOptions{In: paths, Out: t.TempDir(), Shards: 3, Encoding: dataset.MustEncoding(timedAtoms())}.Divided(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	count, combine := &countFn{options: o}, &tallyFn{}
	var want []byte
	for seed := range uint64(6) {
		order := rand.New(rand.NewPCG(seed, 0)).Perm(len(o.Parts))
		all := combine.CreateAccumulator()
		for i := 0; i < len(order); i += 2 {
			some := combine.CreateAccumulator()
			for _, part := range order[i:min(i+2, len(order))] {
				data, err := count.ProcessElement(t.Context(), part)
				if err == nil {
					some, err = combine.AddInput(some, data)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			data, err := some.encode()
			if err == nil {
				some, err = decodeTally(data)
			}
			if err == nil {
				all, err = combine.MergeAccumulators(all, some)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		p, err := o.plan(all)
		if err == nil && p.Failed != "" {
			err = errors.New(p.Failed)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Plan.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if string(got) != string(want) {
			t.Errorf("in the order %v the plan is another one", order)
		}
		if in := fmt.Sprint(p.Inputs); strings.Count(in, filepath.Dir(paths[0])) != len(paths) {
			t.Errorf("inputs %v", in)
		}
	}
}
