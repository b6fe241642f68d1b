package joint

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// Thinning leaves out some of the series of a class that were drawn, so that those kept repeat
// the series fitted to as often as real series of the class repeat each other. A model that
// remembers much makes better series and copies more of them. Thinned, it may remember more.
//
// A series is kept with a probability in proportion to p_real/p_drawn of its group, which is how
// long it is and how it repeats one fitted to (rejection sampling, von Neumann 1951). So
// the series kept have the lengths of real ones, too. Where there is a second channel, such as times, they
// have its sums and its mean logarithms, too: series that repeat none come from where many cross, and
// are faster than others. The zero value keeps all.
type Thinning struct {
	// Ends are the most places that the series of each length have, rising; the last length
	// has no end.
	Ends []int `json:"ends"`
	// Keep [lengths][metric.RepeatKinds] are the probabilities.
	Keep [][]float64 `json:"keep"`
	// Beside is what Keep is multiplied by, for each of the numbers of the second channel; empty where
	// there is none.
	Beside []Margin `json:"beside,omitempty"`
	// Tries is how many series a chain draws for one that is kept: of so many the last is kept. 0, as in
	// files of earlier versions, means 40.
	Tries int `json:"tries,omitempty"`
}

// Margin is probabilities by groups of a number.
type Margin struct {
	Ends []float64 `json:"ends"` // the greatest numbers of the groups, rising; the last group has none
	Keep []float64 `json:"keep"` // by group
}

const (
	// leastShare is added to the shares that are compared, since small ones say little; more, so
	// many series, where few were drawn.
	leastShare  = 0.001
	leastSeries = 1
	// lengths is how many groups of lengths there are at most.
	lengths = 4
	// numbers is how many numbers of the second channel there are (Thinner.numbers).
	numbers = 2
	// parts is how many groups a Margin has at most, mostPart the most that one may count as against
	// how often it is drawn, or the least, its inverse.
	parts    = 6
	mostPart = 2
	// rounds is how often the probabilities are fitted to each other.
	rounds = 5
)

// Thin sets the thinning that series drawn, of atoms, need. most is the most that a group may count
// as against how often it is drawn among those of its length: the less that is, the fewer series
// are drawn for one that is kept, and the more copies may be left.
func (t *Thinner) Thin(drawn Series, most float64) {
	t.Thinning = Thinning{}
	real := evenly(t.series, mostOwn)
	if len(real) == 0 || len(drawn) == 0 {
		return
	}
	t.Ends = quantiles(real, lengths, func(flow [][]int32) int { return size(t.row(flow[0])) })
	if len(t.values) > 1 {
		for k := range numbers {
			number := func(flow [][]int32) float64 { return t.numbers(flow)[k] }
			t.Beside = append(t.Beside, Margin{Ends: quantiles(real, parts, number)})
		}
	}
	wanted, had := t.groups(real, true), t.groups(drawn, false)
	little := max(leastShare, leastSeries/float64(len(drawn)))
	alike := make([]float64, len(wanted))
	for i := range alike {
		alike[i] = 1 / float64(len(wanted))
	}
	// Each factor is set given the others, in turn (iterative proportional fitting, Deming & Stephan 1940).
	wantedLengths := t.byLength(wanted, alike)
	n := rounds
	if t.Beside == nil {
		n = 1 // a factor alone is set at once
	}
	for range n {
		t.weigh(wantedLengths, t.byLength(had, t.weights(had, lengthFactor)), little, most)
		for k := range t.Beside {
			t.Beside[k].weigh(t.byPart(wanted, alike, k), t.byPart(had, t.weights(had, k), k), little)
		}
	}
}

// quantiles are the values that divide those of series into n parts, or fewer where they are alike:
// the greatest of each part but the last.
func quantiles[T cmp.Ordered](series Series, n int, value func(flow [][]int32) T) (ends []T) {
	all := make([]T, len(series))
	for i, flow := range series {
		all[i] = value(flow)
	}
	slices.Sort(all)
	for k := 1; k < n; k++ {
		if end := all[k*len(all)/n]; end < all[len(all)-1] && !slices.Contains(ends, end) {
			ends = append(ends, end)
		}
	}
	return ends
}

// thinGroup is what the probability of a series depends on.
type thinGroup struct {
	length int // of Ends
	repeat metric.Repeat
	parts  [numbers]int // of Beside
}

func (t *Thinner) group(flow [][]int32, own bool) (g thinGroup) {
	row := t.row(flow[0])
	g.length, g.repeat = t.length(row), t.records.Repeat(row, own)
	if t.Beside != nil {
		for k, number := range t.numbers(flow) {
			g.parts[k], _ = slices.BinarySearch(t.Beside[k].Ends, number)
		}
	}
	return g
}

