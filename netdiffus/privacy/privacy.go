// Package privacy attacks synthetic records, to find out what they give away about the
// real ones that their generator was trained on.
//
// Membership attacks guess which records were trained on: from the nearest synthetic
// record (GAN-Leaks, Chen et al. 2020), from the ratio of two densities (DOMIAS, van
// Breugel et al. 2023) and from models retrained without a record (LiRA, Carlini et al.
// 2022). Singling out, linkability and inference are those of Anonymeter (Giomi et al.
// 2023). All of them are tried on records trained on and on real ones that were not, in the
// same way: what succeeds as often with the latter takes nothing from the training.
//
// A record is a row of numbers with a class; docs/privacy.md has the definitions.
package privacy

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Records are rows of numbers, all of one width, each of a class from 0.
type Records struct {
	Rows    [][]float64
	Classes []int
}

// Len is the number of records.
func (r Records) Len() int { return len(r.Rows) }

// Add adds rows of a class.
func (r *Records) Add(class int, rows ...[]float64) {
	for _, row := range rows {
		r.Rows, r.Classes = append(r.Rows, row), append(r.Classes, class)
	}
}

// And is the records of both.
func (r Records) And(more Records) Records {
	return Records{slices.Concat(r.Rows, more.Rows), slices.Concat(r.Classes, more.Classes)}
}

// byClass are the rows of each class.
func (r Records) byClass() map[int][][]float64 {
	out := map[int][][]float64{}
	for i, row := range r.Rows {
		out[r.Classes[i]] = append(out[r.Classes[i]], row)
	}
	return out
}

// where are the records that a test lets through.
func (r Records) where(keep func(i int) bool) Records {
	var out Records
	for i, row := range r.Rows {
		if keep(i) {
			out.Add(r.Classes[i], row)
		}
	}
	return out
}

// some are n of the records at random, or all.
func (r Records) some(n int, seed uint64, key string) Records {
	if n >= r.Len() {
		return r
	}
	chosen := make([]bool, r.Len())
	for _, i := range noise.Stream(seed, noise.Key(key)).Perm(r.Len())[:n] {
		chosen[i] = true
	}
	return r.where(func(i int) bool { return chosen[i] })
}

// distinct are the records without repetitions, in their order.
func (r Records) distinct() Records {
	seen := map[string]bool{}
	return r.where(func(i int) bool {
		k := r.key(i)
		if seen[k] {
			return false
		}
		seen[k] = true
		return true
	})
}

// key is equal for equal rows of a class.
func (r Records) key(i int) string {
	b := binary.LittleEndian.AppendUint64(nil, uint64(r.Classes[i]))
	for _, v := range r.Rows[i] {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v+0)) // +0 turns -0 into 0
	}
	return string(b)
}

// check fails on rows that are not all as wide as width, and on what is no number.
func (r Records) check(role string, width int) error {
	if len(r.Rows) != len(r.Classes) {
		return fmt.Errorf("privacy: %d %s records and %d classes: want a class for each", len(r.Rows), role, len(r.Classes))
	}
	for i, row := range r.Rows {
		if len(row) != width {
			return fmt.Errorf("privacy: %s record %d has %d numbers, the first training record has %d: want as many of all", role, i+1, len(row), width)
		}
		for _, v := range row {
			if !finite(v) {
				return fmt.Errorf("privacy: %s record %d holds %v: want finite numbers", role, i+1, v)
			}
		}
	}
	return nil
}

// Trial is who is attacked, and with what knowledge. The held-out records, real ones that no
// generator has seen, have three uses, a third each, so that no attack has an answer in
// its own knowledge.
type Trial struct {
	Train Records
	// Members and Others are attacked: training records, and as many held-out ones of
	// each class.
	Members, Others Records
	// Reference is what the attacker knows of the population: the second third.
	Reference Records
	// Innocent is the last third, for the row of a generator that gives nothing away:
	// real records that nobody was trained on.
	Innocent Records

	lone []bool // of Members, then Others: no other real record is equal
}

// leastAttacked is how many held-out records an attack needs: of fewer no interval says
// anything.
const leastAttacked = 20

// maxAttacked is how many of each side are attacked at most: an AUC's interval is then
// ±0.01, and 0.1 % of false positives are four.
const maxAttacked = 4000

// NewTrial deals the held-out records of each class to their uses. Classes with fewer than
// three of them, or without training records, are left out. It fails where
// fewer than 20 records are left to attack.
func NewTrial(train, held Records, seed uint64) (*Trial, error) {
	switch {
	case train.Len() == 0:
		return nil, fmt.Errorf("privacy: no training records: an attack needs those that the generator was trained on")
	case held.Len() == 0:
		return nil, fmt.Errorf("privacy: no held-out records: an attack is measured by real records that the generator was not trained on")
	}
	width := len(train.Rows[0])
	if width < 2 {
		return nil, fmt.Errorf("privacy: records of %d numbers: want at least 2, to link one part of a record with another", width)
	}
	for _, r := range []struct {
		role string
		Records
	}{{"training", train}, {"held-out", held}} {
		if err := r.check(r.role, width); err != nil {
			return nil, err
		}
	}
	t := &Trial{Train: train}
	trained, kept := train.byClass(), held.byClass()
	for class := range slices.Max(held.Classes) + 1 {
		in, out := trained[class], kept[class]
		if len(out) < 3 || len(in) == 0 {
			continue
		}
		out = shuffled(out, seed, "held-out", class)
		third := len(out) / 3
		n := min(len(out)-2*third, len(in))
		t.Reference.Add(class, out[:third]...)
		t.Innocent.Add(class, out[third:2*third]...)
		t.Others.Add(class, out[2*third:2*third+n]...)
		t.Members.Add(class, shuffled(in, seed, "members", class)[:n]...)
	}
	if n := t.Others.Len(); n < leastAttacked {
		return nil, fmt.Errorf("privacy: %d of %d held-out records are left to attack, a third of each class that has three or more: want at least %d; hold more records out", n, held.Len(), leastAttacked)
	}
	// The same of both, so that the classes stay alike.
	chosen := make([]bool, t.Others.Len())
	for _, i := range noise.Stream(seed, noise.Key("attacked")).Perm(len(chosen))[:min(len(chosen), maxAttacked)] {
		chosen[i] = true
	}
	keep := func(i int) bool { return chosen[i] }
	t.Members, t.Others = t.Members.where(keep), t.Others.where(keep)

	times := map[string]int{}
	all := train.And(held)
	for i := range all.Rows {
		times[all.key(i)]++
	}
	attacked := t.Attacked()
	for i := range attacked.Rows {
		t.lone = append(t.lone, times[attacked.key(i)] == 1)
	}
	return t, nil
}

