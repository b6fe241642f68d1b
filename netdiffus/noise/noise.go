// Package noise makes random numbers that repeat: a stream is named by a seed
// and a few keys, so what is drawn for sample i of class c at step t depends
// on these names alone, not on the batch size, the number of threads or the
// device that computes with it.
package noise

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Stream returns the generator named by seed and keys: ChaCha8 keyed by the
// SHA-256 of the names. Streams with different names, or with a different
// number of keys, are independent; the same names give the same numbers on
// every machine.
func Stream(seed uint64, keys ...uint64) *rand.Rand {
	names := make([]byte, 0, 8*(1+len(keys)))
	names = binary.LittleEndian.AppendUint64(names, seed)
	for _, key := range keys {
		names = binary.LittleEndian.AppendUint64(names, key)
	}
	return rand.New(rand.NewChaCha8(sha256.Sum256(names)))
}

// Key turns a name, such as that of a weight, into a key for [Stream].
func Key(name string) uint64 {
	sum := sha256.Sum256([]byte(name))
	return binary.LittleEndian.Uint64(sum[:8])
}

// Normal fills dst with draws from N(0, 1), rounded to float32.
func Normal(r *rand.Rand, dst []float32) {
	for i := range dst {
		dst[i] = float32(r.NormFloat64())
	}
}

// Uniform fills dst with draws from the uniform distribution on [low, high).
func Uniform(r *rand.Rand, low, high float64, dst []float32) {
	for i := range dst {
		dst[i] = float32(low + (high-low)*r.Float64())
	}
}
