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

// Evenly draws series that are spread evenly over all that a model can draw, where independent ones
// draw some twice and others never, as a sample with replacement does. Each by itself is drawn from the
// model. It is safe for several goroutines.
//
// The series of a class are drawn in blocks. Those of a block are chosen out of candidates that take evenly
// spread paths through the model's choices (noise.Path), in the order of these, at equal steps of the
// probabilities that they are kept with: systematic sampling (Madow 1949) in place of thinning each
// by itself.
type Evenly struct {
	from    Source
	blocks  Blocks
	classes []evenClass
}

// Source is a model that draws along paths. It is safe for several goroutines.
type Source interface {
	// Candidates draws a series of a class by each of the numbers in [0,1) (noise.NewEvenPath), and by
	// the generator beside it whatever is not chosen by that.
	Candidates(class int, u []float64, rngs []*rand.Rand) ([]Candidate, error)
	// Tries is how many candidates of a class are drawn at most for one that is chosen.
	Tries(class int) int
}

// Candidate is a series that may be chosen.
type Candidate struct {
	Series [][]int32 // [channels][places] atoms
	Keep   float64   // the probability that it is kept, in [0,1]
}

// Blocks are how many series are drawn together. Any part of a block is even; of several, each is by itself.
type Blocks struct {
	First int // series of the first; each of those after it has twice as many as the one before
	Most  int // series of one at most, First or more
}

// evenClass holds the blocks of a class that were drawn last.
type evenClass struct {
	sync.Mutex
	blocks []*block // the last one used last
}

// blockID is which block of which class of a seed.
type blockID struct{ seed, class, number uint64 }

var keyOfBlocks = noise.Key("evenly")

// stream is a block's randomness.
func (id blockID) stream() *rand.Rand { return noise.Stream(id.seed, keyOfBlocks, id.class, id.number) }

// candidate is the randomness of one of a block's candidates.
func (id blockID) candidate(n uint64) *rand.Rand {
	return noise.Stream(id.seed, keyOfBlocks, id.class, id.number, n)
}

type block struct {
	id     blockID
	series Series
}

const (
	// spare is how many times as many candidates are kept, by their probabilities, as a block has series.
	spare = 1.2
	// blocksHeld is how many blocks of a class are held, which are drawn anew if asked for again.
	blocksHeld = 2
)

// priorBlocks are those of a Prior, which draws a thousand series as soon as it draws one.
var priorBlocks = Blocks{First: 1024, Most: 1024}

// NewEvenly returns what draws evenly from a model of so many classes.
func NewEvenly(from Source, classes int, blocks Blocks) *Evenly {
	return &Evenly{from, blocks, make([]evenClass, classes)}
}

// Evenly returns what draws evenly from p.
func (p *Prior) Evenly() *Evenly { return NewEvenly(p, len(p.classes), priorBlocks) }

// Draw returns the series of a class, as atoms [channels][places], whose place is even. It is not to be
// changed.
func (e *Evenly) Draw(class int, even noise.Even) ([][]int32, error) {
	number, size, at := e.blocks.of(even.Sample)
	id := blockID{even.Seed, even.Class, number}
	c := &e.classes[class]
	c.Lock()
	defer c.Unlock()
	held := slices.IndexFunc(c.blocks, func(b *block) bool { return b.id == id })
	var b *block
	if held >= 0 {
		b = c.blocks[held]
		c.blocks = slices.Delete(c.blocks, held, held+1)
	} else {
		series, err := e.draw(class, id, size)
		if err != nil {
			return nil, err
		}
		b = &block{id, series}
	}
	c.blocks = append(c.blocks[max(0, len(c.blocks)+1-blocksHeld):], b)
	return b.series[at], nil
}

// of is in which block sample i is, how many series that has, and which of these it is.
func (b Blocks) of(i uint64) (number uint64, size int, at int) {
	size = b.First
	for i >= uint64(size) && size < b.Most {
		i -= uint64(size)
		number++
		size = min(2*size, b.Most)
	}
	return number + i/uint64(size), size, int(i % uint64(size))
}

// draw draws the series of a block.
func (e *Evenly) draw(class int, id blockID, size int) (Series, error) {
	rng := id.stream()
	start := rng.Uint64()
	var all []candidate
	kept := 0.0
	for len(all) < size*e.from.Tries(class) && kept < float64(size)*spare || len(all) == 0 {
		u, rngs := make([]float64, size), make([]*rand.Rand, size)
		for i := range u {
			number := uint64(len(all) + i)
			u[i], rngs[i] = noise.Spread(start, number), id.candidate(number)
		}
		some, err := e.from.Candidates(class, u, rngs)
		if err != nil {
			return nil, err
		}
		for i, one := range some {
			kept += one.Keep
			all = append(all, candidate{one, u[i]})
		}
	}
	slices.SortFunc(all, func(x, y candidate) int { return cmp.Compare(x.at, y.at) })
	return inSpreadOrder(rng, systematic(rng, all, kept, size)), nil
}

// candidate is one of a block.
type candidate struct {
	Candidate
	at float64 // of its path
}

// Tries implements Source.
func (p *Prior) Tries(class int) int { return p.classes[class].thinner.MostDrawn() }

// Candidates implements Source.
func (p *Prior) Candidates(class int, u []float64, rngs []*rand.Rand) ([]Candidate, error) {
	some := make([]Candidate, len(u))
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() {
			d := p.Drawer(class)
			d.unsee()
			for i := w; i < len(some); i += workers {
				some[i] = d.candidate(rngs[i], u[i])
			}
		})
	}
	group.Wait()
	return some, nil
}

// candidate draws the series that the path at u leads to.
func (d *Drawer) candidate(rng *rand.Rand, u float64) Candidate {
	d.walk(noise.NewEvenPath(rng, u), rng)
	d.emit(rng)
	series := make([][]int32, len(d.drawn))
	for k := range series {
		series[k] = slices.Clone(d.drawn[k])
	}
	return Candidate{series, d.class.thinner.Weight(series)}
}

// walk writes the arcs of a walk through the chain: choices say to which symbols of the lead channel, as
// they hardly could if they said in which bands as well, and bands says that.
func (d *Drawer) walk(choices *noise.Path, bands *rand.Rand) {
	var context int32
	ends, weights := d.ends, d.weights
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
	d.ends, d.weights = ends, weights
}

// systematic chooses n series, by equal steps of the sum of keep, which is total. Where all
// are to be left out it takes them as if none were.
func systematic(rng *rand.Rand, all []candidate, total float64, n int) Series {
	weight := func(c candidate) float64 { return c.Keep }
	if total == 0 {
		weight, total = func(candidate) float64 { return 1 }, float64(len(all))
	}
	step := total / float64(n)
	next, below := rng.Float64()*step, 0.0
	chosen := make(Series, 0, n)
	for _, c := range all {
		for below += weight(c); len(chosen) < n && next < below; next += step {
			chosen = append(chosen, c.Series)
		}
	}
	for len(chosen) < n { // for rounding
		chosen = append(chosen, all[len(all)-1].Series)
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
