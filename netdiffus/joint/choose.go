package joint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Default is what Choose returns where there are too few series to choose by.
var Default = Settings{Memory: markov.Memory{Order: 2}, Rare: 3, Group: 8}

// mergings are what Choose tries of how rare values are merged, from the chain over the
// values themselves to one whose rare values are merged widely.
var mergings = []Settings{{Rare: 1}, {Rare: 2, Group: 4}, {Rare: 3, Group: 8}, {Rare: 3, Group: 16}, {Rare: 3, Group: 32}, {Rare: 4, Group: 16}, {Rare: 5, Group: 16}}

// beginnings are the values of Whole that Choose tries with each order.
var beginnings = []int{0, 4, 2}

// What Choose measures with.
const (
	highestOrder = 5
	heldOut      = 0.2 // share of the series
	leastHeldOut = 5   // series of a class, below which it is not measured
	mostDrawn    = 300 // series of a class, of each setting
	memories     = 3   // that are tried with every merging
	finalists    = 5   // whose detection is measured, too
)

// Trial is what Choose measured of one setting, of series drawn from a chain fitted to four
// fifths of the series and compared with the rest.
type Trial struct {
	Settings
	Figures
}

// Choice is what Choose found.
type Choice struct {
	Settings
	// Held are the figures of the series held out themselves.
	Held   Trial   `json:"held_out"`
	Best   Trial   `json:"best"` // of the settings chosen
	Trials []Trial `json:"trials"`
}

// Choose returns the settings that are best for the values of the lead channel, by
// class, with the codec a, on a part of them held out: of the chains that copy, or
// nearly copy, no more of the series fitted to than series held out do, that with
// the highest [Figures.Score]. A chain that copies more is thinned, and taken if that is enough.
// It looks for the best memories first, of the values themselves, then for the best way to merge
// them with each of these, and measures the detection of the best of all. It takes some tens of
// seconds.
//
// Why not by likelihood: the likelihood of held-out series is ruled by values that were
// never seen, and prefers chains that back off so often that their series are less
// like real ones in every other respect.
func Choose(ctx context.Context, a *codec.Atoms, classes []string, values [][][]float64, seed uint64) (Choice, error) {
	t, err := newTrials(a, classes, values, seed)
	if err != nil || t == nil {
		return Choice{Settings: Default}, err
	}
	c := Choice{Held: Trial{Figures: t.Own()}}
	s := search{trials: t, choice: &c}
	if err := s.run(ctx); err != nil {
		return c, fmt.Errorf("joint: choosing: %w", err)
	}
	if len(s.allowed) == 0 { // every chain copies: the one that does so least
		c.Settings = Settings{Memory: markov.Memory{Order: 1}, Rare: 5, Group: 16}
		return c, nil
	}
	c.Best = s.allowed[0].Trial
	c.Settings = c.Best.Settings
	return c, nil
}

// search is how Choose goes through the settings.
type search struct {
	*trials
	choice  *Choice
	allowed []drawn // the trials that do not copy too much, the best first
}

// drawn is a trial with the series that it drew, by class.
type drawn struct {
	Trial
	number int // among Choice.Trials
	series [][][]float64
}

// run tries the settings.
func (s *search) run(ctx context.Context) error {
	for order := 1; order <= highestOrder; order++ {
		before := len(s.allowed)
		for _, whole := range beginnings {
			if err := s.try(ctx, mergings[0], markov.Memory{Order: order, Whole: whole}); err != nil {
				return err
			}
		}
		if len(s.allowed) == before && order > 1 {
			break // and so do those that remember more
		}
	}
	best := s.best(memories)
	if len(best) == 0 {
		best = []drawn{{Trial: Trial{Settings: Settings{Memory: markov.Memory{Order: 1}}}}, {Trial: Trial{Settings: Settings{Memory: markov.Memory{Order: 2}}}}}
	}
	for _, b := range best {
		for _, merging := range mergings[1:] {
			if err := s.try(ctx, merging, b.Memory); err != nil {
				return err
			}
		}
	}
	// The detection of one trial counts against that of another only.
	s.allowed = s.best(finalists)
	for i := range s.allowed {
		if err := ctx.Err(); err != nil {
			return err
		}
		trial := &s.allowed[i]
		var err error
		if trial.Detection, err = s.detection(ctx, s.seen(trial.series, nil), s.seen(s.Rest, nil)); err != nil {
			return err
		}
		s.choice.Trials[trial.number] = trial.Trial
	}
	s.allowed = s.best(1)
	return nil
}

