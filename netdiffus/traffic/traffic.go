// Package traffic holds flows and their per-packet features, and reads and
// writes them as files.
package traffic

import "iter"

// Direction is the sender of a packet, in MIRAGE's convention.
type Direction int8

const (
	Up   Direction = 0 // client to server
	Down Direction = 1 // server to client
)

// MaxLength is the longest payload a packet can have, in bytes: what IPv4's
// and UDP's 16-bit length fields can hold. Captures taken above the network
// card's segmentation offload hold packets well over the MTU (up to 49,258
// bytes seen), so readers take anything up to it.
const MaxLength = 65535

// Packet is one packet of a flow.
type Packet struct {
	Length int       // L4 payload, bytes, in [0, MaxLength]
	Dir    Direction // Up or Down
	IAT    float64   // microseconds since the flow's previous packet, 0 for the first; meaningful only when Flow.Timed
}

// Flow is one labelled bidirectional flow (biflow).
type Flow struct {
	Label   string
	Packets []Packet
	Timed   bool   // Packets carry their inter-arrival times
	Key     string // the 5-tuple as MIRAGE writes it, "192.0.2.1,50000,198.51.100.7,443,6", client first; "" unless asked for, see Reader.KeepKeys

	// Connection is what else is known of the connection; nil unless asked for, see
	// Reader.KeepConnections.
	Connection *Connection
}

// All ranges over the flows of a slice, in the form that Read gives and
// WriteParquet takes. Its error is always nil.
func All(flows []Flow) iter.Seq2[Flow, error] {
	return func(yield func(Flow, error) bool) {
		for _, f := range flows {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// Collect gathers the flows into a slice. On an error it returns the flows
// that came before it as well.
func Collect(flows iter.Seq2[Flow, error]) ([]Flow, error) {
	var all []Flow
	for f, err := range flows {
		if err != nil {
			return all, err
		}
		all = append(all, f)
	}
	return all, nil
}
