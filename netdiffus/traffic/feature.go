package traffic

import (
	"iter"
	"slices"
)

// Feature turns the packets of a flow into a series of numbers, one a packet,
// and back. Several features of the same flow are channels of one image.
type Feature interface {
	// Name names the feature in manifests and axis labels, e.g. "signed_length".
	Name() string
	// Fields returns the fields of a packet that the feature holds: those that
	// Restore sets. It is 0 for a feature that sets none, being derived.
	Fields() Fields
	// Values returns one value a packet.
	Values(p []Packet) []float64
	// Restore sets in p what Values would have read, from one value a packet.
	// Other fields of p stay as they are. It panics unless len(v) == len(p).
	Restore(v []float64, p []Packet)
}

// Fields is a set of fields of a [Packet].
type Fields uint8

const (
	FieldLength Fields = 1 << iota // Packet.Length
	FieldDir                       // Packet.Dir
	FieldIAT                       // Packet.IAT
)

// Has reports whether all fields of g are in f.
func (f Fields) Has(g Fields) bool { return f&g == g }

// Scaler is a Feature whose values are known to lie on some scale.
type Scaler interface {
	Feature
	Scale() Scale
}

// Scale describes the values of a feature.
type Scale struct {
	Unit     string  // such as "bytes"; "" for numbers without one
	Min, Max float64 // all values that are possible, where these are few; both 0 where the data have to show them
	Log      bool    // values span decades, so that their logarithms are scaled
}

// ScaleOf returns the feature's scale, the zero Scale where it does not
// implement Scaler.
func ScaleOf(f Feature) Scale {
	if s, ok := f.(Scaler); ok {
		return s.Scale()
	}
	return Scale{}
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
