package plots

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// ticks marks an axis at round numbers: about five of 1, 2, 2.5 or 5 times a
// power of ten. Its labels group thousands.
type ticks struct{}

func (ticks) Ticks(lo, hi float64) []plot.Tick {
	if !(hi > lo) || math.IsInf(hi-lo, 0) {
		return nil
	}
	step := roundStep((hi - lo) / 5)
	var out []plot.Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9; i++ {
		out = append(out, plot.Tick{Value: i * step, Label: number(i*step, step)})
	}
	return out
}

// roundStep returns the smallest round number that is at least x.
func roundStep(x float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*unit >= x {
			return m * unit
		}
	}
	return 10 * unit
}

// number writes v with the digits that steps of the given size need.
func number(v, step float64) string {
	if math.Abs(v) < step/2 {
		return "0"
	}
	if math.Abs(v) >= 1e9 || step < 1e-4 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	if step >= 1 && v == math.Trunc(v) {
		if v < 0 {
			return "−" + count(int(-v))
		}
		return count(int(v))
	}
	digits := max(0, -int(math.Floor(math.Log10(step))))
	if s := step * math.Pow(10, float64(digits)); s != math.Trunc(s) {
		digits++ // 0.25 needs one more than 0.2
	}
	if v < 0 {
		return "−" + strconv.FormatFloat(-v, 'f', digits, 64)
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// logTicks marks a logarithmic axis at powers of ten, and at 2 and 5 times
// them where it spans less than three decades. Beyond six it leaves some out.
type logTicks struct{}

func (logTicks) Ticks(lo, hi float64) []plot.Tick {
	if !(lo > 0) || !(hi > lo) {
		return nil
	}
	from, to := math.Floor(math.Log10(lo)), math.Ceil(math.Log10(hi))
	multiples, stride := []float64{1}, 1.0
	switch decades := math.Log10(hi / lo); {
	case decades < 3:
		multiples = []float64{1, 2, 5}
	case decades > 6:
		stride = math.Ceil(decades / 6)
	}
	var out []plot.Tick
	for e := from; e <= to; e += stride {
		for _, m := range multiples {
			if v := m * math.Pow(10, e); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 6, 64)})
			}
		}
	}
	return out
}

// categories marks an axis at given values by name, such as directions.
type categories []Category

func (k categories) Ticks(float64, float64) []plot.Tick {
	out := make([]plot.Tick, len(k))
	for i, c := range k {
		out[i] = plot.Tick{Value: float64(i), Label: c.Name}
	}
	return out
}
