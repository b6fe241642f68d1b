package dataset

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// ConvertOptions say how Convert writes, and who watches.
type ConvertOptions struct {
	SaveOptions
	Classes  []string         // convert only these; nil means all
	Progress func(p Progress) // called every few hundred flows, by one goroutine at a time; may be nil
}

// Progress is how far Convert is.
type Progress struct {
	Writing bool // false while the flows are looked at for the scale and the classes
	Done    int  // flows
	Total   int  // flows; 0 as long as it is not known
}

// Report is what Convert did.
type Report struct {
	Recipe  Recipe // fitted
	Classes []string
	Counts  []int // flows of each class
	Flows   int
	Cut     int // flows that had more packets than Recipe.Length: the rest of them is not in the images

	// Invertible tells whether the image kind has a way back. Where it has,
	// every flow was decoded again, from the float64 pixels as written and
	// from the same rounded to float32, as a model sees them. The counts are
	// of the flows that came back just as they went in, their inter-arrival times
	// aside; TimesOff is how far these came back from what they were, the mean
	// difference of ln(1+microseconds) over the flows, so that 0.01 is 1 %.
	Invertible       bool
	Exact64, Exact32 int
	TimesOff         float64
	Loss             *Loss // what pictures cost; nil where the recipe has no rendering, or they no way back
}

// Convert makes a set of the flows in the folder dir without holding it in
// memory: flows is ranged over twice, first to fit the codec and count the
// classes, then to write. On an error, or when ctx is cancelled, nothing is
// left of it. The order of rows is kept; they count from 0, those of classes
// left out included.
func Convert(ctx context.Context, flows iter.Seq2[traffic.Flow, error], r Recipe, dir string, o ConvertOptions) (Report, error) {
	if err := checkFree(dir, o.Overwrite); err != nil {
		return Report{}, err // before the work, not after it
	}
	look, err := newSurvey(r)
	if err != nil {
		return Report{}, err
	}
	c := &conversion{ctx: ctx, flows: flows, options: o}
	err = c.each(0, func(row int, f traffic.Flow) error { return c.atRow(row, look.add(f)) })
	if err != nil {
		return Report{}, err
	}
	if err := missing(o.Classes, look.counts); err != nil {
		return Report{}, err
	}
	report := Report{Cut: look.cut}
	report.Recipe, report.Classes, report.Counts, err = look.result()
	if err != nil {
		return Report{}, err
	}
	for _, n := range report.Counts {
		report.Flows += n
	}
	c.writing = true
	err = stage(dir, o.SaveOptions, func(staged string) error {
		w, err := newWriter(staged, o.SaveOptions, report.Recipe, report.Classes, report.Counts, true)
		if err != nil {
			return err
		}
		defer w.abort()
		if err := c.write(w, &report); err != nil {
			return err
		}
		return w.finish(finish{o.Inputs, report.Cut, report.Loss})
	})
	if err != nil {
		return Report{}, err
	}
	return report, nil
}

// conversion is one Convert under way.
type conversion struct {
	ctx     context.Context
	flows   iter.Seq2[traffic.Flow, error]
	options ConvertOptions
	writing bool // the second time over the flows
}

// each calls do for every flow of the chosen classes, with its row, and tells
// who watches.
func (c *conversion) each(total int, do func(row int, f traffic.Flow) error) error {
	tell := func(done int) {
		if c.options.Progress != nil {
			c.options.Progress(Progress{Writing: c.writing, Done: done, Total: total})
		}
	}
	row, done := -1, 0
	for f, err := range c.flows {
		row++
		if err == nil && row%64 == 0 {
			err = c.ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
		if c.options.Classes != nil && !slices.Contains(c.options.Classes, f.Label) {
			continue
		}
		if err := do(row, f); err != nil {
			return err
		}
		if done++; done%256 == 0 {
			tell(done)
		}
	}
	tell(done)
	return c.ctx.Err()
}

// job is a flow on its way to a worker.
type job struct {
	row  int
	flow traffic.Flow
}

// write encodes all flows, checks that they come back, and writes them.
func (c *conversion) write(w writer, report *Report) error {
	workers := 1
	if w.parallel() {
		workers = runtime.GOMAXPROCS(0) // the file system is what takes the time
	}
	_, err := report.Recipe.inverter()
	report.Invertible = err == nil

	t := tally{report: report, written: make([]atomic.Int64, len(report.Classes))}
	batches := make(chan []job, workers)
	group, ctx := errgroup.WithContext(c.ctx)
	group.Go(func() error {
		defer close(batches)
		return c.feed(ctx, report.Flows, batches)
	})
	for range workers {
		do := t.worker(w)
		group.Go(func() error {
			for batch := range batches {
				for _, j := range batch {
					if err := do(j); err != nil {
						return c.atRow(j.row, err)
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return t.finish()
}

// feed sends all flows to the workers, until ctx says that one has failed.
func (c *conversion) feed(ctx context.Context, total int, batches chan<- []job) error {
	var batch []job
	send := func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case batches <- batch:
			batch = nil
			return nil
		}
	}
	err := c.each(total, func(row int, f traffic.Flow) error {
		if batch = append(batch, job{row, f}); len(batch) < 64 {
			return nil
		}
		return send()
	})
	if err != nil || len(batch) == 0 {
		return err
	}
	return send()
}

// tally counts what several workers have done.
type tally struct {
	report           *Report
	written          []atomic.Int64 // by class
	exact64, exact32 atomic.Int64
	mu               sync.Mutex
	off              float64
	loss             lossCounter
}

// worker returns what does one goroutine's jobs.
func (t *tally) worker(w writer) func(job) error {
	e := newEncoder(t.report.Recipe)
	d, _ := newDecoder(t.report.Recipe) // nil where there is no way back
	return func(j job) error {
		label, known := slices.BinarySearch(t.report.Classes, j.flow.Label)
		if !known || t.written[label].Add(1) > int64(t.report.Counts[label]) {
			return errChanged
		}
		image, err := e.encode(j.flow)
		if err != nil {
			return err
		}
		if d != nil {
			back := d.pictures.open(image)
			in64, in32, off := d.came(j.flow, back)
			t.mu.Lock()
			t.off += off
			t.mu.Unlock()
			t.exact64.Add(count(in64))
			t.exact32.Add(count(in32))
			t.loss.add(d, j.flow, back)
		}
		return w.add(label, j.row, image)
	}
}

// finish completes the report. It fails when there were fewer flows than
// counted before.
func (t *tally) finish() error {
	for label := range t.written {
		if t.written[label].Load() != int64(t.report.Counts[label]) {
			return fmt.Errorf("dataset: %w", errChanged)
		}
	}
	t.report.Exact64, t.report.Exact32 = int(t.exact64.Load()), int(t.exact32.Load())
	t.report.TimesOff = t.off / float64(max(t.report.Flows, 1))
	t.report.Loss = t.loss.result()
	return nil
}

// atRow says which row of which file err is about.
func (c *conversion) atRow(row int, err error) error {
	if err != nil && len(c.options.Inputs) == 1 {
		return fmt.Errorf("dataset: %s: row %d: %w", filepath.Base(c.options.Inputs[0].Path), row, err)
	}
	return atRow(row, err)
}

// atRow says which of the input's rows err is about.
func atRow(row int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("dataset: row %d: %w", row, err)
}

func count(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// missing tells which of the chosen classes no flow has.
func missing(chosen []string, counts map[string]int) error {
	for _, label := range chosen {
		if counts[label] == 0 {
			return fmt.Errorf("dataset: no flow of class %q", label)
		}
	}
	return nil
}
