package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
)

// want is how many flows of each class to draw for a size.
func (e *evaluation) want(perClass int) []int {
	most := 0
	for _, rows := range e.synthetic {
		most = max(most, len(rows))
	}
	n := make([]int, len(e.classes))
	for c := range n {
		if n[c] = min(perClass, most); perClass == All {
			n[c] = len(e.train[c])
		}
	}
	return n
}

// sizes are the numbers of flows a class that there are flows for, rising, All
// last.
func (e *evaluation) sizes() []int {
	most := slices.Max(e.want(1 << 30))
	var sizes []int
	for _, n := range e.PerClass {
		if n > most {
			e.note("%d flows a class were asked for; the synthetic flows are at most %d a class, and so is everything they are compared to.", n, most)
			n = most
		}
		sizes = append(sizes, n)
	}
	slices.SortFunc(sizes, func(a, b int) int { return cmp.Compare(uint(a), uint(b)) }) // All = −1 is the largest
	sizes = slices.Compact(sizes)
	for _, n := range sizes {
		want := e.want(n)
		for c, rows := range e.synthetic {
			if len(rows) < want[c] && len(rows) > 0 {
				e.note("Class %q has %d synthetic flows where %d were to be judged; the baselines have all %d.", e.classes[c], len(rows), want[c], want[c])
			}
		}
	}
	return sizes
}

// independent is how many draws of a size the synthetic flows are enough for.
func (e *evaluation) independent(size int) float64 {
	draws := float64(e.Seeds)
	for c, n := range e.want(size) {
		if len(e.synthetic[c]) > 0 {
			draws = min(draws, max(1, float64(len(e.synthetic[c]))/float64(n)))
		}
	}
	return draws
}

// short tells whether some class has synthetic flows, but fewer than wanted.
func (e *evaluation) short(size int) bool {
	for c, n := range e.want(size) {
		if have := len(e.synthetic[c]); have > 0 && have < n {
			return true
		}
	}
	return false
}

// steps is how often the progress is told.
func (e *evaluation) steps() int {
	sizes := len(e.sizesQuietly())
	n := e.Seeds * len(e.sources) * (sizes + 1) // fidelity and classification; memorisation
	if slices.Contains(e.Tasks, Augmentation) {
		n += e.Seeds * len(fewReal) * len(e.taskJudges())
	}
	if slices.Contains(e.Tasks, Fingerprint) {
		n += e.Seeds * len(e.taskJudges())
	}
	if slices.Contains(e.Tasks, Anomaly) {
		n += e.Seeds * len(e.sources)
	}
	return n
}

// sizesQuietly is sizes without its notes.
func (e *evaluation) sizesQuietly() []int {
	quiet := *e
	return quiet.sizes()
}

// largest is the size that the further tasks work at: as many synthetic flows a
// class as were asked for.
func (e *evaluation) largest() []int {
	sizes := e.sizesQuietly()
	if n := len(sizes); n > 1 && sizes[n-1] == All {
		return e.want(sizes[n-2])
	}
	return e.want(sizes[len(sizes)-1])
}

func (e *evaluation) step(what string) {
	e.done++
	if e.Progress != nil {
		e.Progress(e.done, e.total, what)
	}
}

// forest is the judge that every task has.
func (e *evaluation) forest() NamedJudge {
	return NamedJudge{"", fmt.Sprintf("random forest of %d trees", e.Trees), classify.Trees(e.Trees)}
}

// judges are those of the classification. Names of the forest's figures have no
// prefix.
func (e *evaluation) judges() []NamedJudge {
	if !slices.Contains(e.Tasks, Classification) {
		return nil
	}
	return e.taskJudges()
}

// taskJudges are those of the augmentation and the fingerprinting: the forest,
// and the others.
func (e *evaluation) taskJudges() []NamedJudge { return append([]NamedJudge{e.forest()}, e.Judges...) }

// name is the judge's in metrics.json.
func (j NamedJudge) name() string { return cmp.Or(j.Name, "forest") }

