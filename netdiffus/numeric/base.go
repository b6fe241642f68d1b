package numeric

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

const (
	// leastNoise bounds the noise's standard deviation from below, so that float32 holds
	// what is divided by it.
	leastNoise = 0.004
	// fills is how often the values behind silence are filled in from those around.
	fills = 5
	// surest is the largest logarithm of a ratio of probabilities of silence.
	surest = 15.0
)

// base is what the copula says of a noisy series, [B,N] each: the mean and the variance of
// every normal score if its value is not silent, and the logarithm of how much more
// probable silence is than not; nil where no channel is silent.
type base struct{ mean, variance, silence *Node }

// posterior is the copula's, given the diagonal x [B,N] of images of the variants y [B]
// with the signal and the noise [B,1] of their steps. It is exact where no channel is
// silent. Else the silence is smoothed by its chain, the scores less their shifts are
// filtered by the variant's Gaussian with those missing that are silent, and both see the
// other's estimate.
func (p Prior) posterior(x, signal, noise, y *Node) base {
	g := x.Graph()
	noise = MaxScalar(noise, leastNoise)
	offset, slope := row(g, p.offset), row(g, p.slope)
	vectors := Gather(Const(g, p.vectors), InsertAxes(y, -1)) // [B,N,N]
	values := Gather(Const(g, p.values), InsertAxes(y, -1))   // [B,N]
	shown := Sub(x, Mul(signal, offset))
	centre := Gather(Const(g, p.centre), InsertAxes(y, -1)) // [B,N]

	square := Square(noise)
	power := Add(Mul(Square(signal), values), square)
	gain := Div(Mul(signal, values), power)
	filter := func(seen *Node) *Node {
		turned := Einsum("bn,bnk->bk", seen, vectors)
		return Einsum("bk,bnk->bn", Mul(turned, gain), vectors)
	}
	spread := Einsum("bk,bnk->bn", Div(Mul(values, square), power), Square(vectors))
	variance := Div(spread, Square(slope)) // given a value at every place
	if !p.anySilent {
		shown = Add(shown, Mul(Mul(signal, slope), centre))
		return base{mean: Sub(Div(filter(shown), slope), centre), variance: variance}
	}

	alone := Reciprocal(Square(Gather(Const(g, p.own), InsertAxes(y, -1)))) // precision of a score less its shift
	own := Div(Mul(Square(signal), Square(slope)), square)                  // precision of a value's own pixel
	rest := Max(Sub(Reciprocal(variance), own), alone)                      // precision of all others together
	silence := &silenceOf{prior: p, x: x, shown: shown, signal: signal, noise: noise, y: y, offCentre: Neg(centre)}
	silence.smooth(ZerosLike(x), Reciprocal(alone))
	var cavity, others *Node
	for range 2 {
		active, shift := silence.active, silence.shift()
		seen := Sub(shown, Mul(Mul(signal, slope), shift))
		full := Mul(active, seen)
		for range fills - 1 {
			full = Add(Mul(active, seen), Mul(OneMinus(active), Mul(signal, filter(full))))
		}
		mean := Div(filter(full), slope)
		others = Add(Mul(Sub(rest, alone), ReduceAndKeep(active, ReduceMean, -1)), alone)
		// What the others say is what is left of the mean without the pixel's own share.
		ownScore := Div(Mul(Mul(signal, slope), seen), square) // own times the score it shows
		cavity = Div(Sub(Mul(mean, Add(others, Mul(active, own))), Mul(active, ownScore)), others)
		silence.smooth(cavity, Reciprocal(others))
	}
	// The value's own pixel tells of the score with its shift, which the silence makes
	// less certain.
	others = Reciprocal(Add(Reciprocal(others), silence.shiftVariance()))
	variance = Reciprocal(Add(own, others))
	mean := Mul(variance, Add(Div(Mul(Mul(signal, slope), shown), square), Mul(others, Add(cavity, silence.shift()))))
	return base{mean: ClipScalar(mean, -4, 4), variance: variance, silence: silence.odds}
}

