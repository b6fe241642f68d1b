package report

import (
	"context"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// evaluation is one run's data in the form that the figures are computed from.
type evaluation struct {
	Options
	*reference
	synthetic  sample
	drawers    map[string]drawer         // by source
	set        *dataset.Set              // the synthetic images; nil without
	checks     []imageCheck              // of these
	empty      int                       // how many of these show nothing but padding
	testFlows  map[string][]traffic.Flow // by class, the first few, for pictures
	embeddings []embedding               // of networks, where there are any
	notes      []string
	merging    joint.Settings // of the merged chain, once chosen
	others     []other        // other generators'

	done, total int // steps
}

// newFlowEvaluation arranges the flows by class and fits the sources.
func newFlowEvaluation(ctx context.Context, d Data, o Options) (*evaluation, error) {
	e := &evaluation{
		Options:   o,
		reference: &reference{subject: ofFlows, length: o.SeriesLength, unsigned: d.Synthetic.Unsigned, timed: allTimed(d.Train, d.Test, d.Synthetic.Flows)},
		testFlows: map[string][]traffic.Flow{},
	}
	for _, f := range d.Test {
		if len(e.testFlows[f.Label]) < 4*imagesEach {
			e.testFlows[f.Label] = append(e.testFlows[f.Label], f)
		}
	}
	if err := e.checkImages(d.Synthetic); err != nil {
		return nil, err
	}
	var others []labelledOther
	for _, o := range d.Others {
		others = append(others, labelledOther{o.Name, e.flows(o.Records, nil), o.Even})
		if e.timed = e.timed && allTimed(o.Records); !e.timed && allTimed(d.Train, d.Test, d.Synthetic.Flows) {
			e.note("The flows by %s have no times; times are left out of everything.", o.Name)
		}
	}
	train, test, synthetic := e.flows(d.Train, nil), e.flows(d.Test, nil), e.flows(d.Synthetic.Flows, e.checks)
	for _, one := range synthetic {
		if len(one.packets()) == 0 {
			e.empty++
		}
	}
	if err := e.arrange(train, test, synthetic); err != nil {
		return nil, err
	}
	if err := e.addOthers(others); err != nil {
		return nil, err
	}
	if e.unsigned {
		e.note("The synthetic flows have no directions; directions are left out of everything, for the real flows as well.")
	}
	e.prepare()
	return e, e.fit(ctx)
}

// flows are the records of flows, with the checks of their images where there are any.
func (e *evaluation) flows(flows []traffic.Flow, checks []imageCheck) []labelled {
	out := make([]labelled, len(flows))
	for i, f := range flows {
		one := newFlow(f, e.length, e.unsigned)
		if !e.timed {
			one.iat = nil
		}
		if checks != nil {
			one.image = &checks[i]
		}
		out[i] = labelled{f.Label, one}
	}
	return out
}

// labelled is a record of a class.
type labelled struct {
	label string
	record
}

// arrange sorts the records by the classes of the training records.
func (e *evaluation) arrange(train, test, synthetic []labelled) (err error) {
	for _, one := range train {
		if !e.blank(one.record) {
			e.classes = append(e.classes, one.label)
		}
	}
	slices.Sort(e.classes)
	e.classes = slices.Compact(e.classes)
	if e.train, err = e.byLabel("training", train); err != nil {
		return err
	}
	if e.test, err = e.byLabel("test", test); err != nil {
		return err
	}
	if e.synthetic, err = e.byLabel("synthetic", synthetic); err != nil {
		return err
	}
	e.weights = weightsOf(e.test)
	return e.judgeClasses()
}

// fit fits the sources.
func (e *evaluation) fit(ctx context.Context) (err error) {
	e.drawers = map[string]drawer{}
	for _, s := range e.sources {
		if e.drawers[s.name], err = s.fit(ctx, e); err != nil {
			return err
		}
	}
	return nil
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

// byLabel sorts records by class. Those of other classes, and blank ones, are left out.
func (e *evaluation) byLabel(role string, records []labelled) (sample, error) {
	s, unknown, blank := make(sample, len(e.classes)), 0, 0
	for _, one := range records {
		c, known := slices.BinarySearch(e.classes, one.label)
		switch {
		case e.blank(one.record):
			blank++
		case known:
			s[c] = append(s[c], one.record)
		default:
			unknown++
		}
	}
	if unknown > 0 {
		e.note("%d %s %s are of classes that the training %s lack; they are left out.", unknown, role, e.many, e.many)
	}
	if blank > 0 {
		e.note("%d %s %s have %s; they are left out.", blank, role, e.many, e.blanks)
	}
	if s.flows() == 0 {
		if len(records) > 0 {
			return nil, fmt.Errorf("report: none of the %d %s %s is of a class of the training %s%s", len(records), role, e.many, e.many, e.otherwise)
		}
		return nil, fmt.Errorf("report: no %s %s", role, e.many)
	}
	return s, nil
}

// judgeClasses decides which classes take part in means over the classes: those that
// there are test flows and synthetic flows of. The baselines' figures of the others
// are left out too, so that all means are over the same classes.
func (e *evaluation) judgeClasses() error {
	if len(e.classes) < 2 {
		return fmt.Errorf("report: the training %s are all of class %q: want two classes or more", e.many, e.classes[0])
	}
	e.judged = make([]bool, len(e.classes))
	for c, label := range e.classes {
		e.judged[c] = len(e.test[c]) > 0 && len(e.synthetic[c]) > 0
		if len(e.synthetic[c]) == 0 {
			e.note("There are no synthetic %s of class %q: a classifier trained on the synthetic %s cannot predict it, and the means over the classes, the baselines' too, leave it out.", e.many, label, e.many)
		}
		if len(e.test[c]) == 0 {
			e.note("There are no test %s of class %q: it is left out of means over the classes.", e.many, label)
		}
	}
	if !slices.Contains(e.judged, true) {
		return fmt.Errorf("report: no class has both test %s and synthetic ones: want both to have the labels of the training %s", e.many, e.many)
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
