package numeric

import (
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

// posterior is the copula's, given the diagonal x [B,N] of images of the classes y [B]
// with the signal and the noise [B,1] of their steps. It is exact where no channel is
// silent. Else the silence is smoothed by its chain, the values are filtered by the
// class's Gaussian with those missing that are silent, and both see the other's
// estimate.
func (p Prior) posterior(x, signal, noise, y *Node) base {
	g := x.Graph()
	noise = MaxScalar(noise, leastNoise)
	offset, slope := row(g, p.offset), row(g, p.slope)
	vectors := Gather(Const(g, p.vectors), InsertAxes(y, -1)) // [B,N,N]
	values := Gather(Const(g, p.values), InsertAxes(y, -1))   // [B,N]
	seen := Sub(x, Mul(signal, offset))

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
		return base{mean: Div(filter(seen), slope), variance: variance}
	}

	own := Div(Mul(Square(signal), Square(slope)), square) // precision of a value's own pixel
	ownScore := Div(Mul(Mul(signal, slope), seen), square) // own times the score it shows
	rest := MaxScalar(Sub(Reciprocal(variance), own), 1)   // precision of all others together
	silence := p.smooth(p.ratio(x, seen, signal, noise, ZerosLike(x), Square(slope)), y)
	var mean, cavity, others *Node
	for range 2 {
		active := Sigmoid(Neg(silence))
		full := Mul(active, seen)
		for range fills - 1 {
			full = Add(Mul(active, seen), Mul(OneMinus(active), Mul(signal, filter(full))))
		}
		mean = Div(filter(full), slope)
		others = AddScalar(Mul(AddScalar(rest, -1), ReduceAndKeep(active, ReduceMean, -1)), 1)
		// What the others say is what is left of the mean without the pixel's own share.
		cavity = Sub(Mul(mean, Add(others, Mul(active, own))), Mul(active, ownScore))
		expected := Mul(Div(cavity, others), slope)
		silence = p.smooth(p.ratio(x, seen, signal, noise, expected, Div(Square(slope), others)), y)
	}
	variance = Reciprocal(Add(own, others))
	mean = Mul(variance, Add(ownScore, cavity))
	return base{mean: ClipScalar(mean, -4, 4), variance: variance, silence: silence}
}

// ratio is the logarithm of the likelihood of silence over that of a value whose pixel,
// without the offset, is expected [B,N] with the variance [B,N] or [1,N]: [B,N].
func (p Prior) ratio(x, seen, signal, noise, expected, variance *Node) *Node {
	square := Square(noise)
	total := Add(Mul(Square(signal), variance), square)
	silent := Neg(Div(Square(Add(x, signal)), MulScalar(square, 2)))
	active := Neg(Div(Square(Sub(seen, Mul(signal, expected))), MulScalar(total, 2)))
	return Add(Sub(silent, active), MulScalar(Log(Div(total, square)), 0.5))
}

// smooth is the logarithm of the probability of silence over that of a value at every
// place, given the ratio of the likelihoods at all of them: forward-backward over the
// chains of the classes y. Channels that are never silent get what is next to
// impossible.
func (p Prior) smooth(ratio, y *Node) *Node {
	n := p.Places
	ratio = ClipScalar(ratio, -2*surest, 2*surest)
	out := make([]*Node, p.Channels)
	for c := range out {
		out[c] = AddScalar(ZerosLike(SliceAxis(ratio, 1, AxisRange(0, n))), -2*surest)
	}
	for _, k := range p.chains {
		var states []*Node
		for s := range k.states {
			sum := ZerosLike(SliceAxis(ratio, 1, AxisRange(0, n)))
			for bit, c := range k.channels {
				if s&(1<<bit) != 0 {
					sum = Add(sum, SliceAxis(ratio, 1, AxisRange(c*n, (c+1)*n)))
				}
			}
			states = append(states, sum)
		}
		likelihood := Stack(states, -1) // [B,n,S]
		likelihood = Exp(Sub(likelihood, ReduceAndKeep(likelihood, ReduceMax, -1)))
		together := k.smooth(likelihood, y)
		for bit, c := range k.channels {
			var silent, not []*Node
			for s := range k.states {
				one := Squeeze(SliceAxis(together, 2, AxisElem(s)), 2)
				if s&(1<<bit) != 0 {
					silent = append(silent, one)
				} else {
					not = append(not, one)
				}
			}
			odds := Sub(Log(AddScalar(total(silent), 1e-12)), Log(AddScalar(total(not), 1e-12)))
			out[c] = ClipScalar(odds, -surest, surest)
		}
	}
	return Concatenate(out, 1)
}

func total(nodes []*Node) *Node {
	sum := nodes[0]
	for _, n := range nodes[1:] {
		sum = Add(sum, n)
	}
	return sum
}

// smooth is the probability of each state at each place given its likelihoods [B,n,S].
func (k chainPrior) smooth(likelihood, y *Node) *Node {
	g := likelihood.Graph()
	n := likelihood.Shape().Dim(1)
	start := Gather(Const(g, k.start), InsertAxes(y, -1)) // [B,S]
	at := func(from, to int) *Node { return SliceAxis(likelihood, 1, AxisRange(from, to)) }
	first := Mul(start, Squeeze(at(0, 1), 1))
	if n == 1 {
		return normalize(InsertAxes(first, 1), 2)
	}
	steps := Mul(Gather(Const(g, k.steps), InsertAxes(y, -1)), InsertAxes(at(1, n), 2)) // [B,n-1,S,S]
	forward := messages(first, steps)
	backward := messages(OnesLike(first), TransposeAllAxes(Reverse(steps, 1), 0, 1, 3, 2))
	return normalize(Mul(forward, Reverse(backward, 1)), 2)
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
