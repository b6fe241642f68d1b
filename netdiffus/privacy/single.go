package privacy

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// A query is a statement about a record: conditions, all of which must hold. It singles
// out where exactly one record of a set meets it.
type query []condition

// condition compares the number in a column.
type condition struct {
	column int // that behind the last number is the class
	op     op
	value  float64
}

type op byte

const (
	equal op = iota
	unequal
	atLeast
	atMost
	above
	below
)

var opNames = [...]string{"=", "!=", ">=", "<=", ">", "<"}

func (q query) String() string {
	var b strings.Builder
	for _, c := range q {
		fmt.Fprintf(&b, "%d%s%v ", c.column, opNames[c.op], c.value)
	}
	return b.String()
}

func (c condition) holds(v float64) bool {
	switch c.op {
	case equal:
		return v == c.value
	case unequal:
		return v != c.value
	case atLeast:
		return v >= c.value
	case atMost:
		return v <= c.value
	case above:
		return v > c.value
	default:
		return v < c.value
	}
}

// table is distinct records as queries see them: the class is one more column.
type table struct {
	Records
	width int   // without the class
	ask   int   // columns that are asked about: without the class where there is one only
	times []int // how often each record was there
	total int   // the sum of these

	values [][]float64 // by column, all of them, rising
}

func newTable(r Records, classes bool) table {
	t := table{Records: r.distinct(), width: len(r.Rows[0]), total: r.Len()}
	times := map[string]int{}
	for i := range r.Rows {
		times[r.key(i)]++
	}
	for i := range t.Rows {
		t.times = append(t.times, times[t.key(i)])
	}
	t.ask = t.width
	if classes {
		t.ask++
	}
	for column := range t.ask {
		values := make([]float64, t.Len())
		for i := range values {
			values[i] = t.at(i, column)
		}
		slices.Sort(values)
		t.values = append(t.values, values)
	}
	return t
}

func (t table) at(i, column int) float64 {
	if column == t.width {
		return float64(t.Classes[i])
	}
	return t.Rows[i][column]
}

func (t table) isClass(column int) bool { return column == t.width }

// meets reports whether record i meets a query.
func (t table) meets(q query, i int) bool {
	for _, c := range q {
		if !c.holds(t.at(i, c.column)) {
			return false
		}
	}
	return true
}

