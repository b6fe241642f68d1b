package netdiffus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/causal"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Causal is the kind of model whose network predicts each packet from those before it,
// mixed with chains (package causal), and whose denoiser draws whole flows from that. It
// takes one channel of atoms, the signed lengths, as GASF images. It has a loss of its own,
// the negative log likelihood of the flows, so that Config.Diffusion's Predict, Variance and
// Loss do not matter.
//
// Its samples follow the mixture exactly at any number of steps: the first step draws a flow
// of each image from it, as the image is nothing but noise then, and the steps after it
// keep that flow, which leaves the posterior given the image as it is.
type Causal struct {
	// Width and Layers are the network's; 0 means 96 and 3.
	Width  int `json:"width,omitempty"`
	Layers int `json:"layers,omitempty"`
	// Dropout is the share of the network's features that training drops.
	Dropout float64 `json:"dropout,omitempty"`
	// Rare and Group are as a chain's (joint.Settings): a value seen fewer than Rare times
	// turns out as one of its neighbours, seen or not. 0 and 1 leave what is drawn as it is,
	// so that all values of the samples were seen.
	Rare  int `json:"rare,omitempty"`
	Group int `json:"group,omitempty"`
	// Tables are the flows counted; nil until Estimate.
	Tables *CausalTables `json:"tables,omitempty"`
}

// CausalTables are what the chains of a Causal are counted from.
type CausalTables struct {
	// Flows are the flows of each class, in the order of the classes' numbers, each as the
	// atoms of its packets, and that of padding where it ends.
	Flows [][][]int32 `json:"flows"`
}

// Codec returns the codec "atoms", with new values beside the rare ones.
func (Causal) Codec() codec.Codec { return Chain{}.Codec() }

// Check returns what keeps c from being such a model.
func (k Causal) Check(c Config) error {
	t := c.Training
	var p problems
	p.add(causal.Network{Width: k.Width, Layers: k.Layers, Dropout: k.Dropout}.Validate())
	p.wrong(k.Rare < 0 || k.Group < 0, "rare is %d and group %d, want 0 or more", k.Rare, k.Group)
	p.wrong(!c.ClassCond, "a causal model is class-conditional")
	p.drawnByGo(c)
	p.wrong(t.LabelDropout != 0 || t.RandomFlip, "a causal model takes neither label dropout nor flipped images")
	if c.Encoding != nil {
		_, err := causalCodec(c.Encoding)
		p.add(err)
	}
	return p.err()
}

// causalCodec returns the codec of the one channel.
func causalCodec(e *dataset.Encoding) (*codec.Atoms, error) {
	codecs, err := atomCodecs(e)
	if err != nil {
		return nil, err
	}
	if len(codecs) != 1 {
		return nil, fmt.Errorf("netdiffus: a causal model is of packets' lengths alone, the data set has %d channels", len(codecs))
	}
	return codecs[0], nil
}

// Estimate counts the flows.
func (k Causal) Estimate(_ context.Context, c Config, set *dataset.Set, status func(string)) (Kind, error) {
	if k.Tables != nil {
		return k, nil
	}
	atoms, err := causalCodec(c.Encoding)
	if err != nil {
		return nil, err
	}
	tables := &CausalTables{}
	for class, series := range joint.Read([]*codec.Atoms{atoms}, c.Classes, set.Images, set.Labels) {
		places := atoms.Tables[c.Classes[class]]
		flows := make([][]int32, len(series))
		for i, flow := range series {
			flows[i] = untilEnd(flow[0], places)
		}
		tables.Flows = append(tables.Flows, flows)
	}
	k.Tables = tables
	status(fmt.Sprintf("counted %d flows by %d chains", set.Len(), len(causal.Mixed)))
	return k, nil
}

// untilEnd is a series with the first padding atom as its last.
func untilEnd(series []int32, places []codec.AtomTable) []int32 {
	for j, atom := range series {
		if int(atom) == len(places[j].Values) {
			return series[:j+1]
		}
	}
	return series
}

