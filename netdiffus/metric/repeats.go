package metric

import (
	"cmp"
	"math"
	"slices"
)

// Repeat is how a row repeats one of a set of records.
type Repeat int

// The kinds of Repeat, of which there are RepeatKinds.
const (
	New      Repeat = iota
	NearCopy        // within NearBytes of a record, and equal to none
	Copy            // equal to a record
	RepeatKinds
)

// Records are rows that others are compared with, many times. Two rows differ by as much as
// their sums do, at least, so what is near to one is looked for among the records with about
// the same sum. They are safe for several goroutines.
type Records struct {
	bySum []record
	times map[string]int // by rowKey
}

type record struct {
	sum float64
	row []float64
}

// NewRecords returns the records of rows, all of one width, which it keeps.
func NewRecords(rows [][]float64) *Records {
	r := &Records{times: make(map[string]int, len(rows))}
	for _, row := range rows {
		r.times[rowKey(row)]++
		r.bySum = append(r.bySum, record{sum(row), row})
	}
	slices.SortFunc(r.bySum, func(a, b record) int { return cmp.Compare(a.sum, b.sum) })
	return r
}

// Repeat returns how row, of the records' width, repeats one of them. With own it is one of
// them itself, which does not count.
func (r *Records) Repeat(row []float64, own bool) Repeat {
	self := 0
	if own {
		self = 1
	}
	if r.times[rowKey(row)] > self {
		return Copy
	}
	most, about := NearBytes*float64(len(row)), sum(row)
	from, _ := slices.BinarySearchFunc(r.bySum, about-most, func(a record, least float64) int { return cmp.Compare(a.sum, least) })
	for _, other := range r.bySum[from:] {
		if other.sum > about+most {
			break
		}
		if d := distanceWithin(row, other.row, math.Nextafter(most, math.Inf(1))); d > 0 && d <= most {
			return NearCopy
		}
	}
	return New
}
