package joint

import (
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// place is one place of a class's lead channel: its atoms, and the groups of them that
// are the symbols of the chain.
type place struct {
	level  []float64 // by atom: 2u − 1, what the diagonal shows of it; rising
	code   []float64 // by atom: √u
	symbol []int32   // by atom: its group
	groups []group
}

// group is the atoms that a symbol of the chain may turn out as, with their weights,
// which sum to 1.
type group struct {
	atoms   []int32
	weights []float64
	// escape is d/(n + d), where d of its values were seen, n times in all: the share of those
	// that follow them that are another one of the group (Witten & Bell 1991, method C).
	escape float64
}

// Widest group of rare values: they differ by a share of themselves at most, or by so
// many bytes where that is more.
const (
	groupWidth = 0.3
	groupLeast = 20
)

func newPlaces(a *codec.Atoms, class string, s Settings) []place {
	tables := a.Tables[class]
	places := make([]place, len(tables))
	weights := rareWeights(tables, s.Rare)
	for j, t := range tables {
		places[j] = newPlace(t, a.TauOrDefault(), s, weights)
	}
	return places
}

// rareWeights is how probable the values of a class are that were seen r times at their
// place, for each r below rare, in proportion: by the estimate of Good (1953), the
// values seen r times have together the probability (r+1) N_{r+1} / N, where N_r is how
// many of them there are. Those seen 0 times are the codec's new ones.
func rareWeights(tables []codec.AtomTable, rare int) []float64 {
	number := make([]float64, max(rare, 1)+1) // N_r
	for _, t := range tables {
		number[0] += float64(len(t.Novel))
		novel := 0
		for k, w := range t.Weights {
			if novel < len(t.Novel) && t.Novel[novel] == k {
				novel++
			} else if r := int(math.Round(w)); r >= 1 && r < len(number) {
				number[r]++
			}
		}
	}
	weights := make([]float64, max(rare, 1))
	for r := range weights {
		weights[r] = float64(r+1) * number[r+1] / max(number[r], 1)
	}
	return weights
}

func newPlace(t codec.AtomTable, tau float64, s Settings, rare []float64) place {
	p := place{symbol: make([]int32, t.Len())}
	p.level, p.code = shown(t, tau)
	novel := map[int]bool{}
	for _, k := range t.Novel {
		novel[k] = true
	}
	m := merger{table: t, settings: s, rare: rare, novel: novel, place: &p}
	for k, v := range t.Values {
		switch {
		case novel[k] || t.Weights[k] < float64(s.Rare):
			m.add(k, v)
		default:
			p.single(k)
		}
	}
	m.close()
	if t.Padding > 0 {
		p.single(len(t.Values))
	}
	return p
}

// shown returns for each atom of a table what the diagonal shows of it, 2u − 1, and its
// code √u.
func shown(t codec.AtomTable, tau float64) (level, code []float64) {
	for _, u := range t.Middles(tau) {
		level, code = append(level, 2*u-1), append(code, math.Sqrt(u))
	}
	return level, code
}

// single makes atom k a group of its own.
func (p *place) single(k int) {
	p.symbol[k] = int32(len(p.groups))
	p.groups = append(p.groups, group{atoms: []int32{int32(k)}, weights: []float64{1}})
}

// merger gathers the rare atoms of a place, in rising order, into groups.
type merger struct {
	table    codec.AtomTable
	settings Settings
	rare     []float64 // see rareWeights
	novel    map[int]bool
	place    *place
	open     []int   // the atoms of the group that is being filled
	first    float64 // the value of its first one
	seen     float64 // how often its values were seen
}

func (m *merger) add(k int, v float64) {
	if len(m.open) > 0 {
		wide := math.Abs(v-m.first) > max(groupLeast, groupWidth*max(math.Abs(v), math.Abs(m.first)))
		full := m.seen >= float64(m.settings.Group) && !m.novel[k]
		if wide || full || v*m.first < 0 {
			m.close()
		}
	}
	if len(m.open) == 0 {
		m.first, m.seen = v, 0
	}
	m.open = append(m.open, k)
	if !m.novel[k] {
		m.seen += m.table.Weights[k]
	}
}

// close ends the group. Its atoms have the weights of rareWeights.
func (m *merger) close() {
	if len(m.open) == 0 {
		return
	}
	var g group
	total, different := 0.0, 0.0
	for _, k := range m.open {
		m.place.symbol[k] = int32(len(m.place.groups))
		seen := 0
		if !m.novel[k] {
			different++
			seen = min(max(1, int(math.Round(m.table.Weights[k]))), len(m.rare)-1)
		}
		// Where an estimate is 0, for there are too few values, all are alike.
		w := m.rare[seen] + 1e-6
		g.atoms, g.weights = append(g.atoms, int32(k)), append(g.weights, w)
		total += w
	}
	for i := range g.weights {
		g.weights[i] /= total
	}
	g.escape = 1
	if different > 0 {
		g.escape = different / (m.seen + different)
	}
	m.place.groups = append(m.place.groups, g)
	m.open = nil
}
