package report

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Synthetic is the traffic that is judged.
type Synthetic struct {
	Flows    []traffic.Flow
	Set      *dataset.Set // the images that the flows are from; nil without
	Unsigned bool         // the flows have no directions
}

// Length is how many packets of a flow the images show, and 10 without images.
func (s Synthetic) Length() int {
	if s.Set != nil && s.Set.Recipe.Length > 0 {
		return s.Set.Recipe.Length
	}
	return 10
}

// OpenSynthetic reads synthetic traffic: a file of flows, or images, with their
// padding as packets of 0 bytes that keep their place. Images without a manifest need the
// recipe that they were made by, the zero Recipe otherwise.
func OpenSynthetic(path string, r dataset.Recipe) (Synthetic, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Synthetic{}, err
	}
	if !info.IsDir() && filepath.Ext(path) != ".npz" {
		flows, err := traffic.Collect(traffic.Read(path))
		return Synthetic{Flows: flows}, err
	}
	set, err := dataset.OpenAs(path, r)
	if err != nil {
		return Synthetic{}, err
	}
	if !set.Fitted() {
		return Synthetic{}, fmt.Errorf("report: %s has no manifest to take the scale from: give it (--scale MIN,MAX)", path)
	}
	flows, err := traffic.Collect(set.PaddedFlows())
	if err == nil {
		set, _, err = set.Plain()
	}
	if err != nil {
		return Synthetic{}, fmt.Errorf("report: %s: %w", path, err)
	}
	return Synthetic{flows, set, !set.Recipe.Directed()}, nil
}

// Describe records where data are from: a file, or a folder by its manifest.
func Describe(ctx context.Context, role, path string) (Input, error) {
	at := path
	info, err := os.Stat(path)
	if err != nil {
		return Input{}, err
	}
	if info.IsDir() {
		at = filepath.Join(path, "manifest.json")
	}
	hashed, err := provenance.Hash(ctx, at)
	if errors.Is(err, fs.ErrNotExist) {
		return Input{Role: role, Path: path}, nil // the reference's folders have none
	}
	return Input{role, path, filepath.Base(at), hashed.Digest}, err
}
