package markov

// Joined returns a chain over pairs of a symbol of a and a band, one of n, that goes with it:
//
//	P(s, b) = Π_j P(s_j | s_1 … s_{j-1}) P(b_j | b_{j-1}, arc_j),
//
// so that the symbols are distributed as before, and a band depends on all that a remembers, and on
// the band before. The symbols of the chain returned are s·n + b. walks are where a counted some
// sequences, of which bands are the bands by position, and those returned where the chain returned
// did. What follows a band that was never seen before an arc is what follows any band there.
func (a *Automaton) Joined(walks []Walk, bands [][]int32, n int32) (*Automaton, []Walk) {
	joined, through := &Automaton{Memory: a.Memory}, make([]Walk, len(walks))
	contexts := []banded{{}} // those of joined before position j
	for j := range a.Places {
		f := joining{place: &a.Places[j], n: n, after: map[banded][]float64{}, arcs: map[banded][]joinedArc{}}
		for i, walk := range walks {
			for _, arc := range walk[j] {
				f.count(arc, bandBefore(bands[i], j), bands[i][j])
			}
		}
		var place Place
		place, contexts = f.join(contexts)
		for i, walk := range walks {
			var at []int32
			for _, arc := range walk[j] {
				at = f.counted(at, arc, bandBefore(bands[i], j), bands[i][j])
			}
			through[i] = append(through[i], at)
		}
		joined.Places = append(joined.Places, place)
	}
	return joined, through
}

// bandBefore is the band before position j: at the first one there is none, and one is as good as
// another.
func bandBefore(bands []int32, j int) int32 {
	if j == 0 {
		return 0
	}
	return bands[j-1]
}

// banded is a context, or an arc, of the chain of symbols together with a band, that before it or
// that which goes with it.
type banded struct{ of, band int32 }

// anyBand is the band before an arc where it may be any.
const anyBand = -1

// joining is one position of a chain that is being joined.
type joining struct {
	place *Place
	n     int32
	after map[banded][]float64   // by arc and the band before it: how often each band was seen
	arcs  map[banded][]joinedArc // by arc and the band that goes with it
}

// joinedArc is an arc of the joined chain: it stands for an arc after a band, or for one after any band,
// since the band before was not seen there.
type joinedArc struct{ arc, before int32 }

func (f *joining) count(arc, before, band int32) {
	for _, key := range []banded{{arc, before}, {arc, anyBand}} {
		if f.after[key] == nil {
			f.after[key] = make([]float64, f.n)
		}
		f.after[key][band]++
	}
}

// join makes the position, whose contexts are these, and returns the contexts after it.
func (f *joining) join(contexts []banded) (Place, []banded) {
	p, numbers := Place{First: []int32{0}}, map[banded]int32{}
	var next []banded
	for _, context := range contexts {
		from, to := f.place.Arcs(context.of)
		for arc := from; arc < to; arc++ {
			before := context.band
			seen := f.after[banded{arc, before}]
			if seen == nil {
				before = anyBand
				seen = f.after[banded{arc, anyBand}]
			}
			total := 0.0
			for _, n := range seen {
				total += n
			}
			for band, n := range seen {
				if n == 0 {
					continue
				}
				to := banded{f.place.Next[arc], int32(band)}
				number, known := numbers[to]
				if !known {
					number = int32(len(next))
					numbers[to], next = number, append(next, to)
				}
				of := banded{arc, int32(band)}
				f.arcs[of] = append(f.arcs[of], joinedArc{int32(len(p.Symbol)), before})
				p.Symbol = append(p.Symbol, f.place.Symbol[arc]*f.n+int32(band))
				p.Count = append(p.Count, f.place.Count[arc]*n/total)
				p.Next = append(p.Next, number)
			}
		}
		p.First = append(p.First, int32(len(p.Symbol)))
	}
	return p, next
}

// counted appends the arcs of the joined chain that a sequence was counted at, where it was counted at
// arc with this band, after that: first where the chain takes it.
func (f *joining) counted(at []int32, arc, before, band int32) []int32 {
	for _, after := range []int32{before, anyBand} {
		for _, joined := range f.arcs[banded{arc, band}] {
			if joined.before == after {
				at = append(at, joined.arc)
			}
		}
	}
	return at
}
