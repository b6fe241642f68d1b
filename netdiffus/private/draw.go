package private

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Draw draws n flows of a class, without times. Flow i with one seed is the same whatever
// n is. The seed needs not be secret: the noise is in the tables. It fails on a class that
// was not counted.
func (m *Model) Draw(label string, n int, seed uint64) ([]traffic.Flow, error) {
	c, known := slices.BinarySearch(m.classes, label)
	if !known {
		return nil, fmt.Errorf("private: unknown class %q: want one of %q", label, m.classes)
	}
	flows, key := make([]traffic.Flow, n), noise.Key(label)
	for i := range flows {
		values := m.draw(c, noise.Stream(seed, key, uint64(i)))
		flows[i] = traffic.Flow{Label: label, Packets: make([]traffic.Packet, len(values))}
		traffic.SignedLength{}.Restore(values, flows[i].Packets)
	}
	return flows, nil
}

// draw draws the signed lengths of a flow of class c.
func (m *Model) draw(c int, rng *rand.Rand) []float64 {
	var values []float64
	last, two := int16(-1), int16(-1)
	for j := range m.settings.Length {
		row := m.margins[c][0]
		if j > 0 {
			row = m.pairs[context{int16(c), int16(j), last, -1}]
			if longer := m.triples[context{int16(c), int16(j), last, two}]; longer != nil {
				row = longer
			}
		}
		symbol := markov.Choose(rng, row)
		if int(symbol) == m.alphabet.end() {
			break
		}
		k := markov.Choose(rng, m.emit[c][symbol])
		values = append(values, float64(m.alphabet.values[symbol][k]))
		last, two = int16(symbol), last
	}
	return values
}
