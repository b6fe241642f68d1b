package codec

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// This file has the values that are whole multiples of a unit. Bytes a time bin are often so
// many full packets and nothing else: multiples of one packet's payload, which come again and
// again where values interpolated between others never do.
//
// A table with shares says that a value is with probability Shares[i] the multiple of
// Units[i] next to a value interpolated between quantiles, and that value itself with what is
// left. The distribution function of that, in ranks, is
//
//	G(v) = (1-Σp)·R(v) + Σ p·R(edge below which values move to multiples up to v)
//
// where R is the rank of v among the quantiles. G jumps at the multiples, and so they have
// ranges of codes, the middle of which is what they are encoded as.

const (
	// mostUnits is how many units a channel has at most, and leastUnit the least one: below
	// it whole numbers are near enough. largestUnit bounds the work for damaged tables.
	mostUnits   = 4
	leastUnit   = 16
	largestUnit = 1 << 20
	// mostShares bounds the sum of a table's shares, so that other values keep codes.
	mostShares = 0.95
	// leastShare is the least share of a place that counts.
	leastShare = 0.02
	// shareValues is how many values a share is taken from, of the places around where there
	// are fewer at its own.
	shareValues = 60
	// fitValues is how many values, and pairs of neighbours, units are looked for in.
	fitValues = 200_000
	// unitCandidates is how many common divisors are tried for a unit, the most frequent first.
	unitCandidates = 16
	// surprise is how many standard deviations more multiples than of random whole numbers
	// there have to be among the distinct values, and leastMultiples how many of them.
	surprise, leastMultiples = 6, 8
)

// unitOf is a unit of a table: its multiples from first to last lie within the extremes.
type unitOf struct{ size, share, first, last float64 }

// units are those that values of t are multiples of, and the share of all other values.
func (t QuantileTable) units(sizes []float64) (units []unitOf, rest float64) {
	rest = 1
	for i, p := range t.Shares {
		first, last := math.Ceil(t.Values[0]/sizes[i]), math.Floor(t.Values[len(t.Values)-1]/sizes[i])
		if p > 0 && first <= last {
			units, rest = append(units, unitOf{sizes[i], p, first, last}), rest-p
		}
	}
	return units, rest
}

// edge is the rank below which interpolated values move to the k-th multiple of u or one
// before it.
func (t QuantileTable) edge(u unitOf, k float64) float64 {
	switch {
	case k < u.first:
		return 0
	case k >= u.last:
		return float64(len(t.Values) - 1)
	}
	below, _ := t.ranks((k + 0.5) * u.size)
	return below
}

// span is G just below v and at v.
func (t QuantileTable) span(v float64, units []unitOf, rest float64) (from, to float64) {
	from, to = t.ranks(v)
	from, to = rest*from, rest*to
	for _, u := range units {
		from += u.share * t.edge(u, math.Ceil(v/u.size)-1)
		to += u.share * t.edge(u, math.Floor(v/u.size))
	}
	return from, to
}

// valueWith is the value of rank g in G, its inverse.
func (t QuantileTable) valueWith(g float64, units []unitOf, rest float64) float64 {
	least, most := t.Values[0], t.Values[len(t.Values)-1]
	plain, reach := t.at(g), 0.0
	for _, u := range units {
		reach = max(reach, u.size) // no value moves further, and so no quantile does
	}
	low, high := max(least, plain-reach), min(most, plain+reach)
	var multiples []float64
	for _, u := range units {
		for k := max(u.first, math.Ceil(low/u.size)); k <= u.last && k*u.size <= high; k++ {
			multiples = append(multiples, k*u.size)
		}
	}
	slices.Sort(multiples)
	for _, v := range multiples {
		from, to := t.span(v, units, rest)
		if g < from {
			high = v
			break
		}
		if g <= to {
			return v
		}
		low = v
	}
	// Between two multiples the others' part of G is what it is at the lower one.
	_, to := t.span(low, units, rest)
	_, begin := t.ranks(low)
	end, _ := t.ranks(high)
	rank := (g - (to - rest*begin)) / rest
	if near := math.Round(rank); math.Abs(rank-near) < snap/rest {
		rank = near
	}
	return min(max(t.at(min(max(rank, begin), end)), low), high)
}

