package nb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
)

// Check says whether a claim holds: the format and its arguments make the claim,
// such as "the mean error is 4.4 bytes". It is printed where it holds, and ends
// the cell where it does not. Outside of a notebook it prints nothing, and
// panics where the claim does not hold.
func Check(holds bool, format string, args ...any) {
	claim := fmt.Sprintf(format, args...)
	if !holds {
		fail(errors.New("does not hold: " + claim))
	}
	if Here() {
		fmt.Println("✓", claim)
	}
}

// Near checks that a number is within tolerance of the one expected:
//
//	nb.Near("mean error in bytes", mean, 4.4, 0.3)
func Near(what string, got, want, tolerance float64) {
	Check(math.Abs(got-want) <= tolerance, "%s: %s, expected %s ± %s", what, float(got), float(want), float(tolerance))
}

// Must ends the cell with err's text where err is not nil. What is live ([Live],
// [Progress]) is drawn a last time before. Outside of a notebook it panics.
func Must(err error) {
	if err != nil {
		fail(err)
	}
}

// Must1 returns v; it ends the cell where err is not nil, as [Must] does.
func Must1[T any](v T, err error) T {
	Must(err)
	return v
}

// Must2 returns v and w; it ends the cell where err is not nil, as [Must] does.
func Must2[T, U any](v T, w U, err error) (T, U) {
	Must(err)
	return v, w
}

// fail ends the cell. A panic would bury the message in goroutines.
func fail(err error) {
	if !Here() {
		panic(err)
	}
	closeAll()
	drain(os.Stdout)
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(os.Stderr, "interrupted: %v\n", err)
		os.Exit(exitInterrupted)
	}
	fmt.Fprintf(os.Stderr, "✗ %v\n", err)
	os.Exit(1)
}

// exitInterrupted is what shells return for a program that Ctrl-C ended.
const exitInterrupted = 130
