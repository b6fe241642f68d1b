package report

import (
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// series is one flow as every figure gets it: the numbers of its packets, by place.
type record struct {
	// values has the signed payload lengths, bytes; 0 where there is no packet, which
	// may be before one. Without directions all are positive.
	values []float64
	// iat has the times since the packet before, microseconds, 0 where there is no
	// packet; nil where the flow has no times.
	iat []float64
	// image is what the image that the flow was read from shows beyond the flow; nil
	// without an image.
	image *imageCheck
}

// sample is flows by class.
type sample [][]record

// newFlow takes the first length packets of f, padded to that many; with length 0
// all, without padding.
func newFlow(f traffic.Flow, length int, unsigned bool) record {
	packets := f.Packets
	if length == 0 {
		length = len(packets)
	}
	packets = packets[:min(length, len(packets))]
	s := record{values: make([]float64, length)}
	copy(s.values, traffic.SignedLength{}.Values(packets))
	for j, v := range s.values {
		if s.values[j] = v + 0; unsigned { // +0 turns −0 into 0
			s.values[j] = math.Abs(v)
		}
	}
	if f.Timed {
		s.iat = make([]float64, length)
		for j, p := range packets {
			if s.values[j] != 0 {
				s.iat[j] = comparableTime(p.IAT)
			}
		}
	}
	return s
}

// comparableTime is an inter-arrival time, microseconds, as times are compared: to the nanosecond, which is what
// Restore gives generators, and to four digits, to which they bin them. Otherwise those that a clock
// repeats, such as 5.00679, would differ from what is drawn for them by less than anyone can measure, and
// count as the greatest difference of two distributions.
func comparableTime(iat float64) float64 {
	return codec.FourDigits(traffic.RoundIAT(iat))
}

// flow is the series as a flow, without the places that have no packet.
func (s record) flow(label string) traffic.Flow {
	values := s.packets()
	f := traffic.Flow{Label: label, Timed: s.iat != nil, Packets: make([]traffic.Packet, len(values))}
	traffic.SignedLength{}.Restore(values, f.Packets)
	if f.Timed {
		var times []float64
		for j, v := range s.values {
			if v != 0 {
				times = append(times, s.iat[j])
			}
		}
		traffic.InterArrival{}.Restore(times, f.Packets)
	}
	return f
}

// packets are the signed lengths of the packets, without the places that have none.
func (s record) packets() []float64 {
	return slices.DeleteFunc(slices.Clone(s.values), func(v float64) bool { return v == 0 })
}

// flows is the number of flows of all classes.
func (s sample) flows() int {
	n := 0
	for _, class := range s {
		n += len(class)
	}
	return n
}

// each applies f to every flow.
func each(flows []record, f func(record) []float64) [][]float64 {
	out := make([][]float64, len(flows))
	for i, s := range flows {
		out[i] = f(s)
	}
	return out
}

// rows are the flows' signed lengths by place, padding included.
func rows(flows []record) [][]float64 {
	return each(flows, func(s record) []float64 { return s.values })
}

// The functions below return the numbers that distributions are compared of.

// lengths are the payload lengths of all packets, bytes.
func lengths(flows []record) []float64 {
	var out []float64
	for _, s := range flows {
		for _, v := range s.values {
			if v != 0 {
				out = append(out, math.Abs(v))
			}
		}
	}
	return out
}

// directions are those of all packets, 0 up and 1 down.
func directions(flows []record) []float64 {
	var out []float64
	for _, s := range flows {
		for _, v := range s.values {
			switch {
			case v > 0:
				out = append(out, float64(traffic.Down))
			case v < 0:
				out = append(out, float64(traffic.Up))
			}
		}
	}
	return out
}

// logTimes are ln(1+microseconds) since the packet before, of all packets but the
// flows' first, which follow none.
func logTimes(flows []record) []float64 {
	var out []float64
	for _, s := range flows {
		for j := 1; j < len(s.iat); j++ {
			if s.values[j] != 0 {
				out = append(out, math.Log1p(s.iat[j]))
			}
		}
	}
	return out
}

// durations are ln(1+microseconds) from each flow's first packet to its last.
func durations(flows []record) []float64 {
	out := make([]float64, len(flows))
	for i, s := range flows {
		sum := 0.0
		for _, t := range s.iat[min(1, len(s.iat)):] {
			sum += t
		}
		out[i] = math.Log1p(sum)
	}
	return out
}

// firsts are the flows' first packets, signed.
func firsts(flows []record) []float64 {
	out := make([]float64, len(flows))
	for i, s := range flows {
		out[i] = s.values[0]
	}
	return out
}

// packetCounts are the flows' numbers of packets.
func packetCounts(flows []record) []float64 {
	out := make([]float64, len(flows))
	for i, s := range flows {
		out[i] = float64(len(s.packets()))
	}
	return out
}
