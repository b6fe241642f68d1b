package runs

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// table writes rows in columns.
type table struct {
	w *tabwriter.Writer
	b *bufio.Writer // a tabwriter writes each cell by itself
}

func newTable(w io.Writer) table {
	b := bufio.NewWriterSize(w, 1<<16)
	return table{tabwriter.NewWriter(b, 0, 0, 2, ' ', 0), b}
}

func (t table) flush() error {
	if err := t.w.Flush(); err != nil {
		return err
	}
	return t.b.Flush()
}

// row writes cells; what could upset a terminal is escaped.
func (t table) row(cells ...string) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		fmt.Fprint(t.w, Plain(c))
	}
	fmt.Fprintln(t.w)
}

// WriteTable writes a line for each run: its name, state, preset, steps, when it began, how
// long it took, its held-out loss, TSTR, and tags. extra are further fields (Fields).
func WriteTable(w io.Writer, list []*Run, extra ...string) error {
	t := newTable(w)
	tagged := slices.ContainsFunc(list, func(r *Run) bool { return len(r.Tags) > 0 })
	head := []string{"NAME", "STATE", "PRESET", "STEP", "BEGAN", "TOOK", "HELD OUT", "TSTR"}
	for _, name := range extra {
		head = append(head, strings.ToUpper(name))
	}
	if tagged {
		head = append(head, "TAGS")
	}
	t.row(head...)
	for _, r := range list {
		preset := r.Preset
		if len(r.Differs) > 0 {
			preset += "*"
		}
		state := string(r.State)
		if len(r.Problems) > 0 {
			state += "!"
		}
		cells := []string{r.Name, state, preset, steps(r), when(r.Created), took(r.Duration()), heldOut(r), figureText(r, "tstr_accuracy")}
		for _, name := range extra {
			cells = append(cells, fieldText(r, name))
		}
		if tagged {
			cells = append(cells, strings.Join(r.Tags, ","))
		}
		t.row(cells...)
	}
	return t.flush()
}

func steps(r *Run) string {
	return progress(r.Step, r.Steps, r.counted())
}

// counted reports whether the run is of a model that is counted, not trained.
func (r *Run) counted() bool { return r.Step == 0 && len(r.Metrics) == 0 && len(r.Checkpoints) > 0 }

// Progress is the steps done, and those planned where they are more.
func (c Compared) Progress() string { return progress(c.Step, c.Steps, c.Counted) }

func progress(done, planned int, counted bool) string {
	switch {
	case counted:
		return "counted"
	case planned > done:
		return fmt.Sprintf("%d/%d", done, planned)
	}
	return fmt.Sprint(done)
}

func when(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "?"
	case d < time.Minute:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

func heldOut(r *Run) string {
	for _, name := range heldOutMetrics {
		if s, there := r.Metrics[name]; there {
			return number(float64(s.Min))
		}
	}
	return ""
}

func figureText(r *Run, name string) string {
	if report := r.Latest(); report != nil {
		if f, ok := report.Figure(name); ok {
			return number(float64(f.Mean))
		}
	}
	return ""
}

func fieldText(r *Run, name string) string {
	values, _ := NewFields(r).Get(name)
	var texts []string
	for _, v := range values {
		if v.IsNumber {
			texts = append(texts, number(v.Number))
		} else {
			texts = append(texts, v.Text)
		}
	}
	return strings.Join(texts, ",")
}

// number is a number with four significant digits, "" for none.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return ""
	case v == math.Trunc(v) && math.Abs(v) < 1e6:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", math.Ceil(float64(n)/1e3))
}

