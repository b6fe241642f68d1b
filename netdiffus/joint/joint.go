// Package joint draws a whole series at once from its exact posterior given a noisy
// image: what a denoiser that treats every packet by itself cannot do without losing
// what binds the packets together.
//
// The prior of a class is a Markov chain of any order over the atoms of its codec
// (codec.Atoms), with rare values merged. A Gramian field's diagonal is a function of
// one packet each, so given a noisy image x_t = √ᾱ x_0 + √(1−ᾱ) ε its diagonal is
// independent evidence about each packet, and backward filtering with forward sampling
// (package markov) draws from
//
//	p(series | diagonal of x_t) ∝ p(series) Π_j N(x_t,jj; √ᾱ (2u_j − 1), 1−ᾱ).
//
// A reverse step that draws the series, renders its image x_0 and samples
// q(x_s | x_t, x_0) leaves the marginals of the forward process unchanged, whatever the
// number of steps: samples follow the chain exactly.
package joint

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Settings say how the chain of a class is made.
type Settings struct {
	// Memory is how many packets before it a packet depends on: so many always, and all
	// of them while the flow goes on as many others did.
	markov.Memory
	// Rare merges the values that were seen fewer times at their class and place into
	// groups of neighbours, which are one symbol of the chain. A group is drawn as a value
	// that came with the step of the chain, or now and then as any of its values, or one that was not
	// seen (codec.Atoms.Novel), with the probabilities of Good (1953). 0 and 1 merge none.
	Rare int `json:"rare,omitempty"`
	// Group is how often the values of a group were seen together, about; 0 means 8.
	Group int `json:"group,omitempty"`
	// Thin leaves out series so that those drawn repeat those fitted to as often as these
	// repeat each other (Thinning).
	Thin bool `json:"thin,omitempty"`
}

func (s Settings) withDefaults() Settings {
	if s.Group == 0 {
		s.Group = 8
	}
	return s
}

// String describes s: "order 3, values seen fewer than 3 times in groups of 8".
func (s Settings) String() string {
	s = s.withDefaults()
	text := fmt.Sprintf("order %d", s.Order)
	if s.Whole > 0 {
		text += fmt.Sprintf(", beginnings of at least %d flows whole", s.Whole)
	}
	if s.Rare > 1 {
		text += fmt.Sprintf(", values seen fewer than %d times in groups of %d", s.Rare, s.Group)
	}
	if s.Thin {
		text += ", thinned of copies"
	}
	return text
}

// Prior is what is known of the series of each class before an image is seen.
type Prior struct {
	settings Settings
	bands    int32 // see classPrior
	classes  []classPrior
}

// classPrior is the prior of one class.
type classPrior struct {
	// automaton is the chain, of symbols·bands + b: b is the band of the second channel, if there is one
	// and it depends on what it was at the place before, that goes with the symbol.
	automaton *markov.Automaton
	bands     int32
	leaves    []leaf   // by channel
	thinner   *Thinner // nil where nothing is left out
}

// mostBands is how many bands the values of the second channel are in, at each place.
const mostBands = 8

// Series are the series of one class as atoms, [flows][channels][places]: indices into
// codec.AtomTable.Values, len(Values) for padding.
type Series [][][]int32

// Lead are the series of the first channel, [flows][places].
func (s Series) Lead() [][]int32 {
	all := make([][]int32, len(s))
	for i, flow := range s {
		all[i] = flow[0]
	}
	return all
}

