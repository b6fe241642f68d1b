// Package reservoir draws records at random from more of them than memory holds: up to so
// many of each class, every one with the same chance.
//
// A record's chance is drawn from the seed, its class and its number in the class, and from
// nothing else: the records with the smallest draws are kept. So the same are kept in
// whatever pieces, and by however many machines, they are looked at (a bottom-k sample:
// Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007).
package reservoir

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// stream gives the draws of a class's records.
type stream uint64

func newStream(seed uint64, class string) stream {
	return stream(noise.Stream(seed, noise.Key("reservoir"), noise.Key(class)).Uint64())
}

// draw is that of record i: output i of SplitMix64 (Steele et al. 2014). Those of different
// records of a class differ.
func (s stream) draw(i int) uint64 {
	z := uint64(s) + (uint64(i)+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Choose returns which of the n records of a class are kept, k at most, in rising order.
// k below 1 keeps all.
func Choose(n, k int, seed uint64, class string) []int {
	if k < 1 || n <= k {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return all
	}
	s := newStream(seed, class)
	kept := make(worst[struct{}], 0, k)
	for i := range n {
		kept.offer(k, item[struct{}]{draw: s.draw(i), index: i})
	}
	out := make([]int, 0, k)
	for _, it := range kept {
		out = append(out, it.index)
	}
	slices.Sort(out)
	return out
}

// Reservoir keeps records of a stream. Make one with New.
type Reservoir[T any] struct {
	k       int
	seed    uint64
	classes map[string]*drawn[T]
	added   int
}

// New returns a reservoir for k records of each class; k below 1 keeps all.
func New[T any](k int, seed uint64) *Reservoir[T] {
	return &Reservoir[T]{k: k, seed: seed, classes: map[string]*drawn[T]{}}
}

// drawn is what is kept of a class.
type drawn[T any] struct {
	stream
	seen int
	kept worst[T]
}

// item is a record that is kept.
type item[T any] struct {
	draw  uint64
	index int // in its class
	added int // when
	value T
}

// Add looks at the next record of its class.
func (r *Reservoir[T]) Add(class string, value T) {
	c := r.classes[class]
	if c == nil {
		c = &drawn[T]{stream: newStream(r.seed, class)}
		r.classes[class] = c
	}
	c.kept.offer(r.k, item[T]{c.draw(c.seen), c.seen, r.added, value})
	c.seen++
	r.added++
}

// Kept returns the records that are kept, in the order in which they were added.
func (r *Reservoir[T]) Kept() []T {
	var all []item[T]
	for _, class := range slices.Sorted(maps.Keys(r.classes)) {
		all = append(all, r.classes[class].kept...)
	}
	slices.SortFunc(all, func(a, b item[T]) int { return cmp.Compare(a.added, b.added) })
	out := make([]T, len(all))
	for i, it := range all {
		out[i] = it.value
	}
	return out
}

// Seen returns how many records were added.
func (r *Reservoir[T]) Seen() int { return r.added }

// worst is a heap of what is kept, with the record on top that goes first.
type worst[T any] []item[T]

// offer keeps one where there are fewer than k, or where it is better than the worst.
func (w *worst[T]) offer(k int, one item[T]) {
	switch {
	case k < 1:
		*w = append(*w, one)
	case len(*w) < k:
		heap.Push(w, one)
	case one.draw < (*w)[0].draw:
		(*w)[0] = one
		heap.Fix(w, 0)
	}
}

func (w worst[T]) Len() int           { return len(w) }
func (w worst[T]) Less(i, j int) bool { return w[i].draw > w[j].draw }
func (w worst[T]) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *worst[T]) Push(one any)      { *w = append(*w, one.(item[T])) }
func (w *worst[T]) Pop() any {
	last := len(*w) - 1
	one := (*w)[last]
	*w = (*w)[:last]
	return one
}