// Attacked are the members, then the others.
func (t *Trial) Attacked() Records { return t.Members.And(t.Others) }

// control are all the held-out records that an attack may be tried on.
func (t *Trial) control() Records { return t.Others.And(t.Reference) }

func shuffled(rows [][]float64, seed uint64, key string, class int) [][]float64 {
	out := slices.Clone(rows)
	noise.Stream(seed, noise.Key(key), uint64(class)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// Options of an attack. The zero value is what docs/privacy.md describes.
type Options struct {
	// Guesses is how often singling out, linking and inferring are tried; 0 means 1000.
	Guesses int
	// Tolerance is how far a guessed number may be from the true one, as a share of the
	// guess, to count as right; 0 means that it must be equal.
	Tolerance float64
	Seed      uint64
}

// Result is what the attacks on one set of synthetic records found.
type Result struct {
	Synthetic  int          `json:"synthetic"` // records
	Membership []Membership `json:"membership"`
	Risks      []Risk       `json:"risks"`
	Copies
}

// Copies are how the synthetic records lie to the training records, without an attacker.
type Copies struct {
	Exact  float64 `json:"exact_copies"` // share that equal a training record of their class
	Novel  float64 `json:"novelty"`      // share that do not
	Median float64 `json:"closest_record_median"`
	// Closer is the share nearer to the nearest member than to the nearest of as many
	// others, ties one half: 0.5 is even.
	Closer Estimate `json:"closer_to_train"`
	// Coverage is the share of the others that a synthetic record lies near to: within
	// the ball to their fifth nearest other (Naeem et al. 2020), of as many of both.
	Coverage Estimate `json:"coverage"`
}

// Attack tries all attacks that need nothing but the synthetic records.
func (t *Trial) Attack(ctx context.Context, synthetic Records, o Options) (*Result, error) {
	if err := synthetic.check("synthetic", len(t.Train.Rows[0])); err != nil {
		return nil, err
	}
	if synthetic.Len() < leastAttacked {
		return nil, fmt.Errorf("privacy: %d synthetic records: want at least %d", synthetic.Len(), leastAttacked)
	}
	if o.Guesses == 0 {
		o.Guesses = 1000
	}
	trained := t.Train.byClass()
	if known := synthetic.where(func(i int) bool { return len(trained[synthetic.Classes[i]]) > 0 }); known.Len() != synthetic.Len() {
		return nil, fmt.Errorf("privacy: %d of %d synthetic records are of classes that no training record has: leave them out", synthetic.Len()-known.Len(), synthetic.Len())
	}
	r := &Result{Synthetic: synthetic.Len()}
	for _, a := range attacks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := t.membership(a, synthetic, o.Seed)
		if err != nil {
			return nil, err
		}
		r.Membership = append(r.Membership, m)
	}
	for _, guess := range guesses {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		risk, err := guess(t, synthetic, o)
		if err != nil {
			return nil, err
		}
		if risk != nil {
			r.Risks = append(r.Risks, *risk)
		}
	}
	r.Copies = t.copies(synthetic)
	return r, nil
}

// coverageNeighbours is k of the coverage, as Naeem et al. (2020) choose it.
const coverageNeighbours = 5

// copies compares the synthetic records with training records of their class.
func (t *Trial) copies(synthetic Records) Copies {
	train, members, others := t.Train.byClass(), t.Members.byClass(), t.Others.byClass()
	var copied, covered []bool
	var closest, toMembers, toOthers []float64
	drawn := synthetic.byClass()
	for class := range slices.Max(synthetic.Classes) + 1 {
		rows := drawn[class]
		if len(rows) == 0 {
			continue
		}
		copied = append(copied, metric.Copies(rows, train[class])...)
		some := rows[:min(len(rows), maxAttacked)]
		closest = append(closest, metric.Closest(some, train[class])...)
		if len(others[class]) > 0 {
			toMembers = append(toMembers, metric.Closest(some, members[class])...)
			toOthers = append(toOthers, metric.Closest(some, others[class])...)
			n := min(len(rows), len(others[class]))
			covered = append(covered, metric.Covered(others[class][:n], rows[:n], coverageNeighbours)...)
		}
	}
	slices.Sort(closest)
	c := Copies{Exact: metric.Share(copied), Novel: 1 - metric.Share(copied), Median: closest[len(closest)/2]}
	c.Closer = share(metric.Closer(toMembers, toOthers), len(toMembers))
	c.Coverage = share(metric.Share(covered), len(covered))
	return c
}
