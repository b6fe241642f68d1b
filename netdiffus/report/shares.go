package report

import (
	"cmp"
	"maps"
	"slices"
)

// shares are how often flows have a value, by source: tables of how they start and
// of how long they are.
type shares struct {
	FirstPackets []firstPacket `json:"first_packets"`
	Lengths      []lengthShare `json:"lengths"`
}

// share is how often a value occurs: among the test flows, and among those of every
// source.
type share struct {
	Test   number            `json:"test"`
	Shares map[string]Spread `json:"shares"`
}

// firstPacket is how often flows start with a packet.
type firstPacket struct {
	Length int  `json:"length"` // bytes
	Up     bool `json:"up"`
	share
}

// lengthShare is how often flows have From to To packets.
type lengthShare struct {
	From int `json:"from"`
	To   int `json:"to"`
	share
}

// sharesOf are the shares of the flows' values, by class, nil for a class without
// flows; the last is the mean over the classes that are judged.
func (r *reference) sharesOf(s sample, value func(record) float64) []map[float64]float64 {
	out := make([]map[float64]float64, len(s)+1)
	mean, classes := map[float64]float64{}, 0.0
	for c, flows := range s {
		if len(flows) == 0 {
			continue
		}
		out[c] = map[float64]float64{}
		for _, one := range flows {
			out[c][value(one)]++
		}
		for v := range out[c] {
			out[c][v] /= float64(len(flows))
		}
		if r.judged[c] {
			classes++
			for v, share := range out[c] {
				mean[v] += share
			}
		}
	}
	for v := range mean {
		mean[v] /= classes
	}
	out[len(s)] = mean
	return out
}

func firstOf(s record) float64 { return s.values[0] }

// lengthOf is the number of a flow's range of lengths, from 0.
func (r *reference) lengthOf(s record) float64 {
	return float64((len(s.packets()) - 1) / r.lengthStep())
}

// lengthRows is how many ranges of lengths the table has at most.
const lengthRows = 16

// lengthStep is how many lengths make a range.
func (r *reference) lengthStep() int { return (r.length + lengthRows - 1) / lengthRows }

// firstRows is how many first packets a table has at most.
const firstRows = 8

// tabulate makes the tables of shares, of what was drawn at one size.
func (e *evaluation) tabulate(r *Report, measured []*gathered) {
	all := e.sharesTable(len(e.classes), measured)
	r.shares, r.ClassShares = &all, map[string]shares{}
	for c, label := range e.classes {
		if len(e.test[c]) > 0 {
			r.ClassShares[label] = e.sharesTable(c, measured)
		}
	}
}

// sharesTable is the tables of class c, or of all classes where c is their number.
func (e *evaluation) sharesTable(c int, measured []*gathered) shares {
	firsts, lengths := e.sharesOf(e.test, firstOf), e.sharesOf(e.test, e.lengthOf)
	var t shares
	values := slices.SortedFunc(maps.Keys(firsts[c]), func(a, b float64) int {
		return cmp.Or(cmp.Compare(firsts[c][b], firsts[c][a]), cmp.Compare(a, b))
	})
	for _, v := range values[:min(firstRows, len(values))] {
		t.FirstPackets = append(t.FirstPackets, firstPacket{Length: int(max(v, -v)), Up: v < 0, share: share{
			number(firsts[c][v]), e.sharesIn(measured, c, v, func(g *gathered) [][]map[float64]float64 { return g.firsts }),
		}})
	}
	step := e.lengthStep()
	for from := 1; from <= e.length; from += step {
		v := float64((from - 1) / step)
		t.Lengths = append(t.Lengths, lengthShare{From: from, To: min(from+step-1, e.length), share: share{
			number(lengths[c][v]), e.sharesIn(measured, c, v, func(g *gathered) [][]map[float64]float64 { return g.lengths }),
		}})
	}
	return t
}

// sharesIn are the shares of a value in class c, by source.
func (s *subject) sharesIn(measured []*gathered, c int, v float64, of func(*gathered) [][]map[float64]float64) map[string]Spread {
	out := map[string]Spread{}
	for k, g := range measured {
		one := Spread{}
		for _, draw := range of(g) {
			if draw[c] != nil {
				one.add(draw[c][v])
			}
		}
		out[s.sources[k].name] = one
	}
	return out
}
