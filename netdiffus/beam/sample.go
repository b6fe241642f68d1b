package beam

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/gomlx/compute"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// SampleOptions are what Sample draws. Those without a comment are sample.Request's.
type SampleOptions struct {
	Run     string // the run's folder, or a checkpoint in it
	Weights string // as sample.Weights
	Device  string // as backend.Open takes it, for each worker
	Out     string // folder that the shards' folders are put into
	N       int    // samples of each class in all shards together; 0 means 10
	Shards  int    // how many; 0 means 1

	Classes []string
	Seed    uint64
	Sampler string // one of netdiffus.Samplers; "" means the model's own
	Steps   string
	Eta     float64
	// Guidance, Grain and Decode are as in a request.
	Guidance, Grain float64
	Decode          string
	NoClip          bool
	Batch           int
}

// Shard is a shard that Sample has drawn or Convert made.
type Shard struct {
	Index int
	New   bool // it was not there before
}

// Drawn is what Sample has drawn in all.
type Drawn struct {
	Shards  int
	Samples int
	New     int // shards that were not there before
}

func init() {
	register.DoFn2x2[context.Context, int, Shard, error](&drawFn{})
	register.DoFn3x2[context.Context, int, func(*Shard) bool, Drawn, error](&checkShardsFn{})
	register.Iter1[Shard]()
	for _, t := range []reflect.Type{reflect.TypeFor[Shard](), reflect.TypeFor[Drawn]()} {
		sdk.RegisterType(t)
	}
}

// request is what a shard of o is drawn by.
func (o SampleOptions) request(shard int) (sample.Request, error) {
	r := sample.Request{
		N: o.N, Classes: o.Classes, Seed: o.Seed, Steps: o.Steps, Eta: o.Eta, Guidance: o.Guidance,
		Grain: o.Grain, Decode: o.Decode, NoClip: o.NoClip, Batch: o.Batch,
		Shard: dataset.Shard{Index: shard, Of: o.Shards, N: o.N},
	}
	if o.Sampler != "" {
		var err error
		if r.Sampler, err = netdiffus.Samplers.Get(o.Sampler); err != nil {
			return r, fmt.Errorf("beam: sampler %q: %w", o.Sampler, err)
		}
	}
	return r, r.Shard.Check()
}

// Pinned fills in o's defaults and checks it, and makes Run the checkpoint that the run
// stands for now: a run that is still trained gets others, and all shards are to be of one.
func (o SampleOptions) Pinned(ctx context.Context) (SampleOptions, error) {
	if o.N == 0 {
		o.N = 10
	}
	o.Shards = max(o.Shards, 1)
	if o.Run == "" || o.Out == "" {
		return o, errors.New("beam: a run to draw from and a folder to write are needed")
	}
	if _, err := o.request(0); err != nil {
		return o, err
	}
	if err := o.madeAbsolute(); err != nil {
		return o, err
	}
	dir, remove, err := copyOfRun(ctx, o.Run)
	if err != nil {
		return o, err
	}
	defer remove()
	checkpoint, err := sample.Checkpoint(dir)
	if err != nil {
		return o, fmt.Errorf("beam: %w", err)
	}
	run := filepath.Dir(filepath.Dir(checkpoint))
	var c netdiffus.Config
	if err := track.ReadConfig(run, &c); err != nil {
		return o, fmt.Errorf("beam: %w", err)
	}
	for _, class := range o.Classes {
		if !slices.Contains(c.Classes, class) {
			return o, fmt.Errorf("beam: no class %q: the model has %s", class, strings.Join(c.Classes, ", "))
		}
	}
	o.Run = join(runOf(o.Run), "checkpoints", filepath.Base(checkpoint))
	return o, nil
}

// madeAbsolute makes local paths whole: a worker can have another working folder.
func (o *SampleOptions) madeAbsolute() (err error) {
	for _, path := range []*string{&o.Run, &o.Out} {
		if *path, err = absolute(*path); err != nil {
			return err
		}
	}
	return nil
}

// absolute is a path that means the same in every working folder.
func absolute(path string) (string, error) {
	if !isLocal(path) {
		return path, nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("beam: %w", err)
	}
	return abs, nil
}

// Sample draws the shards that o asks for, Pinned, into o.Out: those that
// sample.Generator.DrawShard draws, to the byte. Shards that are there are kept. When all
// are, they are checked together as dataset.OpenShards does, and what workers that died
// have left behind is removed. The collection that it returns has one element then, a
// Drawn.
func Sample(s sdk.Scope, o SampleOptions) sdk.PCollection {
	s = s.Scope("Sample")
	drawn := sdk.ParDo(s, &drawFn{Options: o}, numbers(s, o.Shards))
	return sdk.ParDo(s, &checkShardsFn{Options: o}, sdk.GroupByKey(s, sdk.AddFixedKey(s, drawn)))
}

// numbers are those of n shards, spread over the workers: Beam would give all of a created
// list to the one that made it.
func numbers(s sdk.Scope, n int) sdk.PCollection {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return sdk.Reshuffle(s, sdk.CreateList(s, all))
}

// CounterShards is the name of the pipelines' counter of shards that were not there before.
const CounterShards = "shards"

var newShards = sdk.NewCounter("netdiffus", CounterShards)

// drawFn draws shards.
type drawFn struct {
	Options SampleOptions

	generator *sample.Generator
	layout    dataset.Layout
}