// New returns the model; it has no chains until the flows are counted.
func (k Causal) New(c Config) (Model, error) {
	if c.Encoding == nil {
		return nil, errors.New("netdiffus: a causal model is made for a data set: fit the configuration to one first")
	}
	atoms, err := causalCodec(c.Encoding)
	if err != nil {
		return nil, err
	}
	m := &causalModel{atoms: atoms, classes: c.Classes, vocabulary: vocabularyOf(atoms)}
	m.rarity = joint.NewRarity(atoms, c.Classes, joint.Settings{Rare: k.Rare, Group: k.Group})
	m.Model = causal.Model{
		Network: causal.Network{
			Width: k.Width, Layers: k.Layers, Dropout: k.Dropout,
			Places: c.Image.Side, Classes: len(c.Classes), Symbols: len(m.vocabulary) + 1, NumChains: len(causal.Mixed),
		},
	}
	most := 1.0
	for _, v := range m.vocabulary {
		most = max(most, math.Abs(v))
	}
	for _, v := range m.vocabulary {
		m.Numbers = append(m.Numbers, causal.Describe(v, most))
	}
	m.Numbers = append(m.Numbers, make([]float32, len(causal.Describe(0, 1)))) // of the end
	for _, class := range c.Classes {
		var places [][]bool
		if len(atoms.Tables[class]) != m.Places {
			return nil, fmt.Errorf("netdiffus: the codec has tables for %d places of class %q, want %d", len(atoms.Tables[class]), class, m.Places)
		}
		for j, t := range atoms.Tables[class] {
			allowed := make([]bool, m.Symbols)
			for atom := range t.Len() {
				allowed[m.symbol(class, j, int32(atom))] = true
			}
			places = append(places, allowed)
		}
		m.Allowed = append(m.Allowed, places)
	}
	if k.Tables == nil {
		return m, nil
	}
	return m, m.count(k.Tables)
}

