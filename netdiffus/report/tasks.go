package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
)

// fewReal are the small real sizes that synthetic flows are to help out, flows
// a class.
var fewReal = []int{5, 10, 20, 50}

// Augmented is what adding flows to few real ones did: accuracy and macro F1 on
// the test flows.
type Augmented struct {
	Judge string      `json:"judge"` // "forest", or a further judge's name
	Real  int         `json:"real_per_class"`
	Added int         `json:"added_per_class"`
	Rows  []Augmenter `json:"rows"`
}

// Alone is the source of a row that has the real flows only.
const Alone = "none"

// Augmenter is one thing that was trained on.
type Augmenter struct {
	Source   string `json:"source"` // of the flows added; [Alone] where none are
	Accuracy Spread `json:"accuracy"`
	MacroF1  Spread `json:"f1"`
	Gain     Spread `json:"accuracy_gain"` // over the real flows alone, seed by seed
	GainF1   Spread `json:"f1_gain"`
}

// helpers are the sources that a judge tries as helpers of real flows: all for
// the forest, and the synthetic flows and the first-order chain for the others,
// which are slow.
func (e *evaluation) helpers(j NamedJudge) []string {
	if j.Name != "" {
		return []string{Synthesised, Markov1}
	}
	var names []string
	for _, s := range e.sources {
		names = append(names, s.name)
	}
	return names
}

// augment trains on few real flows, alone and with others added.
func (e *evaluation) augment(ctx context.Context, r *Report) error {
	train, test := e.table(e.train), e.table(e.test)
	for _, j := range e.taskJudges() {
		for _, n := range fewReal {
			a, err := e.augmented(ctx, j, n, train, test)
			if err != nil {
				return err
			}
			r.Augmentation = append(r.Augmentation, a)
		}
	}
	return nil
}

// augmented is augment for one judge and n real flows a class, of train.
func (e *evaluation) augmented(ctx context.Context, j NamedJudge, n int, train, test classify.Table) (Augmented, error) {
	want, helpers := e.largest(), e.helpers(j)
	a := Augmented{Judge: j.name(), Real: n, Added: slices.Max(want), Rows: make([]Augmenter, 1+len(helpers))}
	a.Rows[0].Source = Alone
	for seed := range uint64(e.Seeds) {
		few := classify.Few(train, n, seed)
		tables := []classify.Table{few}
		for i, name := range helpers {
			a.Rows[1+i].Source = name
			tables = append(tables, few.Join(e.table(e.draw(name, want, seed))))
		}
		for i, table := range tables {
			scores, err := classify.Evaluate(ctx, j.Judge, table, seed, test)
			if err != nil {
				return a, err
			}
			a.Rows[i].Accuracy.add(scores[0].Accuracy)
			a.Rows[i].MacroF1.add(scores[0].MacroF1)
		}
		e.step("augmentation")
	}
	for i := range a.Rows {
		row := &a.Rows[i]
		row.Gain, row.GainF1 = row.Accuracy.minus(a.Rows[0].Accuracy), row.MacroF1.minus(a.Rows[0].MacroF1)
	}
	return a, nil
}

func (s *Spread) add(v float64) { s.Values = append(s.Values, v) }

// draw draws from the source of that name.
func (e *evaluation) draw(name string, n []int, seed uint64) sample {
	i := slices.IndexFunc(e.sources, func(s source) bool { return s.name == name })
	return e.sources[i].draw(n, seed)
}

// The original's fingerprinting: 20 classes (videos), of each 80 real traces to
// train on and 20 to test on, and 100 to 400 synthetic ones.
const (
	fingerClasses = 20
	fingerTrain   = 80
	fingerTest    = 20
)

var fingerSynthetic = []int{100, 200, 300, 400}

// Fingerprints is the original's fingerprinting, as far as the data go.
type Fingerprints struct {
	Classes  []string         `json:"classes"`
	MinTrain int              `json:"min_train"` // real flows a class to train on, of the smallest class
	MaxTrain int              `json:"max_train"`
	MinTest  int              `json:"min_test"`
	MaxTest  int              `json:"max_test"`
	Rows     []FingerprintRow `json:"rows"`
}

// FingerprintRow is one scenario.
type FingerprintRow struct {
	Judge    string `json:"judge"`           // "forest", or a further judge's name
	Source   string `json:"source"`          // of the flows that stand for or beside the real ones; [Alone] without any
	Added    int    `json:"added_per_class"` // of the class that has most
	Real     bool   `json:"real"`            // the real flows are trained on too
	Accuracy Spread `json:"accuracy"`
	MacroF1  Spread `json:"f1"`
	Gain     Spread `json:"accuracy_gain"` // over the real flows alone, seed by seed
}

