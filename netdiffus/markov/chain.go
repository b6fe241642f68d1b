// Package markov generates traffic from counts: position-wise Markov chains
// per class. They are a strong baseline for any other generator of short flows:
// they need no training and keep every value and most of the order.
package markov

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Chain draws each packet of a flow given the packets before it, as many as the chain's order,
// with one table for every class and position:
//
//	P(flow) = Π_j P(s_j | s_{j-1} … s_{j-order}, j, class)
//
// where s is the signed length of a packet or the end of the flow, which stays
// the end. Order 0 draws every packet by itself: the independent marginals.
// Nothing is smoothed: a chain draws only what it has counted at that position.
//
// Where all flows counted are Timed, the flows drawn are: with each packet comes
// one of the inter-arrival times that were seen with that very step.
type Chain struct {
	order   int
	classes map[string][]table // by class, one table a position
	timed   bool
}

// end is the state after the last packet. No packet is as long.
const end = 1 << 20

// maxOrder is the highest order: a table's key has room for so many states.
const maxOrder = 4

// history is the states before a position, the latest first, as many as the chain's
// order. Before the flow's start they are 0: the position shows that this is no packet.
type history [maxOrder]int32

// table holds, for one position, how often each state followed each history.
type table map[history]*counts

// counts is a distribution over states, as a list that can be drawn from.
type counts struct {
	states []int32     // rising after Fit
	sums   []int       // running sums of how often each was seen
	times  [][]float64 // by state, microseconds; nil where flows have none
}

// tally collects counts: by state, the inter-arrival time of each occurrence.
type tally map[history]map[int32][]float64

// Fit counts the flows, of each the first length packets. It fails where flows
// yields an error, on an order or length out of range, and where there is no flow.
func Fit(flows iter.Seq2[traffic.Flow, error], order, length int) (*Chain, error) {
	if order < 0 || order > maxOrder || length < 1 {
		return nil, fmt.Errorf("markov: order %d, length %d: want an order of 0 to %d and a length of at least 1", order, length, maxOrder)
	}
	seen, timed := map[string][]tally{}, true
	for flow, err := range flows {
		if err != nil {
			return nil, err
		}
		tables := seen[flow.Label]
		if tables == nil {
			tables = make([]tally, length)
			for j := range tables {
				tables[j] = tally{}
			}
			seen[flow.Label] = tables
		}
		timed = timed && flow.Timed
		var past history
		for j, s := range states(flow, length) {
			if tables[j][past] == nil {
				tables[j][past] = map[int32][]float64{}
			}
			after := 0.0
			if s != end {
				after = flow.Packets[j].IAT
			}
			tables[j][past][s] = append(tables[j][past][s], after)
			past = past.push(s, order)
		}
	}
	if len(seen) == 0 {
		return nil, fmt.Errorf("markov: no flows")
	}
	c := &Chain{order: order, classes: map[string][]table{}, timed: timed}
	for label, tallies := range seen {
		tables := make([]table, length)
		for j, t := range tallies {
			tables[j] = table{}
			for past, n := range t {
				tables[j][past] = newCounts(n, timed)
			}
		}
		c.classes[label] = tables
	}
	return c, nil
}

// states is a flow as length states: signed lengths, then the end. A packet of
// 0 bytes has no sign: it has the state 0, which is drawn as upstream.
func states(flow traffic.Flow, length int) []int32 {
	s := make([]int32, length)
	values := traffic.SignedLength{}.Values(flow.Packets[:min(length, len(flow.Packets))])
	for j := range s {
		s[j] = end
		if j < len(values) {
			s[j] = int32(values[j])
		}
	}
	return s
}

func (h history) push(s int32, order int) history {
	if order == 0 {
		return h
	}
	copy(h[1:order], h[:order-1])
	h[0] = s
	return h
}

func newCounts(n map[int32][]float64, timed bool) *counts {
	c := &counts{states: slices.Sorted(maps.Keys(n))}
	sum := 0
	for _, s := range c.states {
		sum += len(n[s])
		c.sums = append(c.sums, sum)
		if timed {
			c.times = append(c.times, slices.Clip(n[s]))
		}
	}
	return c
}

// chooser returns the index of a state.
type chooser func(*counts) int

