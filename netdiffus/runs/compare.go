package runs

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Comparison is two or more runs side by side.
type Comparison struct {
	Runs []Compared `json:"runs"`
	// Settings are those in which the runs differ: the values of each run, JSON, "" where
	// it has no such setting.
	Settings []Setting `json:"settings"`
	// Metrics are the last values of metrics.jsonl, Figures those of the newest reports.
	Metrics []Quantity `json:"metrics"`
	Figures []Quantity `json:"figures"`
	Notes   []string   `json:"notes,omitempty"` // what makes the comparison unfair

	curves []Curves
	full   []*Run
}

// Compared is a run of a comparison.
type Compared struct {
	Name    string   `json:"name"`
	Path    string   `json:"path"`
	ID      string   `json:"id"`
	State   State    `json:"state"`
	Preset  string   `json:"preset"`
	Step    int      `json:"step"`
	Steps   int      `json:"steps,omitempty"`
	Counted bool     `json:"counted,omitempty"` // the model is counted, not trained in steps
	Seconds float64  `json:"seconds"`
	Bytes   int64    `json:"bytes"`
	Host    string   `json:"host,omitempty"`
	Data    []string `json:"data"` // SHA-256 of the inputs
	Tags    []string `json:"tags,omitempty"`
	Note    string   `json:"note,omitempty"`
	Report  string   `json:"report,omitempty"` // folder of the newest report
}

// Setting is one in which the runs differ.
type Setting struct {
	Name   string   `json:"name"`
	Values []string `json:"values"` // by run
}

// Quantity is a number of each run, NaN where it has none.
type Quantity struct {
	Name   string         `json:"name"`
	Values []track.Number `json:"values"` // by run
	SD     []track.Number `json:"sd,omitempty"`
	// Best are the baselines' best value of the same report and its name, by run.
	Best      []track.Number `json:"best_baseline,omitempty"`
	Baselines []string       `json:"baseline,omitempty"`
	better    int            // > 0: higher is better, < 0: lower
}

// comparedFigures are the figures of a comparison, and whether higher is better.
var comparedFigures = []struct {
	name   string
	better int
}{
	{"tstr_accuracy", +1}, {"tstr_f1", +1}, {"hd_pl", -1}, {"length_tv", -1}, {"bigram_js", -1}, {"trigram_js", -1}, {"fourgram_js", -1},
	{"autocorrelation", -1}, {"detection_auc", -1}, {"coverage", +1}, {"duplicates", 0}, {"near_duplicates", 0}, {"hd_iat", -1},
}

// baselines are the sources that a figure is held against; the chains of high order copy
// the training flows, but cost nothing all the same.
var baselines = []string{"markov1", "markov2", "markov3", "markov4", "merged", "marginals"}

// points is how many stretches of steps the curves of a comparison have.
const points = 300

// Compare compares runs. It fails for fewer than two, or when ctx ends.
func Compare(ctx context.Context, list ...*Run) (*Comparison, error) {
	if len(list) < 2 {
		return nil, fmt.Errorf("runs: %d run to compare: want two or more", len(list))
	}
	c := &Comparison{full: list}
	for _, r := range list {
		one := Compared{
			Name: r.Name, Path: r.Path, ID: r.ID, State: r.State, Preset: r.Preset, Step: r.Step, Steps: r.Steps, Counted: r.counted(),
			Seconds: r.Seconds, Bytes: r.Bytes, Host: r.Host, Tags: r.Tags, Note: r.Note, Data: []string{},
		}
		for _, in := range r.Inputs {
			one.Data = append(one.Data, in.SHA256)
		}
		if report := r.Latest(); report != nil {
			one.Report = report.Path
		}
		c.Runs = append(c.Runs, one)
		curves, err := ReadCurves(ctx, r.Path, points)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			c.Notes = append(c.Notes, fmt.Sprintf("the curves of %s cannot be read: %v", Plain(r.Name), err))
		}
		c.curves = append(c.curves, curves)
	}
	c.settings()
	c.metrics()
	c.figures()
	c.judge()
	return c, nil
}

