// Package noise generates reproducible random numbers. A stream is identified by a
// seed and keys, so that the numbers drawn for sample i of class c at step t depend on
// these alone, and not on the batch size, the number of threads or the device.
package noise

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Stream returns the generator identified by seed and keys: ChaCha8 seeded with their
// SHA-256. Streams of different seeds or keys, or of different numbers of keys, are
// independent; equal ones yield the same numbers on every machine.
func Stream(seed uint64, keys ...uint64) *rand.Rand {
	var room [64]byte // of what there mostly is
	id := binary.LittleEndian.AppendUint64(room[:0], seed)
	for _, key := range keys {
		id = binary.LittleEndian.AppendUint64(id, key)
	}
	return rand.New(rand.NewChaCha8(sha256.Sum256(id)))
}

// Key returns a key for [Stream] made from a name, such as that of a weight: the first
// 8 bytes of its SHA-256.
func Key(name string) uint64 {
	sum := sha256.Sum256([]byte(name))
	return binary.LittleEndian.Uint64(sum[:8])
}

// Normal fills dst with draws from N(0, 1) in float64, rounded to float32.
func Normal(r *rand.Rand, dst []float32) {
	for i := range dst {
		dst[i] = float32(r.NormFloat64())
	}
}

// Uniform fills dst with draws from the uniform distribution on [low, high) in
// float64, rounded to float32.
func Uniform(r *rand.Rand, low, high float64, dst []float32) {
	for i := range dst {
		dst[i] = float32(low + (high-low)*r.Float64())
	}
}
