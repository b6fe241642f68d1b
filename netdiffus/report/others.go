package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Other is what another generator made of the same training records. It is measured as the
// synthetic records are, in a row of its own beside the baselines.
type Other[T traffic.Flow | series.Series] struct {
	Name    string // of its row, for people and in metrics.json
	Records []T
	// Even is whether they are spread evenly over all that the generator can draw, in this order: some of
	// them are then taken in a row, not at random.
	Even bool
}

// addOthers makes a source of each of the others.
func (e *evaluation) addOthers(others []labelledOther) error {
	s := *e.subject // that of the package has none
	at := slices.IndexFunc(s.sources, func(one source) bool { return one.kind == baselineKind })
	for i, o := range others {
		name := o.name
		known := slices.ContainsFunc(append([]source{s.allReal(), s.testRecords(), s.heldOut(), {name: alone}}, s.sources...), func(one source) bool {
			return name == one.name || name == one.title
		})
		if name == "" || known {
			return fmt.Errorf("report: another generator is called %q: want a name that no other row has", name)
		}
		records, err := e.byLabel(name, o.records)
		if err != nil {
			return err
		}
		fit := func(context.Context, *evaluation) (drawer, error) { return some(records, o.even, "other "+name), nil }
		s.sources = slices.Insert(slices.Clip(s.sources), at+i, source{name, name, name, name, otherKind, inTasks | inClosest, fit})
		e.others = append(e.others, other{name, records})
	}
	e.reference.subject = &s
	return nil
}

// labelledOther is an Other of either kind.
type labelledOther struct {
	name    string
	records []labelled
	even    bool
}

// other is an Other by class.
type other struct {
	name    string
	records sample
}

// noteOthers notes where there are fewer records of others than are judged of all.
func (e *evaluation) noteOthers() {
	for _, o := range e.others {
		for _, size := range e.sizes() {
			want, least := e.want(size), float64(e.Seeds)
			for c, records := range o.records {
				if e.judged[c] {
					least = min(least, float64(len(records))/float64(want[c]))
				}
			}
			switch {
			case least < 1:
				e.note("Of some classes %s has fewer %s than the others, where %s are judged.", o.name, e.many, e.sizeNamed(size))
			case least < float64(e.Seeds):
				e.note("The %d draws of %s by %s overlap, so that its figures spread less than they should.", e.Seeds, e.sizeNamed(size), o.name)
			}
		}
	}
}

// who names an input in a sentence.
func (in Input) who() string { return cmp.Or(in.Name, roleNames[in.Role]) }