// Fit makes the prior of the classes, which series has in the same order, for images of
// channels with these codecs. The first channel is the chain's. The second one depends on the step of
// the chain at its place, and on its value at the place before, by which of eight bands of about equal
// share that is in. Further ones depend on the step of the chain, and on the band of the second, at their
// place.
func Fit(channels []*codec.Atoms, classes []string, series []Series, s Settings) (*Prior, error) {
	s = s.withDefaults()
	if err := checkChannels(channels, classes); err != nil {
		return nil, err
	}
	p := &Prior{settings: s, bands: 1, classes: make([]classPrior, len(classes))}
	if len(channels) > 1 {
		p.bands = mostBands
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for c, class := range classes {
		group.Go(func() (err error) {
			if p.classes[c], err = fitClass(channels, class, series[c], s, p.bands); err != nil {
				err = fmt.Errorf("joint: class %q: %w", class, err)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return p, nil
}

// fitClass makes the prior of one class.
func fitClass(channels []*codec.Atoms, class string, series Series, s Settings, bands int32) (classPrior, error) {
	if len(series) == 0 {
		return classPrior{}, errors.New("no series")
	}
	places := newPlaces(channels[0], class, s)
	sequences := make([][]int32, len(series))
	for i, flow := range series {
		sequences[i] = make([]int32, len(places))
		for j, atom := range flow[0] {
			sequences[i][j] = places[j].symbol[atom]
		}
	}
	chain, walks, err := markov.FitAutomaton(sequences, s.Memory)
	if err != nil {
		return classPrior{}, err
	}
	if bands > 1 {
		chain, walks = chain.Joined(walks, bandsOf(channels[1].Tables[class], bands, series), bands)
	}
	merged := func(j int, arc int32) bool {
		return len(places[j].groups[chain.Places[j].Symbol[arc]/bands].atoms) > 1
	}
	c := classPrior{automaton: chain, bands: bands}
	c.leaves = append(c.leaves, newLead(places, chain, bands, countAtoms(chain, walks, series, 0, merged)))
	for k, a := range channels[1:] {
		c.leaves = append(c.leaves, newLeaf(a, class, chain, countAtoms(chain, walks, series, 1+k, nil)))
	}
	if s.Thin {
		c.thin(channels, class, series)
	}
	return c, nil
}

// thinDrawn is how many series the thinning of a class is estimated by.
const thinDrawn = 2000

// What a chain is thinned by (Thinner.Thin) and how many series it draws for one: they cost little.
const (
	mostWeight = 24
	mostTries  = 120
)

// thin makes the thinner of c, for these series of a class, of which it was fitted to.
func (c *classPrior) thin(channels []*codec.Atoms, class string, series Series) {
	t := NewThinner(channels, class, series)
	d := c.drawer()
	d.unsee()
	drawn := make(Series, thinDrawn)
	key, of := noise.Key("thin"), noise.Key(class)
	for i := range drawn {
		rng := noise.Stream(0, key, of, uint64(i))
		c.automaton.Draw(rng, d.arcs)
		d.emit(rng)
		for _, atoms := range d.drawn {
			drawn[i] = append(drawn[i], slices.Clone(atoms))
		}
	}
	t.Thin(drawn, mostWeight)
	t.Tries = mostTries
	c.thinner = t
}

// checkChannels returns what is wrong with the codecs.
func checkChannels(channels []*codec.Atoms, classes []string) error {
	if len(channels) == 0 || len(classes) == 0 {
		return errors.New("joint: no channels or no classes")
	}
	length := len(channels[0].Tables[classes[0]])
	for _, a := range channels {
		for _, class := range classes {
			if n := len(a.Tables[class]); n == 0 || n != length {
				return fmt.Errorf("joint: the codec has tables for %d places of class %q, want %d", n, class, length)
			}
		}
	}
	return nil
}

// Settings returns how the chain was made.
func (p *Prior) Settings() Settings { return p.settings }

// Arcs returns the number of steps that the chains of all classes have.
func (p *Prior) Arcs() int {
	n := 0
	for _, c := range p.classes {
		for _, at := range c.automaton.Places {
			n += len(at.Symbol)
		}
	}
	return n
}

// Tables is a Prior as it stands in a file: without what follows from the codecs.
type Tables struct {
	Settings
	// Bands is how many bands the second channel has, and the chain's symbols count times; 0, as in
	// files of earlier versions, means 1.
	Bands   int32         `json:"bands,omitempty"`
	Classes []ClassTables `json:"classes"` // in the order of the classes' numbers
}

// ClassTables is the prior of one class in a file.
type ClassTables struct {
	Chain *markov.Automaton `json:"chain"`
	// Lead counts, by place, the values of the first channel that are merged; nil, as in files of
	// earlier versions, draws them without regard to the arc.
	Lead    []LeafTable   `json:"lead,omitempty"`
	Further [][]LeafTable `json:"further,omitempty"` // of the other channels, by place
	// Thinning and Series, the series of the lead channel that were counted, are there where
	// the settings thin.
	Thinning *Thinning `json:"thinning,omitempty"`
	Series   [][]int32 `json:"series,omitempty"`
}

// Tables returns p for a file.
func (p *Prior) Tables() *Tables {
	t := &Tables{Settings: p.settings}
	if p.bands > 1 {
		t.Bands = p.bands
	}
	for _, c := range p.classes {
		one := ClassTables{Chain: c.automaton, Lead: c.leaves[0].counts}
		for _, leaf := range c.leaves[1:] {
			one.Further = append(one.Further, leaf.counts)
		}
		if c.thinner != nil {
			one.Thinning, one.Series = &c.thinner.Thinning, c.thinner.series.Lead()
		}
		t.Classes = append(t.Classes, one)
	}
	return t
}

// Prior returns the prior of which t are the tables, for the codecs and classes that it
// was fitted with. It checks all of it, since files may hold anything.
func (t *Tables) Prior(channels []*codec.Atoms, classes []string) (*Prior, error) {
	if err := checkChannels(channels, classes); err != nil {
		return nil, err
	}
	if len(t.Classes) != len(classes) {
		return nil, fmt.Errorf("joint: tables of %d classes, want %d", len(t.Classes), len(classes))
	}
	p := &Prior{settings: t.Settings.withDefaults(), bands: max(1, t.Bands)}
	if t.Bands < 0 || t.Bands > mostBands || t.Bands > 1 && len(channels) < 2 {
		return nil, fmt.Errorf("joint: tables of %d bands for %d channels", t.Bands, len(channels))
	}
	for c, class := range classes {
		one, err := t.Classes[c].prior(channels, class, p)
		if err != nil {
			return nil, fmt.Errorf("joint: class %q: %w", class, err)
		}
		p.classes = append(p.classes, one)
	}
	return p, nil
}

func (t ClassTables) prior(channels []*codec.Atoms, class string, p *Prior) (classPrior, error) {
	places, one := newPlaces(channels[0], class, p.settings), classPrior{automaton: t.Chain, bands: p.bands}
	if t.Chain == nil || len(t.Further) != len(channels)-1 {
		return one, fmt.Errorf("no chain, or tables of %d further channels for %d", len(t.Further), len(channels)-1)
	}
	symbols := make([]int, len(places))
	for j := range symbols {
		symbols[j] = len(places[j].groups) * int(p.bands)
	}
	if err := t.Chain.Check(symbols); err != nil {
		return one, err
	}
	if t.Lead != nil {
		if err := t.checkLead(channels[0], class, places, p.bands); err != nil {
			return one, fmt.Errorf("channel 0: %w", err)
		}
	}
	one.leaves = append(one.leaves, newLead(places, t.Chain, p.bands, t.Lead))
	for k, counts := range t.Further {
		if err := checkCounts(channels[1+k], class, t.Chain, counts, true); err != nil {
			return one, fmt.Errorf("channel %d: %w", 1+k, err)
		}
		one.leaves = append(one.leaves, newLeaf(channels[1+k], class, t.Chain, counts))
	}
	if p.settings.Thin {
		var err error
		if one.thinner, err = t.thinner(channels, class); err != nil {
			return one, err
		}
	}
	return one, nil
}

// checkLead returns what is wrong with the counts of the first channel.
func (t ClassTables) checkLead(a *codec.Atoms, class string, places []place, bands int32) error {
	if err := checkCounts(a, class, t.Chain, t.Lead, false); err != nil {
		return err
	}
	for j, p := range places {
		for arc, symbol := range t.Chain.Places[j].Symbol {
			atoms, _ := t.Lead[j].of(int32(arc))
			for _, atom := range atoms {
				if p.symbol[atom] != symbol/bands {
					return fmt.Errorf("place %d: arc %d has atom %d, of another symbol", j, arc, atom)
				}
			}
		}
	}
	return nil
}
