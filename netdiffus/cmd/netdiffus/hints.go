package main

import (
	"errors"
	"fmt"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/guided"
)

// withHints adds to an error of the library, which names settings, the flags that the
// program has for them.
func withHints(err error) error {
	var codec *netdiffus.CodecError
	if errors.As(err, &codec) {
		return fmt.Errorf("%w: convert the data with --codec %s, or train on pixels with --preset classic or reference", err, codec.Want)
	}
	var record *netdiffus.RecordError
	if errors.As(err, &record) {
		presets := "default, causal, quick, network or best"
		if record.Got == dataset.Series {
			presets = "copula or series"
		}
		return fmt.Errorf("%w: for %s take --preset %s, or classic or reference, and another run", err, record.Got, presets)
	}
	for missing, flags := range map[error]string{
		guided.ErrStep:         "--step",
		guided.ErrImageSize:    "--image-size",
		guided.ErrScale:        "--scale, and --label-map or --classes, instead of --data-dir",
		guided.ErrClasses:      "--data-dir, --label-map or --classes",
		guided.ErrLabelDropout: "--label-dropout",
	} {
		if errors.Is(err, missing) {
			return fmt.Errorf("%w: give %s", err, flags)
		}
	}
	return err
}
