package runs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Summary is one metric over a whole run. What is not finite counts for Last only.
type Summary struct {
	Lines    int          `json:"lines"`
	Last     track.Number `json:"last"`
	LastStep int          `json:"last_step"`
	Min      track.Number `json:"min"`
	MinStep  int          `json:"min_step"`
	Max      track.Number `json:"max"`
	MaxStep  int          `json:"max_step"`
}

func (s *Summary) add(step int, v float64) {
	s.Lines++
	s.Last, s.LastStep = track.Number(v), step
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	if s.Lines == 1 || !(float64(s.Min) <= v) {
		s.Min, s.MinStep = track.Number(v), step
	}
	if s.Lines == 1 || !(float64(s.Max) >= v) {
		s.Max, s.MaxStep = track.Number(v), step
	}
}

// Curves are the metrics of a run.
type Curves struct {
	Series  map[string]track.Series
	Lines   int // of the file, damaged ones included
	Damaged int // lines that are none; a last line that is being written is not counted
	// FirstDamaged is the number of the first damaged line, 0 without any.
	FirstDamaged int
}

// ReadCurves reads the metrics.jsonl of a run directory, also while a trainer writes it,
// thinned to about 2*points of each metric: the lowest and highest of each stretch of
// steps. points 0 keeps all. A run without metrics has none, and no error.
func ReadCurves(ctx context.Context, dir string, points int) (Curves, error) {
	thin := map[string]*thinned{}
	c, err := eachLine(ctx, dir, func(l track.Line) {
		for _, v := range l.Values {
			t := thin[v.Name]
			if t == nil {
				t = &thinned{points: points}
				thin[v.Name] = t
			}
			t.add(float64(l.Step), v.Number)
		}
	})
	c.Series = make(map[string]track.Series, len(thin))
	for name, t := range thin {
		c.Series[name] = t.series()
	}
	return c, err
}

// eachLine calls add with every line of a run's metrics.jsonl, and counts the others.
func eachLine(ctx context.Context, dir string, add func(track.Line)) (c Curves, err error) {
	f, err := os.Open(track.MetricsFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("runs: %w", err)
	}
	defer f.Close()
	for l, err := range track.Lines(f) {
		if c.Lines++; c.Lines%4096 == 0 && ctx.Err() != nil {
			return c, ctx.Err()
		}
		damaged, is := errors.AsType[*track.LineError](err)
		switch {
		case is && damaged.Last:
			c.Lines--
		case is:
			if c.Damaged++; c.Damaged == 1 {
				c.FirstDamaged = damaged.Number
			}
		case err != nil:
			return c, fmt.Errorf("runs: %s: %w", track.MetricsFile(dir), err)
		default:
			add(l)
		}
	}
	return c, nil
}

// readMetrics sets the summaries. The error is ctx's.
func (r *Run) readMetrics(ctx context.Context) error {
	all := map[string]*Summary{}
	c, err := eachLine(ctx, r.Path, func(l track.Line) {
		for _, v := range l.Values {
			if quarter(v.Name) {
				continue
			}
			s := all[v.Name]
			if s == nil {
				s = &Summary{}
				all[v.Name] = s
			}
			s.add(l.Step, v.Number)
		}
		r.Step = max(r.Step, l.Step)
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.problem("metrics.jsonl cannot be read: %v", errors.Unwrap(err))
	}
	if c.Damaged > 0 {
		r.problem("%d of %d lines of metrics.jsonl are damaged, line %d first; they are left out", c.Damaged, c.Lines, c.FirstDamaged)
	}
	r.Metrics = make(map[string]Summary, len(all))
	for name, s := range all {
		r.Metrics[name] = *s
	}
	for _, name := range heldOutMetrics {
		if s, there := r.Metrics[name]; there {
			for i := range r.Checkpoints {
				r.Checkpoints[i].Best = r.Checkpoints[i].Step == s.MinStep
			}
			break
		}
	}
	return nil
}

// quarter reports whether a metric is that of a quarter of the noise (loss_q0), of which a
// summary tells nothing.
func quarter(name string) bool {
	n := len(name)
	return n > 3 && name[n-3:n-1] == "_q" && name[n-1] >= '0' && name[n-1] <= '3'
}

// heldOutMetrics are what a trainer compares its measurements of held-out flows by, the
// first that there is; less is better.
var heldOutMetrics = []string{"validation_cross_entropy", "validation_loss"}

// thinned keeps the lowest and highest value of each of at most 2*points stretches of
// lines, whose length doubles as the lines become more.
type thinned struct {
	points  int
	width   int // lines a stretch
	filled  int // lines of the last stretch
	buckets []bucket
}

// bucket is a stretch: its lowest and highest value, in the order of the file.
type bucket struct {
	low, high [2]float64 // step, value
	broken    float64    // a step where the value was no number; NaN for none
	finite    bool
}

func (t *thinned) add(step, v float64) {
	if t.width == 0 {
		t.width = 1
	}
	if n := len(t.buckets); n == 0 || t.filled == t.width {
		if t.points > 0 && n == 2*t.points {
			t.halve()
		}
		if t.filled == t.width || len(t.buckets) == 0 {
			t.buckets, t.filled = append(t.buckets, bucket{broken: math.NaN()}), 0
		}
	}
	t.filled++
	t.buckets[len(t.buckets)-1].add(step, v)
}

func (b *bucket) add(step, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		b.broken = step
		return
	}
	if !b.finite || v < b.low[1] {
		b.low = [2]float64{step, v}
	}
	if !b.finite || v > b.high[1] {
		b.high = [2]float64{step, v}
	}
	b.finite = true
}

// halve joins stretches in pairs.
func (t *thinned) halve() {
	for i := 0; i < len(t.buckets); i += 2 {
		b := t.buckets[i]
		if i+1 < len(t.buckets) {
			next := t.buckets[i+1]
			if next.finite {
				b.add(next.low[0], next.low[1])
				b.add(next.high[0], next.high[1])
			}
			if !math.IsNaN(next.broken) {
				b.broken = next.broken
			}
		}
		t.buckets[i/2] = b
	}
	last := len(t.buckets) % 2 // a stretch that is half full
	t.buckets = t.buckets[:(len(t.buckets)+1)/2]
	t.width *= 2
	t.filled = t.width
	if last == 1 {
		t.filled = t.width / 2
	}
}

func (t *thinned) series() track.Series {
	var s track.Series
	add := func(step, v float64) { s.Step, s.Value = append(s.Step, step), append(s.Value, v) }
	for _, b := range t.buckets {
		points := [][2]float64{b.low, b.high}
		if !b.finite {
			points = nil
		} else if b.high[0] < b.low[0] {
			points = [][2]float64{b.high, b.low}
		} else if b.low == b.high {
			points = points[:1]
		}
		if !math.IsNaN(b.broken) {
			points = append(points, [2]float64{b.broken, math.NaN()})
			slices.SortStableFunc(points, func(a, b [2]float64) int { return int(math.Copysign(1, a[0]-b[0])) })
		}
		for _, p := range points {
			add(p[0], p[1])
		}
	}
	return s
}
