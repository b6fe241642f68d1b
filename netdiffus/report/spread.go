package report

import (
	"fmt"
	"math"
	"strings"
)

// Spread is a figure measured once a seed.
type Spread struct{ Values []float64 }

func (s *Spread) add(v float64) { s.Values = append(s.Values, v) }

// Mean is the mean of the values that are numbers; NaN of none.
func (s Spread) Mean() float64 {
	sum, n := 0.0, 0.0
	for _, v := range s.Values {
		if finite(v) {
			sum += v
			n++
		}
	}
	return sum / n
}

// SD is the standard deviation, divisor n−1; 0 of fewer than two numbers, which have
// none.
func (s Spread) SD() float64 {
	if sd := s.sd(); finite(sd) {
		return sd
	}
	return 0
}

// sd is SD, but NaN of fewer than two numbers.
func (s Spread) sd() float64 {
	mean, sum, n := s.Mean(), 0.0, 0.0
	for _, v := range s.Values {
		if finite(v) {
			sum += (v - mean) * (v - mean)
			n++
		}
	}
	if n < 2 {
		return math.NaN()
	}
	return math.Sqrt(sum / (n - 1))
}

// standardError is that of the mean.
func (s Spread) standardError() float64 { return s.SD() / math.Sqrt(float64(max(1, len(s.Values)))) }

// MarshalJSON writes mean, sd and values, null for what is not finite and for the
// sd of fewer than two.
func (s Spread) MarshalJSON() ([]byte, error) {
	values := make([]string, len(s.Values))
	for i, v := range s.Values {
		values[i] = number(v).json()
	}
	return fmt.Appendf(nil, `{"mean":%s,"sd":%s,"values":[%s]}`,
		number(s.Mean()).json(), number(s.sd()).json(), strings.Join(values, ",")), nil
}

// String is the mean with its spread: "0.887 ± 0.005".
func (s Spread) String() string {
	mean := s.Mean()
	switch {
	case !finite(mean):
		return "–"
	case !finite(s.sd()):
		return digits(mean)
	case math.Abs(mean) >= 100:
		return fmt.Sprintf("%.0f ± %.0f", mean, s.SD())
	case math.Abs(mean) >= 10:
		return fmt.Sprintf("%.1f ± %.1f", mean, s.SD())
	case math.Abs(mean) < 0.0095 && math.Abs(mean) > 1e-9:
		return fmt.Sprintf("%.4f ± %.4f", mean, s.SD())
	}
	return fmt.Sprintf("%.3f ± %.3f", mean, s.SD())
}

// minus is the spread of the differences, seed by seed.
func (s Spread) minus(t Spread) Spread {
	d := Spread{make([]float64, min(len(s.Values), len(t.Values)))}
	for i := range d.Values {
		d.Values[i] = s.Values[i] - t.Values[i]
	}
	return d
}

// aboveChance is how far areas under an ROC curve are above 0.5; those below are chance.
func (s Spread) aboveChance() Spread {
	t := Spread{make([]float64, len(s.Values))}
	for i, v := range s.Values {
		t.Values[i] = max(0, v-0.5) // NaN stays NaN
	}
	return t
}

// digits formats a figure with three places, fewer where it is large.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case !finite(v):
		return "–"
	case a < 1e-9: // nothing but rounding
		return "0.000"
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a < 0.00095:
		return fmt.Sprintf("%.1g", v)
	case a < 0.0095:
		return fmt.Sprintf("%.4f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// number is a float64 that is null in JSON where it is not finite.
type number float64

func (n number) MarshalJSON() ([]byte, error) { return []byte(n.json()), nil }

func (n number) json() string {
	if !finite(float64(n)) {
		return "null"
	}
	return fmt.Sprintf("%.9g", float64(n))
}

func (n number) String() string { return digits(float64(n)) }

// spreads is figures by name, to which the values are added a seed after the other.
type spreads map[string]Spread

func (t spreads) add(name string, v float64) {
	s := t[name]
	s.add(v)
	t[name] = s
}
