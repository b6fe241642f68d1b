package runs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// hostile is a name with what could break a terminal, a page, a table or a link.
const hostile = "x\x1b[31m<script>alert(1)</script>|`a` [b](javascript:c) \u202e ' OR 1=1 --"

func hostileRun(t *testing.T) *Run {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "plain")
	fake(t, dir, 50, atomsConfig)
	r, err := Open(context.Background(), dir)
	check(t, err)
	r.Name, r.Host, r.Tags, r.Note = hostile, hostile, []string{hostile}, hostile
	r.Inputs = []provenance.File{{Path: hostile}}
	r.Problems = []string{hostile}
	r.Reports = []Report{{
		Path: hostile, Headline: hostile, Verdict: hostile, Classes: []Class{{Label: hostile}},
		Rows: []Row{{"synthetic", map[string]Figure{"tstr_accuracy": {0.8, 0.1}, "hd_pl": {0.1, 0.01}}},
			{"markov1", map[string]Figure{"tstr_accuracy": {0.9, 0.1}, "hd_pl": {0.2, 0.01}}},
			{"real", map[string]Figure{"tstr_accuracy": {0.95, 0.1}}}},
		Memory: []Row{{"test", map[string]Figure{"exact_duplicates": {0.1, 0}}}, {"synthetic", map[string]Figure{"exact_duplicates": {0.2, 0}}}},
	}}
	return r
}

func TestCard(t *testing.T) {
	r := hostileRun(t)
	markdown, page, err := r.Card(CardOptions{Licence: "CC BY 4.0", Use: hostile})
	check(t, err)
	for _, want := range []string{"# Model card", "CC BY 4.0", "`training.lr` | 0.001 | 0.002", "| `tstr_accuracy` | 0.8 ± 0.1 | 0.9 (markov1) | 0.95 ± 0.1 |",
		"| `exact_duplicates` | 0.2 ± 0 | 0.1 ± 0 |", "markov1, which costs nothing, is better", "## To repeat it"} {
		if !strings.Contains(string(markdown), want) {
			t.Errorf("the card lacks %q:\n%s", want, markdown)
		}
	}
	for what, text := range map[string]string{"card": string(markdown), "page": string(page)} {
		if strings.Contains(text, "<script") || strings.ContainsAny(text, "\x1b\u202e") || what == "card" && strings.Contains(text, "](javascript") {
			t.Errorf("the %s has markup of a name in it:\n%s", what, text)
		}
	}
	r.Reports, r.Sessions, r.State = nil, nil, Killed
	markdown, _, err = r.Card(CardOptions{})
	check(t, err)
	for _, want := range []string{"none is stated", "nobody knows how good", "does not say by which command", "the run is killed"} {
		if !strings.Contains(string(markdown), want) {
			t.Errorf("the card of a run without a report lacks %q", want)
		}
	}
}

func TestHostileNamesInPages(t *testing.T) {
	a, b := hostileRun(t), hostileRun(t)
	b.Settings = Settings{"training.lr": `"` + "<script>" + `"`}
	c, err := Compare(context.Background(), a, b)
	check(t, err)
	page, err := c.HTML()
	check(t, err)
	var text strings.Builder
	check(t, c.Text(&text, 80))
	check(t, a.Describe(context.Background(), &text, 80))
	check(t, WriteTable(&text, []*Run{a, b}, "note"))
	if strings.Contains(string(page), "<script") {
		t.Error("a name is markup in the page")
	}
	for what, text := range map[string]string{"terminal": text.String(), "page": string(page)} {
		if at := strings.IndexAny(text, "\x1b\u202e\r"); at >= 0 {
			t.Errorf("a name reaches the %s: %q", what, text[max(0, at-40):at+20])
		}
	}
	dir := t.TempDir()
	check(t, WriteCSV(context.Background(), dir, []*Run{a, b}))
	for _, name := range []string{"runs.csv", "metrics.csv", "figures.csv"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompare(t *testing.T) {
	root := t.TempDir()
	fake(t, filepath.Join(root, "a"), 50, atomsConfig)
	fake(t, filepath.Join(root, "b"), 60, strings.Replace(atomsConfig, `"lr":0.001`, `"lr":0.004`, 1))
	list, err := List(context.Background(), []string{root}, ListOptions{})
	check(t, err)
	list[0].Reports = []Report{{Rows: []Row{{"synthetic", map[string]Figure{"tstr_accuracy": {0.8, 0.1}}}, {"markov1", map[string]Figure{"tstr_accuracy": {0.7, 0}}}}}}
	list[1].Reports = []Report{{Rows: []Row{{"synthetic", map[string]Figure{"tstr_accuracy": {0.9, 0.1}}}}}}
	c, err := Compare(context.Background(), list...)
	check(t, err)
	if len(c.Settings) != 1 || c.Settings[0].Name != "training.lr" || c.Settings[0].Values[1] != "0.004" {
		t.Errorf("settings that differ: %v", c.Settings)
	}
	if q := c.Figures[0]; q.winner() != 1 || q.Baselines[0] != "markov1" || float64(q.Best[0]) != 0.7 {
		t.Errorf("figures %+v", c.Figures)
	}
	header, rows := c.Table()
	if len(header) != 3 || fmt.Sprint(rows[:2]) != "[[training.lr 0.001 0.004] [step 50 60]]" || len(rows[len(rows)-1]) != 3 {
		t.Errorf("the table is %v, %v", header, rows)
	}
	if _, err := Compare(context.Background(), list[0]); err == nil {
		t.Error("one run is compared with itself")
	}
}

func TestRemoveAndPrune(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "a")
	fake(t, dir, 50, atomsConfig)
	r, err := Open(context.Background(), dir)
	check(t, err)
	freed, err := Prune(context.Background(), r, KeepBest)
	check(t, err)
	if r, err = Open(context.Background(), dir); err != nil || len(r.Checkpoints) != 1 || r.Checkpoints[0].Step != 30 || freed != 2 {
		t.Errorf("after prune: %+v, %v, freed %d", r.Checkpoints, err, freed)
	}
	if _, err := Prune(context.Background(), r, "nothing"); err == nil {
		t.Error("an unknown choice passed")
	}
	// What a deletion that was killed left is listed, and goes with the next one.
	check(t, os.Rename(dir, filepath.Join(root, "gone.tmp-999999999-1")))
	fake(t, dir, 50, atomsConfig)
	if r, err = Open(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	check(t, Remove(context.Background(), r))
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}
