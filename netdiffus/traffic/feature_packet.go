package traffic

import "math"

// SignedLength is a packet's payload length in bytes, negative upstream: the
// series the reference's images are made of.
//
// A packet of 0 bytes has no sign, so its direction is lost: Restore gives Up,
// the direction that published files give to padding. Captures assembled by
// the usual rule (only packets with payload) hold no such packet.
type SignedLength struct{}

// Name returns "signed_length".
func (SignedLength) Name() string { return "signed_length" }

// Fields returns FieldLength and FieldDir.
func (SignedLength) Fields() Fields { return FieldLength | FieldDir }

// Scale returns a scale in bytes.
func (SignedLength) Scale() Scale { return Scale{Unit: "bytes"} }

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
		p[i].Dir = Up
		if math.RoundToEven(x) > 0 {
			p[i].Dir = Down
		}
		p[i].Length = wholeLength(x)
	}
}

// wholeLength returns |x| in whole bytes that a packet can have.
func wholeLength(x float64) int {
	r := math.Abs(math.RoundToEven(x))
	if !(r > 0) { // NaN, too
		return 0
	}
	return int(min(r, MaxLength))
}

// Length is a packet's payload length in bytes, without its direction: the
// series of the reference's older, unsigned models, and next to PacketDirection the
// other half of a signed length.
type Length struct{}

// Name returns "length".
func (Length) Name() string { return "length" }

// Fields returns FieldLength.
func (Length) Fields() Fields { return FieldLength }

// Scale returns a scale in bytes.
func (Length) Scale() Scale { return Scale{Unit: "bytes"} }

// Values returns the payload lengths, bytes.
func (Length) Values(p []Packet) []float64 {
	v := make([]float64, len(p))
	for i := range p {
		v[i] = float64(p[i].Length)
	}
	return v
}

// Restore sets the lengths, rounded as SignedLength rounds them. The directions
// stay as they are.
func (Length) Restore(v []float64, p []Packet) {
	checkLengths(len(v), len(p))
	for i, x := range v {
		p[i].Length = wholeLength(x)
	}
}

// PacketDirection is who sent a packet: 0 upstream, 1 downstream.
type PacketDirection struct{}

// Name returns "direction".
func (PacketDirection) Name() string { return "direction" }

// Fields returns FieldDir.
func (PacketDirection) Fields() Fields { return FieldDir }

// Scale returns the scale from 0 to 1.
func (PacketDirection) Scale() Scale { return Scale{Max: 1} }

// Values returns the directions, 0 or 1.
func (PacketDirection) Values(p []Packet) []float64 {
	v := make([]float64, len(p))
	for i := range p {
		v[i] = float64(p[i].Dir)
	}
	return v
}

// Restore sets the directions: downstream from 0.5 up, upstream below, and for
// NaN.
func (PacketDirection) Restore(v []float64, p []Packet) {
	checkLengths(len(v), len(p))
	for i, x := range v {
		p[i].Dir = Up
		if x >= 0.5 {
			p[i].Dir = Down
		}
	}
}

// InterArrival is the time since the flow's previous packet, in microseconds;
// 0 for the first packet, and for every packet of a flow that is not Timed.
type InterArrival struct{}

// Name returns "inter_arrival".
func (InterArrival) Name() string { return "inter_arrival" }

// Fields returns FieldIAT.
func (InterArrival) Fields() Fields { return FieldIAT }

// Scale returns a logarithmic scale in microseconds.
func (InterArrival) Scale() Scale { return Scale{Unit: "microseconds", Log: true} }

// Values returns the inter-arrival times, microseconds.
func (InterArrival) Values(p []Packet) []float64 {
	v := make([]float64, len(p))
	for i, q := range p {
		v[i] = q.IAT
	}
	return v
}

// Restore sets the inter-arrival times, by RoundIAT, so that a scale's rounding
// leaves no trace. The caller sets Flow.Timed.
func (InterArrival) Restore(v []float64, p []Packet) {
	checkLengths(len(v), len(p))
	for i, x := range v {
		p[i].IAT = RoundIAT(x)
	}
}

// RoundIAT returns an inter-arrival time, microseconds, rounded to a nanosecond, which is
// as finely as captures tell time. Negative values and NaN become 0, for time does not run
// backwards inside a flow.
func RoundIAT(iat float64) float64 {
	if iat > 0 {
		return min(math.Round(iat*1000)/1000, math.MaxFloat64)
	}
	return 0
}

func checkLengths(values, packets int) {
	if values != packets {
		panic("traffic: Restore needs one value a packet")
	}
}