func (t *Thinner) groups(series Series, own bool) []thinGroup {
	all := make([]thinGroup, len(series))
	for i, flow := range series {
		all[i] = t.group(flow, own)
	}
	return all
}

// The factors of a probability are numbered as Beside is, and that of the length and repeat is
// lengthFactor.
const (
	lengthFactor = -1
	noFactor     = -2
)

// keep is the probability of a group without one of its factors.
func (t *Thinning) keep(g thinGroup, without int) float64 {
	p := 1.0
	if without != lengthFactor && t.Keep != nil {
		p = t.Keep[g.length][g.repeat]
	}
	for k, m := range t.Beside {
		if k != without && m.Keep != nil {
			p *= m.Keep[g.parts[k]]
		}
	}
	return p
}

// weights are the shares of groups by their probabilities without one of the factors.
func (t *Thinning) weights(groups []thinGroup, without int) []float64 {
	all, sum := make([]float64, len(groups)), 0.0
	for i, g := range groups {
		all[i] = t.keep(g, without)
		sum += all[i]
	}
	for i := range all {
		all[i] /= sum
	}
	return all
}

// byLength are the shares of groups with these weights by length and repeat.
func (t *Thinning) byLength(groups []thinGroup, weights []float64) [][]float64 {
	shares := t.table()
	for i, g := range groups {
		shares[g.length][g.repeat] += weights[i]
	}
	return shares
}

// byPart are the shares of groups with these weights by the parts of Beside[k].
func (t *Thinning) byPart(groups []thinGroup, weights []float64, k int) []float64 {
	shares := make([]float64, len(t.Beside[k].Ends)+1)
	for i, g := range groups {
		shares[g.parts[k]] += weights[i]
	}
	return shares
}

// weigh sets what is kept so that the shares of the groups are as wanted, and not as they are had.
// little is added to those that are compared. Of near copies there may be too few, since only values that are
// merged turn out as others near them: series that are new stand in for them, and not copies.
func (t *Thinning) weigh(wanted, had [][]float64, little, limit float64) {
	t.Keep = t.table()
	most := 0.0
	for g, keep := range t.Keep {
		left, target := 0.0, 0.0 // of the series of this length, before and after
		missing := 0.0           // near copies
		for _, k := range []metric.Repeat{metric.Copy, metric.NearCopy, metric.New} {
			keep[k] = min(limit, (wanted[g][k]+missing+little)/(had[g][k]+little))
			left += had[g][k] * keep[k]
			target += wanted[g][k]
			if k == metric.NearCopy {
				missing = max(0, wanted[g][k]-had[g][k]*keep[k])
			}
		}
		for k := range keep {
			keep[k] *= (target + little) / (left + little)
			if had[g][k] > 0 { // or else there is nothing to keep
				most = max(most, keep[k])
			}
		}
	}
	for _, keep := range t.Keep {
		for k := range keep {
			keep[k] = min(1, keep[k]/most)
		}
	}
}

// weigh sets m as Thinning.weigh does.
func (m *Margin) weigh(wanted, had []float64, little float64) {
	m.Keep = make([]float64, len(wanted))
	for g := range wanted {
		m.Keep[g] = min(mostPart, max(1./mostPart, (wanted[g]+little)/(had[g]+little)))
	}
	most := slices.Max(m.Keep)
	for g := range m.Keep {
		m.Keep[g] /= most
	}
}

func (t Thinning) table() [][]float64 {
	all := make([][]float64, len(t.Ends)+1)
	for i := range all {
		all[i] = make([]float64, metric.RepeatKinds)
	}
	return all
}

// length is the group of a row's length.
func (t Thinning) length(row []float64) int {
	g, _ := slices.BinarySearch(t.Ends, size(row))
	return g
}

// size is how long a row is without its padding.
func size(row []float64) int {
	n := len(row)
	for n > 0 && row[n-1] == 0 {
		n--
	}
	return n
}

// Thinner thins series of a class. It is safe for several goroutines.
type Thinner struct {
	Thinning
	values  [][][]float64 // of the first two channels, by place and atom; 0 of padding
	series  Series        // those fitted to
	records *metric.Records
}