// unitsOf finds the units of whole numbers: those that more than the share least of the values
// are multiples of.
func (f *quantilesFitter) unitsOf(least float64) []float64 {
	var values []int64
	divisors := map[int64]int{}
	total := 0
	for _, c := range f.classes {
		total += len(c.kept) * f.length
	}
	stride := max(1, total/fitValues)
	at := 0
	for _, class := range slices.Sorted(maps.Keys(f.classes)) {
		for _, v := range f.classes[class].kept {
			if at++; at%stride != 0 {
				continue
			}
			// Two multiples of a unit have it as their largest common divisor in six cases of
			// ten; two of a series are of one unit even where each series has its own.
			before := int64(0)
			for _, x := range v {
				now := int64(math.Abs(x))
				if now == 0 || math.Abs(x) >= 1<<53 {
					continue
				}
				values = append(values, now)
				if before != 0 && before != now {
					if d := divisor(before, now); d >= leastUnit && d <= largestUnit {
						divisors[d]++
					}
				}
				before = now
			}
		}
	}
	all := float64(len(values))
	slices.Sort(values)
	var units []float64
	for len(units) < mostUnits {
		candidates := slices.SortedFunc(maps.Keys(divisors), func(a, b int64) int {
			return cmp.Or(cmp.Compare(divisors[b], divisors[a]), cmp.Compare(a, b))
		})
		best, most := int64(0), 0.0
		for _, d := range candidates[:min(len(candidates), unitCandidates)] {
			// Sorted, equal values are neighbours. One that comes often is no sign of a unit,
			// but several different ones are.
			multiples, distinct, different := 0.0, 0.0, 0.0
			for i, x := range values {
				fresh := i == 0 || x != values[i-1]
				if fresh {
					distinct++
				}
				if x%d == 0 {
					if multiples++; fresh {
						different++
					}
				}
			}
			chance := 1 / float64(d)
			above := func(n, of float64) float64 { return (n - of*chance) / math.Sqrt(of*chance+1) }
			if multiples-all*chance < least*all || different < leastMultiples || above(different, distinct) < surprise {
				continue
			}
			if z := above(multiples, float64(len(values))); z > most {
				best, most = d, z
			}
		}
		if best == 0 {
			break
		}
		units = append(units, float64(best))
		values = slices.DeleteFunc(values, func(x int64) bool { return x%best == 0 })
		maps.DeleteFunc(divisors, func(d int64, _ int) bool { return d%best == 0 })
	}
	return units
}

// divisor is the largest common divisor.
func divisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// shares are the shares of the values at place j, and around it where they are few, that are
// multiples of each unit, and of none before; nil where there are none.
func (c *quantilesOfClass) shares(j int, units []float64, silent bool) []float64 {
	var counts []float64
	n := 0.0
	for around := 0; around < len(c.min) && n < shareValues; around++ {
		counts, n = make([]float64, len(units)), 0
		for i := max(0, j-around); i <= min(len(c.min)-1, j+around); i++ {
			for _, v := range c.kept {
				if v[i] == 0 {
					if !silent {
						n++ // a multiple of every unit, and of none
					}
					continue
				}
				n++
				if u := slices.IndexFunc(units, func(u float64) bool { return math.Mod(v[i], u) == 0 }); u >= 0 {
					counts[u]++
				}
			}
		}
	}
	sum := 0.0
	for i, count := range counts {
		counts[i] = count / max(n, 1)
		if counts[i] < leastShare {
			counts[i] = 0
		}
		sum += counts[i]
	}
	if sum == 0 {
		return nil
	}
	for i := range counts {
		counts[i] *= min(1, mostShares/sum)
	}
	return counts
}
