package privacy

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Shadows is how many models are trained to imitate the one attacked.
const Shadows = 16

// Statistic is what a model says of a record, the higher the more it looks as if trained
// on it: a log likelihood, or the logarithm of a density of records that it drew.
type Statistic func(row []float64, class int) float64

// Retrain fits a generator like the one attacked to other records.
type Retrain func(ctx context.Context, train Records, seed uint64) (Statistic, error)

// DensityOf is the statistic of a generator of which there are only records: the logarithm
// of their density in the narrow kernels of the attack domias_narrow. The width is that of
// the reference records.
func (t *Trial) DensityOf(synthetic Records) Statistic {
	n := newNarrow(synthetic, typicalDistance(t.Reference))
	return n.log
}

// LiRA is the likelihood-ratio attack of Carlini et al. (S&P 2022), online: each attacked
// record is in the training set of half of the shadow models, and the statistic that the
// attacked model has of it is compared with both halves', as Gaussians with a mean for
// each record and one variance for all, which is what they do with few shadows.
// A shadow is trained on half of the attacked records, members and others, and on all other
// training records: as many as the model itself, and an attacker who knows more cannot be.
// It fails where training fails. Records of which the model says nothing are not attacked.
func (t *Trial) LiRA(ctx context.Context, target Statistic, train Retrain, seed uint64, progress func(shadow int)) (*Membership, error) {
	attacked := t.Attacked()
	inMembers := map[string]int{}
	for i := range t.Members.Rows {
		inMembers[t.Members.key(i)]++
	}
	rest := t.Train.where(func(i int) bool { // the training records that are not attacked
		k := t.Train.key(i)
		inMembers[k]--
		return inMembers[k] < 0
	})
	halves := halvesOf(attacked.Len(), Shadows, seed)
	of := make([][]float64, Shadows) // by shadow and record
	for k := range of {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s, err := train(ctx, rest.And(attacked.where(func(i int) bool { return halves[k][i] })), seed+uint64(k)+1)
		if err != nil {
			return nil, fmt.Errorf("privacy: shadow model %d of %d: %w", k+1, Shadows, err)
		}
		of[k] = measured(s, attacked)
		if progress != nil {
			progress(k + 1)
		}
	}
	got := measured(target, attacked)
	var keep []int
	for i, v := range got {
		if finite(v) && !slices.ContainsFunc(of, func(said []float64) bool { return !finite(said[i]) }) {
			keep = append(keep, i)
		}
	}
	score := likelihoodRatios(halves, of, got, keep)
	var member, lone []bool
	for _, i := range keep {
		member, lone = append(member, i < t.Members.Len()), append(lone, t.lone[i])
	}
	if n := metric.Number(member); n < leastAttacked || len(member)-n < leastAttacked {
		return nil, fmt.Errorf("privacy: the model has a statistic of %d members and %d other records: want at least %d of both", n, len(member)-n, leastAttacked)
	}
	m := judge("lira", score, member, lone, seed)
	return &m, nil
}

func finite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }

func measured(s Statistic, records Records) []float64 {
	out := make([]float64, records.Len())
	for i, row := range records.Rows {
		out[i] = s(row, records.Classes[i])
	}
	return out
}

// halvesOf says which of n records are in the training set of which shadow: every record in
// half of them, at random.
func halvesOf(n, shadows int, seed uint64) [][]bool {
	out := make([][]bool, shadows)
	for k := range out {
		out[k] = make([]bool, n)
	}
	rng := noise.Stream(seed, noise.Key("shadows"))
	for i := range n {
		for _, k := range rng.Perm(shadows)[:shadows/2] {
			out[k][i] = true
		}
	}
	return out
}

// likelihoodRatios are ln N(x; μ_in, σ_in) − ln N(x; μ_out, σ_out) of the records to keep,
// x being what the attacked model says.
func likelihoodRatios(halves [][]bool, of [][]float64, got []float64, keep []int) []float64 {
	var means [2][]float64 // out, in; by record kept
	var squares, degrees [2]float64
	for _, i := range keep {
		var sum, sumSquares, n [2]float64
		for k := range of {
			side := 0
			if halves[k][i] {
				side = 1
			}
			n[side]++
			sum[side] += of[k][i]
		}
		for side := range 2 {
			sum[side] /= n[side]
			means[side] = append(means[side], sum[side])
		}
		for k := range of {
			side := 0
			if halves[k][i] {
				side = 1
			}
			sumSquares[side] += (of[k][i] - sum[side]) * (of[k][i] - sum[side])
		}
		for side := range 2 {
			squares[side] += sumSquares[side]
			degrees[side] += n[side] - 1
		}
	}
	var sd [2]float64
	for side := range 2 {
		sd[side] = math.Sqrt(squares[side] / degrees[side])
		if !(sd[side] > 1e-12) { // the statistic does not vary: any width ranks alike
			sd[side] = 1e-12
		}
	}
	out := make([]float64, len(keep))
	for k, i := range keep {
		z := func(side int) float64 { return (got[i] - means[side][k]) / sd[side] }
		out[k] = -z(1)*z(1)/2 + z(0)*z(0)/2 - math.Log(sd[1]/sd[0])
	}
	return out
}