// Describe writes everything about the run for a terminal of so many columns.
func (r *Run) Describe(ctx context.Context, w io.Writer, columns int) error {
	t := newTable(w)
	t.row("run", r.Name)
	t.row("path", r.Path)
	t.row("id", r.ID)
	t.row("state", string(r.State))
	for _, p := range r.Problems {
		t.row("problem", p)
	}
	t.row("began", when(r.Created))
	t.row("took", took(r.Duration()))
	t.row("machine", strings.TrimSpace(r.Host+" "+r.Device))
	t.row("size", size(r.Bytes))
	t.row("model", r.Kind+", preset "+r.Preset)
	t.row("steps", steps(r))
	t.row("seed", fmt.Sprint(r.Seed))
	for _, in := range r.Inputs {
		t.row("data", fmt.Sprintf("%s  %s  sha256 %s", in.Path, size(in.Bytes), in.SHA256))
	}
	if len(r.Tags) > 0 {
		t.row("tags", strings.Join(r.Tags, ", "))
	}
	for i, line := range strings.Split(r.Note, "\n") {
		if r.Note != "" {
			t.row([]string{"note", ""}[min(i, 1)], line)
		}
	}
	if n := len(r.Sessions); n > 0 {
		t.row("command", strings.Join(r.Sessions[n-1].Command, " "))
		if e := r.Sessions[n-1].End; e != nil && e.Error != "" {
			t.row("error", e.Error)
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	if r.Kind != "" {
		fmt.Fprintf(w, "\nsettings that differ from the preset %s:%s\n", Plain(r.Preset), none(len(r.Differs)))
		t = newTable(w)
		for _, d := range r.Differs {
			t.row("  "+d.Name, said(d.Value), "was "+said(d.Other))
		}
		t.flush()
	}
	if err := r.describeCurves(ctx, w, columns); err != nil {
		return err
	}
	fmt.Fprintf(w, "\ncheckpoints:%s\n", none(len(r.Checkpoints)))
	t = newTable(w)
	for _, c := range r.Checkpoints {
		best := ""
		if c.Best {
			best = "best on the flows held out"
		}
		t.row("  "+c.Path, size(c.Bytes), best)
	}
	t.flush()
	fmt.Fprintf(w, "\nsamples:%s\n", none(len(r.Samples)))
	t = newTable(w)
	for _, s := range r.Samples {
		how := ""
		if o := s.Origin; o != nil {
			how = fmt.Sprintf("step %d, seed %d, %s", o.Step, o.Seed, o.Sampler)
		}
		t.row("  "+s.Path, fmt.Sprintf("%d flows", s.Flows), when(s.Made), how)
	}
	t.flush()
	fmt.Fprintf(w, "\nreports:%s\n", none(len(r.Reports)))
	for i := range r.Reports {
		if err := r.Reports[i].describe(w); err != nil {
			return err
		}
	}
	return nil
}

func none(n int) string {
	if n == 0 {
		return " none"
	}
	return ""
}

func said(leaf string) string {
	if leaf == "" {
		return "nothing"
	}
	if w := word(leaf); len(w) > 60 {
		return w[:57] + "..."
	}
	return word(leaf)
}

// mainMetrics are those that are drawn, the first three that there are.
var mainMetrics = []string{"loss", "cross_entropy", "validation_cross_entropy", "validation_loss", "mse", "vb"}

// MainMetrics are the names of at most n of the series that tell most about a training.
func MainMetrics(series map[string]track.Series, n int) []string {
	var names []string
	for _, name := range mainMetrics {
		if _, there := series[name]; there && len(names) < n {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		for _, name := range slices.Sorted(maps.Keys(series)) {
			if len(names) < n {
				names = append(names, name)
			}
		}
	}
	return names
}

func (r *Run) describeCurves(ctx context.Context, w io.Writer, columns int) error {
	c, err := ReadCurves(ctx, r.Path, 4*max(columns, 20))
	if err != nil && ctx.Err() != nil {
		return err
	}
	for _, name := range MainMetrics(c.Series, 3) {
		s := r.Metrics[name]
		title := fmt.Sprintf("\n%s: %s at the end, least %s at step %d", Plain(name), number(float64(s.Last)), number(float64(s.Min)), s.MinStep)
		if _, err := io.WriteString(w, Chart(title, c.Series[name], min(max(columns-12, 20), 100), 6)); err != nil {
			return err
		}
	}
	return nil
}

// describe writes the report's main figures beside its baselines'.
func (r *Report) describe(w io.Writer) error {
	fmt.Fprintf(w, "  %s, %s\n", Plain(r.Path), when(r.Made))
	if r.Headline != "" {
		fmt.Fprintf(w, "    %s\n", Plain(r.Headline))
	}
	t := newTable(w)
	for _, f := range comparedFigures {
		got, ok := r.Figure(f.name)
		if !ok {
			continue
		}
		against := ""
		if best, from := r.baseline(f.name, f.better); from != "" {
			against = fmt.Sprintf("best baseline %s (%s)", number(best), from)
			if f.better == 0 {
				against = fmt.Sprintf("real flows %s", number(best))
			}
		}
		t.row("    "+f.name, withSD(got), against)
	}
	return t.flush()
}

func withSD(f Figure) string {
	text := number(float64(f.Mean))
	if !math.IsNaN(float64(f.SD)) {
		text += fmt.Sprintf(" ± %.1g", float64(f.SD))
	}
	return text
}

// Text writes the comparison for a terminal of so many columns.
func (c *Comparison) Text(w io.Writer, columns int) error {
	t := newTable(w)
	line := func(name string, cell func(Compared) string) {
		cells := []string{name}
		for _, r := range c.Runs {
			cells = append(cells, cell(r))
		}
		t.row(cells...)
	}
	line("", func(r Compared) string { return r.Name })
	line("state", func(r Compared) string { return string(r.State) })
	line("preset", func(r Compared) string { return r.Preset })
	line("step", func(r Compared) string { return r.Progress() })
	line("took", func(r Compared) string { return took(time.Duration(r.Seconds * float64(time.Second))) })
	line("size", func(r Compared) string { return size(r.Bytes) })
	line("data", func(r Compared) string { return shortHashes(r.Data) })
	title := func(name string, n int) {
		t.row()
		t.row(name + none(n))
	}
	title("settings that differ:", len(c.Settings))
	for _, s := range c.Settings {
		cells := []string{"  " + s.Name}
		for _, v := range s.Values {
			cells = append(cells, said(v))
		}
		t.row(cells...)
	}
	quantities := func(list []Quantity, sd bool) {
		for _, q := range list {
			cells := []string{"  " + q.Name}
			for i, v := range q.Values {
				cell := number(float64(v))
				if sd {
					cell = withSD(Figure{v, q.SD[i]})
					if cell != "" && q.Baselines[i] != "" {
						cell += " (" + q.Baselines[i] + " " + number(float64(q.Best[i])) + ")"
					}
				}
				if i == q.winner() {
					cell += " *"
				}
				cells = append(cells, cell)
			}
			t.row(cells...)
		}
	}
	title("metrics at the end:", len(c.Metrics))
	quantities(c.Metrics, false)
	title("fidelity, the best baseline in parentheses, * the best run:", len(c.Figures))
	quantities(c.Figures, true)
	if err := t.flush(); err != nil {
		return err
	}
	for i, r := range c.Runs {
		for _, name := range MainMetrics(c.curves[i].Series, 1) {
			fmt.Fprint(w, Chart(fmt.Sprintf("\n%s of %s", Plain(name), Plain(r.Name)), c.curves[i].Series[name], min(max(columns-12, 20), 80), 5))
		}
	}
	for _, note := range c.Notes {
		if _, err := fmt.Fprintf(w, "\nnote: %s\n", Plain(note)); err != nil {
			return err
		}
	}
	return nil
}

func shortHashes(hashes []string) string {
	var short []string
	for _, h := range hashes {
		short = append(short, h[:min(8, len(h))])
	}
	return strings.Join(short, ",")
}
