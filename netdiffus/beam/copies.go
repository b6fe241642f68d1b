package beam

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// copies gives input files local paths. It holds a copy of one file at a time.
type copies struct {
	work string // a folder of this piece of work alone
	path string // the file that is copied, "" for none
}

func newCopies() (*copies, error) {
	work, err := os.MkdirTemp("", "netdiffus-beam-")
	if err != nil {
		return nil, fmt.Errorf("beam: %w", err)
	}
	return &copies{work: work}, nil
}

func (c *copies) remove() { os.RemoveAll(c.work) }

// local is the path of a file's copy, in folders of the names that the file's have: labels
// can come from them.
func (c *copies) local(name string) string {
	_, rest, _ := strings.Cut(name, "://")
	return filepath.Join(c.work, "in", filepath.FromSlash(path.Clean("/"+rest)))
}

// of returns a part by a local path.
func (c *copies) of(ctx context.Context, part traffic.Part) (traffic.Part, error) {
	if isLocal(part.Path) {
		return part, nil
	}
	local := c.local(part.Path)
	if c.path != part.Path {
		if c.path != "" {
			os.Remove(c.local(c.path)) // what is left goes with the folder
		}
		if err := onStore(ctx, part.Path, func(store filesystem.Interface) error { return read(ctx, store, part.Path, local) }); err != nil {
			return part, err
		}
		c.path = part.Path
	}
	part.Path = local
	return part, nil
}

// error is that of a part's flows, with the file's own path.
func (c *copies) error(part traffic.Part, err error) error {
	err = renamed(err, c.local(part.Path), part.Path)
	if strings.Contains(err.Error(), part.Path) {
		return fmt.Errorf("beam: %w", err)
	}
	if part.First > 0 {
		return fmt.Errorf("beam: %s, from row group %d on: %w", part.Path, part.First, err)
	}
	return fmt.Errorf("beam: %s: %w", part.Path, err)
}
