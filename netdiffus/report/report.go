// Package report measures how good synthetic traffic is and writes a report:
// metrics.json for machines, one HTML page with pictures for people.
//
// Each figure is also measured of baselines that need no training: real records, as many;
// of flows Markov chains and independent packets; of series those of package baseline.
// docs/metrics.md defines the figures.
//
// Figures and sources are declared once, in the lists of a subject, flows or series;
// everything else loops over these.
package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// schema names the layout of metrics.json.
const schema = "netdiffus-report/1"

// Data is what is compared.
type Data struct {
	Train     []traffic.Flow // what the generator was trained on
	Test      []traffic.Flow // real flows that it has not seen
	Synthetic Traffic
	Others    []Other[traffic.Flow] // what other generators made; may be nil
	Inputs    []Input               // where they are from; the report has it
}

// Input is a file or folder that took part.
type Input struct {
	Role string `json:"role"`           // "train", "test", "synthetic" or "other"
	Name string `json:"name,omitempty"` // of another generator
	Path string `json:"path"`           // without the folders of one from elsewhere (provenance.Private)
	File string `json:"file"`           // base name of what is hashed: the file itself, or a folder's manifest; "" for neither
	provenance.Digest
	MadeBy string `json:"made_by,omitempty"` // the ID of the run that the flows were drawn from, where the data set knows it
	Way    string `json:"way,omitempty"`     // how that run draws, where it chose that (dataset.Origin)
	Drawn  *Drawn `json:"drawn,omitempty"`   // where not all of it was judged
}

// Task is a use of the synthetic flows that Run tries.
type Task string

// The tasks of the original paper.
const (
	Classification Task = "classification" // train on synthetic, test on real; and the reverse
	Augmentation   Task = "augmentation"   // few real flows, with and without synthetic ones
	Fingerprint    Task = "fingerprint"    // many classes, few traces of each
	Anomaly        Task = "anomaly"        // find classes that were never trained on
)

// Tasks lists the tasks of flows.
func Tasks() []Task { return slices.Clone(ofFlows.tasks) }

// NamedJudge is a classifier in addition to the forest.
type NamedJudge struct {
	Name  string // in figures' names: "cnn"
	Title string // for people: "small CNN on the images"
	Judge classify.Judge
}

// Options control Run. The zero value does everything, at the usual sizes.
type Options struct {
	// PerClass are the numbers of synthetic records a class to judge; All means
	// as many as the training records. Nil means 100 and 300 flows, 100 and 400 series.
	PerClass     []int
	Seeds        int    // repetitions of every draw and forest; 0 means 3
	SeriesLength int    // packets a flow; 0 means Synthetic.SeriesLength. Series are taken whole
	Trees        int    // of the forests; 0 means 200
	Tasks        []Task // nil means all
	// Judges also do the classification, in addition to the forest.
	Judges []NamedJudge
	// Networks trains networks on real series, for distances of the features that they
	// have of others; nil for none.
	Networks classify.Featurer
	// Privacy is how thoroughly the synthetic records are attacked; "" is not at all.
	Privacy Privacy
	// Shadow makes generators like the one judged, for the deep attack on flows; nil stands
	// for the merged chain, of series for the copula.
	Shadow *Shadow
	// Progress reports completed and total steps, and the one completed last; may be
	// nil.
	Progress func(completed, total int, what string)
}

// All as a number of flows a class means as many as were trained on.
const All = -1

