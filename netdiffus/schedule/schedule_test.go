package schedule_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// A schedule loses the image gradually: ᾱ is the fraction of its variance that is left.
func ExampleCosine() {
	s, err := schedule.Cosine(1000)
	if err != nil {
		panic(err)
	}
	for _, t := range []int{0, 250, 500, 750, 999} {
		fmt.Printf("t = %3d: ᾱ = %.6f\n", t, s.AlphaBar[t])
	}
	// Output:
	// t =   0: ᾱ = 0.999959
	// t = 250: ᾱ = 0.845888
	// t = 500: ᾱ = 0.492285
	// t = 750: ᾱ = 0.143179
	// t = 999: ᾱ = 0.000000
}

// A schedule of one's own is a function of the fraction of the steps taken.
func ExampleFromAlphaBar() {
	s, err := schedule.FromAlphaBar(4, func(u float64) float64 { return 1 - 0.9*u })
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.3f\n", s.AlphaBar)
	// Output:
	// [0.775 0.550 0.325 0.100]
}

func ExampleSchedule_QSample() {
	s, err := schedule.Cosine(1000)
	if err != nil {
		panic(err)
	}
	x0, eps := []float64{1, -1}, []float64{0.5, 0.5} // an image of two pixels, and noise
	x := make([]float64, 2)
	for _, t := range []int{0, 500, 999} {
		s.QSample(t, x0, eps, x)
		fmt.Printf("%.2f\n", x)
	}
	// Output:
	// [1.00 -1.00]
	// [1.06 -0.35]
	// [0.50 0.50]
}

// Sampling takes five of the thousand steps of training.
func ExampleSchedule_Respace() {
	cosine, err := schedule.Cosine(1000)
	if err != nil {
		panic(err)
	}
	short, err := cosine.Respace("5")
	if err != nil {
		panic(err)
	}
	fmt.Println(short.Timestep)
	fmt.Printf("%.4f\n", short.AlphaBar)
	// Output:
	// [0 250 500 749 999]
	// [1.0000 0.8459 0.4923 0.1443 0.0000]
}

// The first and last β of the schedules are those of their papers.
func TestEnds(t *testing.T) {
	linear := must(t)(schedule.Linear(1000))
	if got := linear.Beta[0]; math.Abs(got-1e-4) > 1e-18 {
		t.Errorf("linear β_0 = %g, want 1e-4", got)
	}
	if got := linear.Beta[999]; got != 0.02 {
		t.Errorf("linear β_999 = %g, want 0.02", got)
	}
	cosine := must(t)(schedule.Cosine(100))
	if got := cosine.Beta[99]; got != 0.999 {
		t.Errorf("cosine β_99 = %g, want 0.999", got)
	}
	if got := cosine.Beta[98]; got >= 0.999 {
		t.Errorf("cosine β_98 = %g, want less than 0.999", got)
	}
}

// ᾱ decreases, the posterior mean of a noiseless x_t is a noiseless x_{t-1}, and the
// posterior variance is less than β.
func TestProperties(t *testing.T) {
	for name, s := range map[string]schedule.Schedule{
		"linear":   must(t)(schedule.Linear(50)),
		"cosine":   must(t)(schedule.Cosine(100)),
		"respaced": must(t)(must(t)(schedule.Cosine(100)).Respace("10,5")),
		"shortest": must(t)(schedule.Cosine(2)),
	} {
		prev, next := s.AlphaBarPrev(), s.AlphaBarNext()
		coef1, coef2 := s.PosteriorMeanCoef1(), s.PosteriorMeanCoef2()
		variance, logVariance := s.PosteriorVariance(), s.PosteriorLogVariance()
		snr := s.SNR()
		for i := range s.Len() {
			if !(s.AlphaBar[i] < prev[i] && next[i] < s.AlphaBar[i]) {
				t.Errorf("%s: ᾱ does not decrease at %d: %v", name, i, s.AlphaBar)
			}
			// x = √ᾱ_t x₀ has posterior mean √ᾱ_{t-1} x₀.
			if got, want := coef1[i]+coef2[i]*math.Sqrt(s.AlphaBar[i]), math.Sqrt(prev[i]); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: noiseless posterior mean at %d is %g, want %g", name, i, got, want)
			}
			if !(variance[i] >= 0 && variance[i] < s.Beta[i]) {
				t.Errorf("%s: posterior variance %g at %d, want in [0, β = %g)", name, variance[i], i, s.Beta[i])
			}
			if math.IsInf(logVariance[i], 0) || i > 0 && math.Abs(math.Exp(logVariance[i])-variance[i]) > 1e-15 {
				t.Errorf("%s: log variance %g at %d, want the logarithm of %g", name, logVariance[i], i, variance[i])
			}
			if got := snr[i] / (1 + snr[i]); math.Abs(got-s.AlphaBar[i]) > 1e-15 {
				t.Errorf("%s: SNR %g at %d gives ᾱ %g, want %g", name, snr[i], i, got, s.AlphaBar[i])
			}
		}
	}
}

