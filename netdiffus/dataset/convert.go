package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// ConvertOptions are Convert's.
type ConvertOptions struct {
	SaveOptions
	Classes []string // convert only these; nil means all
	// Progress is called with the number of flows every few hundred of them, by one
	// goroutine at a time: with a total of 0 in the first pass over the flows, which
	// fits the codecs and counts the classes, then with all flows as the total. It
	// may be nil.
	Progress func(completed, total int)
}

// Conversion is what Convert did.
type Conversion struct {
	Encoding *Encoding
	Classes  []string
	Counts   []int // flows of each class
	Flows    int   // or series
	Cut      int   // flows or series that were longer than Encoding.SeriesLength: the rest of them is not in the images

	// Invertible reports whether the images can be decoded. Where they can, every
	// flow was decoded again, from the float64 pixels as written and from the same
	// rounded to float32, as a model sees them. Exact64 and Exact32 count the flows
	// that were decoded just as they were, their inter-arrival times aside; TimesOff
	// is how far these are from what they were, the mean difference of
	// ln(1+microseconds) over the flows, so that 0.01 is 1 %.
	Invertible       bool
	Exact64, Exact32 int
	TimesOff         float64
	Connections      *connections.Statistics // of the flows; nil where these came without
	// Precision is how the values of series came back, by channel; nil for flows.
	// Of series Exact64 and Exact32 count those of which every value came back to a
	// millionth of its channel's largest.
	Precision []Precision
	Loss      *Loss // of pictures; nil where the images are numbers, or cannot be decoded
}

// Convert makes a set of the flows in the folder dir without holding it in
// memory: flows is ranged over twice, first to fit the codecs and count the
// classes, then to write. On an error, or when ctx is cancelled, nothing is
// left of it. The order of rows is kept; they count from 0, those of classes
// left out included.
func Convert(ctx context.Context, flows iter.Seq2[traffic.Flow, error], r Recipe, dir string, o ConvertOptions) (Conversion, error) {
	return convert(ctx, ofFlows(flows), r, dir, o)
}

// ConvertSeries is Convert of series. Channels, SeriesLength and Step that r leaves
// open are those of the first series; one channel without a name gives its codec to
// all.
func ConvertSeries(ctx context.Context, all iter.Seq2[series.Series, error], r Recipe, dir string, o ConvertOptions) (Conversion, error) {
	if err := checkFree(dir, o.Overwrite); err != nil {
		return Conversion{}, err
	}
	r, err := r.forSeries(all)
	if err != nil {
		return Conversion{}, err
	}
	return convert(ctx, ofSeries(all), r, dir, o)
}

func convert(ctx context.Context, sources iter.Seq2[source, error], r Recipe, dir string, o ConvertOptions) (Conversion, error) {
	if err := checkFree(dir, o.Overwrite); err != nil {
		return Conversion{}, err // before the work, not after it
	}
	c := &conversion{ctx: ctx, sources: sources, options: o}
	done, err := c.fit(r)
	if err != nil {
		return Conversion{}, err
	}
	err = stage(dir, o.SaveOptions, func(staged string) error {
		out, err := newOutput(staged, o.SaveOptions, done.contents())
		if err != nil {
			return err
		}
		defer out.abort()
		if err := c.write(out.writer, &done); err != nil {
			return err
		}
		return out.finish(done.Cut, done.Loss)
	})
	if err != nil {
		return Conversion{}, err
	}
	return done, nil
}

// contents describe the set of the flows.
func (c Conversion) contents() contents {
	return contents{c.Encoding, c.Classes, c.Counts, true, c.Connections}
}

// conversion is one Convert under way.
type conversion struct {
	ctx     context.Context
	sources iter.Seq2[source, error]
	options ConvertOptions
	first   int // the first row's number
	rows    int // those that each has come by
}

// fit is the first pass over the flows.
func (c *conversion) fit(r Recipe) (done Conversion, err error) {
	fit, err := newFitting(r)
	if err != nil {
		return done, err
	}
	if _, err := json.Marshal(fit.encoding); err != nil {
		return done, cause(err) // before the work: the manifest could not be written after it
	}
	err = c.each(0, func(row int, from source) error { return c.atRow(row, fit.add(from)) })
	if err != nil {
		return done, err
	}
	return fit.conversion(c.options.Classes)
}

// conversion is what the first pass knows of a conversion of the chosen classes, or of all
// where there are none.
func (s *fitting) conversion(classes []string) (done Conversion, err error) {
	if err := missing(classes, s.counts); err != nil {
		return done, err
	}
	done.Cut, done.Connections = s.cut, s.seen.Statistics()
	done.Encoding, done.Classes, done.Counts, err = s.result()
	if err == nil && done.Encoding.recipe.Record == Series {
		for i, channel := range done.Encoding.recipe.Channels {
			done.Precision = append(done.Precision, Precision{Channel: channel.Series, Unit: channel.Unit, Peak: s.peaks[i]})
		}
	}
	for _, n := range done.Counts {
		done.Flows += n
	}
	return done, err
}