// measureSizes draws from every source, for every seed and size, and measures
// fidelity and classification both ways.
func (e *evaluation) measureSizes(ctx context.Context, r *Report) error {
	sizes := e.sizes()
	measured := make([][]gathered, len(sizes))
	ceiling := tally{}
	for i := range sizes {
		measured[i] = make([]gathered, len(e.sources))
	}
	test := e.table(e.test)
	for seed := range uint64(e.Seeds) {
		var draws []classify.Table // of all sizes and sources, for the reverse
		for i, size := range sizes {
			for k, source := range e.sources {
				drawn := source.draw(e.want(size), seed)
				table := e.table(drawn)
				draws = append(draws, table)
				g := &measured[i][k]
				g.add(e, drawn, e.drawnLooks(source.name, drawn, e.want(size), seed))
				if err := e.timing.measure(ctx, g, k, e.want(size), seed); err != nil {
					return fmt.Errorf("report: times of %s: %w", source.title, err)
				}
				for _, j := range e.judges() {
					scores, err := classify.Evaluate(ctx, j.Judge, table, seed, test)
					if err != nil {
						return fmt.Errorf("report: %s, %d flows a class: %w", source.title, size, err)
					}
					g.figures.add(prefix(j)+"tstr_accuracy", scores[0].Accuracy)
					g.figures.add(prefix(j)+"tstr_f1", scores[0].MacroF1)
				}
				e.step("fidelity of " + source.title)
			}
		}
		for _, j := range e.judges() {
			scores, err := classify.Evaluate(ctx, j.Judge, e.table(e.train), seed, append(draws, test)...)
			if err != nil {
				return fmt.Errorf("report: all training flows: %w", err)
			}
			last := len(scores) - 1
			ceiling.add(prefix(j)+"tstr_accuracy", scores[last].Accuracy)
			ceiling.add(prefix(j)+"tstr_f1", scores[last].MacroF1)
			for at, s := range scores[:last] {
				g := &measured[at/len(e.sources)][at%len(e.sources)]
				g.figures.add(prefix(j)+"trts_accuracy", s.Accuracy)
				g.figures.add(prefix(j)+"trts_f1", s.MacroF1)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	whole := gathered{figures: ceiling}
	whole.add(e, e.train, e.drawnLooks(AllReal, e.train, nil, 0))
	if e.timing != nil {
		if err := e.timing.add(ctx, &whole, e.timing.train, 0); err != nil {
			return fmt.Errorf("report: times of all training flows: %w", err)
		}
	}
	for i, size := range sizes {
		s := Size{PerClass: max(0, size), All: size == All, Draws: e.independent(size), Short: e.short(size)}
		if s.Draws < float64(e.Seeds) {
			e.note("The %d draws of %s overlap, so that the synthetic figures spread less than they should: there are flows for %.1f draws.", e.Seeds, s.of(), s.Draws)
		}
		for k, source := range e.sources {
			s.Rows = append(s.Rows, measured[i][k].row(e, source.name))
		}
		s.Rows = append(s.Rows, whole.row(e, AllReal))
		r.Sizes = append(r.Sizes, s)
	}
	e.tabulate(r, measured[r.mainIndex()])
	return nil
}

func prefix(j NamedJudge) string {
	if j.Name == "" {
		return ""
	}
	return j.Name + "_"
}

// gathered is what was measured of one source at one size.
type gathered struct {
	flows   int
	figures tally
	classes []tally
	firsts  [][]map[float64]float64 // by draw: share of each first packet, as sharesOf gives them
	lengths [][]map[float64]float64 // by draw: share of each number of packets
}

// add measures one draw, and the looks of its images where there are any.
func (g *gathered) add(e *evaluation, drawn, looks sample) {
	if g.figures == nil {
		g.figures = tally{}
	}
	if g.classes == nil {
		g.classes = make([]tally, len(e.classes))
	}
	g.flows = drawn.flows()
	overall, classes := e.fidelity(drawn, looks)
	for name, v := range overall {
		g.figures.add(name, v)
	}
	for c, figures := range classes {
		if g.classes[c] == nil {
			g.classes[c] = tally{}
		}
		for name, v := range figures {
			g.classes[c].add(name, v)
		}
	}
	g.firsts = append(g.firsts, e.sharesOf(drawn, firstOf))
	g.lengths = append(g.lengths, e.sharesOf(drawn, e.lengthOf))
}

func (g *gathered) row(e *evaluation, source string) Row {
	row := Row{Source: source, Flows: g.flows, Figures: g.figures, Classes: map[string]map[string]Spread{}}
	for c, figures := range g.classes {
		if len(figures) > 0 {
			row.Classes[e.classes[c]] = figures
		}
	}
	return row
}
