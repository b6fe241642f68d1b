package main

import (
	"context"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// dice throws what people and programs decide: sizes, pauses, choices.
type dice struct{ *rand.Rand }

// newDice gives the same throws for the same seed, name and number.
func newDice(seed uint64, name string, number int) dice {
	h := fnv.New64a()
	h.Write([]byte(name))
	return dice{rand.New(rand.NewPCG(seed, h.Sum64()+uint64(number)))}
}

// size throws a log-normal number of bytes around the median: sizes of pages,
// mails and records have such long tails.
func (d dice) size(median, spread float64, lo, hi int) int {
	return max(lo, min(hi, int(median*math.Exp(spread*d.NormFloat64()))))
}

// pause waits a log-normal time around the median, at most eight medians.
func (d dice) pause(ctx context.Context, median time.Duration) {
	wait(ctx, min(8*median, time.Duration(float64(median)*math.Exp(0.8*d.NormFloat64()))))
}

func wait(ctx context.Context, t time.Duration) {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (d dice) chance(p float64) bool { return d.Float64() < p }

// between throws a whole number in [lo, hi].
func (d dice) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

func (d dice) word(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[d.IntN(len(letters))]
	}
	return string(b)
}

func (d dice) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(d.Uint32())
	}
	return b
}

func pick[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }
