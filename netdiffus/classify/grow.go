package classify

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// ranked is the training data by column, each value as its rank among the
// column's distinct ones: packet lengths are few values often repeated, and
// ranks are counted where values would have to be sorted.
type ranked struct {
	columns []column
	labels  []int32
	classes int
}

type column struct {
	ranks  []int32
	values []float64 // distinct, rising: values[rank]
}

func rank(train Table) (*ranked, error) {
	x, y, classes := train.X, train.Y, train.Classes
	if len(x) == 0 || len(x[0]) == 0 {
		return nil, errors.New("classify: no rows or no features to train on")
	}
	if len(x) != len(y) {
		return nil, fmt.Errorf("classify: %d rows but %d classes", len(x), len(y))
	}
	t := &ranked{columns: make([]column, len(x[0])), labels: make([]int32, len(y)), classes: classes}
	for i, row := range x {
		if len(row) != len(x[0]) {
			return nil, fmt.Errorf("classify: row %d has %d features, row 0 has %d", i, len(row), len(x[0]))
		}
		if y[i] < 0 || y[i] >= classes {
			return nil, fmt.Errorf("classify: row %d has class %d, want 0 to %d", i, y[i], classes-1)
		}
		t.labels[i] = int32(y[i])
	}
	for j := range t.columns {
		values := make([]float64, len(x))
		for i, row := range x {
			if math.IsNaN(row[j]) {
				return nil, fmt.Errorf("classify: row %d, feature %d is not a number", i, j)
			}
			values[i] = row[j]
		}
		slices.Sort(values)
		values = slices.Compact(values)
		c := column{ranks: make([]int32, len(x)), values: values}
		for i, row := range x {
			rank, _ := slices.BinarySearch(values, row[j])
			c.ranks[i] = int32(rank)
		}
		t.columns[j] = c
	}
	return t, nil
}

// grower grows one tree on one bootstrap sample.
type grower struct {
	*ranked
	tries int
	rng   *rand.Rand
	tree  tree

	rows   []int32 // the sample, with repetitions; each node is a stretch of it
	order  []int   // features in the order they are tried, shuffled on the go
	node   []int32 // class counts of the node
	left   []int32 // class counts to the left of the split tried
	counts []int32 // by rank, or by rank and class; kept zero between uses
	pairs  []uint64
}

func newGrower(t *ranked, tries int, rng *rand.Rand) *grower {
	widest := 0
	for _, c := range t.columns {
		widest = max(widest, len(c.values))
	}
	g := &grower{
		ranked: t, tries: tries, rng: rng,
		rows:   make([]int32, len(t.labels)),
		order:  make([]int, len(t.columns)),
		node:   make([]int32, t.classes),
		left:   make([]int32, t.classes),
		counts: make([]int32, max(widest, len(t.labels))),
		pairs:  make([]uint64, len(t.labels)),
	}
	for i := range g.rows {
		g.rows[i] = int32(rng.IntN(len(g.rows)))
	}
	for i := range g.order {
		g.order[i] = i
	}
	return g
}

// grow splits from the root down, depth first, until every leaf is pure or
// cannot be split.
func (g *grower) grow() tree {
	type stretch struct {
		node   int32
		lo, hi int
	}
	g.tree.nodes = []node{{}}
	for todo := []stretch{{0, 0, len(g.rows)}}; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		rows := g.rows[s.lo:s.hi]
		best, ok := g.bestSplit(rows)
		if !ok {
			g.tree.nodes[s.node] = g.leafOf(rows)
			continue
		}
		ranks := g.columns[best.feature].ranks
		middle := 0
		for i, r := range rows {
			if ranks[r] <= best.rank {
				rows[i], rows[middle] = rows[middle], r
				middle++
			}
		}
		values := g.columns[best.feature].values
		threshold := midpoint(values[best.rank], values[best.next])
		child := int32(len(g.tree.nodes))
		g.tree.nodes = append(g.tree.nodes, node{}, node{})
		g.tree.nodes[s.node] = node{feature: int32(best.feature), threshold: threshold, left: child, right: child + 1}
		todo = append(todo, stretch{child, s.lo, s.lo + middle}, stretch{child + 1, s.lo + middle, s.hi})
	}
	return g.tree
}

// leafOf is a leaf with the class shares of rows, from g.node.
func (g *grower) leafOf(rows []int32) node {
	at := int32(len(g.tree.shares) / g.classes)
	for _, n := range g.node {
		g.tree.shares = append(g.tree.shares, float32(n)/float32(len(rows)))
	}
	return node{feature: -1, left: at}
}

type split struct {
	feature    int
	rank, next int32   // the last rank that goes left, and the first that goes right
	score      float64 // sum over both sides of Σ counts²/n: higher is purer
}

