package private

import (
	"math/rand/v2"

	"github.com/netdiffus/netdiffus-go/netdiffus/dp"
)

// fitting is a Model in the making: the only one who sees the flows.
type fitting struct {
	*Model
	records    []record
	accountant *dp.Accountant
	rng        *rand.Rand                                        // of the noise
	asked      func(q query, noised []float64, variance float64) // for tests, else nil
}

// rows are probabilities of each symbol after a context.
type rows map[context][]float64

// leastAhead is how many flows a context must have, by the tables so far, to be counted:
// of fewer, noise would be all that is learned.
const leastAhead = 8

func (f *fitting) run(s shares) error {
	if err := f.countClasses(s); err != nil {
		return err
	}
	if err := f.countValues(s); err != nil {
		return err
	}
	if err := f.countMargins(s); err != nil {
		return err
	}
	if err := f.countPairs(s); err != nil {
		return err
	}
	return f.countTriples(s)
}

func (f *fitting) countClasses(s shares) error {
	noised, _, err := f.ask(classQuery(s.classes, len(f.classes)))
	f.sizes = noised
	for c := range f.sizes {
		f.sizes[c] = max(1, f.sizes[c])
	}
	return err
}

// countValues makes the alphabet, and how often each value of a symbol is drawn.
func (f *fitting) countValues(s shares) error {
	most, classes := f.settings.MaxLength, len(f.classes)
	wide := 2*most + 1
	noised, variance, err := f.ask(valueQuery(s.values, classes, f.settings.Length, most))
	if err != nil {
		return err
	}
	a := newAlphabet(noised, variance, classes, most)
	f.alphabet = a
	// First of all classes together, where all values of a range are expected alike, then
	// of each class, where they are as in all classes.
	var pooled, each [][]observed
	for _, values := range a.values {
		row := make([]observed, len(values))
		sum := 0.0
		for i, v := range values {
			for c := range classes {
				row[i].noised += noised[c*wide+v+most]
			}
			sum += row[i].noised
		}
		for i := range row {
			row[i].share, row[i].flows = 1/float64(len(row)), max(1, sum)
		}
		pooled = append(pooled, row)
	}
	weights := denoise(pooled, variance*float64(classes))
	for c := range classes {
		for symbol, values := range a.values {
			row := make([]observed, len(values))
			own := 0.0
			for i, p := range normalized(weights[symbol]) {
				row[i] = observed{noised: noised[c*wide+values[i]+most], share: p}
				own += row[i].noised
			}
			for i := range row {
				row[i].flows = max(1, own)
			}
			each = append(each, row)
		}
	}
	drawn := denoise(each, variance)
	f.emit = make([][][]float64, classes)
	for c := range classes {
		for symbol := range a.values {
			f.emit[c] = append(f.emit[c], normalized(drawn[c*len(a.values)+symbol]))
		}
	}
	return nil
}

func (f *fitting) countMargins(s shares) error {
	length, classes, n := f.settings.Length, len(f.classes), f.alphabet.symbols()
	noised, variance, err := f.ask(marginQuery(s.margins, classes, length, f.alphabet))
	if err != nil {
		return err
	}
	all := total(f.sizes)
	// First of all classes together, then of each class, where they are as in all.
	var pooled, each [][]observed
	for j := range length {
		row := make([]observed, n)
		for symbol := range n {
			row[symbol] = observed{0, 1 / float64(n), all}
			for c := range classes {
				row[symbol].noised += noised[(c*length+j)*n+symbol]
			}
		}
		pooled = append(pooled, row)
	}
	together := denoise(pooled, variance*float64(classes))
	for c := range classes {
		for j := range length {
			row := make([]observed, n)
			for symbol, p := range normalized(together[j]) {
				row[symbol] = observed{noised[(c*length+j)*n+symbol], p, f.sizes[c]}
			}
			each = append(each, row)
		}
	}
	means := denoise(each, variance)
	f.margins = make([][][]float64, classes)
	for c := range classes {
		ended := 0.0
		for j := range length {
			row := means[c*length+j]
			// No flow is empty, and none goes on after its end.
			if j == 0 {
				row[n-1] = 0
			}
			row = normalized(row)
			if row[n-1] < ended {
				row = withEnd(row, ended)
			}
			ended = row[n-1]
			f.margins[c] = append(f.margins[c], row)
		}
	}
	return nil
}

// withEnd returns a distribution with the last probability set.
func withEnd(row []float64, end float64) []float64 {
	out := make([]float64, len(row))
	last := len(row) - 1
	rest := total(row[:last])
	for i, p := range row[:last] {
		out[i] = (1 - end) * share(p, rest, last)
	}
	out[last] = end
	return out
}

