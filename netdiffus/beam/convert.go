package beam

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// ConvertOptions are what Count and Convert do.
type ConvertOptions struct {
	In     []string // files of flows, or patterns of such (path.Match); on local disks also folders
	Out    string   // folder that the shards' folders are put into
	Shards int      // how many to make; 0 means 1. Counted makes it how many there will be

	Encoding *dataset.Encoding // the recipe of the images, without what codecs take from the flows
	Classes  []string          // convert only these; nil means all
	Reader   traffic.Reader    // how the flows are read; captures are not joined

	Parts []traffic.Part // what the workers read, each by one; Divided fills it in
}

// Converted is what Convert has made in all.
type Converted struct {
	Shards int
	Flows  int
	New    int // shards that were not there before
}

func init() {
	register.DoFn2x2[context.Context, int, []byte, error](&countFn{})
	register.Combiner3[tally, []byte, []byte](&tallyFn{})
	register.DoFn2x1[context.Context, []byte, error](&planFn{})
	register.DoFn2x2[context.Context, int, Shard, error](&convertFn{})
	register.DoFn3x2[context.Context, int, func(*Shard) bool, Converted, error](&checkConvertedFn{})
	sdk.RegisterType(reflect.TypeFor[tally]())
	sdk.RegisterType(reflect.TypeFor[Converted]())
	sdk.RegisterCoder(reflect.TypeFor[tally](), tally.encode, decodeTally)
}

// partRows are how many rows of a Parquet file on a local disk are a worker's, or more.
const partRows = 1 << 16

// Divided fills in o's defaults and checks it, makes its paths whole, and lists what workers
// read: each file, and of a Parquet file on a local disk each part of some 65,536 rows.
// Files elsewhere are copied to the worker whole, and not divided.
func (o ConvertOptions) Divided(ctx context.Context) (ConvertOptions, error) {
	o.Shards = max(o.Shards, 1)
	if len(o.In) == 0 || o.Out == "" || o.Encoding == nil {
		return o, errors.New("beam: files to convert, a folder to write and a recipe are needed")
	}
	if _, err := o.summary(); err != nil {
		return o, err
	}
	var err error
	if o.Out, err = absolute(o.Out); err != nil {
		return o, err
	}
	if _, err := o.request(); err != nil {
		return o, err
	}
	o.Parts = nil
	for _, pattern := range o.In {
		found, err := matching(ctx, pattern)
		if err != nil {
			return o, err
		}
		for _, name := range found {
			parts := []traffic.Part{{Path: name}}
			if isLocal(name) {
				if parts, err = o.Reader.Parts(partRows, name); err != nil {
					return o, fmt.Errorf("beam: %w", err)
				}
			}
			o.Parts = append(o.Parts, parts...)
		}
	}
	return o, nil
}

// matching lists the files of any file system that a pattern matches, or the one that it
// names; on local disks folders too.
func matching(ctx context.Context, pattern string) (found []string, err error) {
	if isLocal(pattern) {
		if pattern, err = absolute(pattern); err != nil {
			return nil, err
		}
		if _, err := os.Stat(pattern); err == nil {
			return []string{pattern}, nil
		}
	}
	err = onStore(ctx, pattern, func(store filesystem.Interface) error {
		for _, p := range []string{pattern, quote(pattern)} {
			if found, err = store.List(ctx, p); err != nil {
				return fmt.Errorf("beam: %s: %w", pattern, err)
			}
			if len(found) > 0 {
				break
			}
		}
		return nil
	})
	found = slices.DeleteFunc(found, func(name string) bool { return strings.HasSuffix(name, "/") })
	slices.Sort(found)
	if err == nil && len(found) == 0 {
		cure := "name files, or give a pattern such as " + join(pattern, "*.parquet")
		if strings.ContainsAny(pattern, `*?[`) {
			cure = "look into its folder"
		}
		err = fmt.Errorf("beam: %s: no file is named so: %s", pattern, cure)
	}
	return found, err
}