// bestSplit tries features in random order: tries of them, those that are
// constant here included, and on until one splits at all, as scikit-learn counts
// them. It leaves the node's class counts in g.node.
func (g *grower) bestSplit(rows []int32) (split, bool) {
	clear(g.node)
	for _, r := range rows {
		g.node[g.labels[r]]++
	}
	if int(slices.Max(g.node)) == len(rows) {
		return split{}, false
	}
	best, found := split{score: -1}, false
	for i := 0; i < len(g.order) && (i < g.tries || !found); i++ {
		j := i + g.rng.IntN(len(g.order)-i)
		g.order[i], g.order[j] = g.order[j], g.order[i]
		s, ok := g.splitOf(g.order[i], rows)
		if ok && s.score > best.score {
			best = s
		}
		found = found || ok
	}
	return best, found
}

// splitOf finds the best threshold of one feature. Where the node has few values for its
// rows the rows are counted by value and class, else put in order: by counting as long as
// that is no longer than the usual sorting.
func (g *grower) splitOf(feature int, rows []int32) (split, bool) {
	ranks := g.columns[feature].ranks
	lo, hi := ranks[rows[0]], ranks[rows[0]]
	for _, r := range rows[1:] {
		lo, hi = min(lo, ranks[r]), max(hi, ranks[r])
	}
	if lo == hi {
		return split{}, false
	}
	width := int(hi-lo) + 1
	if width*g.classes <= len(rows) {
		return g.splitCounted(feature, rows, lo, width), true
	}
	pairs := g.pairs[:len(rows)] // of rank and class
	if width > len(rows)*bits.Len(uint(len(rows))) {
		for i, r := range rows {
			pairs[i] = uint64(ranks[r])<<32 | uint64(g.labels[r])
		}
		slices.Sort(pairs)
		return g.splitSorted(feature, pairs), true
	}
	places := g.counts[:width]
	for _, r := range rows {
		places[ranks[r]-lo]++
	}
	at := int32(0)
	for k, n := range places {
		places[k] = at
		at += n
	}
	for _, r := range rows {
		place := &places[ranks[r]-lo]
		pairs[*place] = uint64(ranks[r])<<32 | uint64(g.labels[r])
		*place++
	}
	clear(places)
	return g.splitSorted(feature, pairs), true
}

// splitCounted is splitOf where the rows have so many ranks from lo on.
func (g *grower) splitCounted(feature int, rows []int32, lo int32, width int) split {
	ranks, all := g.columns[feature].ranks, g.counts[:width*g.classes]
	for _, r := range rows {
		all[int(ranks[r]-lo)*g.classes+int(g.labels[r])]++
	}
	s := newScan(g, feature, len(rows))
	for k := range width {
		counts := all[k*g.classes:][:g.classes]
		if !slices.ContainsFunc(counts, func(n int32) bool { return n != 0 }) {
			continue
		}
		s.cut(lo + int32(k))
		for c, n := range counts {
			if n != 0 {
				s.move(c, int64(n))
			}
		}
	}
	clear(all)
	return s.best
}

// splitSorted is splitOf of pairs of rank and class, by rank.
func (g *grower) splitSorted(feature int, pairs []uint64) split {
	s := newScan(g, feature, len(pairs))
	last := int32(-1)
	for _, p := range pairs {
		if rank := int32(p >> 32); rank != last {
			s.cut(rank)
			last = rank
		}
		s.move(int(uint32(p)), 1)
	}
	return s.best
}

// scan walks over a feature's values from low to high, moving samples from
// right to left, and keeps the best cut between two values.
type scan struct {
	toLeft, node []int32 // class counts
	last         int32   // rank before the current one, -1 at the start
	n, nLeft     int64
	left, right  int64 // Σ counts² on each side
	best         split
}

func newScan(g *grower, feature, n int) scan {
	clear(g.left)
	s := scan{toLeft: g.left, node: g.node, last: -1, n: int64(n), best: split{feature: feature, score: -1}}
	for _, c := range g.node {
		s.right += int64(c) * int64(c)
	}
	return s
}

// cut considers the cut below rank, which is new.
func (s *scan) cut(rank int32) {
	if s.last >= 0 {
		score := float64(s.left)/float64(s.nLeft) + float64(s.right)/float64(s.n-s.nLeft)
		if score > s.best.score {
			s.best.score, s.best.rank, s.best.next = score, s.last, rank
		}
	}
	s.last = rank
}

// move takes m samples of a class from right to left.
func (s *scan) move(class int, m int64) {
	l := int64(s.toLeft[class])
	r := int64(s.node[class]) - l
	s.left += m * (2*l + m)
	s.right -= m * (2*r - m)
	s.toLeft[class] += int32(m)
	s.nLeft += m
}

// midpoint lies in [a,b), whatever rounding does to their mean.
func midpoint(a, b float64) float64 {
	if m := a + (b-a)/2; m < b && !math.IsInf(m, 0) {
		return m
	}
	return a
}