// Respacing keeps ᾱ of the selected steps, and a respaced schedule can be respaced.
func TestRespaceTwice(t *testing.T) {
	whole := must(t)(schedule.Cosine(100))
	once := must(t)(whole.Respace("ddim50"))
	twice := must(t)(once.Respace("ddim10"))
	if want := must(t)(whole.Respace("ddim10")).Timestep; !slices.Equal(twice.Timestep, want) {
		t.Errorf("respaced twice to %v, want %v", twice.Timestep, want)
	}
	if twice.Steps != 100 {
		t.Errorf("Steps = %d after two respacings, want the original's 100", twice.Steps)
	}
	for i, step := range twice.Timestep {
		if got, want := twice.AlphaBar[i], whole.AlphaBar[step]; math.Abs(got-want) > 1e-12 {
			t.Errorf("ᾱ at step %d = %g, want %g", step, got, want)
		}
	}
	if all := must(t)(whole.Respace("")); !slices.Equal(all.Timestep, whole.Timestep) {
		t.Errorf(`Respace("") selects %v, want all`, all.Timestep)
	}
}

// Impossible schedules are errors whose messages name what was requested.
func TestErrors(t *testing.T) {
	cosine := must(t)(schedule.Cosine(100))
	respace := func(spec string) func() (schedule.Schedule, error) {
		return func() (schedule.Schedule, error) { return cosine.Respace(spec) }
	}
	beta := func(values ...float64) func() (schedule.Schedule, error) {
		return func() (schedule.Schedule, error) { return schedule.FromBeta(values) }
	}
	for name, c := range map[string]struct {
		make func() (schedule.Schedule, error)
		want string // in the message
	}{
		"linear 10":         {func() (schedule.Schedule, error) { return schedule.Linear(10) }, "want at least 21 steps"},
		"linear 20":         {func() (schedule.Schedule, error) { return schedule.Linear(20) }, "want at least 21 steps"},
		"cosine 1":          {func() (schedule.Schedule, error) { return schedule.Cosine(1) }, "want at least 2"},
		"cosine -3":         {func() (schedule.Schedule, error) { return schedule.Cosine(-3) }, "want at least 2"},
		"increasing ᾱ":      {func() (schedule.Schedule, error) { return schedule.FromAlphaBar(5, math.Exp) }, "(0,1)"},
		"β 0":               {beta(0.1, 0), "step 1 of 2"},
		"β 1":               {beta(0.1, 1), "step 1 of 2"},
		"β NaN":             {beta(math.NaN(), 0.1), "step 0 of 2"},
		"to one step":       {respace("1"), "want at least 2"},
		"to no step":        {respace("0"), "want at least 2"},
		"negative":          {respace("-4"), `"-4"`},
		"too many":          {respace("101"), "101 steps wanted from a section of 100"},
		"too many in one":   {respace("10,51"), "51 steps wanted from a section of 50"},
		"word":              {respace("quick"), `"quick"`},
		"empty section":     {respace("10,"), `respacing "10,"`},
		"ddim no stride":    {respace("ddim30"), "no integer stride takes exactly 30 of 100 steps"},
		"ddim without":      {respace("ddim"), "number after ddim"},
		"ddim 0":            {respace("ddim0"), "exactly 0 of 100"},
		"ddim all but none": {respace("ddim-1"), "exactly -1 of 100"},
	} {
		_, err := c.make()
		if err == nil || !strings.HasPrefix(err.Error(), "schedule: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one from schedule with %q", name, err, c.want)
		}
	}
}

// For any spec, Respace returns an error or increasing steps of the schedule.
func FuzzRespace(f *testing.F) {
	for _, spec := range []string{"25", "10,10,20", "ddim25", "", "0,7", "ddim", "1,1", " 3 , 4"} {
		f.Add(spec)
	}
	whole, err := schedule.Cosine(40)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := whole.Respace(spec)
		if err != nil {
			return
		}
		if s.Len() < 2 || s.Steps != whole.Steps || len(s.Timestep) != s.Len() {
			t.Fatalf("Respace(%q) = %d steps of %d", spec, s.Len(), s.Steps)
		}
		for i, step := range s.Timestep {
			if step < 0 || step >= whole.Len() || i > 0 && step <= s.Timestep[i-1] {
				t.Fatalf("Respace(%q) selects the steps %v", spec, s.Timestep)
			}
		}
	})
}

func must(t *testing.T) func(schedule.Schedule, error) schedule.Schedule {
	return func(s schedule.Schedule, err error) schedule.Schedule {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}