// vocabularyOf returns the values of all classes and places, rising.
func vocabularyOf(a *codec.Atoms) []float64 {
	var all []float64
	for _, tables := range a.Tables {
		for _, t := range tables {
			all = append(all, t.Values...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// causalModel is a causal.Model of the atoms of a data set. A symbol is a value's place in
// the vocabulary, or the end.
type causalModel struct {
	causal.Model
	atoms      *codec.Atoms
	classes    []string
	vocabulary []float64
	rarity     *joint.Rarity
}

// symbol is that of an atom of a class at place j.
func (m *causalModel) symbol(class string, j int, atom int32) int32 {
	values := m.atoms.Tables[class][j].Values
	if int(atom) == len(values) {
		return m.End()
	}
	s, _ := slices.BinarySearch(m.vocabulary, values[atom])
	return int32(s)
}

// symbols are those of a flow's atoms.
func (m *causalModel) symbols(class string, flow []int32) []int32 {
	all := make([]int32, len(flow))
	for j, atom := range flow {
		all[j] = m.symbol(class, j, atom)
	}
	return all
}

// atom is that of a symbol.
func (m *causalModel) atom(class string, j int, symbol int32) int {
	t := m.atoms.Tables[class][j]
	if symbol == m.End() {
		return len(t.Values)
	}
	return t.Index(m.vocabulary[symbol])
}

// count counts the flows of tables, which may be a stranger's.
func (m *causalModel) count(tables *CausalTables) error {
	if len(tables.Flows) != len(m.classes) {
		return fmt.Errorf("netdiffus: flows of %d classes, want %d", len(tables.Flows), len(m.classes))
	}
	var sequences [][]int32
	var classes []int
	for c, class := range m.classes {
		for i, flow := range tables.Flows[c] {
			if len(flow) > m.Places {
				return fmt.Errorf("netdiffus: class %q, flow %d: %d packets, want at most %d", class, i, len(flow), m.Places)
			}
			for j, atom := range flow {
				if t := m.atoms.Tables[class][j]; atom < 0 || int(atom) >= t.Len() {
					return fmt.Errorf("netdiffus: class %q, flow %d: atom %d of packet %d, want one below %d", class, i, atom, j, t.Len())
				}
			}
			sequences, classes = append(sequences, m.symbols(class, flow)), append(classes, c)
		}
	}
	m.Chains = markov.CountContexts(causal.Mixed, sequences, classes)
	return nil
}

// mostRows is how many packets the flows held out may have, so that the probabilities of
// every symbol for each of them fit into memory.
const mostRows = 1 << 14

func (m *causalModel) Traits() Traits { return Traits{Batch: 256, HeldOut: max(1, mostRows/m.Places)} }

// Extract implements Extractor.
func (m *causalModel) Extract(images imaging.Images, labels []int, counted bool) [][]float32 {
	numbers := make([]int, len(m.classes))
	series := joint.Read([]*codec.Atoms{m.atoms}, m.classes, images, labels)
	rows := make([][]float32, images.N)
	for i, label := range labels {
		class := m.classes[label]
		flow := untilEnd(series[label][numbers[label]][0], m.atoms.Tables[class])
		numbers[label]++
		rows[i] = make([]float32, m.Row())
		m.Read(label, m.symbols(class, flow), counted, rows[i])
	}
	return rows
}

func (m *causalModel) Bind(s schedule.Schedule, _ []int) Bound { return causalBound{onHost{}, m, s} }

// causalBound is a causalModel over the steps of a schedule.
type causalBound struct {
	onHost
	*causalModel
	schedule schedule.Schedule
}

// Loss takes what Extract returns in place of images.
func (b causalBound) Loss(scope *model.Scope, rows, _, y, _, key *graph.Node) diffusion.Losses {
	return b.Model.Loss(scope, rows, y, key)
}

// HostDenoiser implements HostBound.
func (b causalBound) HostDenoiser(backend compute.Backend, scope *model.Scope) (HostDenoiser, error) {
	if b.Chains == nil {
		return nil, errors.New("netdiffus: the flows of the causal model have not been counted yet")
	}
	d, err := b.NewDrawer(backend, scope)
	return &causalHost{b, d}, err
}

// causalHost is a causalBound with its weights.
type causalHost struct {
	causalBound
	drawer *causal.Drawer
}

// faintest is the ratio of signal and noise below which an image shows nothing.
const faintest = 0.01

// EstimateX0 implements HostDenoiser: the clean image is that of the step before, or at the
// first step that of a flow drawn from the model given the image, as far as that shows
// anything.
func (b *causalHost) EstimateX0(x imaging.Images, t int, y []int32, streams []*rand.Rand, x0 imaging.Images) error {
	var first []int
	var classes []int32
	var own []*rand.Rand
	for i := range x0.N {
		if !slices.ContainsFunc(x0.At(i), func(v float64) bool { return v != 0 }) {
			first, classes, own = append(first, i), append(classes, y[i]), append(own, streams[i])
		}
	}
	if len(first) == 0 {
		return nil
	}
	alphaBar := b.schedule.AlphaBar[t]
	signal, noise := math.Sqrt(alphaBar), math.Sqrt(1-alphaBar)
	r := newRenderer(x)
	var evidence func(i, j int) []float64 // likelihoods, by atom; nil where the image shows nothing
	var series [][]int32
	var err error
	if signal < faintest*noise {
		series, err = b.drawer.Draw(classes, own)
	} else {
		likelihood := make([]float64, b.Symbols)
		evidence = func(i, j int) []float64 {
			r.read(x.At(first[i]))
			return b.rarity.Likelihoods(int(classes[i]), j, r.diagonals[0][j], signal, noise)
		}
		series, err = b.drawer.Posterior(classes, own, func(i, j int) []float64 {
			clear(likelihood)
			byAtom := evidence(i, j)
			for atom := range byAtom {
				symbol := b.symbol(b.classes[classes[i]], j, int32(atom))
				likelihood[symbol] = b.rarity.Mean(int(classes[i]), j, int32(atom), byAtom)
			}
			return likelihood
		})
	}
	if err != nil {
		return err
	}
	for i, symbols := range series {
		class := b.classes[classes[i]]
		for j, symbol := range symbols {
			var likelihood []float64
			if evidence != nil {
				likelihood = evidence(i, j)
			}
			atom := b.rarity.Redraw(own[i], int(classes[i]), j, int32(b.atom(class, j, symbol)), likelihood)
			r.codes[0][j] = b.rarity.Code(int(classes[i]), j, atom)
		}
		r.write(x0.At(first[i]))
	}
	return nil
}
