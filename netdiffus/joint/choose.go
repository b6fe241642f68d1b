package joint

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Default is what Choose returns where there are too few series to choose by.
var Default = Settings{Memory: markov.Memory{Order: 2}, Rare: 3, Group: 8}

// candidates are the settings that Choose tries at each order: from the chain over the
// values themselves to one whose rare values are merged widely.
var candidates = []Settings{{Rare: 1}, {Rare: 2, Group: 4}, {Rare: 3, Group: 8}, {Rare: 3, Group: 16}, {Rare: 3, Group: 32}, {Rare: 4, Group: 16}, {Rare: 5, Group: 16}}

// beginnings are the values of Whole that Choose tries with each of the candidates, in
// this order: each remembers more than the one before.
var beginnings = []int{0, 8, 4, 3, 2}

// What Choose measures with.
const (
	highestOrder = 6
	heldOut      = 0.2 // share of the series
	leastHeldOut = 5   // series of a class, below which it is not measured
	mostDrawn    = 300 // series of a class, of each setting
)

// Trial is what Choose measured of one setting, of series drawn from a chain fitted to four
// fifths of the series and compared with the rest.
type Trial struct {
	Settings
	Figures
}

// score is what trials are compared by.
func (t Trial) score() float64 { return t.Accuracy - t.FourGram }

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
// nearly copy, no more of the series fitted to than the held-out series do, that with
// the highest difference of accuracy (train on drawn series, test on held-out ones)
// and Jensen-Shannon divergence of runs of four. It takes some seconds.
//
// Why not by likelihood: the likelihood of held-out series is ruled by values that were
// never seen, and prefers chains that back off so often that their series are less
// like real ones in every other respect.
func Choose(ctx context.Context, a *codec.Atoms, classes []string, values [][][]float64, seed uint64) (Choice, error) {
	t, err := newTrials(a, classes, values, seed)
	if err != nil || t == nil {
		return Choice{Settings: Default}, err
	}
	c := Choice{Settings: Default, Held: Trial{Figures: t.Own()}}
	best := math.Inf(-1)
	for _, s := range candidates {
		for s.Order = 1; s.Order <= highestOrder; s.Order++ {
			allowed := 0
			for _, s.Whole = range beginnings {
				if err := ctx.Err(); err != nil {
					return c, err
				}
				trial, series, err := t.try(s)
				if err != nil {
					return c, err
				}
				copies := trial.Repeats(c.Held.Figures)
				if !copies {
					if trial.Accuracy, err = t.accuracy(ctx, t.seen(series, nil), t.seen(t.Rest, nil)); err != nil {
						return c, fmt.Errorf("joint: choosing: %w", err)
					}
					allowed++
					if trial.score() > best {
						best, c.Settings, c.Best = trial.score(), s, trial
					}
				}
				c.Trials = append(c.Trials, trial)
				if copies {
					break // and so does what remembers more
				}
			}
			if allowed == 0 {
				break
			}
		}
	}
	if math.IsInf(best, -1) { // every chain copies: the one that does so least
		c.Settings = Settings{Memory: markov.Memory{Order: 1}, Rare: 5, Group: 16}
	}
	return c, nil
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

// try measures one setting, but for its accuracy, and returns what it drew, by class.
func (t *trials) try(s Settings) (Trial, [][][]float64, error) {
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
	codes := [][]float64{make([]float64, t.Length)}
	drawn := make([][]float64, min(mostDrawn, len(t.Fit[c])))
	for i := range drawn {
		rng := noise.Stream(t.Seed, noise.Key("choose"), uint64(c), 1+uint64(i))
		d.DrawPrior(rng, codes)
		v := t.codec.Decode(class, codes[0])
		end := len(v)
		for end > 0 && v[end-1] == 0 { // padding
			end--
		}
		drawn[i] = v[:end]
	}
	return drawn
}