// only is the one record that meets a query, and −1 where none does or several do.
func (t table) only(q query) int {
	found := -1
	for i := range t.Len() {
		if t.meets(q, i) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// isolates reports whether exactly one record meets a query.
func (t table) isolates(q query) bool { return t.only(q) >= 0 }

// isolated is how many of the queries single a record out.
func (t table) isolated(queries []query) (n int) {
	for _, q := range queries {
		if t.isolates(q) {
			n++
		}
	}
	return n
}

// singlingOut is the attack of that name: what singles out one synthetic record is guessed to
// single out one training record. With one column the queries are about values that one
// synthetic record alone has, and least and greatest ones; with more of them about records' values
// away from the median in columns at random.
func singlingOut(train, control, synthetic Records, columns int, o Options) (*Risk, error) {
	classes := severalClasses(train)
	s, t, c := newTable(synthetic, classes), newTable(train, classes), newTable(control, classes)
	rng := noise.Stream(o.Seed, noise.Key("singling out"), uint64(columns))
	name, queries := "singling_out", []query(nil)
	if columns == 1 {
		name, queries = "singling_out_univariate", s.univariate(o.Guesses, rng)
	} else {
		columns = min(columns, s.ask)
		queries = s.multivariate(o.Guesses, columns, rng)
	}
	if len(queries) == 0 {
		return nil, nil
	}
	naive := make([]query, len(queries))
	for i := range naive {
		naive[i] = s.random(columns, rng)
	}
	n := len(queries)
	if control.Len() > train.Len() {
		c = newTable(control.some(train.Len(), o.Seed, "control to single out"), classes)
	}
	return newRisk(name, Rate{Guesses: n, Right: float64(t.isolated(queries))}, held(t, c, queries), Rate{Guesses: n, Right: float64(t.isolated(naive))}), nil
}

// held is how many of the queries would single out a record among as many as there are in
// train, n, had none of them been trained on, of which control has fewer, m. Whether a query
// singles out depends on how many records there are; so the control records take the places of
// as many training records, chosen at random. Where nothing of the training is in the queries
// all records of such a set are alike, and a record singled out is one of control with
// the probability m/n: singling out those, n/m times, is singling out any. Of equal records,
// which count as one, each has its part.
//
// The random choice is not made: that none of c training records is left has the
// probability Π (m−i)/(n−i), i below c, and how many are is nearly binomial.
func held(train, control table, queries []query) Rate {
	n, m := float64(train.total), float64(control.total)
	sum, squares := 0.0, 0.0
	for _, q := range queries {
		at := control.only(q)
		if at < 0 {
			continue
		}
		weight, gone, equals, key := n/m, 0.0, 0, control.key(at)
		for i := range train.Len() {
			if !train.meets(q, i) {
				continue
			}
			if train.key(i) == key {
				equals = train.times[i]
				continue
			}
			for range train.times[i] {
				weight *= max(0, (m-gone)/(n-gone))
				gone++
			}
			if weight < 1e-6 { // it is no more
				break
			}
		}
		weight *= part(control.times[at], equals, 1-m/n)
		sum, squares = sum+weight, squares+weight*weight
	}
	r := Rate{Guesses: len(queries), Right: min(sum, float64(len(queries)))}
	if sum > 0 {
		r.stretch = math.Sqrt(squares / sum) // of a sum of unequal weights
	}
	return r
}

// part is the mean of own/(own+b), b of so many others being left with probability p each.
func part(own, others int, p float64) float64 {
	const exact = 100
	if others > exact || p <= 0 {
		return float64(own) / (float64(own) + p*float64(others))
	}
	mean := 0.0
	chance := math.Pow(1-p, float64(others)) // of b = 0
	for b := range others + 1 {
		mean += chance * float64(own) / float64(own+b)
		chance *= float64(others-b) / float64(b+1) * p / (1 - p)
	}
	return mean
}

// univariate are up to n queries about one column that single out a record of t.
func (t table) univariate(n int, rng *rand.Rand) []query {
	var all []query
	for column := range t.ask {
		values := t.values[column]
		last := len(values) - 1
		if !t.isClass(column) {
			all = append(all, query{{column, atMost, values[0]}}, query{{column, atLeast, values[last]}})
		}
		for i, v := range values {
			if (i == 0 || values[i-1] != v) && (i == last || values[i+1] != v) {
				all = append(all, query{{column, equal, v}})
			}
		}
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = slices.DeleteFunc(all, func(q query) bool { return !t.isolates(q) })
	return all[:min(n, len(all))]
}

// triesEach is how many queries are tried at most for each one wanted.
const triesEach = 20

// multivariate are up to n different queries about so many columns that single out a
// record of t.
func (t table) multivariate(n, columns int, rng *rand.Rand) []query {
	medians := make([]float64, t.ask)
	for column := range medians {
		v := t.values[column]
		medians[column] = (v[(len(v)-1)/2] + v[len(v)/2]) / 2
	}
	var out []query
	seen := map[string]bool{}
	for range triesEach * n {
		i := rng.IntN(t.Len())
		var q query
		for _, column := range rng.Perm(t.ask)[:columns] {
			c := condition{column, atMost, t.at(i, column)}
			switch {
			case t.isClass(column):
				c.op = equal
			case c.value > medians[column]:
				c.op = atLeast
			}
			q = append(q, c)
		}
		slices.SortFunc(q, func(a, b condition) int { return cmp.Compare(a.column, b.column) })
		if !t.isolates(q) {
			continue
		}
		if text := q.String(); !seen[text] {
			seen[text] = true
			if out = append(out, q); len(out) == n {
				break
			}
		}
	}
	return out
}

// random is a query of one who knows which values there are, and nothing else.
func (t table) random(columns int, rng *rand.Rand) query {
	var q query
	for _, column := range rng.Perm(t.ask)[:columns] {
		values := t.values[column]
		ops := 6
		if t.isClass(column) {
			ops = 2
		}
		q = append(q, condition{column, op(rng.IntN(ops)), values[rng.IntN(len(values))]})
	}
	return q
}