// silenceOf is what the chains say of which values of a batch are silent, and of the
// shifts of the scores.
type silenceOf struct {
	prior                   Prior
	x, shown                *Node   // the diagonal, and without the offset [B,N]
	signal, noise, y        *Node   // [B,1], [B,1], [B]
	offCentre, active, odds *Node   // [B,N]; active and odds: nil before the first smoothing
	means, variances        []*Node // of each chain's part of the shifts, [B,N]; nil likewise
}

// shift is the expected shift of every score, if its value is not silent.
func (s *silenceOf) shift() *Node { return Add(s.offCentre, total(s.means)) }

func (s *silenceOf) shiftVariance() *Node { return total(s.variances) }

// smooth finds what is silent from the diagonal, the scores less their shifts being
// expected at expected with that variance [B,N]: forward-backward over the chains.
// Channels that are never silent get odds of what is next to impossible.
func (s *silenceOf) smooth(expected, variance *Node) {
	p, n := s.prior, s.prior.Places
	of := func(x *Node, c int) *Node { return SliceAxis(x, 1, AxisRange(c*n, (c+1)*n)) } // a channel's part
	wide := func(x *Node) *Node { return InsertAxes(x, -1, -1) }                         // [B,n,1,1]
	square := Square(s.noise)
	slope, bare := row(s.x.Graph(), p.slope), s.offCentre
	for _, mean := range s.means {
		bare = Add(bare, mean)
	}
	odds, active := make([]*Node, p.Channels), make([]*Node, p.Channels)
	for c := range odds {
		odds[c] = AddScalar(ZerosLike(of(s.x, c)), -2*surest)
		active[c] = OnesLike(odds[c])
		if p.silent[c] && s.active != nil {
			active[c] = of(s.active, c)
		} else if p.silent[c] {
			active[c] = MulScalar(active[c], 0.5)
		}
	}
	means, variances := make([]*Node, len(p.chains)), make([]*Node, len(p.chains))
	for i, k := range p.chains {
		without := bare // the shifts by the other chains
		if s.means != nil {
			without = Sub(bare, s.means[i])
		}
		shifts := Gather(Const(s.x.Graph(), k.shifts), InsertAxes(s.y, -1)) // [B,C,S,S]
		shiftOf := func(c int) *Node { return SliceAxis(shifts, 1, AxisRange(c, c+1)) }
		score := Add(expected, without)
		spread := Add(Mul(Square(Mul(s.signal, slope)), variance), square)
		var likelihood *Node // [B,n,S,S] of the states before and at each place, logarithms
		for c := range p.Channels {
			seen := Mul(wide(Mul(s.signal, of(slope, c))), Add(wide(of(score, c)), shiftOf(c)))
			one := Sub(Neg(Div(Square(Sub(wide(of(s.shown, c)), seen)), MulScalar(wide(of(spread, c)), 2))),
				MulScalar(wide(Log(of(spread, c))), 0.5))
			if silent := k.silentIn(s.x.Graph(), c); silent != nil {
				none := Sub(Neg(Div(Square(Add(of(s.x, c), s.signal)), MulScalar(square, 2))), MulScalar(Log(square), 0.5))
				one = Add(Mul(silent, ClipScalar(wide(none), -400, 400)), Mul(OneMinus(silent), ClipScalar(one, -400, 400)))
			} else {
				one = Mul(wide(active[c]), one)
			}
			if likelihood == nil {
				likelihood = one
			} else {
				likelihood = Add(likelihood, one)
			}
		}
		likelihood = Sub(likelihood, ReduceAndKeep(likelihood, ReduceMax, 2, 3))
		pairs := k.smooth(Exp(MaxScalar(likelihood, -4*surest)), s.y) // [B,n,S,S]
		var mean, spreads []*Node
		for c := range p.Channels {
			heard := pairs
			if silent := k.silentIn(s.x.Graph(), c); silent != nil {
				heard = Mul(OneMinus(silent), pairs)
				probable := ReduceSum(heard, 2, 3)
				odds[c] = ClipScalar(Sub(Log(AddScalar(ReduceSum(Mul(silent, pairs), 2, 3), 1e-12)), Log(AddScalar(probable, 1e-12))), -surest, surest)
			}
			heard = Div(heard, AddScalar(ReduceAndKeep(heard, ReduceSum, 2, 3), 1e-20))
			first := ReduceSum(Mul(heard, shiftOf(c)), 2, 3)
			mean = append(mean, first)
			spreads = append(spreads, MaxScalar(Sub(ReduceSum(Mul(heard, Square(shiftOf(c))), 2, 3), Square(first)), 0))
		}
		means[i], variances[i] = Concatenate(mean, 1), Concatenate(spreads, 1)
	}
	s.means, s.variances = means, variances
	s.odds = Concatenate(odds, 1)
	s.active = Sigmoid(Neg(s.odds))
}