// try tries one setting, thinned where it copies too much otherwise.
func (s *search) try(ctx context.Context, settings Settings, m markov.Memory) error {
	settings.Memory = m
	for _, settings.Thin = range []bool{false, true} {
		if err := ctx.Err(); err != nil {
			return err
		}
		trial, series, err := s.measure(settings)
		if err != nil {
			return err
		}
		copies := trial.Repeats(s.choice.Held.Figures)
		if !copies {
			if trial.Accuracy, err = s.accuracy(ctx, s.seen(series, nil), s.seen(s.Rest, nil)); err != nil {
				return err
			}
			s.allowed = append(s.allowed, drawn{trial, len(s.choice.Trials), series})
		}
		s.choice.Trials = append(s.choice.Trials, trial)
		if !copies {
			break
		}
	}
	return nil
}

// best are the n best of the trials allowed, the best first.
func (s *search) best(n int) []drawn {
	all := slices.Clone(s.allowed)
	slices.SortStableFunc(all, func(a, b drawn) int { return cmp.Compare(b.Score(), a.Score()) })
	return all[:min(n, len(all))]
}

// trials is what all trials share.
type trials struct {
	*Held
	codec   *codec.Atoms // fitted to the series to fit to
	classes []string     // those with enough series
	series  []Series     // as atoms
}

// String describes the choice in a line.
func (c Choice) String() string {
	if len(c.Trials) == 0 {
		return "too few series to choose by: " + c.Settings.String()
	}
	if c.Best.Order == 0 {
		return "every chain copies more than the series held out: " + c.Settings.String()
	}
	return fmt.Sprintf("%s: accuracy %.3f, copies %.2f and near copies %.2f (of flows held out %.2f and %.2f)",
		c.Settings, c.Best.Accuracy, c.Best.Copies, c.Best.Near, c.Held.Copies, c.Held.Near)
}

// newTrials divides the series. It returns nil where no class has enough.
func newTrials(a *codec.Atoms, classes []string, values [][][]float64, seed uint64) (*trials, error) {
	t := &trials{Held: &Held{Seed: seed}}
	for c, class := range classes {
		n := int(heldOut * float64(len(values[c])))
		if n < leastHeldOut {
			continue
		}
		order := noise.Stream(seed, noise.Key("choose"), uint64(c)).Perm(len(values[c]))
		var parts [2][][]float64
		for i, k := range order {
			if i < n {
				parts[1] = append(parts[1], values[c][k])
			} else {
				parts[0] = append(parts[0], values[c][k])
			}
		}
		t.classes, t.Fit, t.Rest = append(t.classes, class), append(t.Fit, parts[0]), append(t.Rest, parts[1])
		t.Length = len(a.Tables[class])
	}
	if len(t.classes) == 0 {
		return nil, nil
	}
	fitted, err := refit(a, t.classes, t.Fit, t.Length)
	if err != nil {
		return nil, fmt.Errorf("joint: choosing: %w", err)
	}
	t.codec = fitted
	for c, class := range t.classes {
		t.series = append(t.series, atomsOf(fitted.Tables[class], t.Fit[c]))
	}
	return t, nil
}

// refit returns a with tables of these values.
func refit(a *codec.Atoms, classes []string, values [][][]float64, length int) (*codec.Atoms, error) {
	unfitted, ok := a.Unfitted().(*codec.Atoms)
	if !ok {
		return nil, errors.New("the codec cannot be fitted again")
	}
	fitter := unfitted.Fitter(length)
	for c, class := range classes {
		for _, v := range values[c] {
			if err := fitter.Add(class, v); err != nil {
				return nil, err
			}
		}
	}
	fitted, err := fitter.Codec()
	if err != nil {
		return nil, err
	}
	return fitted.(*codec.Atoms), nil
}

// atomsOf are series of one channel as atoms.
func atomsOf(tables []codec.AtomTable, values [][]float64) Series {
	all := make(Series, len(values))
	for i, v := range values {
		atoms := make([]int32, len(tables))
		for j, t := range tables {
			atoms[j] = int32(len(t.Values)) // padding
			if j < len(v) {
				atoms[j] = int32(t.Index(v[j]))
			}
		}
		all[i] = [][]int32{atoms}
	}
	return all
}

// measure measures one setting, by what takes no classifier, and returns what it drew, by class.
func (t *trials) measure(s Settings) (Trial, [][][]float64, error) {
	trial := Trial{Settings: s}
	p, err := Fit([]*codec.Atoms{t.codec}, t.classes, t.series, s)
	if err != nil {
		return trial, nil, err
	}
	all := make([][][]float64, len(t.classes))
	for c, class := range t.classes {
		all[c] = t.draw(p, c, class)
	}
	trial.Figures = t.compare(all)
	return trial, all, nil
}

// draw draws series of a class from the chain itself.
func (t *trials) draw(p *Prior, c int, class string) [][]float64 {
	d := p.Drawer(c)
	codes := d.codes()
	drawn := make([][]float64, min(mostDrawn, len(t.Fit[c])))
	for i := range drawn {
		rng := noise.Stream(t.Seed, noise.Key("choose"), uint64(c), 1+uint64(i))
		d.DrawPrior(rng, codes)
		v := t.codec.Decode(class, codes[0])
		drawn[i] = v[:size(v)]
	}
	return drawn
}
