package schedule

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Respace returns the schedule of a subset of s's steps, with β such that ᾱ of these
// steps is unchanged (Nichol & Dhariwal 2021, section 4). Timestep holds the original
// steps, which remain the network's times.
//
// spec selects the steps, in the notation of guided_diffusion/respace.py: "25" takes 25
// evenly spaced steps, the first and the last included; "10,10,20" divides the schedule
// into three equal sections and takes 10, 10 and 20 steps from them; "ddim25" takes
// every k-th step from 0 on, with the smallest k that gives exactly 25 (the spacing of
// Song et al. 2021); "" takes all. It fails where spec is none of these, where the
// schedule has too few steps for it, and where fewer than 2 steps are left.
func (s Schedule) Respace(spec string) (Schedule, error) {
	if spec == "" {
		return s, nil
	}
	var kept []int
	var err error
	if count, ok := strings.CutPrefix(spec, "ddim"); ok {
		kept, err = stridedSteps(s.Len(), count)
	} else {
		kept, err = sectionSteps(s.Len(), spec)
	}
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule: respacing %q: %w", spec, err)
	}
	return s.keep(kept)
}

// keep returns the schedule of the given steps of s, in increasing order.
func (s Schedule) keep(steps []int) (Schedule, error) {
	beta := make([]float64, len(steps))
	prev := 1.0 // ᾱ of the step kept before
	for i, t := range steps {
		beta[i] = 1 - s.AlphaBar[t]/prev
		prev = s.AlphaBar[t]
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

// stridedSteps returns every k-th of n steps, with the smallest k that gives exactly
// count of them.
func stridedSteps(n int, count string) ([]int, error) {
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
	return nil, fmt.Errorf("no integer stride takes exactly %d of %d steps", want, n)
}

// sectionSteps divides n steps into as many sections as spec has numbers and returns
// that many evenly spaced steps of each.
func sectionSteps(n int, spec string) ([]int, error) {
	counts := strings.Split(spec, ",")
	var steps []int
	start := 0
	for i, field := range counts {
		count, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || count < 0 {
			return nil, fmt.Errorf(`want numbers of steps such as "25", "10,10,20" or "ddim25", got %q`, field)
		}
		size := n / len(counts)
		if i < n%len(counts) { // the first sections have the remainder
			size++
		}
		if count > size {
			return nil, fmt.Errorf("%d steps wanted from a section of %d", count, size)
		}
		steps = append(steps, evenlySpaced(start, size, count)...)
		start += size
	}
	return slices.Compact(steps), nil
}

// evenlySpaced returns count evenly spaced steps of the size steps from start, both
// ends included. The position is summed in float64 and rounded half to even, as in
// Python, because another rounding selects other steps.
func evenlySpaced(start, size, count int) []int {
	stride := 1.0
	if count > 1 {
		stride = float64(size-1) / float64(count-1)
	}
	steps := make([]int, count)
	position := 0.0
	for i := range steps {
		steps[i] = start + int(math.RoundToEven(position))
		position += stride
	}
	return steps
}
