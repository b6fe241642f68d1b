package joint

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
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
	heldOut      = 0.2  // share of the series
	leastHeldOut = 5    // series of a class, below which it is not measured
	mostDrawn    = 300  // series of a class, of each setting
	trees        = 60   // of the forest
	slack        = 0.02 // of the shares of copies: their standard error
)

// Trial is what Choose measured of one setting. All are means over the classes, of
// series drawn from a chain fitted to four fifths of the series, compared with the rest.
type Trial struct {
	Settings
	Copies   float64 `json:"copies"`      // share that equals a series fitted to
	Near     float64 `json:"near_copies"` // share that is within 8 bytes a place of one
	FourGram float64 `json:"four_gram_js,omitempty"`
	Accuracy float64 `json:"accuracy,omitempty"` // on the rest, of a forest trained on the drawn; 0 where it copies too much
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
	c := Choice{Settings: Default, Held: t.held()}
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
				copies := trial.Copies > c.Held.Copies+slack || trial.Near > c.Held.Near+slack
				if !copies {
					if trial.Accuracy, err = t.accuracy(ctx, series); err != nil {
						return c, err
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
	codec   *codec.Atoms // fitted to fit
	classes []string     // those with enough series
	fit     [][][]float64
	rest    [][][]float64
	series  []Series // fit's, as atoms
	length  int
	seed    uint64
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
	t := &trials{seed: seed}
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
		t.classes, t.fit, t.rest = append(t.classes, class), append(t.fit, parts[0]), append(t.rest, parts[1])
		t.length = len(a.Tables[class])
	}
	if len(t.classes) == 0 {
		return nil, nil
	}
	fitted, err := refit(a, t.classes, t.fit, t.length)
	if err != nil {
		return nil, fmt.Errorf("joint: choosing: %w", err)
	}
	t.codec = fitted
	for c, class := range t.classes {
		t.series = append(t.series, atomsOf(fitted.Tables[class], t.fit[c]))
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

// rows are series padded with zeros.
func (t *trials) rows(series [][]float64) [][]float64 {
	all := make([][]float64, len(series))
	for i, v := range series {
		all[i] = append(slices.Clone(v), make([]float64, t.length-len(v))...)
	}
	return all
}

// copies returns the shares of series that are copies, and nearly copies, of series of
// class c fitted to.
func (t *trials) copies(c int, series [][]float64) (exact, near float64) {
	rows, fit := t.rows(series), t.rows(t.fit[c])
	return metric.Share(metric.Copies(rows, fit)), metric.NearShare(metric.Closest(rows, fit))
}

// held measures the series held out.
func (t *trials) held() (h Trial) {
	n := float64(len(t.classes))
	for c := range t.classes {
		exact, near := t.copies(c, t.rest[c])
		h.Copies += exact / n
		h.Near += near / n
	}
	return h
}

// try measures one setting, but for its accuracy, and returns what it drew, by class.
func (t *trials) try(s Settings) (Trial, [][][]float64, error) {
	trial := Trial{Settings: s}
	p, err := Fit([]*codec.Atoms{t.codec}, t.classes, t.series, s)
	if err != nil {
		return trial, nil, err
	}
	n, all := float64(len(t.classes)), make([][][]float64, len(t.classes))
	for c, class := range t.classes {
		all[c] = t.draw(p, c, class)
		exact, near := t.copies(c, all[c])
		trial.Copies += exact / n
		trial.Near += near / n
		if js := metric.NGram(min(4, t.length), all[c], t.rest[c]); !math.IsNaN(js) {
			trial.FourGram += js / n
		}
	}
	return trial, all, nil
}

// draw draws series of a class from the chain itself.
func (t *trials) draw(p *Prior, c int, class string) [][]float64 {
	d := p.Drawer(c)
	codes := [][]float64{make([]float64, t.length)}
	drawn := make([][]float64, min(mostDrawn, len(t.fit[c])))
	for i := range drawn {
		rng := noise.Stream(t.seed, noise.Key("choose"), uint64(c), 1+uint64(i))
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

// accuracy is that of a forest trained on drawn series, on those held out.
func (t *trials) accuracy(ctx context.Context, drawn [][][]float64) (float64, error) {
	table := func(series [][][]float64) classify.Table {
		x := classify.Table{Classes: len(t.classes)}
		for c := range series {
			for _, row := range t.rows(series[c]) {
				x.X, x.Y = append(x.X, row), append(x.Y, c)
			}
		}
		return x
	}
	scores, err := classify.Evaluate(ctx, classify.Trees(trees), table(drawn), t.seed, table(t.rest))
	if err != nil {
		return 0, fmt.Errorf("joint: choosing: %w", err)
	}
	return scores[0].Accuracy, nil
}
