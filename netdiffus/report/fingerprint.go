package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
)

// The original's fingerprinting: 20 classes (videos), of each 80 real traces to
// train on and 20 to test on, and 100 to 400 synthetic ones.
const (
	fingerClasses = 20
	fingerTrain   = 80
	fingerTest    = 20
)

var fingerSynthetic = []int{100, 200, 300, 400}

// fingerprints is the original's fingerprinting, as far as the data allow.
type fingerprints struct {
	Classes  []string         `json:"classes"`
	MinTrain int              `json:"min_train"` // real flows a class to train on, of the smallest class
	MaxTrain int              `json:"max_train"`
	MinTest  int              `json:"min_test"`
	MaxTest  int              `json:"max_test"`
	Rows     []fingerprintRow `json:"rows"`

	chosen []int // 1 for the classes that take part, else 0
}

// fingerprintRow is one training set.
type fingerprintRow struct {
	Judge    string `json:"judge"`           // "forest", or a further judge's name
	Source   string `json:"source"`          // of the flows in place of the real ones or in addition to them; [alone] without any
	Added    int    `json:"added_per_class"` // of the class that has most
	Real     bool   `json:"real"`            // the real flows are trained on too
	Accuracy Spread `json:"accuracy"`
	MacroF1  Spread `json:"f1"`
	Gain     Spread `json:"accuracy_gain"` // over the real flows alone, seed by seed
}

// fingerprint trains on real flows, on others, and on both.
func (e *evaluation) fingerprint(ctx context.Context, r *Report) error {
	f := e.newFingerprints()
	for _, j := range e.judges() {
		rows := e.fingerprintRows(j)
		for seed := range uint64(e.Seeds) {
			if err := e.fingerprintOnce(ctx, j, f, rows, seed); err != nil {
				return err
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

// newFingerprints chooses the classes that have most training flows.
func (e *evaluation) newFingerprints() *fingerprints {
	order := make([]int, len(e.classes))
	for c := range order {
		order[c] = c
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(e.train[b]), len(e.train[a])) })
	f := &fingerprints{chosen: make([]int, len(e.classes))}
	for i, c := range slices.Sorted(slices.Values(order[:min(fingerClasses, len(order))])) {
		f.Classes = append(f.Classes, e.classes[c])
		f.chosen[c] = 1
		train, test := min(fingerTrain, len(e.train[c])), min(fingerTest, len(e.test[c]))
		if i == 0 {
			f.MinTrain, f.MinTest = train, test
		}
		f.MinTrain, f.MaxTrain = min(f.MinTrain, train), max(f.MaxTrain, train)
		f.MinTest, f.MaxTest = min(f.MinTest, test), max(f.MaxTest, test)
	}
	return f
}

// want is n flows of each class that takes part.
func (f *fingerprints) want(n int) []int {
	want := slices.Clone(f.chosen)
	for c := range want {
		want[c] *= n
	}
	return want
}

// fingerprintRows are the training sets of a judge: the real flows alone first.
func (e *evaluation) fingerprintRows(j NamedJudge) []fingerprintRow {
	most := e.mostSynthetic()
	var amounts []int
	for _, n := range fingerSynthetic {
		amounts = append(amounts, min(n, most))
	}
	rows := []fingerprintRow{{Judge: j.name(), Source: alone, Real: true}}
	for _, n := range slices.Compact(amounts) {
		for _, s := range e.added(j) {
			for _, real := range []bool{false, true} {
				rows = append(rows, fingerprintRow{Judge: j.name(), Source: s.name, Added: n, Real: real})
			}
		}
	}
	return rows
}

// fingerprintOnce trains on every row's flows with one seed.
func (e *evaluation) fingerprintOnce(ctx context.Context, j NamedJudge, f *fingerprints, rows []fingerprintRow, seed uint64) error {
	train, _ := subset(e.train, "fingerprint")(f.want(fingerTrain), seed) // a subset does not fail
	tests, _ := subset(e.test, "fingerprint")(f.want(fingerTest), seed)
	real, test := e.table(train, false), e.table(tests, false)
	for i := range rows {
		row := &rows[i]
		table := classify.Table{Classes: len(e.classes)}
		if row.Real {
			table = real
		}
		if row.Added > 0 {
			drawn, err := e.draw(row.Source, f.want(row.Added), seed)
			if err != nil {
				return err
			}
			table = table.Join(e.table(drawn, false))
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
	return nil
}
