// Package traffic holds flows and their per-packet features, and reads and
// writes them as files.
package traffic

// Direction says who sent a packet, in MIRAGE's convention.
type Direction int8

const (
	Up   Direction = 0 // client to server
	Down Direction = 1 // server to client
)

// Packet is one packet of a flow.
type Packet struct {
	Length int       // L4 payload, bytes, >= 0
	Dir    Direction // Up or Down
	IAT    float64   // microseconds since the flow's previous packet, 0 for the first; meaningful only when Flow.Timed
}

// Flow is one labelled bidirectional flow (biflow).
type Flow struct {
	Label   string
	Packets []Packet
	Timed   bool // Packets carry their inter-arrival times
}
