package sample

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
)

// DrawShard draws r.Shard, one of the parts of what r asks for, and saves it in a folder of
// its own in dir ([dataset.Shard.Folder]), which it returns. A shard that is there already
// is kept, and drawn is false: the call can be repeated after a crash, and by several
// processes for different shards. All shards together are what Draw returns without one,
// to the bit ([dataset.OpenShards], [dataset.Shards.Merge]).
//
// The generator must have been opened from a run with an ID.
func (g *Generator) DrawShard(ctx context.Context, r Request, dir string, o dataset.SaveOptions) (folder string, drawn bool, err error) {
	r.Shard.Of = max(r.Shard.Of, 1)
	if r.Pool > 1 {
		return "", false, errPooledShard
	}
	p, err := g.plan(r)
	if err != nil {
		return "", false, fmt.Errorf("sample: %w", err)
	}
	origin := p.origin()
	if origin == nil {
		return "", false, errors.New("sample: shards need to know their run, and this model is of none, or of one whose manifest is damaged")
	}
	folder = filepath.Join(dir, p.Shard.Folder())
	if !o.Overwrite {
		switch there, err := shardThere(folder, origin); {
		case err != nil:
			return folder, false, fmt.Errorf("sample: %w", err)
		case there:
			return folder, false, nil
		}
	}
	o.Layout = cmp.Or(o.Layout, dataset.Samples)
	if err := p.save(ctx, folder, o); err != nil {
		return folder, false, fmt.Errorf("sample: %w", err)
	}
	return folder, true, nil
}

// shardThere reports whether folder holds the shard of that origin, whole.
func shardThere(folder string, origin *dataset.Origin) (bool, error) {
	set, err := dataset.Open(folder, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !reflect.DeepEqual(set.Origin, origin) {
		return false, fmt.Errorf("%s holds samples of another model or request: choose another folder, or replace it", folder)
	}
	return true, nil
}
