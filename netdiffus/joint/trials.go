package joint

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// What trials measure with.
const (
	heldOut      = 0.2  // share of the series
	leastHeldOut = 5    // series of a class, of all divisions, below which it is not measured
	sureHeldOut  = 2500 // series, below which others are held out as well
	mostDrawn    = 300  // series of a class, of each setting,
	drawnFor     = 4    // and so many for one that it is fitted to, at most
)

// trials measures settings by series held out. Where these are few, others are held out after them, until all have been
// (cross-validation), and the figures are means.
type trials []*division

// division is a division of the series.
type division struct {
	*Held
	codec   *codec.Atoms // fitted to the series to fit to
	classes []string     // those with enough series
	series  []Series     // as atoms
}

// newTrials divides the series. It returns none where no class has enough.
func newTrials(a *codec.Atoms, classes []string, values [][][]float64, seed uint64) (t trials, err error) {
	held := 0 // in a division
	for _, v := range values {
		held += heldOutOf(v)
	}
	if held == 0 {
		return nil, nil
	}
	divisions := min(int(1/heldOut), (sureHeldOut+held-1)/held)
	for range divisions {
		t = append(t, &division{Held: &Held{Seed: seed}})
	}
	for c, class := range classes {
		n := heldOutOf(values[c])
		if n*divisions < leastHeldOut {
			continue
		}
		order := noise.Stream(seed, noise.Key("choose"), uint64(c)).Perm(len(values[c]))
		mixed := make([][]float64, len(order))
		for i, k := range order {
			mixed[i] = values[c][k]
		}
		for number, d := range t {
			from, to := number*n, (number+1)*n
			d.classes = append(d.classes, class)
			d.Fit = append(d.Fit, slices.Concat(mixed[:from], mixed[to:]))
			d.Rest = append(d.Rest, mixed[from:to])
			d.Length = len(a.Tables[class])
		}
	}
	if len(t[0].classes) == 0 {
		return nil, nil
	}
	for _, d := range t {
		if err := d.fit(a); err != nil {
			return nil, fmt.Errorf("joint: choosing: %w", err)
		}
	}
	return t, nil
}

// heldOutOf is how many series of a class are held out at a time.
func heldOutOf(values [][]float64) int { return int(heldOut * float64(len(values))) }

// fit sets the codec of the series to fit to, and these.
func (d *division) fit(a *codec.Atoms) (err error) {
	if d.codec, err = refit(a, d.classes, d.Fit, d.Length); err != nil {
		return err
	}
	for c, class := range d.classes {
		d.series = append(d.series, atomsOf(d.codec.Tables[class], d.Fit[c]))
	}
	return nil
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

// own are the figures of real series (Held.Own).
func (t trials) own() Figures {
	all := make([]Figures, len(t))
	for i, d := range t {
		all[i] = d.Own()
	}
	return meanOf(all)
}

// measure measures one setting: with detection of other series than without, so that no trial is the best for having
// drawn few copies by chance.
func (t trials) measure(ctx context.Context, s Settings, detection bool) (Figures, error) {
	all := make([]Figures, len(t))
	for i, d := range t {
		var err error
		if all[i], err = d.measure(ctx, s, detection); err != nil {
			return Figures{}, err
		}
	}
	return meanOf(all), nil
}

// measure measures one setting by the series that are held out.
func (d *division) measure(ctx context.Context, s Settings, detection bool) (Figures, error) {
	if err := ctx.Err(); err != nil {
		return Figures{}, err
	}
	p, err := Fit([]*codec.Atoms{d.codec}, d.classes, d.series, s)
	if err != nil {
		return Figures{}, err
	}
	block := 0
	if detection {
		block = 1
	}
	drawn := make([][][]float64, len(d.classes))
	for c, class := range d.classes {
		if drawn[c], err = d.draw(p, c, class, block); err != nil {
			return Figures{}, err
		}
	}
	return d.figures(ctx, drawn, nil, detection)
}

// draw draws a block of series of a class from the chain itself.
func (d *division) draw(p *Prior, c int, class string, block int) ([][]float64, error) {
	n := min(mostDrawn, drawnFor*len(d.Fit[c]))
	evenly, codes := NewEvenly(p, len(d.classes), Blocks{n, n}), p.classes[c].codes()
	drawn, key := make([][]float64, n), noise.Key("choose "+class)
	for i := range drawn {
		series, err := evenly.Draw(c, noise.Even{Seed: d.Seed, Class: key, Sample: uint64(block*n + i)})
		if err != nil {
			return nil, err
		}
		p.Encode(c, series, codes)
		v := d.codec.Decode(class, codes[0])
		drawn[i] = v[:size(v)]
	}
	return drawn, nil
}
