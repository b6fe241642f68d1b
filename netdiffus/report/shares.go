package report

import (
	"cmp"
	"maps"
	"slices"
)

// Shares are how often flows have a value, by source: tables of how they start
// and of how long they are.
type Shares struct {
	FirstPackets []FirstPacket `json:"first_packets"`
	Lengths      []LengthShare `json:"lengths"`
}

// Share is how often a value occurs: among the test flows, and among those of
// every source.
type Share struct {
	Test   number            `json:"test"`
	Shares map[string]Spread `json:"shares"`
}

// FirstPacket is how often flows start with a packet.
type FirstPacket struct {
	Length int  `json:"length"` // bytes
	Up     bool `json:"up"`
	Share
}

// LengthShare is how often flows have From to To packets.
type LengthShare struct {
	From int `json:"from"`
	To   int `json:"to"`
	Share
}

// sharesOf are the shares of the flows' values, by class, nil for a class
// without flows; the last is the mean over the classes that are judged.
func (e *evaluation) sharesOf(s sample, value func(row []float64) float64) []map[float64]float64 {
	out := make([]map[float64]float64, len(s)+1)
	mean, classes := map[float64]float64{}, 0.0
	for c, rows := range s {
		if len(rows) == 0 {
			continue
		}
		out[c] = map[float64]float64{}
		for _, row := range rows {
			out[c][value(row)]++
		}
		for v := range out[c] {
			out[c][v] /= float64(len(rows))
		}
		if e.judged(c) {
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

func firstOf(row []float64) float64 { return row[0] }

// lengthOf is the number of a flow's range of lengths, from 0.
func (e *evaluation) lengthOf(row []float64) float64 {
	return float64((len(packets(row)) - 1) / e.lengthStep())
}

// lengthRows is how many ranges of lengths the table has at most.
const lengthRows = 16

// lengthStep is how many lengths make a range.
func (e *evaluation) lengthStep() int { return (e.Length + lengthRows - 1) / lengthRows }

// firstRows is how many first packets a table has at most.
const firstRows = 8

// tabulate makes the tables of shares, of what was drawn at one size.
func (e *evaluation) tabulate(r *Report, sources []gathered) {
	firsts, lengths := e.sharesOf(e.test, firstOf), e.sharesOf(e.test, e.lengthOf)
	table := func(c int) Shares {
		var t Shares
		values := slices.SortedFunc(maps.Keys(firsts[c]), func(a, b float64) int {
			return cmp.Or(cmp.Compare(firsts[c][b], firsts[c][a]), cmp.Compare(a, b))
		})
		for _, v := range values[:min(firstRows, len(values))] {
			t.FirstPackets = append(t.FirstPackets, FirstPacket{Length: int(max(v, -v)), Up: v < 0, Share: e.share(firsts, sources, c, v, gathered.firstShares)})
		}
		step := e.lengthStep()
		for from := 1; from <= e.Length; from += step {
			v := float64((from - 1) / step)
			t.Lengths = append(t.Lengths, LengthShare{From: from, To: min(from+step-1, e.Length), Share: e.share(lengths, sources, c, v, gathered.lengthShares)})
		}
		return t
	}
	r.Shares, r.ClassShares = table(len(e.classes)), map[string]Shares{}
	for c, label := range e.classes {
		if len(e.test[c]) > 0 {
			r.ClassShares[label] = table(c)
		}
	}
}

func (g gathered) firstShares() [][]map[float64]float64  { return g.firsts }
func (g gathered) lengthShares() [][]map[float64]float64 { return g.lengths }

// share is the share of a value in class c of the test flows, and of every
// source that has flows of the class.
func (e *evaluation) share(test []map[float64]float64, sources []gathered, c int, v float64, of func(gathered) [][]map[float64]float64) Share {
	out := Share{number(test[c][v]), map[string]Spread{}}
	for k, g := range sources {
		s := Spread{}
		for _, draw := range of(g) {
			if draw[c] != nil {
				s.add(draw[c][v])
			}
		}
		out.Shares[e.sources[k].name] = s
	}
	return out
}
