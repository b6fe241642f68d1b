package runs

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Chart draws a curve for a terminal, in braille dots, of so many columns and rows, with
// the range of values at its left and of steps below it. Of a single value it says which,
// and it is "" where there is no finite value.
func Chart(title string, s track.Series, columns, rows int) string {
	var x, y []float64
	for i, v := range s.Value {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			x, y = append(x, s.Step[i]), append(y, v)
		}
	}
	if len(y) == 0 || columns < 1 || rows < 1 {
		return ""
	}
	if len(y) == 1 {
		return fmt.Sprintf("%s\n  one value, %.4g at step %.0f\n", title, y[0], x[0])
	}
	// A few spikes must not flatten the rest: the axis ends at the 99th percentile.
	sorted := slices.Sorted(slices.Values(y))
	low, high := sorted[0], sorted[(len(sorted)-1)*99/100]
	if y[len(y)-1] > high {
		high = y[len(y)-1]
	}
	fromX, toX := x[0], x[len(x)-1]
	grid := make([]uint8, columns*rows)
	at := func(v, from, to float64, n int) int {
		if to <= from { // a curve that never changes lies in the middle
			return (n - 1) / 2
		}
		return min(max(int(math.Round((v-from)/(to-from)*float64(n-1))), 0), n-1)
	}
	// The dots of a braille character: bit numbers by column and row from the top.
	bits := [2][4]uint8{{0, 1, 2, 6}, {3, 4, 5, 7}}
	dot := func(px, py int) {
		py = 4*rows - 1 - py
		grid[py/4*columns+px/2] |= 1 << bits[px%2][py%4]
	}
	beforeX, beforeY := -1, 0
	for i := range x {
		px, py := at(x[i], fromX, toX, 2*columns), at(y[i], low, high, 4*rows)
		if beforeX >= 0 {
			n := max(abs(px-beforeX), abs(py-beforeY), 1)
			for k := range n {
				dot(beforeX+(px-beforeX)*k/n, beforeY+(py-beforeY)*k/n)
			}
		}
		dot(px, py)
		beforeX, beforeY = px, py
	}
	labels := make([]string, rows)
	labels[0] = fmt.Sprintf("%.4g", high)
	if rows > 1 {
		labels[rows-1] = fmt.Sprintf("%.4g", low)
	}
	width := max(len(labels[0]), len(labels[rows-1]))
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", title)
	for r := range rows {
		fmt.Fprintf(&b, "  %*s ", width, labels[r])
		for c := range columns {
			b.WriteRune(rune(0x2800 + int(grid[r*columns+c])))
		}
		b.WriteString("\n")
	}
	left, right := fmt.Sprintf("%.0f", fromX), fmt.Sprintf("%.0f", toX)
	fmt.Fprintf(&b, "  %*s %s%*s\n", width, "", left, max(columns-len(left), len(right)+1), right)
	return b.String()
}

func abs(n int) int { return max(n, -n) }
