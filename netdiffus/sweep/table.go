package sweep

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
)

// Trial is a trial with the result of its highest rung.
type Trial struct {
	Result
	Rungs int `json:"rungs"` // that it reached
}

// Best returns the trials, those that got farthest first, and of these the best; those
// that failed come last.
func Best(s Spec, results []Result) []Trial {
	farthest := map[int]Trial{}
	for _, r := range results {
		t, there := farthest[r.Trial]
		if !there || r.Rung > t.Rung {
			farthest[r.Trial] = Trial{r, r.Rung + 1}
		}
	}
	var trials []Trial
	for _, t := range farthest {
		trials = append(trials, t)
	}
	slices.SortFunc(trials, func(a, b Trial) int {
		order := cmp.Compare(a.Value, b.Value)
		if s.Higher {
			order = -order
		}
		failed := cmp.Compare(len(min(a.Error, "x")), len(min(b.Error, "x")))
		return cmp.Or(failed, -cmp.Compare(a.Rung, b.Rung), order, cmp.Compare(a.Trial, b.Trial))
	})
	return trials
}

// Effect is how much a parameter mattered.
type Effect struct {
	Name string `json:"name"`
	// Range is the difference of the best and the worst mean over the trials with one value
	// each; ranges are cut into three parts of as many trials.
	Range float64 `json:"range"`
	// Rank is Spearman's correlation with the measure, of parameters that are numbers; NaN
	// of others, and of fewer than three trials.
	Rank  float64 `json:"-"`
	Means []Level `json:"means"`
}

// Level is a value of a parameter, or a part of its range, and the mean of its trials.
type Level struct {
	Value  string  `json:"value"`
	Mean   float64 `json:"mean"`
	Trials int     `json:"trials"`
}

// Effects returns the parameters, the one that mattered most first. They are measured at
// the lowest rung, which all trials have: that of the later ones is of the best alone.
func Effects(s Spec, results []Result) []Effect {
	var first []Result
	for _, r := range results {
		if r.Rung == 0 && r.Error == "" {
			first = append(first, r)
		}
	}
	var effects []Effect
	for _, p := range s.Space {
		effects = append(effects, effect(p, first))
	}
	slices.SortStableFunc(effects, func(a, b Effect) int { return cmp.Compare(b.Range, a.Range) })
	return effects
}

func effect(p Parameter, results []Result) Effect {
	e := Effect{Name: p.Name, Rank: math.NaN()}
	x, y := numbers(p.Name, results)
	if len(p.Values) == 0 && len(x) > 0 {
		order := make([]int, len(x))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
		parts := min(3, len(order))
		for part := range parts {
			from, to := part*len(order)/parts, (part+1)*len(order)/parts
			l := Level{Value: fmt.Sprintf("%.4g to %.4g", x[order[from]], x[order[to-1]]), Trials: to - from}
			for _, i := range order[from:to] {
				l.Mean += y[i] / float64(to-from)
			}
			e.Means = append(e.Means, l)
		}
	} else {
		for _, v := range p.Values {
			l := Level{Value: word(v)}
			for _, r := range results {
				if string(r.Point[p.Name]) == string(v) {
					l.Mean += r.Value
					l.Trials++
				}
			}
			if l.Trials > 0 {
				l.Mean /= float64(l.Trials)
				e.Means = append(e.Means, l)
			}
		}
	}
	if len(x) == len(results) && len(x) >= 3 {
		e.Rank = spearman(x, y)
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, l := range e.Means {
		low, high = min(low, l.Mean), max(high, l.Mean)
	}
	if len(e.Means) > 0 {
		e.Range = high - low
	}
	return e
}

// numbers are the values of a parameter where they are numbers, and the measures.
func numbers(name string, results []Result) (x, y []float64) {
	for _, r := range results {
		if v, err := strconv.ParseFloat(string(r.Point[name]), 64); err == nil {
			x, y = append(x, v), append(y, r.Value)
		}
	}
	return x, y
}

func spearman(x, y []float64) float64 {
	a, b := ranks(x), ranks(y)
	n := float64(len(a))
	var sa, sb, saa, sbb, sab float64
	for i := range a {
		sa, sb = sa+a[i], sb+b[i]
		saa, sbb, sab = saa+a[i]*a[i], sbb+b[i]*b[i], sab+a[i]*b[i]
	}
	return (n*sab - sa*sb) / math.Sqrt((n*saa-sa*sa)*(n*sbb-sb*sb))
}

// ranks are from 1, shared by equal values.
func ranks(v []float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		below, equal := 0, 0
		for j := range v {
			if v[j] < v[i] {
				below++
			} else if v[j] == v[i] {
				equal++
			}
		}
		out[i] = float64(below) + float64(equal+1)/2
	}
	return out
}

