package codec

import (
	"math"
	"slices"
)

// novelWeight is the weight of a value that was not seen, where a value seen once has 1.
const novelWeight = 0.5

// How far from a rare value the new value beside it may be: a share of the value, or
// so much where that is more. Lengths differ by some bytes between sessions (host names,
// cookies), short ones by no less than long ones.
const (
	novelReach = 0.3
	novelLeast = 20
)

// addNovel adds to t, for each value that was seen fewer than below times, a value near
// it that was not seen. Where all values are whole numbers so are the new ones; none
// has another sign than its neighbour or lies beyond the largest and least value.
func (t *AtomTable) addNovel(below int) {
	whole, taken := true, map[float64]bool{0: true}
	var rare []float64
	for k, v := range t.Values {
		whole = whole && v == math.Trunc(v)
		taken[v] = true
		if t.Weights[k] < float64(below) {
			rare = append(rare, v)
		}
	}
	var novel []float64
	for i, v := range rare {
		low, high := t.novelRange(rare, i)
		if n, ok := between(v, low, high, fraction(i), whole, taken); ok {
			novel, taken[n] = append(novel, n), true
		}
	}
	weights := map[float64]float64{}
	for k, v := range t.Values {
		weights[v] = t.Weights[k]
	}
	t.Values = append(t.Values, novel...)
	slices.Sort(t.Values)
	t.Weights = make([]float64, len(t.Values))
	for k, v := range t.Values {
		if w, seen := weights[v]; seen {
			t.Weights[k] = w
		} else {
			t.Weights[k] = novelWeight
			t.Novel = append(t.Novel, k)
		}
	}
}

// novelRange is where the new value beside rare[i] may lie, exclusively: between its
// rare neighbours, within reach.
func (t *AtomTable) novelRange(rare []float64, i int) (low, high float64) {
	v := rare[i]
	reach := max(novelLeast, novelReach*math.Abs(v))
	low, high = max(v-reach, t.Values[0]-1), min(v+reach, t.Values[len(t.Values)-1]+1)
	if i > 0 {
		low = max(low, rare[i-1])
	}
	if i+1 < len(rare) {
		high = min(high, rare[i+1])
	}
	if v > 0 {
		low = max(low, 0)
	} else {
		high = min(high, 0)
	}
	return low, high
}

// between returns a value above v and below high that is not taken, or where there is
// none one below v and above low: about share of the way, for whole numbers the nearest
// free one upwards.
func between(v, low, high, share float64, whole bool, taken map[float64]bool) (float64, bool) {
	if !whole {
		n := v + share*(high-v)
		return n, n > v && n < high && !taken[n]
	}
	for _, from := range []struct{ first, last float64 }{{v + 1, high - 1}, {low + 1, v - 1}} {
		room := from.last - from.first + 1
		start := math.Floor(share * room)
		for k := range int(max(room, 0)) {
			n := from.first + math.Mod(start+float64(k), room)
			if !taken[n] {
				return n, true
			}
		}
	}
	return 0, false
}

// fraction is a number in (0,1) that differs much from that of i's neighbours.
func fraction(i int) float64 {
	_, f := math.Modf(float64(i+1) * math.Phi)
	return f
}
