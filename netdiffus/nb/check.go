package nb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
)

// Check prints a claim if it holds, and ends the cell if it does not. The format and
// its arguments make the claim, such as "the mean error is 4.4 bytes". Outside a
// notebook it prints nothing, and panics if the claim does not hold.
func Check(holds bool, format string, args ...any) {
	claim := fmt.Sprintf(format, args...)
	if !holds {
		fail(errors.New("does not hold: " + claim))
	}
	if Here() {
		fmt.Println("✓", claim)
	}
}

// Near checks that got is within tolerance of want:
//
//	nb.Near("mean error in bytes", mean, 4.4, 0.3)
func Near(what string, got, want, tolerance float64) {
	Check(math.Abs(got-want) <= tolerance, "%s: %s, expected %s ± %s", what, float(got), float(want), float(tolerance))
}

// Must ends the cell with the text of err if err is not nil. Before that, each [Live]
// and [Progress] is drawn for the last time. Outside a notebook it panics.
func Must(err error) {
	if err != nil {
		fail(err)
	}
}

// Must1 returns v, or ends the cell as [Must] does if err is not nil.
func Must1[T any](v T, err error) T {
	Must(err)
	return v
}

// Must2 returns v and w, or ends the cell as [Must] does if err is not nil.
func Must2[T, U any](v T, w U, err error) (T, U) {
	Must(err)
	return v, w
}

// fail ends the cell. It does not panic there, because the stacks of goroutines would
// hide the message.
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

// exitInterrupted is the exit status of a program that Ctrl-C ended, as in shells.
const exitInterrupted = 130
