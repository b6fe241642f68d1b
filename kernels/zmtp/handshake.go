package zmtp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// Kind is a socket type of ZeroMQ.
type Kind string

// The socket types of this package and of its peers.
const (
	router Kind = "ROUTER"
	Dealer Kind = "DEALER"
	req    Kind = "REQ"
	rep    Kind = "REP"
	pub    Kind = "PUB"
	Sub    Kind = "SUB"
	xSub   Kind = "XSUB"
	xPub   Kind = "XPUB"
)

// partners maps a socket type to those that may be at the other end.
var partners = map[Kind][]Kind{
	router: {Dealer, req, router},
	Dealer: {router, rep, Dealer},
	rep:    {req, Dealer},
	req:    {rep, router},
	pub:    {Sub, xSub},
	Sub:    {pub, xPub},
}

// handshakeTime is how long a peer may take for its handshake.
const handshakeTime = 10 * time.Second

// maxIdentity is the longest identity that ZeroMQ allows, in bytes.
const maxIdentity = 255

// handshake exchanges greetings and READY commands with the peer. It returns the
// peer's identity, which may be empty.
func handshake(c net.Conn, r io.Reader, kind Kind, identity []byte) ([]byte, error) {
	if err := c.SetDeadline(time.Now().Add(handshakeTime)); err != nil {
		return nil, err
	}
	if _, err := c.Write(greeting()); err != nil {
		return nil, err
	}
	if err := readGreeting(r); err != nil {
		return nil, err
	}
	ready := property([]byte("\x05READY"), "Socket-Type", []byte(kind))
	ready = property(ready, "Identity", identity)
	if _, err := c.Write(appendFrame(nil, flagCommand, ready)); err != nil {
		return nil, err
	}
	frames, command, err := readMessage(r, Limits{Bytes: 4 << 10, Frames: 1})
	if err != nil {
		return nil, unexpected(err)
	}
	if !command {
		return nil, fmt.Errorf("%w: a message before READY", errProtocol)
	}
	peer, id, err := parseReady(frames[0])
	if err != nil {
		return nil, err
	}
	if !slices.Contains(partners[kind], peer) {
		return nil, fmt.Errorf("%w: a %q socket connects to a %s", errProtocol, peer, kind)
	}
	return id, c.SetDeadline(time.Time{})
}

// greeting returns the first bytes of a ZMTP 3.0 peer without security: signature,
// version, mechanism, whether it is a server, padding.
func greeting() []byte {
	g := make([]byte, 64)
	g[0], g[9] = 0xff, 0x7f
	g[10] = 3
	copy(g[12:32], "NULL")
	return g
}

func readGreeting(r io.Reader) error {
	g := make([]byte, 64)
	if _, err := io.ReadFull(r, g[:10]); err != nil {
		return unexpected(err)
	}
	if g[0] != 0xff || g[9]&1 != 1 {
		return fmt.Errorf("%w: greeting begins with %x", errProtocol, g[:10])
	}
	if _, err := io.ReadFull(r, g[10:]); err != nil {
		return unexpected(err)
	}
	if g[10] < 3 {
		return fmt.Errorf("%w: version %d of the protocol, want 3", errProtocol, g[10])
	}
	if mechanism := string(bytes.TrimRight(g[12:32], "\x00")); mechanism != "NULL" {
		return fmt.Errorf("%w: security mechanism %q, want NULL", errProtocol, mechanism)
	}
	return nil
}

// property appends a name and its value to a READY command.
func property(dst []byte, name string, value []byte) []byte {
	dst = append(dst, byte(len(name)))
	dst = append(dst, name...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)))
	return append(dst, value...)
}

// parseReady reads a READY command.
func parseReady(body []byte) (kind Kind, identity []byte, err error) {
	rest, ok := bytes.CutPrefix(body, []byte("\x05READY"))
	if !ok {
		return "", nil, fmt.Errorf("%w: a command that is not READY", errProtocol)
	}
	for len(rest) > 0 {
		n := int(rest[0])
		if len(rest) < 1+n+4 {
			return "", nil, fmt.Errorf("%w: READY ends early", errProtocol)
		}
		name := string(rest[1 : 1+n])
		size := binary.BigEndian.Uint32(rest[1+n:])
		rest = rest[1+n+4:]
		if uint64(size) > uint64(len(rest)) {
			return "", nil, fmt.Errorf("%w: READY ends early", errProtocol)
		}
		value := rest[:size]
		rest = rest[size:]
		switch name {
		case "Socket-Type":
			kind = Kind(value)
		case "Identity":
			if len(value) > maxIdentity {
				return "", nil, fmt.Errorf("%w: an identity of %d bytes", errProtocol, len(value))
			}
			identity = bytes.Clone(value)
		}
	}
	return kind, identity, nil
}
