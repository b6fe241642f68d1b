package noise

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Generator is the name of a way to draw the random numbers of samples.
type Generator string

const (
	// ChaCha8 draws a sample's numbers one after the other on the host (Stream). It is
	// what "" means, as everything was drawn by it before there was another.
	ChaCha8 Generator = "chacha8"
	// Philox draws each number from its place alone (Counter), on whatever device
	// computes with it.
	Philox Generator = "philox"
)

// Generators are the names there are.
func Generators() []Generator { return []Generator{ChaCha8, Philox} }

// Check reports a name that is none.
func (g Generator) Check() error {
	if g == "" || slices.Contains(Generators(), g) {
		return nil
	}
	return fmt.Errorf("noise: no generator %q: want one of %v", string(g), Generators())
}

// Counter is the random numbers of one sample by Philox 4x32-10 (Salmon et al. 2011,
// "Parallel random numbers: as easy as 1, 2, 3", section 3.3). A number follows from its
// place alone: the sample, the draw (such as a step of sampling), and its place in the draw.
// So any part can be computed without the others, in any order and by any device:
// diffusion.NormalNoise draws the same in a graph.
type Counter struct {
	Key   [2]uint32
	Index uint64 // of the sample
}

// NewCounter returns sample index's counter. Those of different seeds or keys are
// independent, as far as 64 bits of the SHA-256 of both tell them apart.
func NewCounter(seed, key, index uint64) Counter {
	id := binary.LittleEndian.AppendUint64(nil, seed)
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(id, key))
	return Counter{
		Key:   [2]uint32{binary.LittleEndian.Uint32(sum[:]), binary.LittleEndian.Uint32(sum[4:])},
		Index: index,
	}
}

// Words are the counter as a device takes it: the key, and the lower and upper half of
// Index.
func (c Counter) Words() [4]uint32 {
	return [4]uint32{c.Key[0], c.Key[1], uint32(c.Index), uint32(c.Index >> 32)}
}

// Normal fills dst with draws from N(0, 1), by the transform of Box and Muller (1958) of
// uniform numbers of 32 and 24 bits. None is further from 0 than 6.8.
func (c Counter) Normal(draw uint32, dst []float32) {
	// The four numbers of a block are a quarter of all numbers apart from each other, which
	// on a device keeps each quarter in one piece.
	blocks := (len(dst) + 3) / 4
	for block := range blocks {
		words := c.block(draw, uint32(block))
		for pair := range 2 {
			radius := math.Sqrt(-2 * math.Log(float64(UnitOpen(words[2*pair]))))
			sin, cos := math.Sincos(2 * math.Pi * float64(Unit(words[2*pair+1])))
			for i, v := range []float64{radius * cos, radius * sin} {
				if at := (2*pair+i)*blocks + block; at < len(dst) {
					dst[at] = float32(v)
				}
			}
		}
	}
}

func (c Counter) block(draw, block uint32) [4]uint32 {
	return Philox4x32([4]uint32{block, draw, uint32(c.Index), uint32(c.Index >> 32)}, c.Key)
}

// UnitOpen returns a number in (0, 1] for 32 random bits, never below 2⁻³³.
func UnitOpen(word uint32) float32 { return float32(word)*0x1p-32 + 0x1p-33 }

// Unit returns a number in [0, 1) for the upper 24 of 32 random bits, exactly.
func Unit(word uint32) float32 { return float32(word>>8) * 0x1p-24 }

// Constants of Philox 4x32: the factors of a round, and what the key is raised by between
// two.
const (
	PhiloxM0, PhiloxM1 uint32 = 0xD2511F53, 0xCD9E8D57
	PhiloxW0, PhiloxW1 uint32 = 0x9E3779B9, 0xBB67AE85
	PhiloxRounds              = 10
)

// Philox4x32 returns the 128 random bits of a counter and a key: Philox 4x32-10.
func Philox4x32(counter [4]uint32, key [2]uint32) [4]uint32 {
	for range PhiloxRounds {
		hi0, lo0 := bits.Mul32(PhiloxM0, counter[0])
		hi1, lo1 := bits.Mul32(PhiloxM1, counter[2])
		counter = [4]uint32{hi1 ^ counter[1] ^ key[0], lo1, hi0 ^ counter[3] ^ key[1], lo0}
		key[0] += PhiloxW0
		key[1] += PhiloxW1
	}
	return counter
}