// NewThinner returns one that keeps all, for series that were fitted to, of a class of the codecs. It looks
// at the first two channels.
func NewThinner(channels []*codec.Atoms, class string, series Series) *Thinner {
	t := &Thinner{series: series}
	for _, a := range channels[:min(2, len(channels))] {
		var places [][]float64
		for _, table := range a.Tables[class] {
			places = append(places, append(slices.Clone(table.Values), 0))
		}
		t.values = append(t.values, places)
	}
	rows := make([][]float64, len(series))
	for i, flow := range series {
		rows[i] = t.row(flow[0])
	}
	t.records = metric.NewRecords(rows)
	return t
}

// thinner is that of tables from a file.
func (t ClassTables) thinner(channels []*codec.Atoms, class string) (*Thinner, error) {
	if t.Thinning == nil {
		return nil, errors.New("no thinning, which the settings want")
	}
	tables, series := channels[0].Tables[class], make(Series, len(t.Series))
	for i, atoms := range t.Series {
		if len(atoms) != len(tables) {
			return nil, fmt.Errorf("series %d has %d places, want %d", i, len(atoms), len(tables))
		}
		for j, atom := range atoms {
			if atom < 0 || int(atom) > len(tables[j].Values) {
				return nil, fmt.Errorf("series %d, place %d: atom %d of %d", i, j, atom, len(tables[j].Values))
			}
		}
		series[i] = [][]int32{atoms}
	}
	if err := t.Thinning.Check(len(channels)); err != nil {
		return nil, err
	}
	made := NewThinner(channels, class, series)
	made.Thinning = *t.Thinning
	return made, nil
}

// Check returns what is wrong with a thinning from a file, of series of so many channels.
func (t Thinning) Check(channels int) error {
	if t.Beside != nil && channels < 2 {
		return errors.New("a thinning by numbers of a channel that there is not")
	}
	if t.Keep == nil && t.Ends == nil {
		return nil
	}
	if len(t.Keep) != len(t.Ends)+1 || !slices.IsSorted(t.Ends) {
		return fmt.Errorf("thinning of %d lengths up to %v", len(t.Keep), t.Ends)
	}
	if t.Tries < 0 || t.Tries > mostTries {
		return fmt.Errorf("thinning of %d tries, want 0 to %d", t.Tries, mostTries)
	}
	for _, keep := range t.Keep {
		if len(keep) != int(metric.RepeatKinds) {
			return fmt.Errorf("thinning of %d kinds, want %d", len(keep), metric.RepeatKinds)
		}
		if err := checkKeep(keep); err != nil {
			return err
		}
	}
	if n := len(t.Beside); n != 0 && n != numbers {
		return fmt.Errorf("thinning by %d numbers, want %d", n, numbers)
	}
	for _, m := range t.Beside {
		if len(m.Keep) != len(m.Ends)+1 || !slices.IsSorted(m.Ends) {
			return fmt.Errorf("thinning of %d parts up to %v", len(m.Keep), m.Ends)
		}
		if err := checkKeep(m.Keep); err != nil {
			return err
		}
	}
	return nil
}

func checkKeep(keep []float64) error {
	for _, p := range keep {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("thinning keeps a share of %v, want it in [0,1]", p)
		}
	}
	return nil
}

// row are the atoms of the first channel as values.
func (t *Thinner) row(atoms []int32) []float64 {
	row := make([]float64, len(t.values[0]))
	for j, atom := range atoms {
		row[j] = t.values[0][j][atom]
	}
	return row
}

// numbers are the sum of the values of the second channel, and the mean of their logarithms.
func (t *Thinner) numbers(flow [][]int32) (all [numbers]float64) {
	n := 0.0
	for j, atom := range flow[1] {
		values := t.values[1][j]
		if int(atom) == len(values)-1 {
			break // padding
		}
		all[0] += values[atom]
		all[1] += math.Log1p(max(0, values[atom]))
		n++
	}
	all[1] /= max(n, 1)
	return all
}

// MostDrawn is how many series are drawn at most for one; without a Thinner that is the first.
func (t *Thinner) MostDrawn() int {
	if t == nil {
		return 1
	}
	return cmp.Or(t.Tries, 40)
}

// Keeps decides whether a series of atoms, [channels][places], is kept. Without a Thinner, or a Thinning,
// all are, and rng is not used.
func (t *Thinner) Keeps(rng *rand.Rand, flow [][]int32) bool {
	return !t.thins() || rng.Float64() < t.Weight(flow)
}

// Weight is the probability that a series of atoms is kept; 1 where none is left out.
func (t *Thinner) Weight(flow [][]int32) float64 {
	if !t.thins() {
		return 1
	}
	return t.keep(t.group(flow, false), noFactor)
}

// thins reports whether series may be left out: a Thinner of nil, and the zero Thinning, keep all.
func (t *Thinner) thins() bool { return t != nil && t.Thinning.Keep != nil }
