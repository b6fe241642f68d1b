package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// noHostFlag leaves the machine's name out of a run's manifest.
const noHostFlag = "no-host"

func addNoHost(flags *pflag.FlagSet) {
	flags.Bool(noHostFlag, false, "leave out of manifest.json which machine this is: otherwise a number, never its name")
}

// newSession is the record of this training in a run directory's manifest.
func newSession(c *cobra.Command, device backend.Finding, data string) track.Session {
	s := track.NewSession()
	// The cache's folder is named after the plugin's version; where it lies is nobody's business.
	if device.Path != "" {
		device.Path = filepath.Join(filepath.Base(filepath.Dir(device.Path)), filepath.Base(device.Path))
	}
	device.Detail, device.Cure = provenance.Private(device.Detail), provenance.Private(device.Cure)
	s.Device, s.Flags = device, given(c)
	if hidden, err := c.Flags().GetBool(noHostFlag); err == nil && hidden {
		s.Machine.Host = ""
	}
	if input, err := provenance.Hash(c.Context(), data); err == nil {
		s.Inputs = []provenance.File{input}
	}
	return s
}

// follow shows the progress of a training on bar, and returns its last report: that of
// the error where there is one, the zero Report where there was no step to do. best is the
// checkpoint of the best measurement, where any was made.
func follow(bar *progress, reports iter.Seq2[train.StepMetrics, error]) (last train.StepMetrics, best string, err error) {
	defer bar.finish()
	for r, err := range reports {
		if err != nil {
			return r, best, err
		}
		if r.Best {
			best = r.Saved
		}
		if r.Step == 0 { // counted, not trained
			last = r
			continue
		}
		if last.Step == 0 { // what came before is compilation or an earlier run
			bar.restart(r.Step)
		}
		last = r
		words := fmt.Sprintf("loss %.4f  mse %.4f", r.Loss, r.MSE)
		if r.Cross != 0 {
			words += fmt.Sprintf("  cross-entropy %.3f", r.Cross)
		}
		if v := r.Validation; v != nil {
			bar.note(validationLine(r))
		}
		bar.set(r.Step, fmt.Sprintf("%s  %.3gs/step", words, r.StepTime.Seconds()))
	}
	return last, best, nil
}

// validationLine has the measurements on the flows held out.
func validationLine(r train.StepMetrics) string {
	line := fmt.Sprintf("step %d  held out: loss %.4f", r.Step, r.Validation.Loss)
	if r.Validation.Cross != 0 {
		line += fmt.Sprintf("  cross-entropy %.4f", r.Validation.Cross)
	}
	if v := r.Validation; v.Copies != 0 || v.Allowed != 0 {
		line += fmt.Sprintf("  copies %.3f (of flows held out %.3f)", v.Copies, v.Allowed)
	}
	if r.Best {
		line += ", the best so far: " + r.Saved
	}
	if r.Stopped {
		line += ", no improvement for long: stopping"
	}
	return line
}

// draw draws samples and shows the progress.
func draw(ctx context.Context, w io.Writer, g *sample.Generator, r sample.Request) (*dataset.Set, error) {
	printDrawing(w, g)
	r, finish := watchDrawing(w, r)
	defer finish()
	return g.Draw(ctx, r)
}

// printDrawing says which weights are drawn with.
func printDrawing(w io.Writer, g *sample.Generator) {
	trained := ""
	if !counted(g.Config) {
		trained = fmt.Sprintf(", trained for %d steps", g.Step)
	}
	fmt.Fprintf(w, "drawing with %s%s\n", g.From, trained)
}

// watchDrawing returns r with its progress shown, until finish is called.
func watchDrawing(w io.Writer, r sample.Request) (_ sample.Request, finish func()) {
	var bar *progress
	r.Progress = func(completed, total int) {
		if bar == nil {
			bar = newProgress(w, "denoising step", total)
		}
		bar.set(completed, "")
	}
	r.Status = func(message string) { fmt.Fprintln(w, message) }
	return r, func() {
		if bar != nil {
			bar.finish()
		}
	}
}
