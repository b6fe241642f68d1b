package nn

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// maxPeriod is the longest wavelength of the timestep embedding, in steps, divided by
// 2π.
const maxPeriod = 10000

// Timestep returns the sinusoidal embedding [B,channels] of t [B] float32, which may
// be fractional: cosines, then sines, then a zero where channels is odd (Vaswani et
// al. 2017; guided_diffusion/nn.py, timestep_embedding).
func Timestep(t *Node, channels int) *Node {
	t.AssertRank(1)
	half := channels / 2
	freqs := make([]float32, half)
	for i := range freqs {
		// float32 throughout, as in PyTorch: at t = 1000 the last bits matter.
		exponent := float32(-math.Log(maxPeriod)) * float32(i) / float32(half)
		freqs[i] = float32(math.Exp(float64(exponent)))
	}
	g := t.Graph()
	phase := Mul(InsertAxes(t, -1), InsertAxes(Const(g, freqs), 0)) // [B,half]
	parts := []*Node{Cos(phase), Sin(phase)}
	if channels%2 == 1 {
		parts = append(parts, InsertAxes(ZerosLike(t), -1))
	}
	return Concatenate(parts, -1)
}
