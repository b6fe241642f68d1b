// Package report measures how good synthetic traffic is and writes it down:
// metrics.json for machines, one HTML page with pictures for people.
//
// No figure stands alone. Each is printed beside four baselines that cost
// nothing: real flows, as many; Markov chains of order 1 and 2; and independent
// packets. docs/metrics.md defines the figures.
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

// Schema names the layout of metrics.json.
const Schema = "netdiffus-report/1"

// Data is what is compared.
type Data struct {
	Train     []traffic.Flow // what the generator was trained on
	Test      []traffic.Flow // real flows that it has not seen
	Synthetic Synthetic
	Inputs    []Input // where they are from, for the record
}

// Input is a file or folder that took part.
type Input struct {
	Role string `json:"role"` // "train", "test" or "synthetic"
	Path string `json:"path"`
	File string `json:"file"` // base name of what is hashed: the file itself, or a folder's manifest; "" for neither
	provenance.Digest
}

// Task is a use of the synthetic flows that Run tries.
type Task string

// The tasks, as the original paper has them.
const (
	Classification Task = "classification" // train on synthetic, test on real; and the reverse
	Augmentation   Task = "augmentation"   // few real flows, with and without synthetic ones
	Fingerprint    Task = "fingerprint"    // many classes, few traces of each
	Anomaly        Task = "anomaly"        // find classes that were never trained on
)

// Tasks lists all tasks.
func Tasks() []Task { return []Task{Classification, Augmentation, Fingerprint, Anomaly} }

// NamedJudge is a classifier beside the forest.
type NamedJudge struct {
	Name  string // in figures' names: "cnn"
	Title string // for people: "small CNN on the images"
	Judge classify.Judge
}

// Options say what Run does. The zero value does everything, at the usual
// sizes.
type Options struct {
	// PerClass are the numbers of synthetic flows a class to judge; All means
	// as many as the training flows. Nil means 100 and 300.
	PerClass []int
	Seeds    int    // repetitions of every draw and forest; 0 means 3
	Length   int    // packets a flow; 0 means Synthetic.Length
	Trees    int    // of the forests; 0 means 200
	Tasks    []Task // nil means all
	// Judges also do the classification, beside the forest.
	Judges []NamedJudge
	// Progress is called after each of total steps; may be nil.
	Progress func(done, total int, what string)
}

// All as a number of flows a class means as many as were trained on.
const All = -1

func (o Options) withDefaults(d Data) (Options, error) {
	if o.PerClass == nil {
		o.PerClass = []int{100, 300}
	}
	o.Seeds = cmp.Or(o.Seeds, 3)
	o.Length = cmp.Or(o.Length, d.Synthetic.Length())
	o.Trees = cmp.Or(o.Trees, 200)
	if o.Tasks == nil {
		o.Tasks = Tasks()
	}
	for _, n := range o.PerClass {
		if n < 1 && n != All {
			return o, fmt.Errorf("report: %d flows a class: want at least 1", n)
		}
	}
	for _, t := range o.Tasks {
		if !slices.Contains(Tasks(), t) {
			return o, fmt.Errorf("report: unknown task %q: want one of %q", t, Tasks())
		}
	}
	switch {
	case len(o.PerClass) == 0:
		return o, errors.New("report: no number of flows a class")
	case o.Seeds < 1 || o.Seeds > 1000:
		return o, fmt.Errorf("report: %d seeds: want 1 to 1000", o.Seeds)
	case o.Length < 2 || o.Length > 1024:
		return o, fmt.Errorf("report: %d packets a flow: want 2 to 1024", o.Length)
	case o.Trees < 1:
		return o, fmt.Errorf("report: %d trees: want at least 1", o.Trees)
	}
	return o, nil
}

