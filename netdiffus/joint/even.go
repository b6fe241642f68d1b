package joint

import (
	"cmp"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Evenly draws series of a Prior that are spread evenly over all that it can draw, where independent ones
// draw some twice and others never, as a sample with replacement does. Each by itself is drawn from the
// Prior. It is safe for several goroutines.
//
// The series of a class are drawn in blocks. Those of a block are chosen out of candidates that take evenly
// spread paths through the chain (noise.Path), in the order of these, at equal steps of the
// probabilities that they are kept with: systematic sampling (Madow 1949) in place of thinning each
// by itself.
type Evenly struct {
	prior   *Prior
	size    int // of a block
	classes []evenClass
}

// evenClass holds the blocks of a class that were drawn last.
type evenClass struct {
	sync.Mutex
	blocks []*block // the last one used last
}

// blockID is which block of which class of a seed.
type blockID struct{ seed, class, number uint64 }

// stream is a block's randomness, or with a key that of one of its candidates.
func (id blockID) stream(keys ...uint64) *rand.Rand {
	return noise.Stream(id.seed, append([]uint64{noise.Key("evenly"), id.class, id.number}, keys...)...)
}

type block struct {
	id     blockID
	series Series
}

const (
	// blockSize is how many series a block has. Any part of one is even; of several, each is by
	// itself.
	blockSize = 1024
	// spare is how many times as many candidates are kept, by their probabilities, as a block has series.
	spare = 1.2
	// blocksHeld is how many blocks of a class are held, which are drawn anew if asked for again.
	blocksHeld = 2
)

// Evenly returns what draws evenly from p.
func (p *Prior) Evenly() *Evenly { return p.evenly(blockSize) }

// evenly returns what draws evenly, in blocks of this size.
func (p *Prior) evenly(size int) *Evenly { return &Evenly{p, size, make([]evenClass, len(p.classes))} }

// Draw writes into codes, [channels][places] in [0,1], the codes of the series of a class whose place is
// even.
func (e *Evenly) Draw(class int, even noise.Even, codes [][]float64) {
	id := blockID{even.Seed, even.Class, even.Sample / uint64(e.size)}
	c := &e.classes[class]
	c.Lock()
	at := slices.IndexFunc(c.blocks, func(b *block) bool { return b.id == id })
	var b *block
	if at >= 0 {
		b = c.blocks[at]
		c.blocks = slices.Delete(c.blocks, at, at+1)
	} else {
		b = &block{id, e.prior.classes[class].block(id, e.size)}
	}
	c.blocks = append(c.blocks[max(0, len(c.blocks)+1-blocksHeld):], b)
	c.Unlock()
	e.prior.classes[class].encode(b.series[even.Sample%uint64(e.size)], codes)
}

// candidate is a series that may be chosen.
type candidate struct {
	at     float64 // of its path
	keep   float64
	series [][]int32
}

// block draws the series of a block of this size.
func (c *classPrior) block(id blockID, size int) Series {
	rng := id.stream()
	start := rng.Uint64()
	var all []candidate
	kept := 0.0
	for len(all) < size*c.thinner.tries() && kept < float64(size)*spare || len(all) == 0 {
		some := c.candidates(id, start, len(all), size)
		for _, one := range some {
			kept += one.keep
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(x, y candidate) int { return cmp.Compare(x.at, y.at) })
	return inSpreadOrder(rng, systematic(rng, all, kept, size))
}

// candidates draws n candidates of a block, from number first on.
func (c *classPrior) candidates(id blockID, start uint64, first, n int) []candidate {
	some := make([]candidate, n)
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() {
			d := c.drawer()
			d.unsee()
			for i := w; i < len(some); i += workers {
				number := uint64(first + i)
				some[i] = d.candidate(id.stream(number), noise.Spread(start, number))
			}
		})
	}
	group.Wait()
	return some
}

// candidate draws the series that the path at u leads to.
func (d *Drawer) candidate(rng *rand.Rand, u float64) candidate {
	d.walk(noise.NewEvenPath(rng, u), rng)
	d.emit(rng)
	series := make([][]int32, len(d.drawn))
	for k := range series {
		series[k] = slices.Clone(d.drawn[k])
	}
	return candidate{u, d.class.thinner.weight(series), series}
}

// walk writes the arcs of a walk through the chain: choices say to which symbols of the lead channel, as
// they hardly could if they said in which bands as well, and bands says that.
func (d *Drawer) walk(choices *noise.Path, bands *rand.Rand) {
	var context int32
	var ends []int32 // of the arcs with each symbol, which follow each other
	var weights []float64
	for j := range d.arcs {
		at := &d.class.automaton.Places[j]
		from, to := at.Arcs(context)
		ends, weights = ends[:0], weights[:0]
		for arc := from; arc < to; arc++ {
			if arc > from && at.Symbol[arc]/d.class.bands == at.Symbol[arc-1]/d.class.bands {
				ends[len(ends)-1]++
				weights[len(weights)-1] += at.Count[arc]
				continue
			}
			ends, weights = append(ends, arc+1), append(weights, at.Count[arc])
		}
		chosen := choices.Choose(weights)
		if chosen > 0 {
			from = ends[chosen-1]
		}
		d.arcs[j] = from + markov.Choose(bands, at.Count[from:ends[chosen]])
		context = at.Next[d.arcs[j]]
	}
}

// systematic chooses n series, by equal steps of the sum of keep, which is total. Where all
// are to be left out it takes them as if none were.
func systematic(rng *rand.Rand, all []candidate, total float64, n int) Series {
	weight := func(c candidate) float64 { return c.keep }
	if total == 0 {
		weight, total = func(candidate) float64 { return 1 }, float64(len(all))
	}
	step := total / float64(n)
	next, below := rng.Float64()*step, 0.0
	chosen := make(Series, 0, n)
	for _, c := range all {
		for below += weight(c); len(chosen) < n && next < below; next += step {
			chosen = append(chosen, c.series)
		}
	}
	for len(chosen) < n { // for rounding
		chosen = append(chosen, all[len(all)-1].series)
	}
	return chosen
}

// inSpreadOrder returns series in an order of which any in a row are spread evenly over those given.
func inSpreadOrder(rng *rand.Rand, series Series) Series {
	start := rng.Uint64()
	order := make([]int, len(series)) // by rank: which of them has it
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Compare(noise.Spread(start, uint64(i)), noise.Spread(start, uint64(j)))
	})
	spread := make(Series, len(series))
	for rank, i := range order {
		spread[i] = series[rank]
	}
	return spread
}
