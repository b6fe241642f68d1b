package private

import (
	"cmp"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/dp"
)

// A query is a list of counts that each flow adds 1 to at most squared of: its squared
// sensitivity, since a flow more or less then changes the counts by √squared at most in
// Euclidean length.
type query struct {
	name    string
	share   float64 // of the budget
	counts  int
	squared int
	// of calls add with each count that a record adds 1 to, each once.
	of func(r record, add func(count int))
}

// classQuery counts the flows of each class.
func classQuery(share float64, classes int) query {
	return query{"flows of each class", share, classes, 1, func(r record, add func(int)) { add(r.class) }}
}

// valueQuery counts, for each class and signed length, the flows that hold it at least
// once.
func valueQuery(share float64, classes, length, maxLength int) query {
	wide := 2*maxLength + 1
	return query{"flows of each class that hold each signed length", share, classes * wide, length, func(r record, add func(int)) {
		for j, v := range r.values {
			if !slices.Contains(r.values[:j], v) {
				add(r.class*wide + v + maxLength)
			}
		}
	}}
}

// marginQuery counts the symbols at each place of each class. A flow that has ended has
// the symbol of the end at all places after.
func marginQuery(share float64, classes, length int, a *alphabet) query {
	n := a.symbols()
	return query{"symbols at each place of each class", share, classes * length * n, length, func(r record, add func(int)) {
		for j := range length {
			add((r.class*length+j)*n + a.at(r, j))
		}
	}}
}

// contextQuery counts the symbols that follow contexts, for each flow that they do in at
// least once: a record has at most one at each place from the contexts' order on.
func contextQuery(name string, share float64, contexts map[context]int, of contexts, length int, a *alphabet) query {
	n := a.symbols()
	return query{name, share, len(contexts) * n, max(1, length-of.order), func(r record, add func(int)) {
		var added []int
		for j := of.order; j < length; j++ {
			row, counted := contexts[a.context(r, j, of)]
			if count := row*n + a.at(r, j); counted && !slices.Contains(added, count) {
				added = append(added, count)
				add(count)
			}
		}
	}}
}

// contexts is a kind of contexts: what is told apart.
type contexts struct {
	order        int  // symbols before
	class, place bool // whether those of each class, and of each place, are
}

// context is what comes before a place. -1 stands for what does not matter.
type context struct{ class, place, last, two int16 }

// context returns the context of a record before place j.
func (a *alphabet) context(r record, j int, of contexts) context {
	c := context{-1, -1, -1, -1}
	if of.class {
		c.class = int16(r.class)
	}
	if of.place {
		c.place = int16(j)
	}
	if of.order > 0 {
		c.last = int16(a.at(r, j-1))
	}
	if of.order > 1 {
		c.two = int16(a.at(r, j-2))
	}
	return c
}

// tally returns the counts of records, without noise.
func (q query) tally(records []record) []int64 {
	counts := make([]int64, q.counts)
	for _, r := range records {
		q.of(r, func(count int) { counts[count]++ })
	}
	return counts
}

// ask answers a query: with its counts noised, as the accountant wants it, and the
// variance of the noise.
func (f *fitting) ask(q query) (noised []float64, variance float64, err error) {
	entry, err := f.accountant.Ask(q.name, q.share, q.squared, q.counts)
	if err != nil {
		return nil, 0, err
	}
	noise := dp.NewGaussian(entry.Variance, f.rng)
	noised = make([]float64, q.counts)
	for i, n := range q.tally(f.records) {
		noised[i] = float64(n + noise.Draw())
	}
	if f.asked != nil {
		f.asked(q, noised, float64(entry.Variance))
	}
	return noised, float64(entry.Variance), nil
}

// sortContexts sorts contexts, so that one seed gives the same noise to each.
func sortContexts(list []context) {
	slices.SortFunc(list, func(x, y context) int {
		return cmp.Or(cmp.Compare(x.class, y.class), cmp.Compare(x.place, y.place), cmp.Compare(x.last, y.last), cmp.Compare(x.two, y.two))
	})
}