func (c *Comparison) settings() {
	names := map[string]bool{"kind": true}
	for _, r := range c.full {
		for name := range r.Settings {
			names[name] = !fitted(name) || name == "classes"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !names[name] {
			continue
		}
		s := Setting{Name: name}
		differ := false
		for _, r := range c.full {
			v := r.Settings[name]
			if name == "kind" {
				v = r.Kind
			}
			s.Values = append(s.Values, v)
			differ = differ || v != s.Values[0] && !(blank(v) && blank(s.Values[0]))
		}
		if differ {
			c.Settings = append(c.Settings, s)
		}
	}
}

func (c *Comparison) metrics() {
	names := map[string]bool{}
	for _, r := range c.full {
		for name := range r.Metrics {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		q := Quantity{Name: name}
		for _, r := range c.full {
			v := track.Number(notANumber)
			if s, there := r.Metrics[name]; there {
				v = s.Last
				if slices.Contains(heldOutMetrics, name) {
					v = s.Min // what its best checkpoint has
				}
			}
			q.Values = append(q.Values, v)
		}
		c.Metrics = append(c.Metrics, q)
	}
}

func (c *Comparison) figures() {
	for _, f := range comparedFigures {
		q := Quantity{Name: f.name, better: f.better}
		any := false
		for _, r := range c.full {
			v, sd, best, from := notANumber, notANumber, notANumber, ""
			if report := r.Latest(); report != nil {
				if got, ok := report.Figure(f.name); ok {
					v, sd, any = float64(got.Mean), float64(got.SD), true
				}
				best, from = report.baseline(f.name, f.better)
			}
			q.Values, q.SD = append(q.Values, track.Number(v)), append(q.SD, track.Number(sd))
			q.Best, q.Baselines = append(q.Best, track.Number(best)), append(q.Baselines, from)
		}
		if any {
			c.Figures = append(c.Figures, q)
		}
	}
}

// baseline is the best baseline's value of a figure; of one without a better it is the
// real flows'.
func (r *Report) baseline(figure string, better int) (best float64, from string) {
	best = notANumber
	sources := baselines
	if better == 0 {
		sources = []string{"real"}
	}
	for _, row := range r.Rows {
		v, there := row.Figures[figure]
		if !there || !slices.Contains(sources, row.Source) {
			continue
		}
		if from == "" || better*compareNumbers(worth(figure, v.Mean), worth(figure, track.Number(best))) > 0 {
			best, from = float64(v.Mean), row.Source
		}
	}
	return best, from
}

// worth is a figure's value as it is compared: a detection no better than chance, 0.5, is
// as good as any.
func worth(name string, v track.Number) float64 {
	if name == "detection_auc" {
		return max(float64(v), 0.5)
	}
	return float64(v)
}

func compareNumbers(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// seenTest reports whether the test flows are the training flows.
func (r *Report) seenTest() bool {
	var train, test string
	for _, in := range r.Inputs {
		switch in.Role {
		case "train":
			train = in.SHA256
		case "test":
			test = in.SHA256
		}
	}
	return train != "" && train == test
}

// judge notes what makes the runs' figures incomparable.
func (c *Comparison) judge() {
	note := func(format string, args ...any) { c.Notes = append(c.Notes, fmt.Sprintf(format, args...)) }
	first := c.Runs[0]
	reported := 0
	var tests []string
	for i, r := range c.Runs {
		if !slices.Equal(r.Data, first.Data) {
			note("%s was trained on other data than %s: their losses cannot be compared.", Plain(r.Name), Plain(first.Name))
		}
		switch report := c.full[i].Latest(); {
		case report == nil:
		default:
			reported++
			for _, in := range report.Inputs {
				if in.Role == "test" && !slices.Contains(tests, in.SHA256) {
					tests = append(tests, in.SHA256)
				}
			}
		}
		if r.Host != first.Host {
			note("%s ran on %s, %s on %s: their times cannot be compared.", Plain(r.Name), Plain(r.Host), Plain(first.Name), Plain(first.Host))
		}
		if r.State == Training {
			note("%s is being trained.", Plain(r.Name))
		}
	}
	for i, r := range c.full {
		if report := r.Latest(); report != nil && report.seenTest() {
			note("The report of %s tests on the flows that were trained on: its figures are too good.", Plain(c.Runs[i].Name))
		}
	}
	if len(tests) > 1 {
		note("The reports are on different test flows: their figures cannot be compared.")
	}
	if reported == 0 {
		note("None of the runs has a report: draw samples and evaluate them.")
	} else if reported < len(c.Runs) {
		note("Only %d of %d runs have a report.", reported, len(c.Runs))
	}
}

// winner is the index of the best value, -1 where there are not two or it is shared.
func (q Quantity) winner() int {
	best, count := -1, 0
	for i, v := range q.Values {
		if math.IsNaN(float64(v)) {
			continue
		}
		count++
		if best < 0 || q.better*compareNumbers(worth(q.Name, v), worth(q.Name, q.Values[best])) > 0 {
			best = i
		}
	}
	if q.better == 0 || count < 2 {
		return -1
	}
	for i, v := range q.Values {
		if i != best && worth(q.Name, v) == worth(q.Name, q.Values[best]) {
			return -1
		}
	}
	return best
}