// withDefaults fills in what was not given and checks the rest, for a subject.
func (o Options) withDefaults(s *subject) (Options, error) {
	if o.PerClass == nil {
		o.PerClass = s.perClass
	}
	o.Seeds = cmp.Or(o.Seeds, 3)
	o.Trees = cmp.Or(o.Trees, 200)
	if o.Tasks == nil {
		o.Tasks = s.tasks
	}
	for _, n := range o.PerClass {
		if n < 1 && n != All {
			return o, fmt.Errorf("report: %d %s a class: want at least 1", n, s.many)
		}
	}
	for _, t := range o.Tasks {
		if !slices.Contains(s.tasks, t) {
			return o, fmt.Errorf("report: unknown task %q: want one of %q", t, s.tasks)
		}
	}
	switch {
	case o.Privacy != "" && o.Privacy != QuickPrivacy && o.Privacy != DeepPrivacy:
		return o, fmt.Errorf("report: privacy %q: want %q or %q", o.Privacy, QuickPrivacy, DeepPrivacy)
	case o.Shadow != nil && o.Privacy != DeepPrivacy:
		return o, fmt.Errorf("report: shadow models are for the privacy %q", DeepPrivacy)
	case o.Shadow != nil && s != ofFlows:
		return o, errors.New("report: shadow models of a generator of one's own are for flows; those of series are copulas")
	case len(o.PerClass) == 0:
		return o, errors.New("report: PerClass is empty")
	case o.Seeds < 1 || o.Seeds > 1000:
		return o, fmt.Errorf("report: %d seeds: want 1 to 1000", o.Seeds)
	case o.Trees < 1:
		return o, fmt.Errorf("report: %d trees: want at least 1", o.Trees)
	}
	return o, nil
}

// Run measures flows. It fails where there is nothing to compare.
func Run(ctx context.Context, d Data, o Options) (*Report, error) {
	o, err := o.withDefaults(ofFlows)
	if err != nil {
		return nil, err
	}
	if o.SeriesLength = cmp.Or(o.SeriesLength, d.Synthetic.SeriesLength()); o.SeriesLength < 2 || o.SeriesLength > 1024 {
		return nil, fmt.Errorf("report: %d packets a flow: want 2 to 1024", o.SeriesLength)
	}
	e, err := newFlowEvaluation(ctx, d, o)
	if err != nil {
		return nil, err
	}
	return e.run(ctx, d.Inputs)
}

// roleNames are an input's roles, for people.
var roleNames = map[string]string{"train": "training", "test": "test", "synthetic": "synthetic"}

// run measures everything and forms the verdict.
func (e *evaluation) run(ctx context.Context, inputs []Input) (*Report, error) {
	for _, in := range inputs {
		if in.Way != "" {
			e.note("The %s %s were drawn by the %s: their run chose that by %s held out.", in.who(), e.many, in.Way, e.many)
		}
		if in.Drawn == nil {
			continue
		}
		e.note("Judged on a part of the %s %s: %v.", in.who(), e.many, *in.Drawn)
		if in.Role == "train" {
			e.note("Copies of training %s that were not drawn are not found, and baselines are fitted to those that were.", e.many)
		}
	}
	if e.drawnEvenly() {
		e.note("The synthetic %s are spread evenly over all that their model can draw, and those of the Markov chains are, too.", e.many)
	}
	r := &Report{
		Schema: schema, Inputs: append([]Input{}, inputs...), Classes: e.counts(), subject: e.subject, e: e,
		Settings: settings{
			Record: e.recordName, Channels: e.channels, Step: e.width.Seconds(),
			SeriesLength: e.length, Seeds: e.Seeds, Trees: e.Trees, Unsigned: e.unsigned,
			Features: e.names(e.reference), Tasks: e.Tasks, Judges: []string{"forest"}, Merged: e.mergedChain(),
		},
		Images: e.describeImages(),
	}
	if e.drawnOfChain() {
		r.own = merged
	}
	for _, j := range e.Judges {
		r.Settings.Judges = append(r.Settings.Judges, j.Name)
	}
	e.total = e.steps()
	if err := e.measureSizes(ctx, r); err != nil {
		return nil, err
	}
	if err := e.measureMemory(ctx, r); err != nil {
		return nil, err
	}
	if err := e.attackPrivacy(ctx, r); err != nil {
		return nil, err
	}
	for _, task := range []struct {
		name Task
		run  func(context.Context, *Report) error
	}{{Augmentation, e.augment}, {Fingerprint, e.fingerprint}, {Anomaly, e.detectAnomalies}} {
		if slices.Contains(e.Tasks, task.name) {
			if err := task.run(ctx, r); err != nil {
				return nil, fmt.Errorf("report: %s: %w", task.name, err)
			}
		}
	}
	r.Notes = append([]string{}, e.notes...) // a list in JSON, if an empty one
	r.Verdict = r.judge()
	return r, nil
}
