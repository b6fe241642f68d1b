package connections

import (
	"container/heap"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// start is when a connection starts, nanoseconds from the capture's, and its flow.
type start struct {
	at          int64
	label, flow int
}

// schedule gives the starts in their order.
type schedule interface {
	next() (start, bool)
}

// order is the flows of a label in random order, again and again.
type order struct {
	r    *rand.Rand
	rest []int32
	n    int
	left int // flows still to be taken; less than 0: no limit
}

func newOrder(seed uint64, label, n int, endless bool) *order {
	o := &order{r: noise.Stream(seed, streamOrder, uint64(label)), n: n, left: n}
	if endless {
		o.left = -1
	}
	return o
}

func (o *order) take() int {
	if len(o.rest) == 0 {
		o.rest = make([]int32, o.n)
		for i := range o.rest {
			o.rest[i] = int32(i)
		}
	}
	i := o.r.IntN(len(o.rest))
	v := o.rest[i]
	o.rest[i] = o.rest[len(o.rest)-1]
	o.rest = o.rest[:len(o.rest)-1]
	if o.left > 0 {
		o.left--
	}
	return int(v)
}

// Streams of random numbers.
const (
	streamOrder = iota + 1
	streamStarts
	streamConnection
	streamHosts
)

// ErrNoStarts is wrapped by the error of Captured starts that are not known.
var ErrNoStarts = errors.New("starts captured: it is not known when connections started: the flows are not of captures, nor of a model that was trained on a set converted from captures; take the statistics of a capture, or poisson starts")

// timeline is the schedule of the profile, for flows of the pool.
func (p Profile) timeline(all *pool, plans []plan, s *Statistics) (schedule, Starts, error) {
	counts := make([]int, len(all.labels))
	for i, list := range all.places {
		counts[i] = len(list)
	}
	how := p.Starts
	known := s != nil
	for _, label := range all.labels {
		c := s.Class(label)
		known = known && c != nil && len(c.Arrivals) > 0
	}
	if how == "" {
		how = Poisson
		if known && p.Rate == 0 {
			how = Captured
		}
	}
	if how == Captured {
		anyKnown := false
		for _, label := range all.labels {
			if c := s.Class(label); c != nil && len(c.Arrivals) > 0 {
				anyKnown = true
			}
		}
		if !anyKnown {
			return nil, how, ErrNoStarts
		}
		return p.captured(counts, all.labels, s), how, nil
	}
	if how == BackToBack {
		return nil, how, nil
	}
	return p.poisson(counts, plans), how, nil
}

// poissonStarts are independent starts.
type poissonStarts struct {
	r       *rand.Rand
	now     float64 // seconds
	rate    float64 // connections a second; 0: the rest spread over the duration
	until   float64 // seconds; 0: no limit
	orders  []*order
	weights []float64 // by label; nil: as many as are left
	left    int       // less than 0: no limit
}

func (p Profile) poisson(counts []int, plans []plan) *poissonStarts {
	q := &poissonStarts{r: noise.Stream(p.Seed, streamStarts), rate: float64(p.Rate), until: p.Duration.Seconds()}
	shares := false
	for _, c := range plans {
		shares = shares || c.share > 0
	}
	endless := q.until > 0 && (q.rate > 0)
	for label, n := range counts {
		q.orders = append(q.orders, newOrder(p.Seed, label, n, endless))
		q.left += n
		w := float64(n)
		if shares {
			w = plans[label].share
		}
		q.weights = append(q.weights, w)
	}
	if endless {
		q.left = -1
	} else {
		q.weights = nil
		if q.rate == 0 && q.until == 0 {
			q.rate = 1
		}
	}
	return q
}

func (q *poissonStarts) next() (start, bool) {
	if q.left == 0 {
		return start{}, false
	}
	if q.rate > 0 {
		q.now += q.r.ExpFloat64() / q.rate
		if q.until > 0 && q.now >= q.until {
			return start{}, false
		}
	} else { // the next one of so many that are uniform in what is left of the time
		q.now += (q.until - q.now) * (1 - math.Pow(1-q.r.Float64(), 1/float64(q.left)))
	}
	label := q.label()
	if q.left > 0 {
		q.left--
	}
	return start{int64(q.now * 1e9), label, q.orders[label].take()}, true
}

func (q *poissonStarts) label() int {
	sum := 0.0
	weight := func(i int) float64 {
		if q.weights != nil {
			return q.weights[i]
		}
		return float64(q.orders[i].left)
	}
	for i := range q.orders {
		sum += weight(i)
	}
	at := q.r.Float64() * sum
	last := 0
	for i := range q.orders {
		w := weight(i)
		if w == 0 {
			continue
		}
		last = i
		if at < w {
			return i
		}
		at -= w
	}
	return last
}

// capturedStarts are those of each class, joined.
type capturedStarts struct {
	until int64
	heads classHeap
}

type classStarts struct {
	next   int64
	label  int
	r      *rand.Rand
	gaps   []float64
	order  *order
	factor float64
}

func (p Profile) captured(counts []int, labels []string, s *Statistics) *capturedStarts {
	q := &capturedStarts{until: int64(p.Duration)}
	for label, n := range counts {
		c := &classStarts{label: label, r: noise.Stream(p.Seed, streamStarts, uint64(label)), order: newOrder(p.Seed, label, n, q.until > 0), factor: 1}
		if seen := s.Class(labels[label]); seen != nil && len(seen.Arrivals) > 0 {
			c.gaps = seen.Arrivals
		} else {
			c.gaps = []float64{60, 60} // of a class that was seen once: about one a minute
		}
		if p.Rate > 0 { // the classes' pace, so that all together have the rate
			c.factor = p.totalRate(labels, s) / float64(p.Rate)
		}
		c.next = int64(c.r.Float64() * float64(c.gap()))
		q.heads = append(q.heads, c)
	}
	heap.Init(&q.heads)
	return q
}

// totalRate is the classes' rates in the statistics, together.
func (p Profile) totalRate(labels []string, s *Statistics) float64 {
	sum := 0.0
	for _, label := range labels {
		gaps := []float64{60, 60}
		if seen := s.Class(label); seen != nil && len(seen.Arrivals) > 0 {
			gaps = seen.Arrivals
		}
		mean := 0.0
		for i := 1; i < len(gaps); i++ {
			mean += (gaps[i-1] + gaps[i]) / 2 / float64(len(gaps)-1)
		}
		sum += 1 / max(mean, 1e-6)
	}
	return sum
}

// gap draws the time to the next start, nanoseconds.
func (c *classStarts) gap() int64 {
	u := c.r.Float64() * float64(len(c.gaps)-1)
	i := min(int(u), len(c.gaps)-2)
	low, high := c.gaps[i], c.gaps[i+1]
	v := low + (high-low)*(u-float64(i))
	return int64(min(v*c.factor, maxGap) * 1e9)
}

func (q *capturedStarts) next() (start, bool) {
	if len(q.heads) == 0 {
		return start{}, false
	}
	c := q.heads[0]
	if q.until > 0 && c.next >= q.until {
		return start{}, false
	}
	out := start{c.next, c.label, c.order.take()}
	if c.order.left == 0 {
		heap.Pop(&q.heads)
	} else {
		c.next += c.gap()
		heap.Fix(&q.heads, 0)
	}
	return out, true
}

type classHeap []*classStarts

func (h classHeap) Len() int { return len(h) }
func (h classHeap) Less(i, j int) bool {
	return h[i].next < h[j].next || h[i].next == h[j].next && h[i].label < h[j].label
}
func (h classHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *classHeap) Push(x any)   { *h = append(*h, x.(*classStarts)) }
func (h *classHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// backToBack is the next flow when the one before has ended.
type backToBack struct {
	r      *rand.Rand
	orders []*order
	left   int
	until  int64
	free   int64 // when the last connection ended
}

func (p Profile) oneByOne(all *pool) *backToBack {
	q := &backToBack{r: noise.Stream(p.Seed, streamStarts), until: int64(p.Duration)}
	for label, list := range all.places {
		q.orders = append(q.orders, newOrder(p.Seed, label, len(list), q.until > 0))
		q.left += len(list)
	}
	if q.until > 0 {
		q.left = -1
	}
	return q
}

func (q *backToBack) next() (start, bool) {
	if q.left == 0 || q.until > 0 && q.free >= q.until {
		return start{}, false
	}
	at, label := 0, 0
	sum := 0
	weight := func(o *order) int {
		if o.left < 0 {
			return o.n
		}
		return o.left
	}
	for _, o := range q.orders {
		sum += weight(o)
	}
	at = q.r.IntN(sum)
	for i, o := range q.orders {
		if at -= weight(o); at < 0 {
			label = i
			break
		}
	}
	if q.left > 0 {
		q.left--
	}
	return start{q.free, label, q.orders[label].take()}, true
}

// checkTimes reports starts that the file's times cannot hold.
func checkTimes(begin time.Time, at int64) error {
	if begin.Unix()+at/1e9 > math.MaxUint32-48*3600 {
		return fmt.Errorf("connections: the capture's time runs past 2106: start it earlier")
	}
	return nil
}
