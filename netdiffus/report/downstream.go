package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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
		n += e.Seeds * len(fewReal)
	}
	if slices.Contains(e.Tasks, Fingerprint) {
		n += e.Seeds
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
	return append([]NamedJudge{e.forest()}, e.Judges...)
}

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
				g.add(e, drawn)
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
	whole.add(e, e.train)
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
		if i == len(sizes)-1 {
			r.FirstPackets = e.firstPackets(measured[i])
		}
	}
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
	firsts  []map[float64]float64 // by draw: share of each first packet, mean of the classes
}

// add measures one draw.
func (g *gathered) add(e *evaluation, drawn sample) {
	if g.figures == nil {
		g.figures = tally{}
	}
	if g.classes == nil {
		g.classes = make([]tally, len(e.classes))
	}
	g.flows = drawn.flows()
	overall, classes := e.fidelity(drawn)
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
	g.firsts = append(g.firsts, e.firstShares(drawn))
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

// firstShares are the shares of the flows' first packets: the mean over the
// classes that have flows.
func (e *evaluation) firstShares(s sample) map[float64]float64 {
	shares, classes := map[float64]float64{}, 0.0
	for _, rows := range s {
		if len(rows) > 0 {
			classes++
		}
		for _, v := range firsts(rows) {
			shares[v] += 1 / float64(len(rows))
		}
	}
	for v := range shares {
		shares[v] /= classes
	}
	return shares
}

// firstRows is how many first packets the table has.
const firstRows = 8

// firstPackets is the table of the commonest first packets of the test flows.
func (e *evaluation) firstPackets(sources []gathered) []FirstPacket {
	test := e.firstShares(e.test)
	values := slices.SortedFunc(maps.Keys(test), func(a, b float64) int {
		return cmp.Or(cmp.Compare(test[b], test[a]), cmp.Compare(a, b))
	})
	var out []FirstPacket
	for _, v := range values[:min(firstRows, len(values))] {
		p := FirstPacket{Length: int(max(v, -v)), Up: v < 0, Test: number(test[v]), Shares: map[string]Spread{}}
		for k, g := range sources {
			s := Spread{}
			for _, shares := range g.firsts {
				s.Values = append(s.Values, shares[v])
			}
			p.Shares[e.sources[k].name] = s
		}
		out = append(out, p)
	}
	return out
}
