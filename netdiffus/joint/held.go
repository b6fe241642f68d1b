package joint

import (
	"context"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// Held measures series that were drawn, by series held out of those that were fitted to. All
// series are values of the lead channel, as far as they go, by class.
type Held struct {
	Fit, Rest [][][]float64
	// Beside is what classifiers see of each series of Rest beside its values, such as its times, as
	// far as it goes; nil where they see nothing else.
	Beside [][][]float64
	Length int // of a series at most
	Seed   uint64
}

// Figures are what Held measures, means over the classes.
type Figures struct {
	Copies   float64 `json:"copies"`      // share that equals a series fitted to
	Near     float64 `json:"near_copies"` // share that is within 8 bytes a place of one
	FourGram float64 `json:"four_gram_js,omitempty"`
	// Accuracy is that of a forest trained on the series drawn, on those held out, of all
	// classes together; 0 where it was not measured.
	Accuracy float64 `json:"accuracy,omitempty"`
	// Detection is the area under the ROC curve of a forest that tells the series drawn from
	// those held out; 0 where it was not measured.
	Detection float64 `json:"detection,omitempty"`
}

const (
	trees = 60   // of the forests
	slack = 0.02 // of the shares of copies
	// mostOwn is how many real series of a class are held against the others.
	mostOwn = 500
	// leastDetected is how many series of each side a detection needs, folds how often they are
	// divided, mostParts how often it is repeated at most.
	leastDetected = 10
	folds         = 4
	mostParts     = 3
)

// Repeats reports whether series with the figures f copy, or nearly copy, those fitted to more
// often than those held out do.
func (f Figures) Repeats(held Figures) bool {
	return f.excess(held) > slack
}

// excess is how much more series with the figures f copy, or nearly copy, those fitted to than those
// held out do.
func (f Figures) excess(held Figures) float64 { return max(f.Copies-held.Copies, f.Near-held.Near) }

// Score is what sources of series are compared by: all three are shares. Accuracy, which says what the series
// are good for, counts twice.
func (f Figures) Score() float64 { return 2*f.Accuracy - f.FourGram - f.Detection }

// meanOf is the mean of each figure.
func meanOf(all []Figures) (mean Figures) {
	n := float64(len(all))
	for _, f := range all {
		mean.Copies += f.Copies / n
		mean.Near += f.Near / n
		mean.FourGram += f.FourGram / n
		mean.Accuracy += f.Accuracy / n
		mean.Detection += f.Detection / n
	}
	return mean
}

// Measure returns the figures of series drawn, by class; beside is what classifiers see of them
// beside their values, where they do of those held out.
func (h *Held) Measure(ctx context.Context, drawn, beside [][][]float64) (Figures, error) {
	return h.figures(ctx, drawn, beside, true)
}

// figures is Measure, without detection, which takes the most time, where it is not wanted.
func (h *Held) figures(ctx context.Context, drawn, beside [][][]float64, detection bool) (Figures, error) {
	f := h.compare(drawn)
	seen, rest := h.seen(drawn, beside), h.seen(h.Rest, h.Beside)
	var err error
	if f.Accuracy, err = h.accuracy(ctx, seen, rest); err != nil || !detection {
		return f, err
	}
	f.Detection, err = h.detection(ctx, seen, rest)
	return f, err
}

// Own returns the shares of copies, of those fitted to, among real series: of those held out, and of some of those fitted
// to, each held against all others. The series held out alone are few, so that a share of
// a third would have a standard error of slack, and may have been chosen for being like no other.
func (h *Held) Own() Figures {
	return h.mean(func(c int) Figures {
		fit, rest := h.rows(h.Fit[c]), h.rows(h.Rest[c])
		records := metric.NewRecords(fit)
		fit = evenly(fit, mostOwn)
		of, own := repeats(rest, records, false), repeats(fit, records, true)
		share := float64(len(rest)) / float64(len(rest)+len(fit))
		return Figures{Copies: share*of.Copies + (1-share)*own.Copies, Near: share*of.Near + (1-share)*own.Near}
	})
}

// repeats are the shares of rows that are copies, and nearly copies, of records, to which they
// belong themselves with own.
func repeats(rows [][]float64, records *metric.Records, own bool) (f Figures) {
	for _, row := range rows {
		switch records.Repeat(row, own) {
		case metric.Copy:
			f.Copies++
			f.Near++
		case metric.NearCopy:
			f.Near++
		}
	}
	f.Copies /= max(1, float64(len(rows)))
	f.Near /= max(1, float64(len(rows)))
	return f
}

// evenly are at most so many of the rows, evenly.
func evenly[T any](rows []T, most int) []T {
	if len(rows) <= most {
		return rows
	}
	some := make([]T, most)
	for i := range some {
		some[i] = rows[i*len(rows)/most]
	}
	return some
}

// compare returns the figures that take no classifier.
func (h *Held) compare(drawn [][][]float64) Figures {
	return h.mean(func(c int) Figures {
		f := repeats(h.rows(drawn[c]), metric.NewRecords(h.rows(h.Fit[c])), false)
		if js := metric.NGram(min(4, h.Length), drawn[c], h.Rest[c]); !math.IsNaN(js) {
			f.FourGram = js
		}
		return f
	})
}

// mean is the mean of the figures of the classes that series were held out of.
func (h *Held) mean(of func(class int) Figures) Figures {
	var all []Figures
	for c := range h.Rest {
		if len(h.Rest[c]) > 0 {
			all = append(all, of(c))
		}
	}
	return meanOf(all)
}

// rows are series padded with zeros.
func (h *Held) rows(series [][]float64) [][]float64 {
	all := make([][]float64, len(series))
	for i, v := range series {
		all[i] = append(slices.Clone(v), make([]float64, h.Length-len(v))...)
	}
	return all
}

// seen is series, by class, as classifiers get them.
func (h *Held) seen(series, beside [][][]float64) [][][]float64 {
	all := make([][][]float64, len(series))
	for c := range series {
		all[c] = h.rows(series[c])
		if h.Beside == nil {
			continue
		}
		for i, more := range h.rows(beside[c]) {
			all[c][i] = append(all[c][i], more...)
		}
	}
	return all
}

// table is rows by class as a table.
func table(rows [][][]float64) classify.Table {
	x := classify.Table{Classes: len(rows)}
	for c := range rows {
		for _, row := range rows[c] {
			x.X, x.Y = append(x.X, row), append(x.Y, c)
		}
	}
	return x
}

// accuracy is that of a forest trained on rows drawn, on those held out.
func (h *Held) accuracy(ctx context.Context, drawn, rest [][][]float64) (float64, error) {
	scores, err := classify.Evaluate(ctx, classify.Trees(trees), table(drawn), h.Seed, table(rest))
	if err != nil {
		return 0, err
	}
	return scores[0].Accuracy, nil
}

// detection is how well a forest that knows the classes tells rows drawn from as many of those
// held out of each class: the mean over disjoint parts of what was drawn, mostParts at most.
// All classes are one forest's, because a class alone has too few rows to find anything in. 0.5
// where there are too few to tell.
func (h *Held) detection(ctx context.Context, drawn, rest [][][]float64) (float64, error) {
	parts := mostParts
	for c := range rest {
		if n := len(rest[c]); n > 0 {
			parts = min(parts, max(1, len(drawn[c])/n))
		}
	}
	sum := 0.0
	for part := range parts {
		var held, made classify.Table
		for c := range rest {
			left := drawn[c][min(len(drawn[c]), part*len(rest[c])):]
			few := min(len(rest[c]), len(left))
			add := func(to *classify.Table, rows [][]float64) {
				for _, row := range rows[:few] {
					to.X, to.Y = append(to.X, append([]float64{float64(c)}, row...)), append(to.Y, c)
				}
				to.Classes = len(rest)
			}
			add(&held, rest[c])
			add(&made, left)
		}
		if held.Len() < leastDetected {
			return 0.5, nil
		}
		auc, err := classify.Distinguish(ctx, trees, folds, held, made, h.Seed)
		if err != nil {
			return 0, err
		}
		sum += auc
	}
	return sum / float64(parts), nil
}