// summary is one of no flows yet.
func (o ConvertOptions) summary() (*dataset.Summary, error) {
	s, err := dataset.NewSummary(dataset.Recipe{
		SeriesLength: o.Encoding.SeriesLength(), Channels: o.Encoding.Channels(), Image: o.Encoding.Image(),
		Record: o.Encoding.Record(), Step: o.Encoding.Step(), Rendering: o.Encoding.Rendering(),
	}, o.Classes)
	if err != nil {
		return nil, fmt.Errorf("beam: %w", err)
	}
	return s, nil
}

// request names what o asks for, apart from which files are read and where shards go.
func (o ConvertOptions) request() (string, error) {
	o.In, o.Out, o.Parts, o.Shards = nil, "", nil, 0
	o.Reader.Workers = 0
	text, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("beam: %w", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(text)), nil
}

// packed is o as pipelines pass it to their workers: Beam knows no interfaces in what it
// passes on. It panics where o is not Divided.
func (o ConvertOptions) packed() []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Errorf("beam: %w", err))
	}
	return text
}

// unpacked reads what packed wrote.
func unpacked(text []byte) (o ConvertOptions, err error) {
	if err := json.Unmarshal(text, &o); err != nil {
		return o, fmt.Errorf("beam: %w", err)
	}
	return o, nil
}

// Counted reads what Count has left, and checks that no shards of another conversion are in
// the output. Its error is that of the input where there is something wrong with it, such
// as a damaged file.
func (o ConvertOptions) Counted(ctx context.Context) (ConvertOptions, error) {
	p, err := readPlan(ctx, o.Out)
	if err != nil {
		return o, err
	}
	if p.Failed != "" {
		err = errors.New(p.Failed)
	} else {
		err = o.checkThere(ctx, p)
	}
	if err != nil {
		return o, errors.Join(err, onStore(ctx, o.Out, func(store filesystem.Interface) error {
			return discard(ctx, store, join(o.Out, stagedName))
		}))
	}
	o.Shards = len(p.Plan.Shards)
	return o, nil
}

// checkThere reports shards in the output that are not the plan's.
func (o ConvertOptions) checkThere(ctx context.Context, p plan) error {
	work, err := os.MkdirTemp("", "netdiffus-beam-")
	if err != nil {
		return fmt.Errorf("beam: %w", err)
	}
	defer os.RemoveAll(work)
	if err := fetch(ctx, o.Out, work, "shard-*/"+manifestName); err != nil {
		return err
	}
	there, err := os.ReadDir(work)
	if err != nil {
		return fmt.Errorf("beam: %w", err)
	}
	for _, folder := range there {
		name := folder.Name()
		i := slices.IndexFunc(p.Plan.Shards, func(s dataset.PlannedShard) bool { return s.Folder() == name })
		if i < 0 {
			return fmt.Errorf("beam: %s is there, and %d shards are to be made: choose another folder, or remove it", join(o.Out, name), len(p.Plan.Shards))
		}
		if _, err := p.hasShard(i, filepath.Join(work, name), o); err != nil {
			return err
		}
	}
	return nil
}

// hasShard reports whether a local folder is that of a shard of the plan. Another one in its
// place is an error.
func (p plan) hasShard(index int, local string, o ConvertOptions) (bool, error) {
	there, err := p.Plan.HasShard(index, local, p.convertOptions(o))
	if err != nil {
		return false, fmt.Errorf("beam: %w", renamed(err, local, join(o.Out, p.Plan.Shards[index].Folder())))
	}
	return there, nil
}

// convertOptions are those of a shard.
func (p plan) convertOptions(o ConvertOptions) dataset.ConvertOptions {
	return dataset.ConvertOptions{Classes: o.Classes, SaveOptions: dataset.SaveOptions{Inputs: p.Inputs}}
}

