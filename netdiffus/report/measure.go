package report

import (
	"context"
	"fmt"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
)

// gathered is what was measured of one source at one size, a draw after the other.
type gathered struct {
	flows   int
	figures spreads
	classes []spreads
	firsts  [][]map[float64]float64 // by draw: share of each first packet, as sharesOf gives them
	lengths [][]map[float64]float64 // by draw: share of each number of packets
}

func (e *evaluation) newGathered() *gathered {
	g := &gathered{figures: spreads{}, classes: make([]spreads, len(e.classes))}
	for c := range g.classes {
		g.classes[c] = spreads{}
	}
	return g
}

// add measures one draw.
func (g *gathered) add(e *evaluation, drawn sample, seed uint64) {
	g.flows = drawn.flows()
	overall, classes := draw{e.reference, drawn, seed}.measure(e.figures)
	for name, v := range overall {
		g.figures.add(name, v)
	}
	for c, figures := range classes {
		for name, v := range figures {
			g.classes[c].add(name, v)
		}
	}
	if e.tabulates {
		g.firsts = append(g.firsts, e.sharesOf(drawn, firstOf))
		g.lengths = append(g.lengths, e.sharesOf(drawn, e.lengthOf))
	}
}

func (g *gathered) row(e *evaluation, source string) Row {
	row := Row{Source: source, Flows: g.flows, Figures: g.figures, Classes: map[string]map[string]Spread{}}
	for c, figures := range g.classes {
		if len(figures) > 0 {
			row.Classes[e.classes[c]] = figures
		}
	}
	return row
}

// measureSizes draws from every source, for every seed and size, and measures
// fidelity and classification both ways.
func (e *evaluation) measureSizes(ctx context.Context, r *Report) error {
	sizes := e.sizes()
	e.noteSizes()
	var all []*gathered // by size, and by source in each
	for range len(sizes) * len(e.sources) {
		all = append(all, e.newGathered())
	}
	ceiling := e.newGathered()
	for seed := range uint64(e.Seeds) {
		var tables []classify.Table
		for i := range all {
			table, err := e.measureDraw(ctx, all[i], e.sources[i%len(e.sources)], sizes, i/len(e.sources), seed)
			if err != nil {
				return err
			}
			tables = append(tables, table)
		}
		if e.classifies() {
			if err := e.trainOnReal(ctx, all, tables, ceiling.figures, seed); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	ceiling.add(e, e.train, 0)
	if err := e.embed(ctx, ceiling.figures, e.train); err != nil {
		return fmt.Errorf("report: all training %s: %w", e.many, err)
	}
	if e.timed && e.classifies() {
		if err := e.trainOnTimes(ctx, ceiling.figures, e.train, 0); err != nil {
			return fmt.Errorf("report: times of all training flows: %w", err)
		}
	}
	for i, size := range sizes {
		r.Sizes = append(r.Sizes, e.sizeOf(size, all[i*len(e.sources):][:len(e.sources)], ceiling))
	}
	if e.tabulates {
		e.tabulate(r, all[r.mainIndex()*len(e.sources):][:len(e.sources)])
	}
	return nil
}

// measureDraw draws once from a source, as many flows as sizes[at], and measures them. It
// returns them as a classifier gets them.
func (e *evaluation) measureDraw(ctx context.Context, g *gathered, s source, sizes []int, at int, seed uint64) (classify.Table, error) {
	size := sizes[at]
	fail := func(err error) (classify.Table, error) {
		return classify.Table{}, fmt.Errorf("report: %s, %s: %w", s.title, e.sizeNamed(size), err)
	}
	drawn, err := e.draw(s.name, e.want(size), seed)
	if err != nil {
		return fail(err)
	}
	g.add(e, drawn, seed)
	if err := e.embed(ctx, g.figures, drawn); err != nil {
		return fail(err)
	}
	table := e.table(drawn, false)
	if e.classifies() {
		if err := e.trainOn(ctx, g.figures, table, at, seed); err != nil {
			return fail(err)
		}
		if e.timed {
			if err := e.trainOnTimes(ctx, g.figures, drawn, seed); err != nil {
				return fail(err)
			}
		}
	}
	e.step("fidelity of " + s.title)
	return table, nil
}

// sizeOf puts together what was measured at one size.
func (e *evaluation) sizeOf(size int, measured []*gathered, ceiling *gathered) Size {
	s := Size{PerClass: max(0, size), All: size == All, Draws: e.independentDraws(size), Short: e.short(size)}
	if s.Draws < float64(e.Seeds) {
		e.note("The %d draws of %s overlap, so that the synthetic figures spread less than they should: there are %s for %.1f draws.", e.Seeds, s.of(e.many), e.many, s.Draws)
	}
	for k, source := range e.sources {
		s.Rows = append(s.Rows, measured[k].row(e, source.name))
	}
	s.Rows = append(s.Rows, ceiling.row(e, allReal))
	return s
}
