package categorical

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// TestFieldBySums holds the five features of withField to the square they stand
// for.
func TestFieldBySums(t *testing.T) {
	p := prior(t)
	c := p.Classes[0]
	n, width := p.Places, c.widest()
	r := rand.New(rand.NewPCG(3, 1))
	const a, b = 0.8, 0.6
	plane, q, seen := make([]float32, n*n), make([]float32, n*width), make([]float32, n*width)
	for i := range plane {
		plane[i] = float32(r.NormFloat64())
	}
	for j := range n {
		sum := float32(0)
		for k := range c.atoms(j) {
			q[j*width+k], seen[j*width+k] = r.Float32(), .1+.9*r.Float32()
			sum += q[j*width+k]
		}
		for k := range c.atoms(j) {
			q[j*width+k] /= sum
		}
	}
	got := run(t, func(in []*graph.Node) []*graph.Node {
		tables := newTables(in[0].Graph(), []ClassPrior{c}, 1)
		level := func(v float64) *graph.Node { return graph.AddScalar(in[3], v) }
		return []*graph.Node{tables.withField(in[2], in[0], in[1], level(a), level(b))}
	}, tensors.FromFlatDataAndDimensions(plane, 1, n, n), tensors.FromFlatDataAndDimensions(q, 1, n, width),
		tensors.FromFlatDataAndDimensions(seen, 1, n, width), tensors.FromFlatDataAndDimensions([]float32{0}, 1, 1, 1))[0]

	cos, sin := func(j, k int) float64 { return math.Sqrt(c.Middles[j][k]) }, func(j, k int) float64 { return math.Sqrt(1 - c.Middles[j][k]) }
	for i := range n {
		log, best := make([]float64, c.atoms(i)), math.Inf(-1)
		for k := range log {
			log[k] = math.Log(float64(seen[i*width+k]))
			for j := range n {
				if j == i {
					continue
				}
				var ec, es float64
				for l := range c.atoms(j) {
					ec += float64(q[j*width+l]) * cos(j, l)
					es += float64(q[j*width+l]) * sin(j, l)
				}
				x := float64(plane[i*n+j]+plane[j*n+i]) / 2
				miss := x - a*(cos(i, k)*ec-sin(i, k)*es)
				log[k] -= miss * miss / (2 * (b*b/2 + a*a*(1-ec*ec-es*es)/2))
			}
			best = max(best, log[k])
		}
		for k := range log {
			if want := math.Exp(log[k] - best); math.Abs(float64(got[i*width+k])-want) > 1e-5 {
				t.Errorf("place %d, atom %d: %v, want %v", i, k, got[i*width+k], want)
			}
		}
	}
}
