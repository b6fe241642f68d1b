package private_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/dp"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/privacy"
	"github.com/netdiffus/netdiffus-go/netdiffus/private"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// What the table is made with.
const (
	tableLength   = 10
	tablePerClass = 300
	tableSeeds    = 3
	tableTrees    = 60
)

// judged are real flows to draw like and to judge by.
type judged struct {
	classes     []string
	train, test map[string][][]float64 // signed lengths, padded
	cells       metric.Cuts
	trial       *privacy.Trial
}

// TestTable prints the table of docs/privacy.md: what flows drawn with a guarantee are
// worth, at several ε, and flows of the chains beside them.
func TestTable(t *testing.T) {
	longtest.Only(t, "takes some minutes")
	for _, set := range []struct{ name, train, test string }{
		{"fgnet-apps", "data/fgnet-apps/train.parquet", "data/fgnet-apps/test.parquet"},
		{"mirage-appxact", "data/mirage-appxact/trainSetOriginale.parquet", "data/mirage-appxact/testSetOriginale.parquet"},
	} {
		train, err := traffic.Collect(traffic.Read(golden.Shared(t, set.train)))
		if err != nil {
			t.Fatal(err)
		}
		test, err := traffic.Collect(traffic.Read(golden.Shared(t, set.test)))
		if err != nil {
			t.Fatal(err)
		}
		j := newJudged(t, train, test)
		t.Logf("%s, %d flows of %d classes, %d drawn of each, %d draws", set.name, len(train), len(j.classes), tablePerClass, tableSeeds)
		accuracy := map[string]float64{}
		row := func(name string, draw func(seed uint64) map[string][][]float64) {
			var of [4][]float64
			for seed := range uint64(tableSeeds) {
				for k, v := range j.judge(t, draw(seed), seed) {
					of[k] = append(of[k], v)
				}
			}
			accuracy[name] = mean(of[0])
			line := "| " + name + " |"
			for _, v := range of {
				line += fmt.Sprintf(" %.3f ± %.3f |", mean(v), deviation(v))
			}
			t.Log(line)
		}
		for _, epsilon := range []float64{0.5, 1, 2, 4, 8, math.Inf(1)} {
			row(fmt.Sprintf("ε %v", epsilon), func(seed uint64) map[string][][]float64 {
				m, err := private.Fit(traffic.All(train), private.Settings{Budget: dp.Budget{Epsilon: epsilon, Delta: 1e-6}, Length: tableLength, Classes: j.classes})
				if err != nil {
					t.Fatal(err)
				}
				return j.drawn(t, m.Draw, seed)
			})
		}
		for _, order := range []int{0, 1, 2} {
			m, err := markov.Fit(traffic.All(train), order, tableLength)
			if err != nil {
				t.Fatal(err)
			}
			row(fmt.Sprintf("Markov %d", order), func(seed uint64) map[string][][]float64 { return j.drawn(t, m.Draw, seed) })
		}
		row("real", func(seed uint64) map[string][][]float64 {
			out := map[string][][]float64{}
			for class, rows := range j.train {
				for i := range min(tablePerClass, len(rows)) {
					out[class] = append(out[class], rows[(int(seed)*tablePerClass+i)%len(rows)])
				}
			}
			return out
		})
		// Noise costs something, and a guarantee that is worth nothing would be no use.
		if accuracy["ε 8"] < accuracy["ε 0.5"] || accuracy["ε 2"] < 3/float64(len(j.classes)) {
			t.Errorf("%s: accuracy %.3f at ε 0.5, %.3f at 2, %.3f at 8", set.name, accuracy["ε 0.5"], accuracy["ε 2"], accuracy["ε 8"])
		}
	}
}

func newJudged(t *testing.T, train, test []traffic.Flow) *judged {
	j := &judged{train: rowsOf(train), test: rowsOf(test)}
	var lengths []float64
	for class, rows := range j.train {
		j.classes = append(j.classes, class)
		for _, row := range rows {
			for _, v := range row {
				if v != 0 {
					lengths = append(lengths, v)
				}
			}
		}
	}
	slices.Sort(j.classes)
	j.cells = metric.QuantileCuts(64, lengths)
	var err error
	if j.trial, err = privacy.NewTrial(j.records(j.train), j.records(j.test), 1); err != nil {
		t.Fatal(err)
	}
	return j
}

// rowsOf are the signed lengths of flows, by class, padded with zeros.
func rowsOf(flows []traffic.Flow) map[string][][]float64 {
	rows := map[string][][]float64{}
	for _, f := range flows {
		row := make([]float64, tableLength)
		copy(row, traffic.SignedLength{}.Values(f.Packets[:min(tableLength, len(f.Packets))]))
		rows[f.Label] = append(rows[f.Label], row)
	}
	return rows
}

func (j *judged) drawn(t *testing.T, draw func(string, int, uint64) ([]traffic.Flow, error), seed uint64) map[string][][]float64 {
	out := map[string][][]float64{}
	for _, class := range j.classes {
		flows, err := draw(class, tablePerClass, seed)
		if err != nil {
			t.Fatal(err)
		}
		out[class] = rowsOf(flows)[class]
	}
	return out
}

func (j *judged) records(rows map[string][][]float64) (r privacy.Records) {
	for c, class := range j.classes {
		r.Add(c, rows[class]...)
	}
	return r
}

// judge returns the accuracy of a forest trained on what was drawn, on the test flows; the
// distance of trigrams as evaluate has it; and the greatest AUC of the attacks on
// membership, among all flows and among those that no other equals.
func (j *judged) judge(t *testing.T, drawn map[string][][]float64, seed uint64) [4]float64 {
	table := func(r privacy.Records) classify.Table {
		return classify.Table{X: r.Rows, Y: r.Classes, Classes: len(j.classes)}
	}
	score, err := classify.Evaluate(t.Context(), classify.Trees(tableTrees), table(j.records(drawn)), seed, table(j.records(j.test)))
	if err != nil {
		t.Fatal(err)
	}
	js := 0.0
	for _, class := range j.classes {
		js += metric.NGram(3, j.inCells(j.test[class]), j.inCells(drawn[class])) / float64(len(j.classes))
	}
	result, err := j.trial.Attack(t.Context(), j.records(drawn), privacy.Options{Guesses: 20, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	auc, distinct := 0.0, 0.0
	for _, m := range result.Membership {
		auc, distinct = max(auc, m.AUC.Value), max(distinct, m.Distinct.Value)
	}
	return [4]float64{score[0].Accuracy, js, auc, distinct}
}

// inCells are rows with the number of its cell for every length, from 1.
func (j *judged) inCells(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, row := range rows {
		out[i] = make([]float64, len(row))
		for k, v := range row {
			if v != 0 {
				out[i][k] = 1 + float64(j.cells.Cell(v))
			}
		}
	}
	return out
}

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v / float64(len(x))
	}
	return m
}

func deviation(x []float64) float64 {
	m, sum := mean(x), 0.0
	for _, v := range x {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(x)-1))
}
