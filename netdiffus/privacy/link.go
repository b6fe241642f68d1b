package privacy

import (
	"math"
	"math/rand/v2"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// gower finds nearest records by the distance of Gower (1971), as Anonymeter has it: the sum
// over the columns of the difference over the column's range, of candidates and queries
// together, and 1 for another class.
type gower struct {
	candidates Records
	columns    []int
	scale      []float64 // by column
	classes    bool
}

func newGower(candidates, queries Records, columns []int, classes bool) *gower {
	g := &gower{candidates: candidates, columns: columns, classes: classes}
	for _, j := range columns {
		low, high := math.Inf(1), math.Inf(-1)
		for _, rows := range [][][]float64{candidates.Rows, queries.Rows} {
			for _, row := range rows {
				low, high = min(low, row[j]), max(high, row[j])
			}
		}
		scale := 1.0
		if high > low {
			scale = 1 / (high - low)
		}
		g.scale = append(g.scale, scale)
	}
	return g
}

// nearest is the number of the nearest candidate; the first one of several.
func (g *gower) nearest(row []float64, class int) int {
	best, at := math.Inf(1), 0
	for i, other := range g.candidates.Rows {
		d := 0.0
		if g.classes && g.candidates.Classes[i] != class {
			d = 1
		}
		for k, j := range g.columns {
			if d += math.Abs(row[j]-other[j]) * g.scale[k]; d >= best {
				break
			}
		}
		if d < best {
			best, at = d, i
		}
	}
	return at
}

// linkability is the attack of that name: someone has the first half of a record, and
// someone else the second; they find that these belong together where the nearest synthetic
// record is the same for both.
func linkability(train, control, synthetic Records, o Options) (*Risk, error) {
	width := len(train.Rows[0])
	var first, second []int
	for j := range width {
		if j < width/2 {
			first = append(first, j)
		} else {
			second = append(second, j)
		}
	}
	rate := func(targets Records, key string) Rate {
		some := targets.some(o.Guesses, o.Seed, "linkability of "+key)
		a, b := newGower(synthetic, some, first, false), newGower(synthetic, some, second, false)
		r := Rate{Guesses: some.Len()}
		for i, row := range some.Rows {
			if a.nearest(row, some.Classes[i]) == b.nearest(row, some.Classes[i]) {
				r.Right++
			}
		}
		return r
	}
	success, held := rate(train, "training"), rate(control, "control")
	naive := Rate{Guesses: success.Guesses}
	rng := noise.Stream(o.Seed, noise.Key("linkability at random"))
	for range naive.Guesses {
		if rng.IntN(synthetic.Len()) == rng.IntN(synthetic.Len()) {
			naive.Right++
		}
	}
	return newRisk("linkability", success, held, naive), nil
}

// secret is what an inference guesses of a record: the number in a column, or the class.
type secret struct {
	of      func(r Records, i int) float64
	columns []int // what the attacker knows
	classes bool  // and whether he knows the class
}

// secretColumn is the number in column j, given all others and the class.
func secretColumn(j, width int, classes bool) secret {
	s := secret{of: func(r Records, i int) float64 { return r.Rows[i][j] }, classes: classes}
	for k := range width {
		if k != j {
			s.columns = append(s.columns, k)
		}
	}
	return s
}

// guess infers the secret of the targets from the synthetic record nearest in what is known.
func (s secret) guess(targets, synthetic Records, tolerance float64) (r Rate) {
	g := newGower(synthetic, targets, s.columns, s.classes)
	for i, row := range targets.Rows {
		r.Guesses++
		if s.right(s.of(synthetic, g.nearest(row, targets.Classes[i])), s.of(targets, i), tolerance) {
			r.Right++
		}
	}
	return r
}

// naive guesses the secret of a synthetic record at random.
func (s secret) naive(targets, synthetic Records, tolerance float64, rng *rand.Rand) (r Rate) {
	for i := range targets.Rows {
		r.Guesses++
		if s.right(s.of(synthetic, rng.IntN(synthetic.Len())), s.of(targets, i), tolerance) {
			r.Right++
		}
	}
	return r
}

func (secret) right(guess, truth, tolerance float64) bool {
	return guess == truth || math.Abs(guess-truth) <= tolerance*math.Abs(guess)
}

func (r Rate) plus(s Rate) Rate {
	return Rate{Guesses: r.Guesses + s.Guesses, Right: r.Right + s.Right}
}

// inferenceColumns is how many columns are guessed at most: so many of them, evenly spaced.
const inferenceColumns = 16

// inference is the attack of that name, of each column in turn: the attacker knows the
// class and all other numbers of a record and takes the missing one from the nearest
// synthetic record.
func inference(train, control, synthetic Records, o Options) (*Risk, error) {
	width, classes := len(train.Rows[0]), severalClasses(train)
	columns := min(width, inferenceColumns)
	rng := noise.Stream(o.Seed, noise.Key("inference at random"))
	targets, held := train.some(o.Guesses, o.Seed, "inference of training"), control.some(o.Guesses, o.Seed, "inference of control")
	var success, controlled, naive Rate
	for k := range columns {
		s := secretColumn(k*width/columns, width, classes)
		turn := func(i int) bool { return i%columns == k }
		if a, b := targets.where(turn), held.where(turn); a.Len() > 0 && b.Len() > 0 {
			success, controlled = success.plus(s.guess(a, synthetic, o.Tolerance)), controlled.plus(s.guess(b, synthetic, o.Tolerance))
			naive = naive.plus(s.naive(a, synthetic, o.Tolerance, rng))
		}
	}
	return newRisk("inference", success, controlled, naive), nil
}

// classInference is the same of the class, given all numbers; nil where there is one.
func classInference(train, control, synthetic Records, o Options) (*Risk, error) {
	if !severalClasses(train) {
		return nil, nil
	}
	s := secret{of: func(r Records, i int) float64 { return float64(r.Classes[i]) }}
	for j := range train.Rows[0] {
		s.columns = append(s.columns, j)
	}
	targets, held := train.some(o.Guesses, o.Seed, "class of training"), control.some(o.Guesses, o.Seed, "class of control")
	rng := noise.Stream(o.Seed, noise.Key("class at random"))
	return newRisk("class_inference", s.guess(targets, synthetic, 0), s.guess(held, synthetic, 0), s.naive(targets, synthetic, 0, rng)), nil
}