// Convert is the second pipeline of a conversion, Counted: each shard is made by whichever
// worker is free, a set of a file a class that is a part of what dataset.Convert makes of
// all input: merged ([dataset.Shards.Merge]) they are the same to the byte. Shards that are there are
// kept. When all are they are checked together, as dataset.OpenShards does, and the plan is
// removed. The collection that it returns has one element then, a Converted.
func Convert(s sdk.Scope, o ConvertOptions) sdk.PCollection {
	s = s.Scope("Convert")
	made := sdk.ParDo(s, &convertFn{Options: o.packed()}, numbers(s, o.Shards))
	return sdk.ParDo(s, &checkConvertedFn{Out: o.Out, Shards: o.Shards}, sdk.GroupByKey(s, sdk.AddFixedKey(s, made)))
}

// convertFn makes shards.
type convertFn struct {
	Options []byte // as packed wrote them

	options ConvertOptions
	plan    plan
}

// Setup reads the options and the plan.
func (f *convertFn) Setup(ctx context.Context) (err error) {
	if f.options, err = unpacked(f.Options); err != nil {
		return err
	}
	f.plan, err = readPlan(ctx, f.options.Out)
	return err
}

// ProcessElement makes one shard.
func (f *convertFn) ProcessElement(ctx context.Context, index int) (Shard, error) {
	o, p := f.options, f.plan.Plan
	if index >= len(p.Shards) {
		return Shard{}, fmt.Errorf("beam: shard %d of a plan of %d", index, len(p.Shards))
	}
	name := p.Shards[index].Folder()
	fault("begun", name)
	copies, err := newCopies()
	if err != nil {
		return Shard{}, err
	}
	defer copies.remove()
	to := filepath.Join(copies.work, name)
	there, err := exists(ctx, join(o.Out, name, manifestName))
	if err == nil && there {
		if err = fetch(ctx, join(o.Out, name), to, manifestName); err == nil {
			there, err = f.plan.hasShard(index, to, o)
		}
	}
	if err != nil {
		return Shard{}, err
	}
	if !there {
		done, err := p.ConvertShard(ctx, index, o.flows(ctx, copies, p.Shards[index]), to, f.plan.convertOptions(o))
		if err != nil {
			return Shard{}, fmt.Errorf("beam: %s: %w", join(o.Out, name), err)
		}
		fault("converted", name)
		if err := publish(ctx, to, o.Out, name); err != nil {
			return Shard{}, err
		}
		newShards.Inc(ctx, 1)
		newFlows.Inc(ctx, int64(done.Flows))
		if done.Invertible {
			exactFlows.Inc(ctx, int64(done.Exact32))
		}
	}
	fault("published", name)
	return Shard{Index: index, New: !there}, nil
}

// Names of the counters of a conversion: of flows in shards that were not there before, and
// of those of them that come back exactly from images in float32.
const (
	CounterFlows = "flows"
	CounterExact = "exact"
)

var (
	newFlows   = sdk.NewCounter("netdiffus", CounterFlows)
	exactFlows = sdk.NewCounter("netdiffus", CounterExact)
)

// flows ranges over the flows of a shard.
func (o ConvertOptions) flows(ctx context.Context, copies *copies, shard dataset.PlannedShard) iter.Seq2[traffic.Flow, error] {
	return func(yield func(traffic.Flow, error) bool) {
		for _, from := range shard.Sources {
			part := o.Parts[from.Part]
			local, err := copies.of(ctx, part)
			if err != nil {
				yield(traffic.Flow{}, err)
				return
			}
			row := 0
			for flow, err := range o.Reader.ReadPart(local) {
				if err != nil {
					yield(flow, copies.error(part, err))
					return
				}
				if row >= from.First && !yield(flow, nil) {
					return
				}
				if row++; row == from.End {
					break
				}
			}
		}
	}
}

// checkConvertedFn looks at all shards together.
type checkConvertedFn struct {
	Out    string
	Shards int
}

// ProcessElement checks that the shards are complete.
func (f *checkConvertedFn) ProcessElement(ctx context.Context, _ int, shards func(*Shard) bool) (Converted, error) {
	all, made, err := checkShards(ctx, f.Out, f.Shards, shards)
	if err != nil {
		return Converted{}, err
	}
	return Converted{Shards: all.Count(), Flows: all.Len(), New: made}, nil
}
