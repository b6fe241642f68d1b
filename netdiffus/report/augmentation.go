package report

import (
	"context"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
)

// augmentation is what adding flows to few real ones did: accuracy and macro F1 on
// the test flows.
type augmentation struct {
	Judge string         `json:"judge"` // "forest", or a further judge's name
	Real  int            `json:"real_per_class"`
	Added int            `json:"added_per_class"`
	Rows  []augmentedRow `json:"rows"`
}

// alone is the source of a row that has the real flows only.
const alone = "none"

// augmentedRow is one training set.
type augmentedRow struct {
	Source   string `json:"source"` // of the flows added; [alone] where none are
	Accuracy Spread `json:"accuracy"`
	MacroF1  Spread `json:"f1"`
	Gain     Spread `json:"accuracy_gain"` // over the real flows alone, seed by seed
	GainF1   Spread `json:"f1_gain"`
}

// added are the sources whose flows a judge is trained on in addition to real ones.
func (s *subject) added(j NamedJudge) []source {
	if j.Name != "" {
		return s.sourcesWith(withSlowJudges)
	}
	return s.sourcesWith(inTasks)
}

// augment trains on few real flows, alone and with others added.
func (e *evaluation) augment(ctx context.Context, r *Report) error {
	for _, j := range e.judges() {
		for size, want := range e.addedSizes() {
			if !e.doesSize(j, size) {
				continue
			}
			for _, n := range e.few {
				a, err := e.augmented(ctx, j, n, want)
				if err != nil {
					return err
				}
				r.Augmentation = append(r.Augmentation, a)
			}
		}
	}
	return nil
}

// augmented is augment for one judge, n real records a class, and so many of each class
// added.
func (e *evaluation) augmented(ctx context.Context, j NamedJudge, n int, want []int) (augmentation, error) {
	train, test := e.table(e.train, false), e.table(e.test, false)
	a := augmentation{Judge: j.name(), Real: n, Added: slices.Max(want), Rows: []augmentedRow{{Source: alone}}}
	for _, s := range e.added(j) {
		a.Rows = append(a.Rows, augmentedRow{Source: s.name})
	}
	for seed := range uint64(e.Seeds) {
		few := classify.Few(train, n, seed)
		for i := range a.Rows {
			row, table := &a.Rows[i], few
			if row.Source != alone {
				drawn, err := e.draw(row.Source, want, seed)
				if err != nil {
					return a, err
				}
				table = few.Join(e.table(drawn, false))
			}
			scores, err := classify.Evaluate(ctx, j.Judge, table, seed, test)
			if err != nil {
				return a, err
			}
			row.Accuracy.add(scores[0].Accuracy)
			row.MacroF1.add(scores[0].MacroF1)
		}
		e.step("augmentation")
	}
	for i := range a.Rows {
		row := &a.Rows[i]
		row.Gain, row.GainF1 = row.Accuracy.minus(a.Rows[0].Accuracy), row.MacroF1.minus(a.Rows[0].MacroF1)
	}
	return a, nil
}
