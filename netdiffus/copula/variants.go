package copula

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// This file has how the traces of a class are divided into variants. Traces of one class often
// differ as a whole: one is high at all places and another at none, which no Gaussian with
// normal scores at every place says, whatever its correlation.

const (
	// tracesOfVariant is how many traces a class has for each of its variants, and
	// leastOfVariant how many a variant has at least.
	tracesOfVariant = 8
	leastOfVariant  = 5
	// divisions is how often a class is divided anew, and regroupings how often its traces
	// are regrouped each time.
	divisions   = 10
	regroupings = 50
	// ownVariance is how many traces the variance of the whole class within its variants counts
	// as beside a variant's own, and that of the variant beside a place's.
	ownVariance = 4.0
	// leastVariance bounds the variances of variants.
	leastVariance = 0.02
	// silentWeight is how far silence is from a value, in units of scores, when traces are
	// compared.
	silentWeight = 1.5
)

// variant is the distribution of the traces of one. mean, variance and middle are nil where a
// class has one variant: its scores have mean 0 and variance 1.
type variant struct {
	weight         float64 // of all traces of its class
	mean, variance []float32
	middle         []float32
	gaussian       *gaussian
	silence        []chain // none where no channel is silent
}

func (k *variant) meanAt(i int) float64 {
	if k.mean == nil {
		return 0
	}
	return float64(k.mean[i])
}

func (k *variant) varianceAt(i int) float64 {
	if k.variance == nil {
		return 1
	}
	return float64(k.variance[i])
}

// Variants returns how many variants all classes have together.
func (m *Copula) Variants() int { return len(m.variants) }

// ClassOf returns the class of a variant.
func (m *Copula) ClassOf(variant int) int {
	at, found := slices.BinarySearch(m.first, variant)
	if !found {
		at--
	}
	return at
}

// DrawVariant draws the variant of a trace of a class. Where the class has one, r is left alone.
func (m *Copula) DrawVariant(class int, r *rand.Rand) int {
	first, end := m.first[class], m.first[class+1]
	if end == first+1 {
		return first
	}
	at := r.Float64()
	for k := first; k < end-1; k++ {
		if at -= m.variants[k].weight; at < 0 {
			return k
		}
	}
	return end - 1
}

// VariantOf returns the variant of a trace of a class, given its codes by channel and place.
func (m *Copula) VariantOf(class int, codes [][]float64) int {
	first, end := m.first[class], m.first[class+1]
	if end == first+1 {
		return first
	}
	row := m.score(codes).compared()
	best, least := first, math.Inf(1)
	for k := first; k < end; k++ {
		if d := distance(row, m.variants[k].middle); d < least {
			best, least = k, d
		}
	}
	return best
}

// compared is the row of numbers that tells the variant of a trace.
func (s scored) compared() []float64 {
	row := slices.Clone(s.z) // 0 where it is silent
	for _, silent := range s.silent {
		if silent {
			row = append(row, silentWeight)
		} else {
			row = append(row, 0)
		}
	}
	return row
}

func distance(row []float64, middle []float32) float64 {
	sum := 0.0
	for i, v := range row {
		d := v - float64(middle[i])
		sum += d * d
	}
	return sum
}

