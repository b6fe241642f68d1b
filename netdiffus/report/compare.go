package report

import (
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Comparison is real and synthetic traffic, class by class, for pictures and a table
// of distances. Its distances are the figures of [Run], of all the flows there are.
type Comparison struct {
	*reference // the real flows are its test flows
	synthetic  sample
	sets       [2]Traffic // real and synthetic, as they were given
	table      distanceTable
}

// Compare arranges the first length packets of each flow. With length 0 it takes as
// many as the images of either side hold, or all where there are no images. Classes
// that only one side has are kept, and have no distance.
func Compare(real, synthetic Traffic, length int) (*Comparison, error) {
	if length == 0 {
		length = imageLength(real, synthetic)
	}
	c := &Comparison{
		reference: &reference{subject: ofFlows, length: length, timed: allTimed(real.Flows, synthetic.Flows), classes: labels(real.Flows, synthetic.Flows)},
		sets:      [2]Traffic{real, synthetic},
	}
	c.train = make(sample, len(c.classes))
	var err error
	if c.test, err = c.byClass(real.Flows); err != nil {
		return nil, fmt.Errorf("report: real traffic: %w", err)
	}
	if c.synthetic, err = c.byClass(synthetic.Flows); err != nil {
		return nil, fmt.Errorf("report: synthetic traffic: %w", err)
	}
	c.judged = make([]bool, len(c.classes))
	for i := range c.judged {
		c.judged[i] = len(c.test[i]) > 0 && len(c.synthetic[i]) > 0
	}
	c.weights = weightsOf(c.test)
	c.table = c.distances()
	return c, nil
}

// imageLength is how many packets the images hold, the fewer of both sides; 0 without
// images.
func imageLength(sides ...Traffic) int {
	n := 0
	for _, s := range sides {
		if s.Set != nil && (n == 0 || s.Set.Encoding.SeriesLength() < n) {
			n = s.Set.Encoding.SeriesLength()
		}
	}
	return n
}

// labels are the classes of all flows, sorted.
func labels(flows ...[]traffic.Flow) []string {
	var out []string
	for _, list := range flows {
		for _, f := range list {
			out = append(out, f.Label)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// byClass sorts flows by class. Flows without payload are left out.
func (c *Comparison) byClass(flows []traffic.Flow) (sample, error) {
	s := make(sample, len(c.classes))
	for _, f := range flows {
		one := newFlow(f, c.length, false)
		if i, known := slices.BinarySearch(c.classes, f.Label); known && len(one.packets()) > 0 {
			s[i] = append(s[i], one)
		}
	}
	if s.flows() == 0 {
		return nil, errors.New("no flows with payload")
	}
	return s, nil
}
