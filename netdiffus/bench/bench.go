// Package bench measures how fast a device trains and draws, row by row, and next to each
// row how fast PyTorch does the same, where there is a Python with it.
package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Options say what is measured. The zero value measures the rows for a CPU.
type Options struct {
	// Rows are names of rows to measure (Names); nil means those that suit the device:
	// not the large ones on a CPU.
	Rows []string
	// Large adds the rows that a CPU takes minutes for.
	Large bool
	// Time is how long each row is repeated; 0 means 5 s. Every row is repeated at least
	// twice after the first call, which compiles.
	Time time.Duration
	// Limit is when no further row is begun; 0 means never.
	Limit time.Duration
	// Peer, if not nil, measures the same after each row.
	Peer *Peer
	// Report, if not nil, is called with each row when it is done.
	Report func(Row)
}

// Row is one measurement.
type Row struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`              // what is counted: "image", "sample", "GFLOP"
	Units  float64 `json:"units"`             // of these in a call
	Ours   *Time   `json:"ours,omitempty"`    // nil where it was not measured
	Peer   *Time   `json:"peer,omitempty"`    // nil where it was not measured, or there is nothing like it
	Reason string  `json:"reason,omitempty"`  // why it was not measured
	NoPeer string  `json:"no_peer,omitempty"` // why the peer was not
}

// Ratio is our time of a call over the peer's; 0 where one is not known.
func (r Row) Ratio() float64 {
	if r.Ours == nil || r.Peer == nil {
		return 0
	}
	return r.Ours.Median / r.Peer.Median
}

// Time is what calls took, in seconds.
type Time struct {
	First  float64 `json:"first_s"` // the first call, compilation included
	Median float64 `json:"median_s"`
	Least  float64 `json:"least_s"`
	Calls  int     `json:"calls"` // after the first
}

// Result is all rows, and where they were measured.
type Result struct {
	Date     time.Time         `json:"date"`
	Machine  track.Machine     `json:"machine"`
	Versions map[string]string `json:"versions"`
	Device   string            `json:"device"`
	Peer     string            `json:"peer,omitempty"`
	Rows     []Row             `json:"rows"`
}

// Run measures on b. It returns what was measured so far with ctx's error when that ends.
func Run(ctx context.Context, b compute.Backend, o Options) (*Result, error) {
	cases, err := chosen(o)
	if err != nil {
		return nil, err
	}
	session := track.NewSession()
	session.Machine.Host = "" // the figures may be passed on
	r := &Result{Date: session.Started, Machine: session.Machine, Versions: session.Versions, Device: b.Description()}
	if o.Peer != nil {
		r.Peer = o.Peer.Description
	}
	began := time.Now()
	for _, c := range cases {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		row := Row{Name: c.name, Unit: c.unit, Units: c.units}
		if o.Limit > 0 && time.Since(began) > o.Limit {
			row.Reason = "the time was over"
		} else {
			c.measure(ctx, b, o, &row)
		}
		r.Rows = append(r.Rows, row)
		if o.Report != nil {
			o.Report(row)
		}
	}
	return r, ctx.Err()
}

// chosen returns the rows that o asks for.
func chosen(o Options) ([]row, error) {
	all := rows()
	if o.Rows == nil {
		return slices.DeleteFunc(all, func(c row) bool { return c.large && !o.Large }), nil
	}
	var out []row
	for _, name := range o.Rows {
		i := slices.IndexFunc(all, func(c row) bool { return c.name == name })
		if i < 0 {
			return nil, fmt.Errorf("bench: no row %q: want some of %q", name, Names())
		}
		out = append(out, all[i])
	}
	return out, nil
}

// Names returns the names of all rows, the large ones included.
func Names() []string {
	var names []string
	for _, c := range rows() {
		names = append(names, c.name)
	}
	return names
}

// measure fills in what a row takes here and at the peer's.
func (c row) measure(ctx context.Context, b compute.Backend, o Options, r *Row) {
	took, err := c.here(ctx, b, cmp.Or(o.Time, 5*time.Second))
	if err != nil {
		r.Reason = err.Error()
	} else {
		r.Ours = &took
	}
	switch {
	case o.Peer == nil || ctx.Err() != nil:
	case c.peer == nil:
		r.NoPeer = "it has nothing like it"
	default:
		took, err := o.Peer.measure(ctx, *c.peer, cmp.Or(o.Time, 5*time.Second))
		if err != nil {
			r.NoPeer = err.Error()
		} else {
			r.Peer = &took
		}
	}
}

// here measures a row on b. A panic of the graph's is an error of the row.
func (c row) here(ctx context.Context, b compute.Backend, long time.Duration) (t Time, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	call, done, err := c.prepare(ctx, b)
	if err != nil {
		return t, err
	}
	defer done()
	return repeat(ctx, call, long)
}

// repeat calls call once, and then for as long as it may take, but twice at least.
func repeat(ctx context.Context, call func() error, long time.Duration) (Time, error) {
	once := func() (float64, error) {
		begun := time.Now()
		err := call()
		return time.Since(begun).Seconds(), err
	}
	first, err := once()
	if err != nil {
		return Time{}, err
	}
	var took []float64
	for begun := time.Now(); len(took) < 2 || time.Since(begun) < long; {
		if err := ctx.Err(); err != nil {
			return Time{}, err
		}
		seconds, err := once()
		if err != nil {
			return Time{}, err
		}
		took = append(took, seconds)
	}
	slices.Sort(took)
	return Time{First: first, Median: median(took), Least: took[0], Calls: len(took)}, nil
}

// median is the median of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