// Setup opens the model, once for every goroutine that Beam draws with; the run is copied
// here, and the device opened, once a process.
func (f *drawFn) Setup(ctx context.Context) error {
	device, err := deviceNamed(ctx, f.Options.Device)
	if err != nil {
		return err
	}
	dir, err := localRun(ctx, f.Options.Run)
	if err != nil {
		return err
	}
	f.generator, err = sample.OpenWeights(device, dir, sample.Weights(f.Options.Weights))
	if err != nil {
		return fmt.Errorf("beam: %w", err)
	}
	f.layout = dataset.Samples
	if f.generator.Config.Encoding.Rendering() != nil {
		f.layout = dataset.Arrays
	}
	return nil
}

// ProcessElement draws one shard.
func (f *drawFn) ProcessElement(ctx context.Context, index int) (Shard, error) {
	r, err := f.Options.request(index)
	if err != nil {
		return Shard{}, err
	}
	name := r.Shard.Folder()
	fault("begun", name)
	work, err := os.MkdirTemp("", "netdiffus-beam-")
	if err != nil {
		return Shard{}, fmt.Errorf("beam: %w", err)
	}
	defer os.RemoveAll(work)

	// A shard that is there is copied, so that DrawShard decides whether it is the one.
	there, err := exists(ctx, join(f.Options.Out, name, manifestName))
	if err == nil && there {
		err = fetch(ctx, join(f.Options.Out, name), filepath.Join(work, name), "*")
	}
	if err != nil {
		return Shard{}, err
	}
	folder, drawn, err := f.generator.DrawShard(ctx, r, work, dataset.SaveOptions{Layout: f.layout})
	if err != nil {
		return Shard{}, fmt.Errorf("beam: %s: %w", join(f.Options.Out, name), err)
	}
	fault("drawn", name)
	if drawn {
		if err := publish(ctx, folder, f.Options.Out, name); err != nil {
			return Shard{}, err
		}
		newShards.Inc(ctx, 1)
	}
	fault("published", name)
	return Shard{Index: index, New: drawn}, nil
}

// checkShardsFn looks at all shards together.
type checkShardsFn struct{ Options SampleOptions }

// ProcessElement checks that the shards are complete.
func (f *checkShardsFn) ProcessElement(ctx context.Context, _ int, shards func(*Shard) bool) (Drawn, error) {
	all, drawn, err := checkShards(ctx, f.Options.Out, f.Options.Shards, shards)
	if err != nil {
		return Drawn{}, err
	}
	return Drawn{Shards: all.Count(), Samples: all.Len(), New: drawn}, nil
}

// checkShards checks that all shards were made and are in the output, of which it removes
// what is staged. It returns them and how many were not there before.
func checkShards(ctx context.Context, out string, want int, shards func(*Shard) bool) (all *dataset.Shards, made int, err error) {
	var shard Shard
	seen := map[int]bool{}
	for shards(&shard) {
		if !seen[shard.Index] && shard.New {
			made++
		}
		seen[shard.Index] = true
	}
	if len(seen) != want {
		return nil, 0, fmt.Errorf("beam: %d of %d shards were made", len(seen), want)
	}
	all, remove, err := manifests(ctx, out)
	if err != nil {
		return nil, 0, err
	}
	defer remove()
	return all, made, onStore(ctx, out, func(store filesystem.Interface) error {
		return discard(ctx, store, join(out, stagedName))
	})
}

// devices are those that this process has opened, by what named them.
var devices struct {
	sync.Mutex
	open map[string]compute.Backend
}

// deviceNamed opens a device, once a process: generators share it.
func deviceNamed(ctx context.Context, spec string) (compute.Backend, error) {
	devices.Lock()
	defer devices.Unlock()
	if d := devices.open[spec]; d != nil {
		return d, nil
	}
	d, err := backend.Open(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("beam: %w", err)
	}
	if devices.open == nil {
		devices.open = map[string]compute.Backend{}
	}
	devices.open[spec] = d
	return d, nil
}

// runs are the local copies of runs that this process has made, by the checkpoint.
var runs struct {
	sync.Mutex
	local map[string]string
}

// localRun returns the local path of a run or checkpoint, which is copied once a process.
func localRun(ctx context.Context, dir string) (string, error) {
	if isLocal(dir) {
		return dir, nil
	}
	runs.Lock()
	defer runs.Unlock()
	if local := runs.local[dir]; local != "" {
		return local, nil
	}
	local, _, err := copyOfRun(ctx, dir) // removed with the worker's temporary folder
	if err != nil {
		return "", err
	}
	if runs.local == nil {
		runs.local = map[string]string{}
	}
	runs.local[dir] = local
	return local, nil
}

// runOf is the run's folder of a checkpoint in one; other folders are runs.
func runOf(dir string) string {
	slashed := strings.TrimRight(filepath.ToSlash(dir), "/")
	if at := strings.LastIndex(slashed, "/"); at > 0 {
		if above := slashed[:at]; strings.HasSuffix(above, "/checkpoints") {
			return strings.TrimSuffix(above, "/checkpoints")
		}
	}
	return dir
}

// copyOfRun copies a run, with all checkpoints or the one that dir is, to the local disk
// under the name that it has; a local one stays where it is. remove removes the copy.
func copyOfRun(ctx context.Context, dir string) (local string, remove func(), err error) {
	if isLocal(dir) {
		return dir, func() {}, nil
	}
	work, err := os.MkdirTemp("", "netdiffus-beam-")
	if err != nil {
		return "", nil, fmt.Errorf("beam: %w", err)
	}
	remove = func() { os.RemoveAll(work) }
	run := runOf(dir)
	local = filepath.Join(work, base(run))
	patterns := []string{"*", "checkpoints/*/*"}
	copied := local
	if run != dir {
		patterns[1] = "checkpoints/" + quote(base(dir)) + "/*"
		copied = filepath.Join(local, "checkpoints", base(dir))
	}
	if err := fetch(ctx, run, local, patterns...); err != nil {
		remove()
		return "", nil, err
	}
	return copied, remove, nil
}
