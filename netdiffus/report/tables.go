package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/privacy"
)

// This file has the tables of the template's sections other than those of distances.

// Use is the table of classification by the forest.
func (p page) Use(s Size) table { return p.figureTable(s, "", p.figuresIn(useGroup, 0)) }

// Judged are the same tables by the further judges.
func (p page) Judged(s Size) []titledTable {
	var out []titledTable
	figures := p.figuresIn(useGroup, 0)
	for _, j := range p.e.Judges {
		if len(s.Row(synthesised).Figures[j.prefix()+figures[0].name].Values) == 0 {
			continue // it did not do this size
		}
		t := table{Head: headsOf(figures)}
		for i := range t.Head {
			t.Head[i].What = strings.Replace(t.Head[i].What, "forest", "classifier", 1)
		}
		for _, row := range s.Rows {
			l := p.markedLineOf(row.Source)
			for _, f := range figures {
				l.Cells = append(l.Cells, cellOf(row.Figures[j.prefix()+f.name]))
			}
			t.Rows = append(t.Rows, l)
		}
		out = append(out, titledTable{Title: j.Title, Table: t})
	}
	return out
}

// PerClass is the table of every class: the synthetic flows' figure, and small
// behind it that of as many real flows.
func (p page) PerClass(s Size) table {
	figures := slices.DeleteFunc(p.figuresIn(nil, inClasses), func(f figure) bool { return len(s.Row(realSubset).Figures[f.name].Values) == 0 })
	t := table{Head: headsOf(figures)}
	for _, class := range p.Classes {
		l := line{Name: class.Label}
		for _, f := range figures {
			value := func(source string) string { return digits(s.Row(source).Classes[class.Label][f.name].Mean()) }
			l.Cells = append(l.Cells, cell{Text: value(synthesised), Aside: value(realSubset)})
		}
		t.Rows = append(t.Rows, l)
	}
	return t
}

// First is the table of first packets, of all classes.
func (p page) First() table { return p.firstTable(*p.shares) }

func (p page) firstTable(s shares) table {
	var columns []share
	var heads []head
	for _, f := range s.FirstPackets {
		direction := "down"
		if f.Up {
			direction = "up"
		}
		if p.Settings.Unsigned {
			direction = ""
		}
		heads, columns = append(heads, head{Title: fmt.Sprint(f.Length), Unit: direction}), append(columns, f.share)
	}
	return p.shareTable(heads, columns)
}

// Runs is the table of how many packets flows have, of all classes.
func (p page) Runs() table { return p.lengthTable(*p.shares) }

func (p page) lengthTable(s shares) table {
	var columns []share
	var heads []head
	for _, l := range s.Lengths {
		title := fmt.Sprint(l.From)
		if l.To > l.From {
			title = fmt.Sprintf("%d–%d", l.From, l.To)
		}
		heads, columns = append(heads, head{Title: title}), append(columns, l.share)
	}
	return p.shareTable(heads, columns)
}

// shareTable is a table with a row for each source, and one for the test flows.
func (s *subject) shareTable(heads []head, columns []share) table {
	t := table{Head: heads}
	for _, one := range s.sources {
		l := s.lineOf(one.name)
		for _, c := range columns {
			l.Cells = append(l.Cells, cellOf(c.Shares[one.name]))
		}
		t.Rows = append(t.Rows, l)
	}
	test := s.lineOf(testRecords)
	for _, c := range columns {
		test.Cells = append(test.Cells, cell{Text: fmt.Sprintf("%.3f", float64(c.Test))})
	}
	t.Rows = append(t.Rows, test)
	return t
}

// Augment are the tables of the augmentation, one a classifier, score and number of
// records added.
func (p page) Augment() []titledTable {
	var out []titledTable
	for _, j := range p.e.judges() {
		for _, added := range p.e.addedSizes() {
			n, suffix := slices.Max(added), ""
			if p.eachSize {
				suffix = fmt.Sprintf(", %d added", n)
			}
			for _, score := range []struct {
				name string
				of   func(augmentedRow) (value, gain Spread)
			}{
				{"accuracy", func(a augmentedRow) (value, gain Spread) { return a.Accuracy, a.Gain }},
				{"macro F1", func(a augmentedRow) (value, gain Spread) { return a.MacroF1, a.GainF1 }},
			} {
				out = append(out, titledTable{Title: capitalize(j.Title) + ": " + score.name + suffix, Table: p.augmentTable(j, n, score.of)})
			}
		}
	}
	return out
}

// augmentTable has a row for what was added, and for each number of real records the
// score and the gain.
func (p page) augmentTable(j NamedJudge, added int, of func(augmentedRow) (value, gain Spread)) table {
	var t table
	for _, a := range p.Augmentation {
		if a.Judge != j.name() || a.Added != added {
			continue
		}
		t.Head = append(t.Head, head{Title: fmt.Sprint(a.Real, " real")}, head{Title: "gain"})
		if t.Rows == nil {
			t.Rows = make([]line, len(a.Rows))
		}
		for i, row := range a.Rows {
			value, gain := of(row)
			l := &t.Rows[i]
			if l.Name, l.Kind = "real alone", baselineKind; row.Source != alone {
				l.Name, l.Kind = "+ "+p.addedTitle(row.Source), p.sourceNamed(row.Source).kind
			}
			l.Cells = append(l.Cells, cellOf(value), gainCell(row.Source, gain))
		}
	}
	return t
}