func word(v json.RawMessage) string { return strings.Trim(string(v), `"`) }

// WriteTable writes the trials, the best first, and what mattered. measure names the
// values.
func WriteTable(w io.Writer, s Spec, measure string, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "TRIAL\t%s", strings.ToUpper(measure))
	if s.Method == Halving {
		fmt.Fprint(t, "\tSTEPS")
	}
	for _, p := range s.Space {
		fmt.Fprintf(t, "\t%s", p.Name)
	}
	fmt.Fprintln(t, "\tTOOK")
	for _, r := range Best(s, results) {
		value := fmt.Sprintf("%.4g", r.Value)
		if r.Error != "" {
			value = "failed"
		}
		fmt.Fprintf(t, "%d\t%s", r.Trial+1, value)
		if s.Method == Halving {
			fmt.Fprintf(t, "\t%d", r.Steps)
		}
		for _, p := range s.Space {
			fmt.Fprintf(t, "\t%s", word(r.Point[p.Name]))
		}
		fmt.Fprintf(t, "\t%.0fs\n", r.Seconds)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range Best(s, results) {
		if r.Error != "" {
			fmt.Fprintf(w, "trial %d failed: %s\n", r.Trial+1, strings.ReplaceAll(r.Error, "\n", "; "))
		}
	}
	fmt.Fprintf(w, "\nwhat mattered, mean %s of the trials by value", measure)
	if s.Method == Halving {
		fmt.Fprintf(w, " after %d steps", s.Rungs()[0])
	}
	fmt.Fprintln(w, ":")
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, e := range Effects(s, results) {
		fmt.Fprintf(t, "  %s\trange %.3g", e.Name, e.Range)
		if !math.IsNaN(e.Rank) {
			fmt.Fprintf(t, ", rank correlation %.2f", e.Rank)
		}
		for _, l := range e.Means {
			fmt.Fprintf(t, "\t%s: %.4g (%d)", l.Value, l.Mean, l.Trials)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// Picture draws the trials as lines across an axis a parameter (parallel coordinates),
// the last axis being the measure. It fails where no trial succeeded.
func Picture(s Spec, measure string, results []Result) (plots.Figure, error) {
	var axes []plots.ParallelAxis
	var lines [][]float64
	trials := Best(s, results)
	trials = slices.DeleteFunc(trials, func(t Trial) bool { return t.Error != "" })
	if len(trials) == 0 {
		return plots.Figure{}, fmt.Errorf("sweep: no trial succeeded: there is nothing to draw")
	}
	for range trials {
		lines = append(lines, nil)
	}
	for _, p := range s.Space {
		a := plots.ParallelAxis{Name: p.Name, Log: p.Log}
		numeric := true
		for _, t := range trials {
			_, err := strconv.ParseFloat(string(t.Point[p.Name]), 64)
			numeric = numeric && err == nil
		}
		if !numeric {
			for _, v := range p.Values {
				a.Words = append(a.Words, word(v))
			}
		}
		for i, t := range trials {
			v, err := strconv.ParseFloat(string(t.Point[p.Name]), 64)
			if !numeric || err != nil {
				v = float64(slices.Index(a.Words, word(t.Point[p.Name])))
			}
			lines[i] = append(lines[i], v)
		}
		axes = append(axes, a)
	}
	axes = append(axes, plots.ParallelAxis{Name: measure})
	for i, t := range trials {
		lines[i] = append(lines[i], t.Value)
	}
	return plots.Parallel("Trials of the sweep, the best in orange", s.Higher, axes, lines)
}
