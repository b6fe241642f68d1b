package report

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// declare puts a figure and a source into the lists for one test.
func declare(t *testing.T, f figure, s source) {
	t.Helper()
	old := *ofFlows
	t.Cleanup(func() { *ofFlows = old })
	ofFlows.figures, ofFlows.sources = append(slices.Clip(old.figures), f), append(slices.Clip(old.sources), s)
}

// TestDeclarations: a figure and a source that are declared, and nothing else, are in
// metrics.json, on the page, in the verdict and in the summary.
func TestDeclarations(t *testing.T) {
	long(t)
	declare(t,
		figure{"toy", "toy figure", "toys", lower, "longest series", structureGroup, inSummary | inVerdict | inClasses | inPicture, ofClass(func(c classDraw) float64 {
			return float64(len(c.drawn[0].values))
		})},
		source{"copies", "toy baseline", "a toy baseline", "toy", baselineKind, inClosest | inTasks | withSlowJudges, func(_ context.Context, e *evaluation) (drawer, error) { return subset(e.test, "copies"), nil }})
	r, err := Run(t.Context(), Data{Train: chatter(3, 30, 1), Test: chatter(3, 20, 2), Synthetic: Traffic{Flows: chatter(3, 20, 3)}}, Options{PerClass: []int{10}, Seeds: 2, SeriesLength: 6, Trees: 5})
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Sizes []struct {
			Rows []struct {
				Source  string
				Figures map[string]struct{ Mean float64 }
				Classes map[string]map[string]struct{ Mean float64 }
			}
		}
		Memorisation struct{ Rows []struct{ Source string } }
		Anomaly      struct{ Rows []struct{ Source string } }
	}
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	row := parsed.Sizes[0].Rows[len(ofFlows.sources)-1]
	if row.Source != "copies" || row.Figures["toy"].Mean != 6 || row.Classes["class1"]["toy"].Mean != 6 {
		t.Errorf("metrics.json has %+v, want the toy baseline with the toy figure, 6", row)
	}
	if m, a := parsed.Memorisation.Rows, parsed.Anomaly.Rows; m[len(m)-1].Source != "copies" || a[len(a)-1].Source != "copies" {
		t.Errorf("memorisation and anomaly have %v and %v, want the toy baseline last", m, a)
	}
	page, err := r.render(nil)
	if err != nil {
		t.Fatal(err)
	}
	// Distances of all classes, the table of classes, and one table a class.
	if n := strings.Count(string(page), `>toy figure (toys)<small>longest series</small>`); n != 5 {
		t.Errorf("the page has the toy figure in %d tables, want 5", n)
	}
	if n := strings.Count(string(page), "<th scope=\"row\">toy baseline</th>"); n < 10 {
		t.Errorf("the page has the toy baseline in %d rows, want it in every table", n)
	}
	var summary strings.Builder
	if err := r.Summary(&summary); err != nil {
		t.Fatal(err)
	}
	if got := summary.String(); !strings.Contains(got, "toy figure") || !strings.Contains(got, "\n  toy baseline ") {
		t.Errorf("the summary lacks the toys:\n%s", got)
	}
	if got := strings.Join(r.Verdict.Points, "\n"); !strings.Contains(got, "toy figure") || !strings.Contains(got, "a toy baseline") {
		t.Errorf("the verdict lacks the toys:\n%s", got)
	}
}

// TestFigures: every figure has one way to be computed, a name of its own, and a
// definition in docs/metrics.md, in the section that it names.
func TestFigures(t *testing.T) {
	doc, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^##+ (.+)$`).FindAllStringSubmatch(string(doc), -1) {
		sections[strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	for _, list := range [][]figure{flowFigures, flowMemoryFigures, seriesFigures, seriesMemoryFigures} {
		seen := map[string]bool{}
		for _, f := range list {
			ways := 0
			for _, given := range []bool{f.class != nil, f.all != nil, f.score != nil && f.trial != noTrial, f.memory != nil, f.network != nil} {
				if given {
					ways++
				}
			}
			if ways != 1 || seen[f.name] {
				t.Errorf("%s: %d ways to be computed, declared before: %v", f.name, ways, seen[f.name])
			}
			seen[f.name] = true
			if name := strings.TrimSuffix(f.name, "_all"); !strings.Contains(string(doc), "`"+name+"`") {
				t.Errorf("docs/metrics.md has no `%s`", name)
			}
			if !sections[f.group.doc] {
				t.Errorf("%s: docs/metrics.md has no section %q", f.name, f.group.doc)
			}
		}
	}
}
