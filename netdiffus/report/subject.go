package report

// subject is a kind of record that is evaluated, flows or series: what is measured of it,
// what it is compared with, and how sentences name it. All else, from draws to the page,
// is the same for both.
type subject struct {
	one, many  string // "flow", "flows"
	recordName string // in metrics.json; "" of flows
	// The figures of a [Row], and those of the memorisation.
	figures, memoryFigures []figure
	groups                 []*group      // of distances, in the order of the page
	sources                []source      // the synthetic records, real ones, baselines
	pictures               []pagePicture // of classes and images
	yardstick              string        // what distances are held against without classification
	tasks                  []Task        // what can be done; all of it where nothing is asked for
	few                    []int         // the small numbers of real records a class that others are added to
	perClass               []int         // the numbers of records a class to judge
	// eachSize is whether augmentation adds every one of these numbers, rather than the
	// largest.
	eachSize bool
	// slowSizes is how many of the sizes, the smallest first, judges other than the forest
	// do; 0 means all.
	slowSizes int
	// tabulates is whether there are tables of how records start and how long they are.
	tabulates bool
	unit      string // of distances between records, a place; for people
	unitKey   string // the same in metrics.json
	// nearBytes is how near a near copy is, 0 where it is not measured in bytes.
	nearBytes float64
	// repeats ends "copies no more than", caution why that is no proof of privacy.
	repeats, caution string
	// features are what classifiers get of a record, names what they are called.
	features func(r *reference, one record, times bool) []float64
	names    func(r *reference) []string
	// blank is a record that shows nothing; blanks are what those have, and otherwise
	// ends the sentence that all are, or are of unknown classes.
	blank             func(record) bool
	blanks, otherwise string
	// attacked are the baselines that are attacked too, shadow the source whose kind the
	// synthetic records are taken for where nothing else is known, tolerance how far a
	// guess may be off.
	attacked  []string
	shadow    string
	tolerance float64
	// nearest are the distances of records to the closest training record, and whether
	// each of them is a near copy of it.
	nearest func(records, train []record) (distance []float64, near []bool)
}

// figureNamed is the figure with that key in metrics.json.
func (s *subject) figureNamed(name string) figure {
	for _, f := range s.figures {
		if f.name == name {
			return f
		}
	}
	panic("report: no figure " + name)
}

// figuresIn are the figures of a group that are shown in all of these places.
func (s *subject) figuresIn(g *group, p places) []figure {
	var out []figure
	for _, f := range s.figures {
		if (g == nil || f.group == g) && f.shown&p == p {
			out = append(out, f)
		}
	}
	return out
}

// allReal is the source of all training records, the same at all sizes.
func (s *subject) allReal() source {
	return source{name: allReal, title: "all training " + s.many, kind: ceilingKind}
}

// testRecords is the source of the test records, which the table of the memorisation has.
func (s *subject) testRecords() source {
	return source{name: testRecords, title: "real test " + s.many, kind: ceilingKind}
}

// heldOut is the source of the test records that stand for a generator which gives nothing
// away.
func (s *subject) heldOut() source {
	return source{name: heldOut, title: "held-out " + s.many, kind: realKind}
}

// sourceNamed is the source of that name.
func (s *subject) sourceNamed(name string) source {
	for _, one := range append([]source{s.allReal(), s.testRecords(), s.heldOut()}, s.sources...) {
		if one.name == name {
			return one
		}
	}
	return source{name: name, title: name, key: name}
}

// sourcesWith are the sources of a use.
func (s *subject) sourcesWith(u uses) []source {
	var out []source
	for _, one := range s.sources {
		if one.uses&u != 0 {
			out = append(out, one)
		}
	}
	return out
}
