package report

import (
	"context"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
)

// anomalyFolds is how many parts the classes are divided into; each is held out once.
const anomalyFolds = 4

// anomalies is how well classes that were held out are found.
type anomalies struct {
	PerClass int          `json:"per_class"`
	HeldOut  int          `json:"held_out_classes"` // at a time, at most
	Rows     []anomalyRow `json:"rows"`
}

// anomalyRow is a detector trained on one source's flows of the normal classes:
// means over the folds.
type anomalyRow struct {
	Source    string `json:"source"`
	AUC       Spread `json:"auc"`
	Detection Spread `json:"detection_at_1_percent"`
}

// detectAnomalies trains on the normal classes of every source and tests on all real
// test flows, those of the classes held out being the anomalies.
func (e *evaluation) detectAnomalies(ctx context.Context, r *Report) error {
	if len(e.classes) < 3 {
		e.note("Anomaly detection needs three classes or more: one to hold out, two to train on.")
		return nil
	}
	folds := min(anomalyFolds, len(e.classes))
	want := e.largest()
	a := &anomalies{PerClass: slices.Max(want), HeldOut: (len(e.classes) + folds - 1) / folds}
	for _, source := range e.sourcesWith(inTasks) {
		row := anomalyRow{Source: source.name}
		for seed := range uint64(e.Seeds) {
			drawn, err := e.draw(source.name, want, seed)
			if err != nil {
				return err
			}
			mean, err := e.detect(ctx, e.table(drawn, false), folds, seed)
			if err != nil {
				return err
			}
			row.AUC.add(mean.AUC)
			row.Detection.add(mean.Detection)
			e.step("anomaly detection")
		}
		a.Rows = append(a.Rows, row)
	}
	r.Anomaly = a
	return nil
}

// detect is the mean over the folds.
func (e *evaluation) detect(ctx context.Context, train classify.Table, folds int, seed uint64) (mean classify.Alarm, err error) {
	n, test := 0.0, e.table(e.test, false)
	for _, heldOut := range classify.Folds(len(e.classes), folds, seed) {
		alarm, err := classify.Detect(ctx, e.Trees, train, test, heldOut, seed)
		if err != nil {
			return mean, err
		}
		if finite(alarm.AUC) { // not where no test flow is of the classes held out
			mean.AUC += alarm.AUC
			mean.Detection += alarm.Detection
			n++
		}
	}
	return classify.Alarm{AUC: mean.AUC / n, Detection: mean.Detection / n}, nil
}