// each calls do for every flow or series of the chosen classes, with its row, and reports
// progress.
func (c *conversion) each(total int, do func(row int, from source) error) error {
	report := func(completed int) {
		if c.options.Progress != nil {
			c.options.Progress(completed, total)
		}
	}
	row, done := c.first-1, 0
	c.rows = 0
	for from, err := range c.sources {
		row, c.rows = row+1, c.rows+1
		if err == nil && row%64 == 0 {
			err = c.ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
		if c.options.Classes != nil && !slices.Contains(c.options.Classes, from.class()) {
			continue
		}
		if err := do(row, from); err != nil {
			return err
		}
		if done++; done%256 == 0 {
			report(done)
		}
	}
	report(done)
	return c.ctx.Err()
}

// job is a flow or series on its way to a worker.
type job struct {
	row  int
	from source
}

// write is the second pass over the flows: it encodes all, verifies that they can
// be decoded, and writes them.
func (c *conversion) write(w writer, done *Conversion) error {
	workers := 1
	if w.parallel() {
		workers = runtime.GOMAXPROCS(0) // the file system is what takes the time
	}
	_, err := done.Encoding.decodable()
	done.Invertible = err == nil

	t := tally{done: done, written: make([]atomic.Int64, len(done.Classes))}
	for _, p := range done.Precision {
		t.precision = append(t.precision, precision{Precision: p})
	}
	batches := make(chan []job, workers)
	group, ctx := errgroup.WithContext(c.ctx)
	group.Go(func() error {
		defer close(batches)
		return c.feed(ctx, done.Flows, batches)
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

// feed sends all flows to the workers, until ctx ends because one has failed.
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
	err := c.each(total, func(row int, from source) error {
		if batch = append(batch, job{row, from}); len(batch) < 64 {
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
	done             *Conversion
	written          []atomic.Int64 // by class
	exact64, exact32 atomic.Int64
	mu               sync.Mutex
	off              float64
	precision        []precision // of series, by channel
	loss             lossCounter
}

// worker returns the function that does one goroutine's jobs.
func (t *tally) worker(w writer) func(job) error {
	e := newEncoder(t.done.Encoding)
	d, _ := newDecoder(t.done.Encoding) // nil where the images cannot be decoded
	return func(j job) error {
		label, known := slices.BinarySearch(t.done.Classes, j.from.class())
		if !known || t.written[label].Add(1) > int64(t.done.Counts[label]) {
			return errChanged
		}
		r, err := j.from.record(t.done.Encoding)
		if err != nil {
			return err
		}
		image, err := e.encode(r)
		if err != nil {
			return err
		}
		if d != nil {
			t.verify(d, r, d.pictures.open(image))
		}
		return w.add(label, j.row, image)
	}
}

// verify counts how r comes back from its image.
func (t *tally) verify(d *decoder, r record, shown encoded) {
	var in64, in32 bool
	if d.recipe.Record == Series {
		t.mu.Lock()
		in64, in32 = d.verifySeries(r, shown, t.precision)
		t.mu.Unlock()
	} else {
		var off float64
		in64, in32, off = d.verifyFlow(r, shown)
		t.mu.Lock()
		t.off += off
		t.mu.Unlock()
		t.loss.add(d, r, shown)
	}
	t.exact64.Add(count(in64))
	t.exact32.Add(count(in32))
}

// finish completes the conversion's figures. It fails when there were fewer flows than
// counted before.
func (t *tally) finish() error {
	for label := range t.written {
		if t.written[label].Load() != int64(t.done.Counts[label]) {
			return fmt.Errorf("dataset: %w", errChanged)
		}
	}
	t.done.Exact64, t.done.Exact32 = int(t.exact64.Load()), int(t.exact32.Load())
	t.done.TimesOff = t.off / float64(max(t.done.Flows, 1))
	t.done.Loss = t.loss.result()
	for i, p := range t.precision {
		t.done.Precision[i] = p.result()
	}
	return nil
}

// atRow adds to err which row of which file it is about.
func (c *conversion) atRow(row int, err error) error {
	if err != nil && len(c.options.Inputs) == 1 {
		return fmt.Errorf("dataset: %s: row %d: %w", filepath.Base(c.options.Inputs[0].Path), row, err)
	}
	return atRow(row, err)
}

// atRow adds to err which of the input's rows it is about.
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

// missing reports a chosen class that no flow has.
func missing(chosen []string, counts map[string]int) error {
	for _, label := range chosen {
		if counts[label] == 0 {
			return fmt.Errorf("dataset: nothing of class %q", label)
		}
	}
	return nil
}

// cause is the error of a MarshalJSON without encoding/json's words around it.
func cause(err error) error {
	var marshaler *json.MarshalerError
	if errors.As(err, &marshaler) {
		return fmt.Errorf("dataset: %w", marshaler.Err)
	}
	return err
}
