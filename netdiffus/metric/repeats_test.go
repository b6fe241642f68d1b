package metric

import (
	"math/rand/v2"
	"testing"
)

// Records find what Closest and Copies find row by row.
func TestRecordsRepeat(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([][]float64, 300)
	for i := range rows {
		rows[i] = make([]float64, 5)
		for j := range rows[i] {
			rows[i][j] = float64(rng.IntN(8)*12 - 40)
		}
	}
	rows = append(rows, rows[0])
	others := make([][]float64, 200)
	for i := range others {
		others[i] = make([]float64, 5)
		for j := range others[i] {
			others[i][j] = float64(rng.IntN(130) - 60)
		}
		if i%4 == 0 {
			others[i] = rows[i]
		}
	}
	records := NewRecords(rows)
	seen := map[Repeat]int{}
	check := func(row []float64, own bool, reference [][]float64) {
		t.Helper()
		want := New
		switch d := Closest([][]float64{row}, reference)[0]; {
		case d == 0:
			want = Copy
		case d <= NearBytes:
			want = NearCopy
		}
		seen[want]++
		if got := records.Repeat(row, own); got != want {
			t.Errorf("%v, own %v: %d, want %d", row, own, got, want)
		}
	}
	for _, row := range others {
		check(row, false, rows)
	}
	for i, row := range rows {
		var rest [][]float64
		rest = append(append(rest, rows[:i]...), rows[i+1:]...)
		check(row, true, rest)
	}
	if len(seen) != int(RepeatKinds) {
		t.Errorf("the rows have the kinds %v only", seen)
	}
	if got := NewRecords(nil).Repeat([]float64{1}, false); got != New {
		t.Errorf("without records: %d", got)
	}
	// The boundary is Closest's: a mean difference of NearBytes is near.
	if got := NewRecords([][]float64{{0, 0}}).Repeat([]float64{NearBytes, -NearBytes}, false); got != NearCopy {
		t.Errorf("at the boundary: %d", got)
	}
}
