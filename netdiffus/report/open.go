package report

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Traffic is flows, and the images that they were read from.
type Traffic struct {
	Flows    []traffic.Flow
	Set      *dataset.Set // nil without images; otherwise one image a flow
	Unsigned bool         // the flows have no directions
}

// SeriesLength is how many packets of a flow the images show, and 10 without images.
func (t Traffic) SeriesLength() int {
	if t.Set != nil {
		return t.Set.Encoding.SeriesLength()
	}
	return 10
}

// Even reports whether the flows are a model's samples that are spread evenly over all that it can draw.
func (t Traffic) Even() bool { return originOf(t.Set).Even }

// originOf is where the images of a set come from; zero where there are none, or where that is not known.
func originOf(set *dataset.Set) dataset.Origin {
	if set == nil || set.Origin == nil {
		return dataset.Origin{}
	}
	return *set.Origin
}

// ErrNoScale is the error of images that have no manifest, where the recipe given
// has no scale either.
var ErrNoScale = errors.New("no manifest to take the scale of the values from")

// Open reads a file of flows, or a folder of images with their padding as packets of
// 0 bytes that keep their place. Images without a manifest need the recipe that they
// were made by; otherwise r is the zero Recipe.
func Open(path string, r dataset.Recipe) (Traffic, error) {
	t, _, err := Limit{}.Open(traffic.Reader{}, path, r)
	return t, err
}

// Describe records where data are from: a file, or a folder by its manifest; and of which
// run they are samples, where they say so.
func Describe(ctx context.Context, role, path string) (Input, error) {
	at := path
	info, err := os.Stat(path)
	if err != nil {
		return Input{}, err
	}
	if info.IsDir() {
		at = dataset.ManifestFile(path)
	}
	hashed, err := provenance.Hash(ctx, at)
	if errors.Is(err, fs.ErrNotExist) {
		return Input{Role: role, Path: provenance.Private(path)}, nil // the reference's folders have none
	}
	if err != nil {
		return Input{}, err
	}
	in := Input{Role: role, Path: provenance.Private(path), File: filepath.Base(at), Digest: hashed.Digest}
	if info.IsDir() {
		origin, err := dataset.OriginOf(path)
		if err == nil && origin != nil {
			in.MadeBy, in.Way = origin.Run, origin.Way
		}
		return in, err
	}
	in.MadeBy, err = traffic.MadeBy(path)
	return in, err
}
