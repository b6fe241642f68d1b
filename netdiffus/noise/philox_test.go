package noise_test

import (
	"math"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// The vectors of Random123 (DEShawResearch/random123, tests/kat_vectors, philox4x32 10).
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{
			[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, [2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := noise.Philox4x32(c.counter, c.key); got != c.want {
			t.Errorf("Philox4x32(%#x, %#x) = %#x, want %#x", c.counter, c.key, got, c.want)
		}
	}
}

// Recorded once: later versions must draw the same.
func TestCounterRecorded(t *testing.T) {
	c := noise.NewCounter(1, noise.Key("dns"), 3)
	if want := [4]uint32{0xa71a7f6e, 0xe065a9ec, 3, 0}; c.Words() != want {
		t.Errorf("Words = %#x, want %#x", c.Words(), want)
	}
	got := make([]float32, 5)
	c.Normal(2, got)
	if want := []float32{0.050603956, 2.9850605, 2.1801836, -0.7825441, 0.844547}; !slices.Equal(got, want) {
		t.Errorf("Normal = %v, want %v", got, want)
	}
}

// Counters of other seeds, keys or samples, and other draws, are other numbers.
func TestCountersDiffer(t *testing.T) {
	seen := map[float32]string{}
	for name, c := range map[string]noise.Counter{
		"seed 1": noise.NewCounter(1, 0, 0), "key 1": noise.NewCounter(0, 1, 0),
		"sample 0": noise.NewCounter(0, 0, 0), "sample 1": noise.NewCounter(0, 0, 1), "sample 2^32": noise.NewCounter(0, 0, 1<<32),
	} {
		for draw, suffix := range []string{", draw 0", ", draw 1"} {
			x := make([]float32, 9)
			c.Normal(uint32(draw), x)
			for _, v := range x {
				if other, taken := seen[v]; taken {
					t.Errorf("%s%s and %s have the same number", name, suffix, other)
				}
				seen[v] = name + suffix
			}
		}
	}
}

// The moments of 1,000,000 normal numbers, over samples and over places, within 4 standard
// errors, and the share of each of 64 intervals of equal probability by a test of chi
// squared, whose value at 63 degrees of freedom is above 112 in 1 of 10,000 cases.
func TestCounterIsNormal(t *testing.T) {
	const samples, each = 1000, 1000
	var moments [4]float64
	var counts [64]float64
	x := make([]float32, each)
	var before []float32
	together := 0.0
	for i := range samples {
		noise.NewCounter(7, 1, uint64(i)).Normal(0, x)
		for j, v := range x {
			for k, p := 0, 1.0; k < 4; k++ {
				p *= float64(v)
				moments[k] += p / (samples * each)
			}
			counts[int(64*0.5*math.Erfc(-float64(v)/math.Sqrt2))]++
			if before != nil {
				together += float64(v) * float64(before[j]) / (samples * each)
			}
		}
		before = slices.Clone(x)
	}
	for k, c := range []struct{ want, deviation float64 }{{0, 1}, {1, math.Sqrt(2)}, {0, math.Sqrt(15)}, {3, math.Sqrt(96)}} {
		if math.Abs(moments[k]-c.want) > 4*c.deviation/1000 {
			t.Errorf("moment %d is %v, want %v", k+1, moments[k], c.want)
		}
	}
	if math.Abs(together) > 4.0/1000 {
		t.Errorf("the numbers of one sample and the next have the correlation %v", together)
	}
	chi := 0.0
	for _, n := range counts {
		chi += (n - samples*each/64) * (n - samples*each/64) / (samples * each / 64)
	}
	if chi > 112 {
		t.Errorf("chi squared %v", chi)
	}
}

func TestGeneratorCheck(t *testing.T) {
	for _, g := range append(noise.Generators(), "") {
		if err := g.Check(); err != nil {
			t.Error(err)
		}
	}
	if noise.Generator("pcg").Check() == nil {
		t.Error("an unknown generator was accepted")
	}
}

func BenchmarkCounterNormal(b *testing.B) {
	x := make([]float32, 1<<14)
	b.SetBytes(4 << 14)
	for b.Loop() {
		noise.NewCounter(1, 2, 3).Normal(0, x)
	}
}
