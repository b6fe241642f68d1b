package joint

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
)

// Default is what Choose returns where there are too few series to choose by.
var Default = Settings{Memory: markov.Memory{Order: 1, Whole: 2}, Rare: 2, Group: 4, Thin: true}

// mergings are what Choose tries of how rare values are merged. Memories are compared with the first.
var mergings = []Settings{{Rare: 2, Group: 4}, {Rare: 1}, {Rare: 2, Group: 16}, {Rare: 3, Group: 8}, {Rare: 3, Group: 32}, {Rare: 4, Group: 16}, {Rare: 5, Group: 16}}

// beginnings are the values of Whole that Choose tries with each order.
var beginnings = []int{0, 4, 2}

// What Choose tries.
const (
	highestOrder = 5
	memories     = 3 // that are tried with every merging
	finalists    = 5 // whose detection is measured, too
)

// Trial is what Choose measured of one setting, of series drawn from a chain fitted to four
// fifths of the series and compared with the rest.
type Trial struct {
	Settings
	Figures
}

// Choice is what Choose found.
type Choice struct {
	Settings
	// Held are the figures of the series held out themselves.
	Held   Trial   `json:"held_out"`
	Best   Trial   `json:"best"` // of the settings chosen
	Trials []Trial `json:"trials"`
}

// Choose returns the settings that are best for the values of the lead channel, by
// class, with the codec a, on a part of them held out: of the chains that copy, or
// nearly copy, no more of the series fitted to than series held out do, that with
// the highest [Figures.Score]. All chains are thinned of copies. It looks for the best memories first,
// then for the best way to merge rare values with each of these, and measures the detection of the best
// of all. Where the part held out is small it does so with other parts, too, until all series were held out, and
// compares the means. It takes some tens of seconds.
//
// Why not by likelihood: the likelihood of held-out series is ruled by values that were
// never seen, and prefers chains that back off so often that their series are less
// like real ones in every other respect.
func Choose(ctx context.Context, a *codec.Atoms, classes []string, values [][][]float64, seed uint64) (Choice, error) {
	t, err := newTrials(a, classes, values, seed)
	if err != nil || len(t) == 0 {
		return Choice{Settings: Default}, err
	}
	s := search{trials: t, choice: Choice{Held: Trial{Figures: t.own()}}}
	if err := s.run(ctx); err != nil {
		return s.choice, fmt.Errorf("joint: choosing: %w", err)
	}
	return s.choice, nil
}

// search is how Choose goes through the settings.
type search struct {
	trials
	choice Choice
}

// run tries the settings.
func (s *search) run(ctx context.Context) error {
	for order := 1; order <= highestOrder; order++ {
		copies := true
		for _, whole := range beginnings {
			trial, err := s.try(ctx, mergings[0], markov.Memory{Order: order, Whole: whole})
			if err != nil {
				return err
			}
			copies = copies && trial.Repeats(s.choice.Held.Figures)
		}
		if copies {
			break // and so do those that remember more
		}
	}
	for _, b := range s.best(memories) {
		for _, merging := range mergings[1:] {
			if _, err := s.try(ctx, merging, s.choice.Trials[b].Memory); err != nil {
				return err
			}
		}
	}
	last := s.best(finalists)
	for _, n := range last {
		// The detection of one trial counts against that of another only.
		trial := &s.choice.Trials[n]
		var err error
		if trial.Figures, err = s.measure(ctx, trial.Settings, true); err != nil {
			return err
		}
	}
	s.choice.Best = s.choice.Trials[slices.MinFunc(last, s.compare)]
	s.choice.Settings = s.choice.Best.Settings
	return nil
}

// try tries one setting.
func (s *search) try(ctx context.Context, settings Settings, m markov.Memory) (Trial, error) {
	settings.Memory, settings.Thin = m, true
	f, err := s.measure(ctx, settings, false)
	trial := Trial{settings, f}
	s.choice.Trials = append(s.choice.Trials, trial)
	return trial, err
}

// best are the numbers of the n best trials, the best first.
func (s *search) best(n int) []int {
	all := make([]int, len(s.choice.Trials))
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, s.compare)
	return all[:min(n, len(all))]
}

// compare orders two trials, the better first: those that copy no more than series held out by
// their scores, and then the others by how much more they copy.
func (s *search) compare(i, j int) int {
	a, b, held := s.choice.Trials[i], s.choice.Trials[j], s.choice.Held.Figures
	return cmp.Or(cmp.Compare(max(slack, a.excess(held)), max(slack, b.excess(held))), cmp.Compare(b.Score(), a.Score()))
}

// String describes the choice in a line.
func (c Choice) String() string {
	if len(c.Trials) == 0 {
		return "too few series to choose by: " + c.Settings.String()
	}
	text := ""
	if c.Best.Repeats(c.Held.Figures) {
		text = "every chain copies more than the flows held out, this one least: "
	}
	return text + fmt.Sprintf("%s: accuracy %.3f, copies %.2f and near copies %.2f (of flows held out %.2f and %.2f)",
		c.Settings, c.Best.Accuracy, c.Best.Copies, c.Best.Near, c.Held.Copies, c.Held.Near)
}
