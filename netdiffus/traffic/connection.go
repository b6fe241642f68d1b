package traffic

import (
	"strconv"
	"strings"
)

// Connection is what a file holds of a flow beside its packets; addresses and the
// client's port are not in it.
type Connection struct {
	Protocol   uint8  // 6 for TCP, 17 for UDP
	ServerPort uint16 // the server's port

	ClientTTL, ServerTTL uint8 // of each end's first packet, as captured; 0 where unknown

	Capture string // the capture that Start is a time of; "" where the start is unknown
	Start   int64  // of the first packet, nanoseconds since 1970
}

// Numbers of IP's protocols, for Connection.
const (
	TCP = 6
	UDP = 17
)

// readsKeys reports whether the files' keys are read.
func (r Reader) readsKeys() bool { return r.KeepKeys || r.KeepConnections }

// connectionOf returns what a key in MIRAGE's form says, or nil for another text.
func connectionOf(key string) *Connection {
	parts := strings.Split(key, ",")
	if len(parts) != 5 {
		return nil
	}
	port, err1 := strconv.ParseUint(strings.TrimSpace(parts[3]), 10, 16)
	protocol, err2 := strconv.ParseUint(strings.TrimSpace(parts[4]), 10, 8)
	if err1 != nil || err2 != nil || protocol != TCP && protocol != UDP {
		return nil
	}
	return &Connection{Protocol: uint8(protocol), ServerPort: uint16(port)}
}