// choose chooses a state by choices.
func (c *counts) choose(choices *noise.Path) int {
	weights, before := make([]float64, len(c.sums)), 0
	for i, sum := range c.sums {
		weights[i], before = float64(sum-before), sum
	}
	return int(choices.Choose(weights))
}

// draw returns the index of a state.
func (c *counts) draw(rng *rand.Rand) int {
	i, _ := slices.BinarySearch(c.sums, 1+rng.IntN(c.sums[len(c.sums)-1]))
	return i
}

// LogLikelihood returns ln P(flow) of the flow's first packets, as many as were counted.
// A step that was never counted at its place has the probability unseen in place of 0.
// It is −Inf of a class that was not counted.
func (c *Chain) LogLikelihood(flow traffic.Flow, unseen float64) float64 {
	tables, ok := c.classes[flow.Label]
	if !ok {
		return math.Inf(-1)
	}
	var past history
	sum := 0.0
	for j, s := range states(flow, len(tables)) {
		p := unseen
		if counts := tables[j][past]; counts != nil {
			if i, known := slices.BinarySearch(counts.states, s); known {
				p = counts.share(i)
			}
		}
		sum += math.Log(p)
		if s == end {
			break // what follows the end is certain
		}
		past = past.push(s, c.order)
	}
	return sum
}

// share is the probability of a state.
func (c *counts) share(i int) float64 {
	n := c.sums[i]
	if i > 0 {
		n -= c.sums[i-1]
	}
	return float64(n) / float64(c.sums[len(c.sums)-1])
}

// Classes returns the labels counted, sorted.
func (c *Chain) Classes() []string { return slices.Sorted(maps.Keys(c.classes)) }

// Draw generates n flows of class label. Flow i with one seed is the same
// whatever n is. It fails on a class that was not counted.
//
// At order 0 a packet may be drawn after an end; the flow is cut at its first end,
// as at every order.
func (c *Chain) Draw(label string, n int, seed uint64) ([]traffic.Flow, error) {
	return c.drawAll(label, n, seed, func(_ int, rng *rand.Rand) chooser {
		return func(c *counts) int { return c.draw(rng) }
	})
}

// DrawEvenly is Draw, but the flows are not independent: they are spread evenly over all that the chain
// can draw (noise.Path), each by itself still a draw from it.
func (c *Chain) DrawEvenly(label string, n int, seed uint64) ([]traffic.Flow, error) {
	start := noise.Stream(seed, noise.Key("evenly"), noise.Key(label)).Uint64()
	return c.drawAll(label, n, seed, func(i int, rng *rand.Rand) chooser {
		choices := noise.NewEvenPath(rng, noise.Spread(start, uint64(i)))
		return func(c *counts) int { return c.choose(choices) }
	})
}

// drawAll draws n flows of a class; with returns what chooses the states of one of them, by its generator.
func (c *Chain) drawAll(label string, n int, seed uint64, with func(i int, rng *rand.Rand) chooser) ([]traffic.Flow, error) {
	tables, ok := c.classes[label]
	if !ok {
		return nil, fmt.Errorf("markov: unknown class %q: want one of %q", label, c.Classes())
	}
	flows, key := make([]traffic.Flow, n), noise.Key(label)
	for i := range flows {
		flows[i] = c.draw(label, tables, with(i, noise.Stream(seed, key, uint64(i))), noise.Stream(seed, key, uint64(i), streamTimes))
	}
	return flows, nil
}

// streamTimes is the key of the random stream that times are drawn from.
const streamTimes = 1

func (c *Chain) draw(label string, tables []table, choose chooser, clock *rand.Rand) traffic.Flow {
	var past history
	var values, times []float64
	for _, t := range tables {
		counts := t[past]
		i := choose(counts)
		s := counts.states[i]
		if s == end {
			break
		}
		values = append(values, float64(s))
		if c.timed {
			times = append(times, counts.times[i][clock.IntN(len(counts.times[i]))])
		}
		past = past.push(s, c.order)
	}
	flow := traffic.Flow{Label: label, Packets: make([]traffic.Packet, len(values))}
	traffic.SignedLength{}.Restore(values, flow.Packets)
	if c.timed {
		flow.Timed = true
		traffic.InterArrival{}.Restore(times, flow.Packets)
	}
	return flow
}