func total(nodes []*Node) *Node {
	sum := nodes[0]
	for _, n := range nodes[1:] {
		sum = Add(sum, n)
	}
	return sum
}

// silentIn is 1 for the states that a chain goes to in which channel is silent, else 0:
// [1,1,1,S]; nil where the chain is not the channel's.
func (k chainPrior) silentIn(g *Graph, channel int) *Node {
	for bit, c := range k.channels {
		if c == channel {
			in := make([]float32, k.states)
			for s := range in {
				in[s] = float32(s >> bit & 1)
			}
			return Reshape(Const(g, in), 1, 1, 1, k.states)
		}
	}
	return nil
}

// smooth is the probability of each pair of states before and at each place, given their
// likelihoods [B,n,S,S]. Before the first place the state is that at it.
func (k chainPrior) smooth(likelihood, y *Node) *Node {
	g := likelihood.Graph()
	n := likelihood.Shape().Dim(1)
	eye := Reshape(ConvertDType(Diagonal(g, k.states), dtypes.Float32), 1, 1, k.states, k.states)
	start := Gather(Const(g, k.start), InsertAxes(y, -1)) // [B,S]
	at := func(x *Node, from, to int) *Node { return SliceAxis(x, 1, AxisRange(from, to)) }
	first := Mul(start, Squeeze(ReduceSum(Mul(at(likelihood, 0, 1), eye), 3), 1))
	diagonal := func(states *Node) *Node { return Mul(InsertAxes(states, -1), eye) } // [B,1,S] to [B,1,S,S]
	if n == 1 {
		return diagonal(normalize(InsertAxes(first, 1), 2))
	}
	steps := Mul(Gather(Const(g, k.steps), InsertAxes(y, -1)), at(likelihood, 1, n)) // [B,n-1,S,S]
	forward := messages(first, steps)
	backward := Reverse(messages(OnesLike(first), TransposeAllAxes(Reverse(steps, 1), 0, 1, 3, 2)), 1)
	forward, backward = normalize(forward, 2), normalize(backward, 2)
	begin := diagonal(normalize(Mul(at(forward, 0, 1), at(backward, 0, 1)), 2))
	on := Mul(Mul(InsertAxes(at(forward, 0, n-1), 3), steps), InsertAxes(at(backward, 1, n), 2))
	return Concatenate([]*Node{begin, normalize(on, 2, 3)}, 1)
}

// messages is v [B,S] times the product of the first j of steps [B,m,S,S], for j from 0
// to m: [B,m+1,S], each up to a factor. The products are made in log2 m rounds, each
// of which doubles their length (Hillis and Steele 1986), since a program that goes
// from place to place takes long to compile.
func messages(v, steps *Node) *Node {
	m, states := steps.Shape().Dim(1), steps.Shape().Dim(2)
	products := normalize(steps, 2, 3)
	for d := 1; d < m; d *= 2 {
		earlier := SliceAxis(products, 1, AxisRange(0, m-d))
		later := SliceAxis(products, 1, AxisRange(d, m))
		// [B,m-d,i,k,1]·[B,m-d,1,k,j], summed over k
		product := ReduceSum(Mul(InsertAxes(earlier, -1), InsertAxes(later, 2)), 3)
		products = Concatenate([]*Node{SliceAxis(products, 1, AxisRange(0, d)), normalize(product, 2, 3)}, 1)
	}
	rest := ReduceSum(Mul(Reshape(v, -1, 1, states, 1), products), 2)
	return Concatenate([]*Node{InsertAxes(v, 1), rest}, 1)
}

// normalize scales x to sum to 1 over the axes.
func normalize(x *Node, axes ...int) *Node {
	sum := ReduceAndKeep(x, ReduceSum, axes...)
	return Div(x, MaxScalar(sum, 1e-30))
}