// addedTitle is a source's title where its flows are added to real ones.
func (s *subject) addedTitle(source string) string {
	if source == realSubset {
		return "more real"
	}
	return s.sourceNamed(source).title
}

// estimateCell is a figure with its interval.
func estimateCell(e privacy.Estimate) cell {
	if !e.Known() {
		return cell{Text: "–"}
	}
	return cell{Text: fmt.Sprintf("%.3f", e.Value), Aside: fmt.Sprintf("%.3f–%.3f", e.Low, e.High)}
}

// Attacks is the table of the attacks, of which a terminal gets fewer columns.
func (r *Report) Attacks() table { return r.attackTable(false) }

func (r *Report) attackTable(short bool) table {
	doc := func(name string) string { return name + ": docs/privacy.md" }
	var t table
	for _, row := range r.Privacy.Rows {
		l := r.lineOf(row.Source)
		var heads []head
		add := func(h head, c cell) { heads, l.Cells = append(heads, h), append(l.Cells, c) }
		for _, m := range row.Membership {
			add(head{Title: attackTitles[m.Attack], Unit: "AUC", What: "was this one trained on? 0.5 is guessing", Definition: doc(m.Attack)}, estimateCell(m.AUC))
		}
		last := row.Membership[len(row.Membership)-1]
		if !short {
			add(head{Title: "alone", Unit: "AUC", What: attackTitles[last.Attack] + ", of those that no other real one equals", Definition: doc("auc_distinct")}, estimateCell(last.Distinct))
		}
		add(head{Title: "found at 1 %", What: attackTitles[last.Attack] + ": share found at so many false alarms", Definition: doc("found_at_1_percent")}, estimateCell(last.At1Percent))
		if !short {
			add(head{Title: "at 0.1 %", What: "the same", Definition: doc("found_at_0.1_percent")}, estimateCell(last.At01Percent))
		}
		for _, risk := range row.Risks {
			if !short || risk.Attack == "singling_out" || risk.Attack == "linkability" || risk.Attack == "inference" {
				add(head{Title: attackTitles[risk.Attack], Unit: "risk", What: "0 is as with real ones never seen", Definition: doc(risk.Attack)}, estimateCell(risk.Risk))
			}
		}
		add(head{Title: "copies", What: "share that equals one trained on", Definition: doc("exact_copies")}, cell{Text: fmt.Sprintf("%.3f", row.Exact)})
		if !short {
			add(head{Title: "nearest", Unit: r.unit, What: "median distance to the closest one trained on", Definition: doc("closest_record_median")}, cell{Text: digits(row.Median)})
			add(head{Title: "nearer to train", What: "than to as many never seen: 0.5 is even", Definition: doc("closer_to_train")}, estimateCell(row.Closer))
			add(head{Title: "coverage", What: "share of those never seen that one of these lies near", Definition: doc("coverage")}, estimateCell(row.Coverage))
		}
		t.Head, t.Rows = heads, append(t.Rows, l)
	}
	return t
}

func capitalize(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// Fingers are the tables of the fingerprinting, one a classifier.
func (p page) Fingers() []titledTable {
	var out []titledTable
	for _, j := range p.e.judges() {
		t := table{Head: []head{{Title: "accuracy"}, {Title: "gain", What: "over the real flows alone"}, {Title: "macro F1"}}}
		for _, row := range p.Fingerprint.Rows {
			if row.Judge != j.name() {
				continue
			}
			name := fmt.Sprintf("%d %s", row.Added, p.addedTitle(row.Source))
			switch {
			case row.Source == alone:
				name = "real alone"
			case row.Real:
				name = "real + " + name
			}
			t.Rows = append(t.Rows, line{Name: name, Kind: p.sourceNamed(row.Source).kind, Cells: []cell{cellOf(row.Accuracy), gainCell(row.Source, row.Gain), cellOf(row.MacroF1)}})
		}
		out = append(out, titledTable{Title: capitalize(j.Title), Table: t})
	}
	return out
}

// Alarms is the table of the anomaly detection.
func (p page) Alarms() table {
	t := table{Head: []head{{Title: "ROC AUC"}, {Title: "found at 1 % false alarms"}}}
	for _, row := range p.Anomaly.Rows {
		l := p.lineOf(row.Source)
		l.Cells = []cell{cellOf(row.AUC), cellOf(row.Detection)}
		t.Rows = append(t.Rows, l)
	}
	return t
}

// Memory is the table of the memorisation.
func (p page) Memory() table {
	t := table{Head: headsOf(p.memoryFigures)}
	for _, row := range slices.Concat(p.Memorisation.Rows, []memoryRow{p.Memorisation.HeldOut}) {
		l := p.markedLineOf(row.source)
		for _, f := range p.memoryFigures {
			l.Cells = append(l.Cells, cellOf(row.figures[f.name]))
		}
		t.Rows = append(t.Rows, l)
	}
	return t
}
