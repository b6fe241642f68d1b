package beam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/report"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// EvaluateOptions are what Evaluate compares. Fields without a comment are
// report.Options'.
type EvaluateOptions struct {
	Train, Test string // files of real flows
	Synthetic   string // folder of shards, as Sample leaves them
	Out         string // folder for the report
	Shards      int    // how many there are; Listed fills it in
	Limit       report.Limit

	PerClass     []int
	Seeds, Trees int
	Tasks        []report.Task
}

func init() {
	register.DoFn2x2[context.Context, int, []byte, error](&pickFn{})
	register.DoFn3x1[context.Context, int, func(*[]byte) bool, error](&judgeFn{})
	register.Iter1[[]byte]()
}

// Listed makes o's paths whole, checks that all shards are there, and counts them.
func (o EvaluateOptions) Listed(ctx context.Context) (EvaluateOptions, error) {
	var err error
	for _, path := range []*string{&o.Train, &o.Test, &o.Synthetic, &o.Out} {
		if *path == "" {
			return o, errors.New("beam: training and test flows, shards and a folder to write are needed")
		}
		if *path, err = absolute(*path); err != nil {
			return o, err
		}
	}
	shards, remove, err := manifests(ctx, o.Synthetic)
	if err != nil {
		return o, err
	}
	remove()
	o.Shards = shards.Count()
	return o, nil
}

// manifests opens the manifests of the shards in a folder of any file system, checked
// together. remove removes the copies.
func manifests(ctx context.Context, dir string) (*dataset.Shards, func(), error) {
	work, err := os.MkdirTemp("", "netdiffus-beam-")
	if err != nil {
		return nil, nil, fmt.Errorf("beam: %w", err)
	}
	remove := func() { os.RemoveAll(work) }
	if err := fetch(ctx, dir, work, "shard-*/"+manifestName); err != nil {
		remove()
		return nil, nil, err
	}
	all, err := dataset.OpenShards(work)
	if err != nil {
		remove()
		return nil, nil, fmt.Errorf("beam: %s: %w", dir, renamed(err, work, dir))
	}
	return all, remove, nil
}

// Evaluate judges flows drawn at random from shards of samples, Listed: each worker reads
// some of the shards and passes on the flows that report.Limit keeps of them, which are the
// same however they are spread; one worker judges those of all as report.Run does, without
// the figures of images.
func Evaluate(s sdk.Scope, o EvaluateOptions) {
	s = s.Scope("Evaluate")
	picked := sdk.ParDo(s, &pickFn{Options: o}, numbers(s, o.Shards))
	sdk.ParDo0(s, &judgeFn{Options: o}, sdk.GroupByKey(s, sdk.AddFixedKey(s, picked)))
}

// picked is what is kept of a shard.
type picked struct {
	Index    int
	Of       int // flows in the shard
	Flows    []traffic.Flow
	Length   int // packets that an image shows
	Unsigned bool
	Run      string
}

// pickFn reads shards.
type pickFn struct{ Options EvaluateOptions }

// ProcessElement returns what is kept of a shard, as JSON.
func (f *pickFn) ProcessElement(ctx context.Context, index int) ([]byte, error) {
	o := f.Options
	name := dataset.Shard{Index: index, Of: o.Shards}.Folder()
	fault("begun", name)
	work, err := os.MkdirTemp("", "netdiffus-beam-")
	if err != nil {
		return nil, fmt.Errorf("beam: %w", err)
	}
	defer os.RemoveAll(work)
	if err := fetch(ctx, join(o.Synthetic, name), work, "*"); err != nil {
		return nil, err
	}
	set, of, err := dataset.OpenDrawnShard(work, o.Limit.PerClass, o.Limit.Seed)
	if err != nil {
		return nil, fmt.Errorf("beam: %s: %w", join(o.Synthetic, name), err)
	}
	p := picked{Index: index, Of: of, Length: set.Encoding.SeriesLength(), Unsigned: !set.Encoding.Holds(traffic.FieldDir)}
	if set.Origin != nil {
		p.Run = set.Origin.Run
	}
	if p.Flows, err = traffic.Collect(set.PaddedFlows()); err != nil {
		return nil, fmt.Errorf("beam: %s: %w", join(o.Synthetic, name), err)
	}
	return json.Marshal(p)
}

// judgeFn judges what was kept of all shards.
type judgeFn struct{ Options EvaluateOptions }

// ProcessElement writes the report.
func (f *judgeFn) ProcessElement(ctx context.Context, _ int, parts func(*[]byte) bool) error {
	o := f.Options
	all := make([]*picked, o.Shards)
	var text []byte
	for parts(&text) {
		var p picked
		if err := json.Unmarshal(text, &p); err != nil {
			return fmt.Errorf("beam: %w", err)
		}
		all[p.Index] = &p
	}
	if slices.Contains(all, nil) {
		return errors.New("beam: not all shards were read")
	}
	work, err := os.MkdirTemp("", "netdiffus-beam-")
	if err != nil {
		return fmt.Errorf("beam: %w", err)
	}
	defer os.RemoveAll(work)
	d := report.Data{Synthetic: report.Traffic{Unsigned: all[0].Unsigned}}
	synthetic := report.Input{Role: "synthetic", Path: base(o.Synthetic), MadeBy: all[0].Run}
	of := 0
	for _, p := range all {
		d.Synthetic.Flows = append(d.Synthetic.Flows, p.Flows...)
		of += p.Of
	}
	synthetic.Drawn = o.Limit.Drawn(len(d.Synthetic.Flows), of)
	for _, in := range []struct {
		role, path string
		flows      *[]traffic.Flow
	}{{"train", o.Train, &d.Train}, {"test", o.Test, &d.Test}} {
		local := filepath.Join(work, in.role, base(in.path))
		if err := onStore(ctx, in.path, func(store filesystem.Interface) error { return read(ctx, store, in.path, local) }); err != nil {
			return err
		}
		input, err := report.Describe(ctx, in.role, local)
		if err != nil {
			return fmt.Errorf("beam: %w", err)
		}
		input.Path = base(in.path)
		if *in.flows, input.Drawn, err = o.Limit.Flows(traffic.Read(local)); err != nil {
			return fmt.Errorf("beam: %s: %w", in.path, err)
		}
		d.Inputs = append(d.Inputs, input)
	}
	d.Inputs = append(d.Inputs, synthetic)
	r, err := report.Run(ctx, d, report.Options{PerClass: o.PerClass, Seeds: o.Seeds, Trees: o.Trees, Tasks: o.Tasks, SeriesLength: all[0].Length})
	if err != nil {
		return fmt.Errorf("beam: %w", err)
	}
	local := filepath.Join(work, "report")
	if err := r.Write(ctx, local); err != nil {
		return fmt.Errorf("beam: %w", err)
	}
	fault("judged", "report")
	return publish(ctx, local, o.Out, ".")
}