// divide divides a class's traces into at most so many variants by k-means (Lloyd 1982,
// begun as Arthur and Vassilvitskii 2007 do), and estimates their means and variances.
// members are the traces of each variant.
func (m *Copula) divide(traces []scored, most int, seed uint64) (variants []variant, members [][]scored) {
	most = min(most, len(traces)/tracesOfVariant)
	if most <= 1 {
		return []variant{{weight: 1}}, [][]scored{traces}
	}
	rows := make([][]float64, len(traces))
	for i, s := range traces {
		rows[i] = s.compared()
	}
	r := rand.New(rand.NewPCG(seed, 0))
	var best []int
	least := math.Inf(1)
	for range divisions {
		if labels, sum := group(rows, most, r); sum < least {
			best, least = labels, sum
		}
	}
	byVariant := make([][]int, most)
	for i, k := range best {
		byVariant[k] = append(byVariant[k], i)
	}
	byVariant = slices.DeleteFunc(byVariant, func(of []int) bool { return len(of) == 0 })
	if len(byVariant) == 1 {
		return []variant{{weight: 1}}, [][]scored{traces}
	}
	slices.SortFunc(byVariant, func(a, b []int) int { return len(b) - len(a) })
	sums, counts := 0.0, 0.0
	for _, of := range byVariant {
		k := variant{weight: float64(len(of)) / float64(len(traces)), middle: middleOf(rows, of)}
		var part []scored
		for _, i := range of {
			part = append(part, scored{slices.Clone(traces[i].z), traces[i].silent})
		}
		k.mean = make([]float32, m.size())
		for at := range k.mean {
			sum, n := 0.0, 0.0
			for _, s := range part {
				if !s.silent[at] {
					sum, n = sum+s.z[at], n+1
				}
			}
			k.mean[at] = float32(sum / (n + 1))
			for _, s := range part {
				if !s.silent[at] {
					d := s.z[at] - float64(k.mean[at])
					sums, counts = sums+d*d, counts+1
				}
			}
		}
		variants, members = append(variants, k), append(members, part)
	}
	for i := range variants {
		variants[i].variances(members[i], sums/max(counts, 1))
	}
	return variants, members
}

// variances estimates a variant's, given that of the whole class within its variants.
func (k *variant) variances(traces []scored, class float64) {
	squares, counts := make([]float64, len(k.mean)), make([]float64, len(k.mean))
	all, values := 0.0, 0.0
	for _, s := range traces {
		for at, z := range s.z {
			if !s.silent[at] {
				d := z - float64(k.mean[at])
				squares[at], counts[at] = squares[at]+d*d, counts[at]+1
			}
		}
	}
	for at, v := range squares {
		all, values = all+v, values+counts[at]
	}
	n := values / float64(len(k.mean)) // traces that are not silent at a place
	own := (all/float64(len(k.mean)) + ownVariance*class) / (n + ownVariance)
	k.variance = make([]float32, len(k.mean))
	for at, v := range squares {
		v = (v + ownVariance*own) / (counts[at] + ownVariance)
		k.variance[at] = float32(min(max(v, leastVariance), codec.MaxScore*codec.MaxScore))
	}
}

func middleOf(rows [][]float64, of []int) []float32 {
	middle := make([]float32, len(rows[0]))
	for at := range middle {
		sum := 0.0
		for _, i := range of {
			sum += rows[i][at]
		}
		middle[at] = float32(sum / float64(len(of)))
	}
	return middle
}

// group divides rows into n groups, or fewer where one would be too small: the group of
// each row, and the sum of the squared distances to the groups' means.
func group(rows [][]float64, n int, r *rand.Rand) (labels []int, sum float64) {
	first := rows[r.IntN(len(rows))]
	middles := [][]float32{middleOf([][]float64{first}, []int{0})}
	nearest := make([]float64, len(rows))
	for len(middles) < n {
		for i, row := range rows {
			if d := distance(row, middles[len(middles)-1]); len(middles) == 1 || d < nearest[i] {
				nearest[i] = d
			}
		}
		middles = append(middles, middleOf(rows, []int{pick(r, nearest)}))
	}
	labels = make([]int, len(rows))
	for range regroupings {
		moved := false
		sum = 0
		members := make([][]int, len(middles))
		for i, row := range rows {
			best, least := 0, math.Inf(1)
			for k, middle := range middles {
				if d := distance(row, middle); d < least {
					best, least = k, d
				}
			}
			moved = moved || labels[i] != best
			labels[i], sum = best, sum+least
			members[best] = append(members[best], i)
		}
		smallest := slices.IndexFunc(members, func(of []int) bool { return len(of) < leastOfVariant })
		if smallest >= 0 && len(middles) > 1 && !moved {
			middles = slices.Delete(middles, smallest, smallest+1) // its traces join the others
			continue
		}
		if !moved {
			break
		}
		for k, of := range members {
			if len(of) > 0 {
				middles[k] = middleOf(rows, of)
			}
		}
	}
	return labels, sum
}