func (f *fitting) countPairs(s shares) error {
	length, classes, n := f.settings.Length, len(f.classes), f.alphabet.symbols()
	f.pairs, f.triples = rows{}, rows{}
	if length < 2 {
		return nil
	}
	// Of all classes together.
	together := make([][]float64, length)
	for j := range together {
		together[j] = make([]float64, n)
		for c := range classes {
			for symbol, p := range f.margins[c][j] {
				together[j][symbol] += f.sizes[c] * p
			}
		}
	}
	before := map[context]float64{}
	for j := 1; j < length; j++ {
		for symbol, count := range together[j-1][:n-1] {
			before[context{-1, int16(j), int16(symbol), -1}] = count
		}
	}
	pooled, err := f.count("symbols after each, at each place", s.pooled, before, contexts{1, false, true}, func(c context) []float64 {
		return normalized(together[c.place])
	})
	if err != nil {
		return err
	}
	// Of each class: as in all, but for what is more or less frequent in the class.
	clear(before)
	for c := range classes {
		for j := 1; j < length; j++ {
			for symbol, p := range f.margins[c][j-1][:n-1] {
				before[context{int16(c), int16(j), int16(symbol), -1}] = f.sizes[c] * p
			}
		}
	}
	expected := func(c context) []float64 {
		all := pooled[context{-1, c.place, c.last, -1}]
		row := make([]float64, n)
		sum := total(together[c.place])
		for symbol := range row {
			row[symbol] = f.margins[c.class][c.place][symbol]
			if all != nil {
				row[symbol] = all[symbol] * (row[symbol] + 1e-9) / (together[c.place][symbol]/sum + 1e-9)
			}
		}
		return normalized(row)
	}
	counted, err := f.count("symbols after each, at each place of each class", s.pairs, before, contexts{1, true, true}, expected)
	if err != nil {
		return err
	}
	for c := range before {
		if row := counted[c]; row != nil {
			f.pairs[c] = row
		} else {
			f.pairs[c] = expected(c)
		}
	}
	f.rake()
	return nil
}

// rake makes the steps of each class lead from the margins of each place to those of the
// next, which were counted with less noise: iterative proportional fitting.
func (f *fitting) rake() {
	const rounds = 10
	n := f.alphabet.symbols()
	for c := range f.classes {
		for j := 1; j < f.settings.Length; j++ {
			from, to := f.margins[c][j-1], f.margins[c][j]
			for range rounds {
				reached := make([]float64, n)
				reached[n-1] = from[n-1] // what has ended stays so
				for last, p := range from[:n-1] {
					for symbol, q := range f.pairs[context{int16(c), int16(j), int16(last), -1}] {
						reached[symbol] += p * q
					}
				}
				for last := range n - 1 {
					at := context{int16(c), int16(j), int16(last), -1}
					row := f.pairs[at]
					for symbol := range row {
						want, have := to[symbol], reached[symbol]
						if symbol == n-1 { // of those that had not ended
							want, have = want-from[n-1], have-from[n-1]
						}
						row[symbol] *= min(10, (max(0, want)+1e-9)/(max(0, have)+1e-9))
					}
					f.pairs[at] = normalized(row)
				}
			}
		}
	}
}

func (f *fitting) countTriples(s shares) error {
	length, n := f.settings.Length, f.alphabet.symbols()
	if length < 3 {
		return nil
	}
	before := map[context]float64{}
	for c := range f.classes {
		for j := 2; j < length; j++ {
			for two, p := range f.margins[c][j-2][:n-1] {
				for last, q := range f.pairs[context{int16(c), int16(j - 1), int16(two), -1}][:n-1] {
					if count := f.sizes[c] * p * q; count >= leastAhead {
						before[context{int16(c), int16(j), int16(last), int16(two)}] = count
					}
				}
			}
		}
	}
	var err error
	f.triples, err = f.count("symbols after each two, at each place of each class", s.triples, before, contexts{2, true, true}, func(c context) []float64 {
		return f.pairs[context{c.class, c.place, c.last, -1}]
	})
	return err
}

// count counts what follows the contexts that have enough flows, by what is known before,
// and returns the probabilities of each, given what is expected.
func (f *fitting) count(name string, part float64, before map[context]float64, of contexts, expected func(context) []float64) (rows, error) {
	n := f.alphabet.symbols()
	var list []context
	for c, flows := range before {
		if flows >= leastAhead {
			list = append(list, c)
		}
	}
	sortContexts(list)
	numbers := map[context]int{}
	for i, c := range list {
		numbers[c] = i
	}
	noised, variance, err := f.ask(contextQuery(name, part, numbers, of, f.settings.Length, f.alphabet))
	if err != nil {
		return nil, err
	}
	each, out := make([][]observed, len(list)), rows{}
	for i, c := range list {
		each[i] = make([]observed, n)
		for symbol, p := range expected(c) {
			each[i][symbol] = observed{noised[i*n+symbol], p, before[c]}
		}
	}
	for i, row := range denoise(each, variance) {
		if total(row) <= 0 {
			row = expected(list[i])
		}
		out[list[i]] = normalized(row)
	}
	return out, nil
}

func total(x []float64) (sum float64) {
	for _, v := range x {
		sum += v
	}
	return sum
}

// share is a part of a whole, of so many equal ones where the whole is 0.
func share(part, whole float64, n int) float64 {
	if whole <= 0 {
		return 1 / float64(n)
	}
	return part / whole
}

// normalized returns x as shares of its sum.
func normalized(x []float64) []float64 {
	sum, out := total(x), make([]float64, len(x))
	for i, v := range x {
		out[i] = share(v, sum, len(x))
	}
	return out
}