// fingerprint trains on real flows, on others, and on both.
func (e *evaluation) fingerprint(ctx context.Context, r *Report) error {
	order := make([]int, len(e.classes))
	for c := range order {
		order[c] = c
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(e.train[b]), len(e.train[a])) })
	chosen := slices.Sorted(slices.Values(order[:min(fingerClasses, len(order))]))

	f := &Fingerprints{}
	keep := make([]int, len(e.classes)) // 1 for the classes that take part
	for i, c := range chosen {
		f.Classes = append(f.Classes, e.classes[c])
		keep[c] = 1
		train, test := min(fingerTrain, len(e.train[c])), min(fingerTest, len(e.test[c]))
		if i == 0 {
			f.MinTrain, f.MinTest = train, test
		}
		f.MinTrain, f.MaxTrain = min(f.MinTrain, train), max(f.MaxTrain, train)
		f.MinTest, f.MaxTest = min(f.MinTest, test), max(f.MaxTest, test)
	}
	times := func(n int) []int {
		want := slices.Clone(keep)
		for c := range want {
			want[c] *= n
		}
		return want
	}

	most := slices.Max(e.want(1 << 30))
	var amounts []int
	for _, n := range fingerSynthetic {
		amounts = append(amounts, min(n, most))
	}
	amounts = slices.Compact(amounts)
	for _, j := range e.taskJudges() {
		rows := []FingerprintRow{{Judge: j.name(), Source: Alone, Real: true}}
		for _, n := range amounts {
			for _, source := range e.helpers(j) {
				row := FingerprintRow{Judge: j.name(), Source: source, Added: n}
				rows = append(rows, row)
				row.Real = true
				rows = append(rows, row)
			}
		}
		for seed := range uint64(e.Seeds) {
			real := e.table(e.subset(e.train, "fingerprint")(times(fingerTrain), seed))
			test := e.table(e.subset(e.test, "fingerprint")(times(fingerTest), seed))
			for i := range rows {
				row := &rows[i]
				table := classify.Table{Classes: len(e.classes)}
				if row.Real {
					table = real
				}
				if row.Added > 0 {
					table = table.Join(e.table(e.draw(row.Source, times(row.Added), seed)))
				}
				if table.Len() == 0 || test.Len() == 0 {
					return fmt.Errorf("none of the classes %q has both synthetic flows and test flows", f.Classes)
				}
				scores, err := classify.Evaluate(ctx, j.Judge, table, seed, test)
				if err != nil {
					return err
				}
				row.Accuracy.add(scores[0].Accuracy)
				row.MacroF1.add(scores[0].MacroF1)
			}
			e.step("fingerprinting")
		}
		for i := range rows {
			rows[i].Gain = rows[i].Accuracy.minus(rows[0].Accuracy)
		}
		f.Rows = append(f.Rows, rows...)
	}
	r.Fingerprint = f
	return nil
}

// anomalyFolds is how many parts the classes are split into; each is held out
// once.
const anomalyFolds = 4

// Anomalies says how well classes that were held out are found.
type Anomalies struct {
	PerClass int          `json:"per_class"`
	HeldOut  int          `json:"held_out_classes"` // at a time, at most
	Rows     []AnomalyRow `json:"rows"`
}

// AnomalyRow is a detector trained on one source's flows of the normal classes:
// means over the folds.
type AnomalyRow struct {
	Source    string `json:"source"`
	AUC       Spread `json:"auc"`
	Detection Spread `json:"detection_at_1_percent"`
}

// anomalies trains on the normal classes of every source and tests on all real
// test flows, those of the classes held out being the anomalies.
func (e *evaluation) anomalies(ctx context.Context, r *Report) error {
	if len(e.classes) < 3 {
		e.note("Anomaly detection needs three classes or more: one to hold out, two to tell apart.")
		return nil
	}
	folds := min(anomalyFolds, len(e.classes))
	if len(e.classes) == 3 {
		folds = 3
	}
	want, test := e.largest(), e.table(e.test)
	a := &Anomalies{PerClass: slices.Max(want), HeldOut: (len(e.classes) + folds - 1) / folds}
	for _, source := range e.sources {
		row := AnomalyRow{Source: source.name}
		for seed := range uint64(e.Seeds) {
			train := e.table(source.draw(want, seed))
			auc, detection, n := 0.0, 0.0, 0.0
			for _, heldOut := range classify.Folds(len(e.classes), folds, seed) {
				alarm, err := classify.Detect(ctx, e.Trees, train, test, heldOut, seed)
				if err != nil {
					return err
				}
				if finite(alarm.AUC) { // not where no test flow is of the classes held out
					auc += alarm.AUC
					detection += alarm.Detection
					n++
				}
			}
			row.AUC.add(auc / n)
			row.Detection.add(detection / n)
			e.step("anomaly detection")
		}
		a.Rows = append(a.Rows, row)
	}
	r.Anomaly = a
	return nil
}
