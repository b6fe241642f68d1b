package schedule

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Respace is the schedule that visits only some of s's steps, with β such that
// ᾱ at the visited steps stays as it was (Nichol & Dhariwal 2021, section 4).
// The network still sees the original steps, by Timestep.
//
// spec says which: "25" takes 25 evenly spaced steps, first and last included;
// "10,10,20" cuts the schedule into three equal sections and takes 10, 10 and
// 20 from them; "ddim25" takes every k-th step from 0 on, with the smallest k
// that gives exactly 25 (the spacing of Song et al. 2021); "" takes all. It
// fails where the steps cannot be had, or are fewer than 2.
func (s Schedule) Respace(spec string) (Schedule, error) {
	if spec == "" {
		return s, nil
	}
	var kept []int
	var err error
	if count, ok := strings.CutPrefix(spec, "ddim"); ok {
		kept, err = strided(s.Len(), count)
	} else {
		kept, err = sections(s.Len(), spec)
	}
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule: respacing %q: %w", spec, err)
	}
	return s.keep(kept)
}

// keep is the schedule of the given steps, which rise.
func (s Schedule) keep(steps []int) (Schedule, error) {
	beta := make([]float64, len(steps))
	last := 1.0
	for i, t := range steps {
		beta[i] = 1 - s.AlphaBar[t]/last
		last = s.AlphaBar[t]
	}
	kept, err := FromBeta(beta)
	if err != nil {
		return Schedule{}, err
	}
	for i, t := range steps {
		kept.Timestep[i] = s.Timestep[t]
	}
	kept.Steps = s.Steps
	return kept, nil
}

// strided is every k-th of n steps, with the smallest k that gives exactly
// count of them.
func strided(n int, count string) ([]int, error) {
	want, err := strconv.Atoi(count)
	if err != nil {
		return nil, fmt.Errorf("want a number after ddim, got %q", count)
	}
	for stride := 1; stride < n; stride++ {
		if (n+stride-1)/stride != want {
			continue
		}
		steps := make([]int, want)
		for i := range steps {
			steps[i] = i * stride
		}
		return steps, nil
	}
	return nil, fmt.Errorf("no whole stride takes exactly %d of %d steps", want, n)
}

// sections cuts n steps into as many sections as spec has numbers and takes
// that many evenly spaced steps from each.
func sections(n int, spec string) ([]int, error) {
	counts := strings.Split(spec, ",")
	var steps []int
	start := 0
	for i, field := range counts {
		count, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || count < 0 {
			return nil, fmt.Errorf(`want numbers of steps as "25" or "10,10,20", or "ddim25", got %q`, field)
		}
		size := n / len(counts)
		if i < n%len(counts) { // the first sections take what does not divide
			size++
		}
		if count > size {
			return nil, fmt.Errorf("%d steps wanted from a section of %d", count, size)
		}
		steps = append(steps, spread(start, size, count)...)
		start += size
	}
	return slices.Compact(steps), nil
}

// spread is count steps spread evenly over size steps from start, both ends
// included. The position is summed up in float64 and rounded half to even, as
// Python does it, because other roundings choose other steps.
func spread(start, size, count int) []int {
	stride := 1.0
	if count > 1 {
		stride = float64(size-1) / float64(count-1)
	}
	steps := make([]int, count)
	at := 0.0
	for i := range steps {
		steps[i] = start + int(math.RoundToEven(at))
		at += stride
	}
	return steps
}
