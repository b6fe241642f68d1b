package report

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// PlotOptions control the pictures of a comparison. The zero value draws PNGs.
type PlotOptions struct {
	Format string                  // "png" or "svg"; "" means "png"
	Bins   int                     // of the histograms drawn; 0 means 30
	Loss   map[string]track.Series // a run's metrics, for its loss curve; nil for none
}

// Save writes all pictures and the table of distances into the folder dir. Files of
// the same name are replaced, others stay; on an error, or when ctx is cancelled,
// nothing is written.
func (c *Comparison) Save(ctx context.Context, dir string, o PlotOptions) error {
	pictures, err := c.draw(o)
	if err != nil {
		return err
	}
	return savePictures(ctx, dir, pictures, cmp.Or(o.Format, "png"), c.table.save)
}

// savePictures writes pictures, and what table writes into a folder, as Save does.
func savePictures(ctx context.Context, dir string, pictures []picture, format string, table func(dir string) error) error {
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o777); err != nil {
		return err
	}
	staged, err := atomicfile.CreateDir(dir)
	if err != nil {
		return err
	}
	defer staged.Abort()
	for _, p := range pictures {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := plots.Save(filepath.Join(staged.Path(), p.name+"."+format), p.figure); err != nil {
			return err
		}
	}
	if err := table(staged.Path()); err != nil {
		return err
	}
	err = staged.Commit()
	if errors.Is(err, fs.ErrExist) {
		err = moveInto(staged.Path(), dir)
	}
	return err
}

// moveInto moves the files of one folder into another, over those of the same name.
func moveInto(from, to string) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Rename(filepath.Join(from, f.Name()), filepath.Join(to, f.Name())); err != nil {
			return err
		}
	}
	return atomicfile.SyncDir(to)
}
