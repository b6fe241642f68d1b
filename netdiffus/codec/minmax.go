package codec

import (
	"errors"
	"fmt"
	"math"
)

// MinMax is the reference's codec: value v becomes (v−Min)/(Max−Min), with
// one Min and Max for all classes and places. Padding is the value 0.
//
// The zero value is not fitted: Min and Max come from the data. Padding
// counts as data, so that 0 lies in range wherever a series is padded.
type MinMax struct {
	Min float64 `json:"min"` // of the values, in the feature's unit
	Max float64 `json:"max"` // above Min

	// Low is the code of Min; codes lie in [Low,1]. 0 is the reference's
	// scale. GASF is flat at 0, so that float32 images resolve values near
	// Min badly: beyond ranges of some ±1,500 they are read wrong, by up to 16
	// of ±65,535. With Low = 0.1 float32 images are exact for all of these.
	// In [0,1).
	Low float64 `json:"low,omitempty"`

	// Log scales by sign(v)·ln(1+|v|) in place of v, for values that span
	// decades, as inter-arrival times do.
	Log bool `json:"log,omitempty"`
}

// Name returns "minmax".
func (MinMax) Name() string { return "minmax" }

// Encode writes the codes of v, then that of 0 for padding, into dst. It fails
// on values outside [Min,Max], NaN among them.
func (m MinMax) Encode(_ string, v, dst []float64) error {
	if err := m.check(); err != nil {
		return err
	}
	if len(v) > len(dst) {
		return fmt.Errorf("codec: minmax: %d values in %d places", len(v), len(dst))
	}
	for i, x := range v {
		if !(x >= m.Min && x <= m.Max) {
			return fmt.Errorf("codec: minmax: value %v at place %d is outside the scale %v to %v", x, i, m.Min, m.Max)
		}
		dst[i] = m.code(x)
	}
	if len(v) < len(dst) {
		if m.Min > 0 || m.Max < 0 {
			return fmt.Errorf("codec: minmax: no room for padding: 0 is outside the scale %v to %v", m.Min, m.Max)
		}
		padding := m.code(0)
		for i := len(v); i < len(dst); i++ {
			dst[i] = padding
		}
	}
	return nil
}

// Decode returns the values of u, padding as 0 to rounding. Codes are not
// clipped: one below Low gives a value below Min.
func (m MinMax) Decode(_ string, u []float64) []float64 {
	v := make([]float64, len(u))
	for i, code := range u {
		if m.Low != 0 {
			code = (code - m.Low) / (1 - m.Low)
		}
		if !m.Log {
			v[i] = code*(m.Max-m.Min) + m.Min
			continue
		}
		low, high := logarithm(m.Min), logarithm(m.Max)
		v[i] = exponential(code*(high-low) + low)
	}
	return v
}

// code is x's number in [Low,1].
func (m MinMax) code(x float64) float64 {
	code := (x - m.Min) / (m.Max - m.Min)
	if m.Log {
		low, high := logarithm(m.Min), logarithm(m.Max)
		code = (logarithm(x) - low) / (high - low)
	}
	if m.Low != 0 {
		code = m.Low + (1-m.Low)*code
	}
	return min(code, 1) // rounding may pass 1 by one unit
}

// logarithm is ln(1+|v|) with the sign of v.
func logarithm(v float64) float64 { return math.Copysign(math.Log1p(math.Abs(v)), v) }

// exponential is logarithm's inverse.
func exponential(v float64) float64 { return math.Copysign(math.Expm1(math.Abs(v)), v) }

func (m MinMax) fitted() bool { return m.Min != 0 || m.Max != 0 }

func (m MinMax) check() error {
	switch {
	case !m.fitted():
		return errors.New("codec: minmax: no scale: it is neither given nor fitted")
	case !(m.Low >= 0 && m.Low < 1):
		return fmt.Errorf("codec: minmax: low %v: want one in [0,1)", m.Low)
	case math.IsInf(m.Max-m.Min, 0) || math.IsNaN(m.Max-m.Min) || m.Min > m.Max:
		return fmt.Errorf("codec: minmax: scale %v to %v: want finite numbers in rising order", m.Min, m.Max)
	case m.Min == m.Max:
		return fmt.Errorf("codec: minmax: every value is %v: a constant column has no scale", m.Min)
	}
	return nil
}

// Fitter returns what finds Min and Max, or nil where they are given.
func (m MinMax) Fitter(length int) Fitter {
	if m.fitted() {
		return nil
	}
	return &minMaxFitter{settings: m, length: length, min: math.Inf(1), max: math.Inf(-1)}
}

type minMaxFitter struct {
	settings MinMax
	length   int
	min, max float64
}

func (f *minMaxFitter) Add(_ string, v []float64) error {
	for i, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("codec: minmax: value at place %d is %v", i, x)
		}
		f.min, f.max = min(f.min, x), max(f.max, x)
	}
	if len(v) < f.length {
		f.min, f.max = min(f.min, 0), max(f.max, 0)
	}
	return nil
}

// MarshalBinary implements MergingFitter.
func (f *minMaxFitter) MarshalBinary() ([]byte, error) { return summaryOf([]float64{f.min, f.max}) }

// Merge implements MergingFitter.
func (f *minMaxFitter) Merge(summary []byte) error {
	var ends []float64
	if err := readSummary(summary, &ends); err != nil {
		return fmt.Errorf("codec: minmax: %w", err)
	}
	if len(ends) != 2 {
		return fmt.Errorf("codec: minmax: a summary of %d numbers, want 2", len(ends))
	}
	f.min, f.max = min(f.min, ends[0]), max(f.max, ends[1])
	return nil
}

func (f *minMaxFitter) Codec() (Codec, error) {
	if f.min > f.max {
		return nil, errors.New("codec: minmax: no values to take the scale from")
	}
	if f.min == 0 && f.max == 0 {
		return nil, errors.New("codec: minmax: every value is 0: a constant column has no scale")
	}
	m := f.settings
	m.Min, m.Max = f.min, f.max
	return m, m.check()
}
