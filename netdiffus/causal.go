package netdiffus

import (
	"context"
	"encoding/json"
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
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Causal is the kind of model whose network predicts each packet from those before it,
// mixed with chains (package causal), and whose denoiser draws whole flows from that. It
// takes a channel of atoms, the signed lengths, and perhaps a second one, the times between
// packets, as GASF images. It has a loss of its own,
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
	// Alone leaves out the chains: what is left is a transformer over packets.
	Alone bool `json:"alone,omitempty"`
	// CausalDrawing is how flows are drawn, which can be chosen after training.
	CausalDrawing
	// Tables are the flows counted; nil until Estimate.
	Tables *CausalTables `json:"tables,omitempty"`
}

// CausalDrawing is how a Causal draws.
type CausalDrawing struct {
	// Rare and Group are as a chain's (joint.Settings): a value seen fewer than Rare times
	// turns out as one of its neighbours, seen or not. 0 and 1 leave what is drawn as it is,
	// so that all values of the samples were seen.
	Rare  int `json:"rare,omitempty"`
	Group int `json:"group,omitempty"`
	// KeepRare keeps such a value as it was drawn in most cases (joint.NewRarity), since it goes with
	// those before it. False, as in files of earlier versions, keeps none.
	KeepRare bool `json:"keep_rare,omitempty"`
	// MinP leaves the least probable values out of what the network predicts by itself
	// (causal.Drawer); 0 leaves out none.
	MinP float64 `json:"min_p,omitempty"`
	// Thinning, by class, is which of the network's flows are left out so that they repeat
	// those of the data set as often as these repeat each other; nil leaves out none.
	Thinning []joint.Thinning `json:"thinning,omitempty"`
	// Chain, where it is not nil, draws in place of the network: a chain of these settings,
	// counted from the same flows, which is the model's base.
	Chain *joint.Settings `json:"chain,omitempty"`
}

// CausalTables are what the chains of a Causal are counted from.
type CausalTables struct {
	// Flows are the flows of each class, in the order of the classes' numbers, each as the
	// atoms of its packets, and that of padding where it ends.
	Flows [][][]int32 `json:"flows"`
	// Times are the atoms of their packets in the second channel, alike; nil where there is
	// none.
	Times [][][]int32 `json:"times,omitempty"`
}

// Codec returns the codec "atoms", with new values beside the rare ones.
func (Causal) Codec() codec.Codec { return Chain{}.Codec() }

// Check returns what keeps c from being such a model.
func (k Causal) Check(c Config) error {
	t := c.Training
	var p problems
	p.add(causal.Network{Width: k.Width, Layers: k.Layers, Dropout: k.Dropout}.Validate())
	p.wrong(k.Rare < 0 || k.Group < 0, "rare is %d and group %d, want 0 or more", k.Rare, k.Group)
	p.wrong(k.Chain != nil && (k.Chain.Order < 1 || k.Chain.Whole < 0 || k.Chain.Rare < 0 || k.Chain.Group < 0), "the chain's settings are %+v, want an order of 1 or more, and the others 0 or more", k.Chain)
	p.wrong(!(k.MinP >= 0 && k.MinP < 1), "min_p is %v, want it in [0,1)", k.MinP)
	p.wrong(k.Thinning != nil && len(k.Thinning) != len(c.Classes), "there is a thinning of %d classes, want %d", len(k.Thinning), len(c.Classes))
	p.wrong(!c.ClassCond, "a causal model is class-conditional")
	p.drawnByGo(c)
	p.wrong(t.LabelDropout != 0 || t.RandomFlip, "a causal model takes neither label dropout nor flipped images")
	channels := 2 // at most
	if c.Encoding != nil {
		codecs, err := causalCodecs(c.Encoding)
		p.add(err)
		channels = len(codecs)
	}
	for _, t := range k.Thinning {
		p.add(t.Check(channels))
	}
	return p.err()
}

// causalCodecs returns the codecs of the one channel, or the two.
func causalCodecs(e *dataset.Encoding) ([]*codec.Atoms, error) {
	codecs, err := atomCodecs(e)
	if err != nil {
		return nil, err
	}
	if len(codecs) > 2 {
		return nil, fmt.Errorf("netdiffus: a causal model is of packets' lengths, and of one channel more at most, the times between them; the data set has %d channels", len(codecs))
	}
	return codecs, nil
}

