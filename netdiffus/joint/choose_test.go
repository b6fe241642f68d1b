package joint

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
)

// TestBestTrials: trials that copy no more than series held out come first, by their scores, and then
// those that copy least.
func TestBestTrials(t *testing.T) {
	held := Figures{Copies: 0.2, Near: 0.4}
	trial := func(copies, near, accuracy float64) Trial {
		return Trial{Figures: Figures{Copies: copies, Near: near, Accuracy: accuracy}}
	}
	s := search{choice: Choice{Held: Trial{Figures: held}, Trials: []Trial{
		trial(0.3, 0.4, 0.9),   // copies
		trial(0.2, 0.4, 0.7),   // as held out
		trial(0.21, 0.41, 0.8), // hardly more
		trial(0.2, 0.45, 0.9),  // nearly copies, less than the first
		trial(0, 0, 0.75),      // does not copy
	}}}
	if got, want := s.best(4), []int{2, 4, 1, 3}; !slices.Equal(got, want) {
		t.Errorf("the best are %v, want %v", got, want)
	}
	if got := s.best(9); len(got) != 5 || got[4] != 0 {
		t.Errorf("the best of all are %v", got)
	}
}

// TestChooseThins: the chain chosen repeats series as often as series repeat each other, and is the same each
// time; the detection of the best trials is measured, and no other.
func TestChooseThins(t *testing.T) {
	if testing.Short() {
		t.Skip("500 series, chains of all settings: some seconds")
	}
	const classes, length = 2, 6
	rng := rand.New(rand.NewPCG(5, 6))
	values := make([][][]float64, classes)
	for c := range values {
		for range 250 {
			// One in three is the same as others; of the rest the second half says what the first did.
			v := []float64{100, 200, 300, 100, 200, 300}
			if rng.IntN(3) > 0 {
				for j := range 3 {
					v[j] = float64(100*(1+c) + 10*rng.IntN(40))
					v[3+j] = -v[j]
				}
			}
			values[c] = append(values[c], v)
		}
	}
	names := []string{"a", "few"}
	a, err := refit(&codec.Atoms{Novel: Novel}, names, values, length)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Choose(t.Context(), a, names, values, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(got)
	if !got.Thin || got.Settings != got.Best.Settings || got.Best.Repeats(got.Held.Figures) || got.Best.Detection == 0 {
		t.Errorf("chosen %+v of series of which %+v are copies", got.Best, got.Held)
	}
	if got.Best.Copies < got.Held.Copies-0.05 {
		t.Errorf("a share of %.3f copies, of real series %.3f", got.Best.Copies, got.Held.Copies)
	}
	measured := 0
	for _, trial := range got.Trials {
		if trial.Memory == (markov.Memory{}) {
			t.Errorf("a trial without a memory: %+v", trial)
		}
		if trial.Detection > 0 {
			measured++
		}
	}
	if measured != finalists {
		t.Errorf("detection of %d trials was measured, want %d", measured, finalists)
	}
	again, err := Choose(t.Context(), a, names, values, 1)
	if err != nil || again.Best != got.Best {
		t.Errorf("chosen again %+v, error %v", again.Best, err)
	}
}

// TestChooseOfFew: settings are chosen by as few as five series of a class, and are Default below.
func TestChooseOfFew(t *testing.T) {
	for n, trials := range map[int]bool{4: false, 5: true} {
		var series [][]float64
		for i := range n {
			series = append(series, []float64{float64(100 + i), 200, float64(300 + i%2)})
		}
		names, values := []string{"a"}, [][][]float64{series}
		a, err := refit(&codec.Atoms{Novel: Novel}, names, values, 3)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Choose(t.Context(), a, names, values, 1)
		if err != nil {
			t.Fatal(err)
		}
		if (len(got.Trials) > 0) != trials || !trials && got.Settings != Default {
			t.Errorf("of %d series %d trials, chosen %s", n, len(got.Trials), got.Settings)
		}
	}
}
