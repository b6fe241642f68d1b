package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
)

// trial is a classification that scores are taken from.
type trial int

const (
	noTrial   trial = iota
	tstr            // train on the flows drawn, test on the test flows
	trts            // train on all training flows, test on the flows drawn
	tstrTimes       // as tstr, by the forest, which also gets the times
)

// forest is the judge that every task has.
func (e *evaluation) forest() NamedJudge {
	return NamedJudge{"", fmt.Sprintf("random forest of %d trees", e.Trees), classify.Trees(e.Trees)}
}

// judges are the forest and the others.
func (e *evaluation) judges() []NamedJudge { return append([]NamedJudge{e.forest()}, e.Judges...) }

// name is the judge's in metrics.json.
func (j NamedJudge) name() string { return cmp.Or(j.Name, "forest") }

// prefix is that of the judge's figures; those of the forest have none.
func (j NamedJudge) prefix() string {
	if j.Name == "" {
		return ""
	}
	return j.Name + "_"
}

// classifies reports whether classification was asked for.
func (e *evaluation) classifies() bool { return slices.Contains(e.Tasks, Classification) }

// table is the sample as the classifiers get it, in the order of classes.
func (r *reference) table(s sample, times bool) classify.Table {
	t := classify.Table{Classes: len(r.classes)}
	for c, flows := range s {
		for _, one := range flows {
			t.X, t.Y = append(t.X, r.features(r, one, times)), append(t.Y, c)
		}
	}
	return t
}

// addScores adds the figures that are scores of a trial.
func (e *evaluation) addScores(to spreads, trial trial, prefix string, s classify.Score) {
	for _, f := range e.figures {
		if f.score != nil && f.trial == trial {
			to.add(prefix+f.name, f.score(s))
		}
	}
}

// doesSize reports whether the judge does the size of that index.
func (e *evaluation) doesSize(j NamedJudge, size int) bool {
	return j.Name == "" || e.slowSizes == 0 || size < e.slowSizes
}

// trainOn trains every judge on the flows drawn, of the size of that index, and tests it on
// the test flows.
func (e *evaluation) trainOn(ctx context.Context, figures spreads, drawn classify.Table, size int, seed uint64) error {
	for _, j := range e.judges() {
		if !e.doesSize(j, size) {
			continue
		}
		scores, err := classify.Evaluate(ctx, j.Judge, drawn, seed, e.table(e.test, false))
		if err != nil {
			return err
		}
		e.addScores(figures, tstr, j.prefix(), scores[0])
	}
	return nil
}

// trainOnTimes trains the forest on the flows drawn with their times.
func (e *evaluation) trainOnTimes(ctx context.Context, figures spreads, drawn sample, seed uint64) error {
	scores, err := classify.Evaluate(ctx, e.forest().Judge, e.table(drawn, true), seed, e.table(e.test, true))
	if err != nil {
		return err
	}
	e.addScores(figures, tstrTimes, "", scores[0])
	return nil
}

// trainOnReal trains every judge on all training flows. It tests it on each of the
// draws, and on the test flows for the ceiling.
func (e *evaluation) trainOnReal(ctx context.Context, draws []*gathered, tables []classify.Table, ceiling spreads, seed uint64) error {
	for _, j := range e.judges() {
		n := len(draws) // those that the judge does, size by size
		for n > 0 && !e.doesSize(j, (n-1)/len(e.sources)) {
			n -= len(e.sources)
		}
		tests := append(slices.Clone(tables[:n]), e.table(e.test, false))
		scores, err := classify.Evaluate(ctx, j.Judge, e.table(e.train, false), seed, tests...)
		if err != nil {
			return fmt.Errorf("report: all training %s: %w", e.many, err)
		}
		for i, g := range draws[:n] {
			e.addScores(g.figures, trts, j.prefix(), scores[i])
		}
		e.addScores(ceiling, tstr, j.prefix(), scores[n])
	}
	return nil
}
