package traffic

import (
	"iter"
	"math"
	"slices"
)

// Feature turns the packets of a flow into a series of numbers, one a packet,
// and back. Several features of the same flow are channels of one image.
type Feature interface {
	// Name names the feature in manifests and axis labels, e.g. "signed_length".
	Name() string
	// Values returns one value a packet.
	Values(p []Packet) []float64
	// Restore sets in p what Values would have read, from one value a packet.
	// Other fields of p stay as they are. It panics unless len(v) == len(p).
	Restore(v []float64, p []Packet)
}

// SignedLength is a packet's payload length in bytes, negative upstream: the
// series the reference's images are made of.
//
// A packet of 0 bytes has no sign, so its direction is lost: Restore gives Up,
// the direction that published files give to padding. Captures assembled by
// the usual rule (only packets with payload) hold no such packet.
type SignedLength struct{}

// Name returns "signed_length".
func (SignedLength) Name() string { return "signed_length" }

// Values returns the payload lengths in bytes, in [−65535, 65535].
func (SignedLength) Values(p []Packet) []float64 {
	v := make([]float64, len(p))
	for i, q := range p {
		v[i] = float64(q.Length)
		if q.Dir == Up && q.Length != 0 { // never −0
			v[i] = -v[i]
		}
	}
	return v
}

// Restore rounds each value to whole bytes (halves to even, as NumPy does) and
// takes the direction from the sign of what is left. NaN gives 0 bytes, and
// lengths stop at MaxLength, so that any output of a model restores to a flow
// that can be written.
func (SignedLength) Restore(v []float64, p []Packet) {
	checkLengths(len(v), len(p))
	for i, x := range v {
		r := math.RoundToEven(x)
		p[i].Dir = Up
		if r > 0 {
			p[i].Dir = Down
		}
		p[i].Length = 0
		if r = math.Abs(r); r > 0 { // false for NaN
			p[i].Length = int(min(r, MaxLength))
		}
	}
}

// InterArrival is the time since the flow's previous packet, in microseconds;
// 0 for the first packet, and for every packet of a flow that is not Timed.
type InterArrival struct{}

// Name returns "inter_arrival".
func (InterArrival) Name() string { return "inter_arrival" }

// Values returns the inter-arrival times, microseconds.
func (InterArrival) Values(p []Packet) []float64 {
	v := make([]float64, len(p))
	for i, q := range p {
		v[i] = q.IAT
	}
	return v
}

// Restore sets the inter-arrival times, rounded to a nanosecond, which is as
// finely as captures tell time, so that a scale's rounding leaves no trace.
// Negative values and NaN become 0, for time does not run backwards inside a
// flow. The caller sets Flow.Timed.
func (InterArrival) Restore(v []float64, p []Packet) {
	checkLengths(len(v), len(p))
	for i, x := range v {
		p[i].IAT = 0
		if x > 0 {
			p[i].IAT = min(math.Round(x*1000)/1000, math.MaxFloat64)
		}
	}
}

func checkLengths(values, packets int) {
	if values != packets {
		panic("traffic: Restore needs one value a packet")
	}
}

// Values returns the feature's values of all flows with the label, joined in
// their order: what a histogram is drawn of. The label "" takes every flow.
func Values(flows iter.Seq2[Flow, error], f Feature, label string) ([]float64, error) {
	series, err := Series(flows, f, label)
	return slices.Concat(series...), err
}

// Series returns the feature's values of all flows with the label, a series a
// flow, in their order: what pairs and longer runs of packets are counted in.
// The label "" takes every flow.
func Series(flows iter.Seq2[Flow, error], f Feature, label string) ([][]float64, error) {
	var series [][]float64
	for flow, err := range flows {
		if err != nil {
			return nil, err
		}
		if label == "" || flow.Label == label {
			series = append(series, f.Values(flow.Packets))
		}
	}
	return series, nil
}
