package report

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// evaluation is one run's data in the form that the figures are computed from.
type evaluation struct {
	Options
	*reference
	synthetic sample
	drawers   map[string]drawer         // by source
	set       *dataset.Set              // the synthetic images; nil without
	checks    []imageCheck              // of these
	testFlows map[string][]traffic.Flow // by class, the first few, for pictures
	notes     []string
	merged    string // the settings of the merged chain

	done, total int // steps
}

// newEvaluation arranges the flows by class and fits the sources.
func newEvaluation(ctx context.Context, d Data, o Options) (*evaluation, error) {
	e := &evaluation{
		Options:   o,
		reference: &reference{length: o.SeriesLength, unsigned: d.Synthetic.Unsigned, timed: allTimed(d.Train, d.Test, d.Synthetic.Flows)},
		testFlows: map[string][]traffic.Flow{},
		drawers:   map[string]drawer{},
	}
	for _, f := range d.Test {
		if len(e.testFlows[f.Label]) < 4*imagesEach {
			e.testFlows[f.Label] = append(e.testFlows[f.Label], f)
		}
	}
	for _, f := range d.Train {
		if len(newSeries(f, e.length, e.unsigned).packets()) > 0 {
			e.classes = append(e.classes, f.Label)
		}
	}
	slices.Sort(e.classes)
	e.classes = slices.Compact(e.classes)
	err := e.checkImages(d.Synthetic)
	if err != nil {
		return nil, err
	}
	if e.train, err = e.arrange("training", d.Train, nil); err != nil {
		return nil, err
	}
	if e.test, err = e.arrange("test", d.Test, nil); err != nil {
		return nil, err
	}
	if e.synthetic, err = e.arrange("synthetic", d.Synthetic.Flows, e.checks); err != nil {
		return nil, err
	}
	if err := e.judgeClasses(); err != nil {
		return nil, err
	}
	e.prepare()
	for _, s := range sources {
		if e.drawers[s.name], err = s.fit(ctx, e); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// allTimed reports whether all flows have times.
func allTimed(flows ...[]traffic.Flow) bool {
	for _, list := range flows {
		if slices.ContainsFunc(list, func(f traffic.Flow) bool { return !f.Timed }) {
			return false
		}
	}
	return true
}

func (e *evaluation) note(format string, args ...any) {
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

// arrange sorts flows by class, with the checks of their images where there are any.
// Packets of 0 bytes are padding: they keep their place, and count as no packet.
func (e *evaluation) arrange(role string, flows []traffic.Flow, checks []imageCheck) (sample, error) {
	s, unknown, empty := make(sample, len(e.classes)), 0, 0
	for i, f := range flows {
		one := newSeries(f, e.length, e.unsigned)
		if !e.timed {
			one.iat = nil
		}
		if checks != nil {
			one.image = &checks[i]
		}
		c, known := slices.BinarySearch(e.classes, f.Label)
		switch {
		case len(one.packets()) == 0:
			empty++
		case known:
			s[c] = append(s[c], one)
		default:
			unknown++
		}
	}
	if unknown > 0 {
		e.note("%d %s flows are of classes that the training flows lack; they are left out.", unknown, role)
	}
	if empty > 0 {
		e.note("%d %s flows have no packet with payload; they are left out.", empty, role)
	}
	if s.flows() == 0 {
		if len(flows) > 0 {
			return nil, fmt.Errorf("report: none of the %d %s flows is of a class of the training flows, with payload", len(flows), role)
		}
		return nil, fmt.Errorf("report: no %s flows", role)
	}
	return s, nil
}

// judgeClasses decides which classes take part in means over the classes: those that
// there are test flows and synthetic flows of. The baselines' figures of the others
// are left out too, so that all means are over the same classes.
func (e *evaluation) judgeClasses() error {
	if len(e.classes) < 2 {
		return fmt.Errorf("report: the training flows are all of class %q: want two classes or more", e.classes[0])
	}
	e.judged = make([]bool, len(e.classes))
	for c, label := range e.classes {
		e.judged[c] = len(e.test[c]) > 0 && len(e.synthetic[c]) > 0
		if len(e.synthetic[c]) == 0 {
			e.note("There are no synthetic flows of class %q: a classifier trained on the synthetic flows cannot predict it, and the means over the classes, the baselines' too, leave it out.", label)
		}
		if len(e.test[c]) == 0 {
			e.note("There are no test flows of class %q: it is left out of means over the classes.", label)
		}
	}
	if !slices.Contains(e.judged, true) {
		return errors.New("report: no class has both test flows and synthetic ones: want both to have the labels of the training flows")
	}
	if e.unsigned {
		e.note("The synthetic flows have no directions; directions are left out of everything, for the real flows as well.")
	}
	return nil
}

// draw draws from the source of that name.
func (e *evaluation) draw(name string, n []int, seed uint64) (sample, error) {
	return e.drawers[name](n, seed)
}

// step reports progress.
func (e *evaluation) step(what string) {
	e.done++
	if e.Progress != nil {
		e.Progress(e.done, e.total, what)
	}
}

func (e *evaluation) counts() []class {
	out := make([]class, len(e.classes))
	for c, label := range e.classes {
		out[c] = class{label, len(e.train[c]), len(e.test[c]), len(e.synthetic[c])}
	}
	return out
}