// Estimate counts the flows.
func (k Causal) Estimate(_ context.Context, c Config, set *dataset.Set, status func(string)) (Kind, error) {
	if k.Tables != nil {
		return k, nil
	}
	codecs, err := causalCodecs(c.Encoding)
	if err != nil {
		return nil, err
	}
	tables := &CausalTables{}
	for class, series := range joint.Read(codecs, c.Classes, set.Images, set.Labels) {
		places := codecs[0].Tables[c.Classes[class]]
		flows, times := make([][]int32, len(series)), make([][]int32, len(series))
		for i, flow := range series {
			flows[i] = untilEnd(flow[0], places)
			if len(codecs) > 1 {
				times[i] = flow[1][:packets(flows[i], places)]
			}
		}
		tables.Flows = append(tables.Flows, flows)
		if len(codecs) > 1 {
			tables.Times = append(tables.Times, times)
		}
	}
	k.Tables = tables
	chains := len(causal.Mixed)
	if len(codecs) > 1 {
		chains += len(causal.MixedMarks)
	}
	status(fmt.Sprintf("counted %d flows by %d chains", set.Len(), chains))
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

// packets is how many packets a flow has that untilEnd returned.
func packets(flow []int32, places []codec.AtomTable) int {
	n := len(flow)
	if n > 0 && int(flow[n-1]) == len(places[n-1].Values) {
		n--
	}
	return n
}

// New returns the model; it has no chains until the flows are counted.
func (k Causal) New(c Config) (Model, error) {
	if c.Encoding == nil {
		return nil, errors.New("netdiffus: a causal model is made for a data set: fit the configuration to one first")
	}
	codecs, err := causalCodecs(c.Encoding)
	if err != nil {
		return nil, err
	}
	for _, a := range codecs {
		for _, class := range c.Classes {
			if n := len(a.Tables[class]); n != c.Image.Side {
				return nil, fmt.Errorf("netdiffus: the codec has tables for %d places of class %q, want %d", n, class, c.Image.Side)
			}
		}
	}
	atoms := codecs[0]
	m := &causalModel{atoms: atoms, classes: c.Classes, vocabulary: vocabularyOf(atoms), minP: k.MinP}
	m.Alone = k.Alone
	m.rarity = joint.NewRarity(atoms, c.Classes, joint.Settings{Rare: k.Rare, Group: k.Group}, k.KeepRare)
	m.Network = causal.Network{
		Width: k.Width, Layers: k.Layers, Dropout: k.Dropout, Places: c.Image.Side, Classes: len(c.Classes),
		Symbols: causal.Vocabulary{Len: len(m.vocabulary) + 1, Chains: len(causal.Mixed), Numbers: describe(m.vocabulary)},
	}
	m.Symbols.Numbers = append(m.Symbols.Numbers, make([]float32, len(causal.Describe(0, 1)))) // of the end
	for _, class := range c.Classes {
		var places [][]bool
		for j, t := range atoms.Tables[class] {
			allowed := make([]bool, m.Symbols.Len)
			for atom := range t.Len() {
				allowed[m.symbol(class, j, int32(atom))] = true
			}
			places = append(places, allowed)
		}
		m.OfSymbols.Allowed = append(m.OfSymbols.Allowed, places)
	}
	if len(codecs) > 1 {
		m.times = newTimes(codecs[1], c.Classes)
		m.Marks = causal.Vocabulary{Len: len(m.times.middles), Chains: len(causal.MixedMarks), Numbers: describe(m.times.middles)}
		m.OfMarks.Allowed = m.times.allowed()
	}
	if k.Tables == nil {
		return m, nil
	}
	if err := m.count(k.Tables); err != nil {
		return m, err
	}
	if k.Thinning == nil && k.Chain == nil {
		return m, nil
	}
	all := k.Tables.padded(codecs, c.Classes)
	for class, thinning := range k.Thinning {
		t := joint.NewThinner(codecs, c.Classes[class], all[class])
		t.Thinning = thinning
		m.thinners = append(m.thinners, t)
	}
	if k.Chain == nil {
		return m, nil
	}
	prior, err := joint.Fit(codecs, c.Classes, all, *k.Chain)
	if err != nil {
		return m, err
	}
	m.chain = newChainModel(prior, len(c.Classes))
	return m, nil
}

// Ways implements Chooser: the base is the chain that Chain would choose. A network that
// draws rare values as they are copies more often, and one that cuts off the tail of its
// predictions repeats more; which of these is right depends on the flows.
func (k Causal) Ways(ctx context.Context, c Config, set *dataset.Set) ([]Way, error) {
	codecs, err := causalCodecs(c.Encoding)
	if err != nil {
		return nil, err
	}
	series := joint.Read(codecs[:1], c.Classes, set.Images, set.Labels)
	choice, err := joint.Choose(ctx, codecs[0], c.Classes, joint.Values(codecs[0], c.Classes, series), c.Training.Seed)
	if err != nil {
		return nil, err
	}
	var ways []Way
	add := func(name string, d CausalDrawing) {
		settings, failed := json.Marshal(d)
		err = errors.Join(err, failed)
		ways = append(ways, Way{name, settings})
	}
	add("chain of "+choice.Settings.String(), CausalDrawing{Chain: &choice.Settings})
	for _, rare := range []int{0, 2} {
		for _, minP := range []float64{0, 0.02} {
			name := "network"
			if rare > 0 {
				name += fmt.Sprintf(", values seen fewer than %d times merged", rare)
			}
			if minP > 0 {
				name += fmt.Sprintf(", leaving out values less than %v times as probable as the likeliest", minP)
			}
			add(name, CausalDrawing{Rare: rare, KeepRare: rare > 0, MinP: minP})
		}
	}
	return ways, err
}

// Drawing implements Chooser.
func (k Causal) Drawing(settings json.RawMessage) (Kind, error) {
	var d CausalDrawing
	if err := strict(settings, &d); err != nil {
		return nil, fmt.Errorf("netdiffus: how a causal model draws: %w", err)
	}
	k.CausalDrawing = d
	return k, nil
}

// What a network is thinned by (joint.Thinner.Thin), and how many flows it draws for one that is kept: a flow
// takes it a hundred times as long as a chain.
const (
	causalWeight = 2
	causalTries  = 40
)

// Thinned implements Chooser.
func (k Causal) Thinned(c Config, way Way, drawn *dataset.Set) (Way, error) {
	var d CausalDrawing
	codecs, err := causalCodecs(c.Encoding)
	if err == nil {
		err = strict(way.Settings, &d)
	}
	if err != nil {
		return way, err
	}
	if d.Chain != nil {
		return way, nil // chosen with its thinning
	}
	made := joint.Read(codecs, drawn.Classes, drawn.Images, drawn.Labels)
	fit := k.Tables.padded(codecs, c.Classes)
	for class, name := range c.Classes {
		t := joint.NewThinner(codecs, name, fit[class])
		t.Thin(made[slices.Index(drawn.Classes, name)], causalWeight)
		d.Thinning = append(d.Thinning, t.Thinning)
	}
	way.Name += ", thinned of copies"
	way.Settings, err = json.Marshal(d)
	return way, err
}

// padded are the flows of tables, of the classes, as joint.Fit takes them.
func (t *CausalTables) padded(codecs []*codec.Atoms, classes []string) []joint.Series {
	all := make([]joint.Series, len(classes))
	for c, class := range classes {
		for i, flow := range t.Flows[c] {
			channels := [][]int32{padded(flow, codecs[0].Tables[class])}
			if len(codecs) > 1 {
				channels = append(channels, padded(t.Times[c][i], codecs[1].Tables[class]))
			}
			all[c] = append(all[c], channels)
		}
	}
	return all
}

// padded are the atoms of a flow with those of padding after its end.
func padded(flow []int32, places []codec.AtomTable) []int32 {
	all := make([]int32, len(places))
	for j := copy(all, flow); j < len(places); j++ {
		all[j] = int32(len(places[j].Values))
	}
	return all
}

// describe returns the numbers that describe values, rising.
func describe(values []float64) [][]float32 {
	most := 1.0
	for _, v := range values {
		most = max(most, math.Abs(v))
	}
	all := make([][]float32, len(values))
	for i, v := range values {
		all[i] = causal.Describe(v, most)
	}
	return all
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
	times      *causalTimes // nil where there is no second channel
	minP       float64
	thinners   []*joint.Thinner // by class; nil where nothing is left out
	chain      *chainModel      // draws in place of the network; nil where that draws
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

// series is a flow that untilEnd returned, with the atoms of its times, as symbols and marks.
func (m *causalModel) series(class int, flow, times []int32) causal.Series {
	s := causal.Series{Symbols: m.symbols(m.classes[class], flow)}
	for j, atom := range times {
		s.Marks = append(s.Marks, m.times.bins[class][j].of[atom])
	}
	return s
}

// count counts the flows of tables, which may be a stranger's.
func (m *causalModel) count(tables *CausalTables) error {
	if len(tables.Flows) != len(m.classes) {
		return fmt.Errorf("netdiffus: flows of %d classes, want %d", len(tables.Flows), len(m.classes))
	}
	if m.times != nil && len(tables.Times) != len(m.classes) {
		return fmt.Errorf("netdiffus: times of %d classes, want %d", len(tables.Times), len(m.classes))
	}
	var series []causal.Series
	var classes []int
	for c, class := range m.classes {
		for i, flow := range tables.Flows[c] {
			if err := checkAtoms(flow, m.Places, func(j int) int { return m.atoms.Tables[class][j].Len() }); err != nil {
				return fmt.Errorf("netdiffus: class %q, flow %d: %w", class, i, err)
			}
			var times []int32
			if m.times != nil {
				if len(tables.Times[c]) != len(tables.Flows[c]) {
					return fmt.Errorf("netdiffus: class %q: %d flows and times of %d", class, len(tables.Flows[c]), len(tables.Times[c]))
				}
				times = tables.Times[c][i]
				if n := packets(flow, m.atoms.Tables[class]); len(times) != n {
					return fmt.Errorf("netdiffus: class %q, flow %d: %d packets and %d times", class, i, n, len(times))
				}
				if err := checkAtoms(times, m.Places, func(j int) int { return len(m.times.bins[c][j].of) }); err != nil {
					return fmt.Errorf("netdiffus: class %q, times of flow %d: %w", class, i, err)
				}
			}
			series, classes = append(series, m.series(c, flow, times)), append(classes, c)
		}
	}
	m.Count(series, classes)
	return nil
}

// checkAtoms returns what is wrong with the atoms of a flow of at most so many packets, of
// which there are number(j) at place j.
func checkAtoms(flow []int32, places int, number func(j int) int) error {
	if len(flow) > places {
		return fmt.Errorf("%d packets, want at most %d", len(flow), places)
	}
	for j, atom := range flow {
		if n := number(j); atom < 0 || int(atom) >= n {
			return fmt.Errorf("atom %d of packet %d, want one below %d", atom, j, n)
		}
	}
	return nil
}

// mostRows is how many packets the flows held out may have, so that the probabilities of
// every symbol for each of them fit into memory.
const mostRows = 1 << 14

func (m *causalModel) Traits() Traits {
	return Traits{Batch: 1024, HeldOut: max(1, mostRows/m.Places), Chain: m.chain != nil, Even: true}
}

// Extract implements Extractor.
func (m *causalModel) Extract(images imaging.Images, labels []int, counted bool) [][]float32 {
	numbers := make([]int, len(m.classes))
	codecs := []*codec.Atoms{m.atoms}
	if m.times != nil {
		codecs = append(codecs, m.times.codec)
	}
	series := joint.Read(codecs, m.classes, images, labels)
	rows := make([][]float32, images.N)
	for i, label := range labels {
		read := series[label][numbers[label]]
		places := m.atoms.Tables[m.classes[label]]
		flow := untilEnd(read[0], places)
		var times []int32
		if m.times != nil {
			times = read[1][:packets(flow, places)]
		}
		numbers[label]++
		rows[i] = make([]float32, m.Row())
		m.Read(label, m.series(label, flow, times), counted, rows[i])
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
	if b.OfSymbols.Chains == nil {
		return nil, errors.New("netdiffus: the flows of the causal model have not been counted yet")
	}
	if b.chain != nil {
		return chainBound{onHost{}, b.chain, b.schedule}, nil
	}
	d, err := b.NewDrawer(backend, scope)
	if err != nil {
		return nil, err
	}
	d.MinP = b.minP
	h := &causalHost{causalBound: b, drawer: d}
	h.evenly = joint.NewEvenly(h, len(b.classes), causalBlocks)
	return h, nil
}

// causalBlocks are small at first, as a network takes its time.
var causalBlocks = joint.Blocks{First: 64, Most: 512}

// causalHost is a causalBound with its weights.
type causalHost struct {
	causalBound
	drawer *causal.Drawer
	evenly *joint.Evenly
}

// Tries implements joint.Source.
func (b *causalHost) Tries(class int) int { return b.thinner(class).MostDrawn() }

// thinner is that of a class; nil where nothing is left out.
func (b *causalHost) thinner(class int) *joint.Thinner {
	if b.thinners == nil {
		return nil
	}
	return b.thinners[class]
}

// Candidates implements joint.Source.
func (b *causalHost) Candidates(class int, u []float64, rngs []*rand.Rand) ([]joint.Candidate, error) {
	classes, paths := make([]int32, len(u)), make([]*noise.Path, len(u))
	for i := range u {
		classes[i], paths[i] = int32(class), noise.NewEvenPath(rngs[i], u[i])
	}
	series, err := b.drawer.DrawAlong(classes, paths, rngs)
	if err != nil {
		return nil, err
	}
	all := make([]joint.Candidate, len(u))
	for i, s := range series {
		atoms := b.newAtoms()
		b.redraw(class, s, rngs[i], nil, i, atoms)
		all[i] = joint.Candidate{Series: atoms, Keep: b.thinner(class).Weight(atoms)}
	}
	return all, nil
}

// EstimateX0 implements HostDenoiser: the clean image is that of the step before, or at the
// first step that of a flow drawn from the model given the image, as far as that shows
// anything.
func (b *causalHost) EstimateX0(x imaging.Images, t int, y []int32, sources []noise.Source, x0 imaging.Images) error {
	alphaBar := b.schedule.AlphaBar[t]
	faint := isFaint(math.Sqrt(alphaBar), math.Sqrt(1-alphaBar))
	r := newRenderer(x0)
	var left []int
	for i := range x0.N {
		if isDrawn(x0.At(i)) {
			continue
		}
		if sources[i].Even == nil || !faint {
			left = append(left, i)
			continue
		}
		class := int(y[i])
		atoms, err := b.evenly.Draw(class, *sources[i].Even)
		if err != nil {
			return err
		}
		b.writeCodes(class, atoms, r.codes)
		r.write(x0.At(i))
	}
	if b.thinners == nil {
		tries := make([]try, len(left))
		for k, i := range left {
			tries[k] = try{i, sources[i].Rand, true}
		}
		_, err := b.draw(x, t, y, tries, x0)
		return err
	}
	// Flows that are left out are drawn again. Each try has randomness of its own, so that it does
	// not matter how many are made at once.
	seeds := make([]uint64, x0.N)
	for _, i := range left {
		seeds[i] = sources[i].Uint64()
	}
	for made := 0; len(left) > 0; {
		each := min(max(1, causal.AtOnce/len(left)), causalTries-made)
		var tries []try
		for _, i := range left {
			for k := made; k < made+each; k++ {
				tries = append(tries, try{i, noise.Stream(seeds[i], uint64(k)), k+1 == causalTries})
			}
		}
		made += each
		done, err := b.draw(x, t, y, tries, x0)
		if err != nil {
			return err
		}
		left = slices.DeleteFunc(left, func(i int) bool { return done[i] })
	}
	return nil
}

// try is one flow that is drawn for an image. The last one is kept whatever it is.
type try struct {
	image int
	rng   *rand.Rand
	last  bool
}

// draw draws flows, and writes into x0 the image of the first one for each image that is not left
// out. It returns which images have one.
func (b *causalHost) draw(x imaging.Images, t int, y []int32, tries []try, x0 imaging.Images) (done map[int]bool, err error) {
	var classes []int32
	var own []*rand.Rand
	for _, try := range tries {
		classes, own = append(classes, y[try.image]), append(own, try.rng)
	}
	alphaBar := b.schedule.AlphaBar[t]
	signal, sigma := math.Sqrt(alphaBar), math.Sqrt(1-alphaBar)
	r := newRenderer(x)
	var shown *causalEvidence // nil where the images show nothing
	var series []causal.Series
	if isFaint(signal, sigma) {
		series, err = b.drawer.Draw(classes, own)
	} else {
		shown = &causalEvidence{b.causalModel, classes, signal, sigma, make([][][]float64, len(tries))}
		for i, try := range tries {
			r.read(x.At(try.image))
			for _, d := range r.diagonals {
				shown.diagonals[i] = append(shown.diagonals[i], slices.Clone(d))
			}
		}
		series, err = b.drawer.Posterior(classes, own, shown.ofSymbols(), shown.ofMarks())
	}
	if err != nil {
		return nil, err
	}
	done = map[int]bool{}
	flow := b.newAtoms()
	for i, try := range tries {
		if done[try.image] {
			continue
		}
		class := int(classes[i])
		b.redraw(class, series[i], try.rng, shown, i, flow)
		if try.last || b.thinners[class].Keeps(try.rng, flow) {
			b.writeCodes(class, flow, r.codes)
			r.write(x0.At(try.image))
			done[try.image] = true
		}
	}
	return done, nil
}

// newAtoms is room for the atoms of a flow, [channels][places].
func (m *causalModel) newAtoms() [][]int32 {
	atoms := [][]int32{make([]int32, m.Places)}
	if m.times != nil {
		atoms = append(atoms, make([]int32, m.Places))
	}
	return atoms
}

// writeCodes writes the codes of the atoms of a flow of a class, both [channels][places].
func (m *causalModel) writeCodes(class int, atoms [][]int32, codes [][]float64) {
	for j := range m.Places {
		codes[0][j] = m.rarity.Code(class, j, atoms[0][j])
		if m.times != nil {
			codes[1][j] = m.times.rarity.Code(class, j, atoms[1][j])
		}
	}
}

// redraw writes the atoms of a series of a class, [channels][places], of which values turn out as others of
// their kind, as far as shown, if not nil, allows of series i.
func (m *causalModel) redraw(class int, s causal.Series, rng *rand.Rand, shown *causalEvidence, i int, atoms [][]int32) {
	for j := range m.Places {
		symbol := m.End() // and what follows it
		if j < len(s.Symbols) {
			symbol = s.Symbols[j]
		}
		var likelihood []float64
		if shown != nil {
			likelihood = shown.ofAtoms(m.rarity, 0, i, j)
		}
		atoms[0][j] = m.rarity.Redraw(rng, class, j, int32(m.atom(m.classes[class], j, symbol)), likelihood)
		if m.times == nil {
			continue
		}
		bins := m.times.bins[class][j]
		atoms[1][j] = int32(len(bins.of)) // padding
		if j < len(s.Marks) {
			if shown != nil {
				likelihood = shown.ofAtoms(m.times.rarity, 1, i, j)
			}
			atoms[1][j] = bins.draw(rng, s.Marks[j], likelihood)
		}
	}
}

// causalEvidence is what noisy images show.
type causalEvidence struct {
	*causalModel
	labels        []int32
	signal, noise float64
	diagonals     [][][]float64 // by image, channel and place
}

// ofAtoms returns the likelihoods of the atoms of a channel at place j of image i.
func (e *causalEvidence) ofAtoms(r *joint.Rarity, channel, i, j int) []float64 {
	return r.Likelihoods(int(e.labels[i]), j, e.diagonals[i][channel][j], e.signal, e.noise)
}

func (e *causalEvidence) ofSymbols() causal.Evidence {
	likelihood := make([]float64, e.Symbols.Len)
	return func(i, j int) []float64 {
		clear(likelihood)
		class := int(e.labels[i])
		byAtom := e.ofAtoms(e.rarity, 0, i, j)
		for atom := range byAtom {
			symbol := e.symbol(e.classes[class], j, int32(atom))
			likelihood[symbol] = e.rarity.Mean(class, j, int32(atom), byAtom)
		}
		return likelihood
	}
}

func (e *causalEvidence) ofMarks() causal.Evidence {
	likelihood := make([]float64, e.Marks.Len)
	return func(i, j int) []float64 {
		byAtom := e.ofAtoms(e.times.rarity, 1, i, j)
		e.times.bins[e.labels[i]][j].means(byAtom, likelihood)
		return likelihood
	}
}
