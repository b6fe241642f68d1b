package privacy

import (
	"encoding/json"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Estimate is a figure with its interval at 95 %. NaN is a figure that there is none of.
type Estimate struct{ Value, Low, High float64 }

// none is no figure.
var none = Estimate{math.NaN(), math.NaN(), math.NaN()}

// Known reports whether there is a figure.
func (e Estimate) Known() bool { return !math.IsNaN(e.Value) }

// MarshalJSON writes value, low and high, null where there is none.
func (e Estimate) MarshalJSON() ([]byte, error) {
	if !e.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		Value float64 `json:"value"`
		Low   float64 `json:"low"`
		High  float64 `json:"high"`
	}{e.Value, e.Low, e.High})
}

// confidence of all intervals.
const confidence = 0.95

// quantile is how many standard deviations an interval of that confidence reaches.
func quantile(confidence float64) float64 {
	return distuv.UnitNormal.Quantile(0.5 * (1 + confidence))
}

// clipped is value ± error within 0 and 1.
func clipped(value, err float64) Estimate {
	clip := func(v float64) float64 { return min(max(v, 0), 1) }
	return Estimate{clip(value), clip(value - err), clip(value + err)}
}

// wilson is the middle and half the width of Wilson's interval (1927) for a probability
// of which hits in n trials were seen.
func wilson(hits, n, confidence float64) (middle, half float64) {
	z := quantile(confidence)
	hits = min(hits, n)
	middle = (hits + z*z/2) / (n + z*z)
	half = z / (n + z*z) * math.Sqrt(hits*(n-hits)/n+z*z/4)
	return middle, half
}

// share is a share of n with Wilson's interval.
func share(v float64, n int) Estimate { return shareAt(v, n, confidence) }

func shareAt(v float64, n int, confidence float64) Estimate {
	if n == 0 || math.IsNaN(v) {
		return none
	}
	middle, half := wilson(v*float64(n), float64(n), confidence)
	e := clipped(middle, half)
	e.Value = v
	return e
}