// Report is everything that was measured.
type Report struct {
	Schema   string   `json:"schema"`
	Settings Settings `json:"settings"`
	Inputs   []Input  `json:"inputs"`
	Classes  []Class  `json:"classes"`
	Notes    []string `json:"notes"` // what to know before reading the figures
	Verdict  Verdict  `json:"verdict"`
	Images   *Images  `json:"images,omitempty"`
	Sizes    []Size   `json:"sizes"` // rising numbers of flows a class
	// Shares are those of all classes, the mean, and ClassShares those of each, at
	// the size of the verdict.
	Shares
	ClassShares  map[string]Shares `json:"class_shares"`
	Memorisation Memorisation      `json:"memorisation"`
	Augmentation []Augmented       `json:"augmentation,omitempty"`
	Fingerprint  *Fingerprints     `json:"fingerprint,omitempty"`
	Anomaly      *Anomalies        `json:"anomaly,omitempty"`

	e *evaluation // for the pictures
}

// Settings are the options in force.
type Settings struct {
	Length   int      `json:"length"`
	Seeds    int      `json:"seeds"`
	Trees    int      `json:"trees"`
	Unsigned bool     `json:"unsigned"` // the synthetic flows have no directions: nothing uses any
	Features []string `json:"features"` // of the classifiers, Length numbers of each
	Tasks    []Task   `json:"tasks"`
	Judges   []string `json:"judges"`
}

// Class is a label and how many flows have it.
type Class struct {
	Label     string `json:"label"`
	Train     int    `json:"train"`
	Test      int    `json:"test"`
	Synthetic int    `json:"synthetic"`
}

// Size is everything at one number of flows a class.
type Size struct {
	PerClass int  `json:"per_class"` // 0 where it is as many as were trained on
	All      bool `json:"all,omitempty"`
	// Draws is how many independent draws of the synthetic flows there are: as
	// many as seeds where there are flows enough, and 1 where each draw takes all.
	Draws float64 `json:"independent_draws"`
	// Short tells that some class has fewer synthetic flows than that, while the
	// baselines have all.
	Short bool `json:"short,omitempty"`
	// Rows are the synthetic flows, the four baselines, and all training flows,
	// which are a ceiling rather than a baseline.
	Rows []Row `json:"rows"`
}

// Row is one source of flows and what was measured of it.
type Row struct {
	Source  string            `json:"source"`
	Flows   int               `json:"flows"`   // of all classes, in one draw
	Figures map[string]Spread `json:"figures"` // docs/metrics.md lists the names
	// Classes are the same by label, for figures that a class has.
	Classes map[string]map[string]Spread `json:"classes,omitempty"`
}

// Run measures. It fails where there is nothing to compare.
func Run(ctx context.Context, d Data, o Options) (*Report, error) {
	o, err := o.withDefaults(d)
	if err != nil {
		return nil, err
	}
	e, err := newEvaluation(d, o)
	if err != nil {
		return nil, err
	}
	r := &Report{
		Schema: Schema, Inputs: append([]Input{}, d.Inputs...), Classes: e.counts(), e: e,
		Settings: Settings{
			Length: o.Length, Seeds: o.Seeds, Trees: o.Trees, Unsigned: e.unsigned,
			Features: e.featureNames(), Tasks: o.Tasks, Judges: []string{"forest"},
		},
	}
	for _, j := range o.Judges {
		r.Settings.Judges = append(r.Settings.Judges, j.Name)
	}
	r.Images = e.images(d.Synthetic)
	e.total = e.steps()
	if err := e.measureSizes(ctx, r); err != nil {
		return nil, err
	}
	if err := e.measureMemory(ctx, r); err != nil {
		return nil, err
	}
	for _, task := range []struct {
		name Task
		run  func(context.Context, *Report) error
	}{{Augmentation, e.augment}, {Fingerprint, e.fingerprint}, {Anomaly, e.anomalies}} {
		if slices.Contains(o.Tasks, task.name) {
			if err := task.run(ctx, r); err != nil {
				return nil, fmt.Errorf("report: %s: %w", task.name, err)
			}
		}
	}
	r.Notes = append([]string{}, e.notes...) // a list in JSON, if an empty one
	r.Verdict = r.judge()
	return r, nil
}
