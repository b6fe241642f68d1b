package report

import (
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
)

// figure is one number that is measured of every source. It is declared once, in the
// list of its [subject]: metrics.json, the page, the summary and the verdict all take it from
// there.
type figure struct {
	name   string // the key in metrics.json; docs/metrics.md defines it
	title  string // for people
	unit   string // "" for numbers without one
	better better // which values
	what   string // the definition in a few words
	group  *group // the table of the page that has it
	shown  places // where else it is shown
	computation
}

// better is which values of a figure are better.
type better int

const (
	lower   better = -1
	neither better = 0 // to be compared with the real flows'
	higher  better = +1
	// evenChance is 0.5, of the area under an ROC curve; less is chance, and no better.
	evenChance better = +2
)

// places are a set of places that show only some of the figures.
type places uint

const (
	inSummary places = 1 << iota // the text for a terminal
	inVerdict                    // the sentences on structure
	inClasses                    // the table of all classes
	inPicture                    // the pictures of distances
)

// computation is how a figure is computed, by one of these functions. A result that
// is not finite means that the figure does not exist.
type computation struct {
	needs need
	// class compares the flows of one class. Over all classes the figure is the mean.
	class func(classDraw) float64
	// all compares the flows of all classes together.
	all func(draw) float64
	// score is of a classification: see [trial].
	score func(classify.Score) float64
	trial trial
	// network is of the features that networks have of all classes: see [ofNetworks].
	network func(test, drawn [][]float64) float64
	// memory is of the nearest training flows.
	memory func(*nearness) float64
}

// need is what the data must have for a figure.
type need int

const (
	nothing need = iota
	needDirections
	needTimes
	needImages
	needChannels // more than one
	needSilence  // zeros in the test series
	needNetworks
)

// has reports whether the data have what a figure needs.
func (r *reference) has(n need) bool {
	switch n {
	case needDirections:
		return !r.unsigned
	case needTimes:
		return r.timed
	case needImages:
		return r.images != nil
	case needChannels:
		return len(r.channels) > 1
	case needSilence:
		return r.silent
	case needNetworks:
		return false // measured by themselves: see [evaluation.embed]
	}
	return true
}

func ofClass(f func(classDraw) float64) computation { return computation{class: f} }

func ofAll(f func(draw) float64) computation { return computation{all: f} }

func ofScore(t trial, f func(classify.Score) float64) computation {
	return computation{trial: t, score: f}
}

func ofMemory(f func(*nearness) float64) computation { return computation{memory: f} }

// given returns the computation for data that have what it needs.
func (c computation) given(n need) computation {
	c.needs = n
	return c
}

// draw is the flows drawn from a source, and the real ones.
type draw struct {
	*reference
	sample
	seed uint64 // of what a figure draws itself
}

// classDraw is the same of one class.
type classDraw struct {
	*reference
	class              int
	train, test, drawn []record
	seed               uint64
}

// measure computes figures of single classes and of all flows: those of every class, by
// its number, and over all.
func (d draw) measure(figures []figure) (overall map[string]float64, classes []map[string]float64) {
	classes = make([]map[string]float64, len(d.sample))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for c, drawn := range d.sample {
		if len(drawn) == 0 || len(d.test[c]) == 0 {
			continue
		}
		group.Go(func() error {
			classes[c] = d.measureClass(figures, c)
			return nil
		})
	}
	_ = group.Wait() // no figure fails
	overall = d.meanOf(classes)
	for _, f := range figures {
		if f.all != nil && d.has(f.needs) {
			overall[f.name] = f.all(d)
		}
	}
	return overall, classes
}

func (d draw) measureClass(figures []figure, c int) map[string]float64 {
	one := classDraw{reference: d.reference, class: c, train: d.train[c], test: d.test[c], drawn: d.sample[c], seed: d.seed}
	out := map[string]float64{}
	for _, f := range figures {
		if f.class != nil && d.has(f.needs) {
			out[f.name] = f.class(one)
		}
	}
	return out
}

// meanOf is the mean of every figure over the judged classes that have it: each
// class counts the same, however many flows it has.
func (r *reference) meanOf(classes []map[string]float64) map[string]float64 {
	sums, n := map[string]float64{}, map[string]float64{}
	for c, figures := range classes {
		if !r.judged[c] {
			continue
		}
		for name, v := range figures {
			if finite(v) {
				sums[name] += v
				n[name]++
			}
		}
	}
	for name := range sums {
		sums[name] /= n[name]
	}
	return sums
}
