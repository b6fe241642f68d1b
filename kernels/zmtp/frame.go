// Package zmtp implements the part of ZMTP 3.0, ZeroMQ's protocol on the wire, that a
// Jupyter kernel and its clients need: ROUTER, PUB and an echoing REP that listen,
// DEALER and SUB that dial, over TCP and Unix sockets, without encryption. It is safe
// against hostile peers: a connection that violates the protocol is closed, with no
// effect on the others.
//
// Source: RFC 23/ZMTP, rfc.zeromq.org/spec/23.
package zmtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Flags of a frame.
const (
	flagMore    = 1 << 0
	flagLong    = 1 << 1
	flagCommand = 1 << 2
)

// Limits bound the size of one message of a peer.
type Limits struct {
	Bytes  int64 // of all frames together; 0 means 64 MiB
	Frames int   // 0 means 1024
}

func (l Limits) bytes() int64 {
	if l.Bytes > 0 {
		return l.Bytes
	}
	return 64 << 20
}

func (l Limits) frames() int {
	if l.Frames > 0 {
		return l.Frames
	}
	return 1024
}

// errProtocol is wrapped by every error about bytes that are not ZMTP or that exceed
// the limits.
var errProtocol = errors.New("zmtp: protocol violated")

// chunk is how much of a frame is read at once, so that a large length alone takes no
// memory.
const chunk = 64 << 10

// readFrame reads one frame of at most limit bytes.
func readFrame(r io.Reader, limit int64) (body []byte, flags byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return nil, 0, err
	}
	flags = head[0]
	if flags&^(flagMore|flagLong|flagCommand) != 0 || flags&flagCommand != 0 && flags&flagMore != 0 {
		return nil, 0, fmt.Errorf("%w: flags %#x of a frame", errProtocol, flags)
	}
	size := uint64(head[1])
	if flags&flagLong != 0 {
		if _, err := io.ReadFull(r, head[2:]); err != nil {
			return nil, 0, unexpected(err)
		}
		size = binary.BigEndian.Uint64(head[1:])
	}
	if size > uint64(limit) {
		return nil, 0, fmt.Errorf("%w: a frame of %d bytes, at most %d are allowed", errProtocol, size, limit)
	}
	if size <= chunk {
		body = make([]byte, size)
		_, err = io.ReadFull(r, body)
		return body, flags, unexpected(err)
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, int64(size)); err != nil {
		return nil, 0, unexpected(err)
	}
	return b.Bytes(), flags, nil
}

// unexpected turns io.EOF into io.ErrUnexpectedEOF, for reads that must not end here.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readMessage reads the frames of one message, or one command. It returns io.EOF if
// the peer ends the connection between messages.
func readMessage(r io.Reader, l Limits) (frames [][]byte, command bool, err error) {
	left := l.bytes()
	for {
		body, flags, err := readFrame(r, left)
		if err != nil {
			if len(frames) > 0 {
				err = unexpected(err)
			}
			return nil, false, err
		}
		if flags&flagCommand != 0 {
			if len(frames) > 0 {
				return nil, false, fmt.Errorf("%w: a command within a message", errProtocol)
			}
			return [][]byte{body}, true, nil
		}
		left -= int64(len(body))
		frames = append(frames, body)
		if flags&flagMore == 0 {
			return frames, false, nil
		}
		if len(frames) >= l.frames() {
			return nil, false, fmt.Errorf("%w: a message of more than %d frames", errProtocol, l.frames())
		}
	}
}

// appendMessage appends frames in their form on the wire.
func appendMessage(dst []byte, frames [][]byte) []byte {
	for i, f := range frames {
		var flags byte
		if i < len(frames)-1 {
			flags = flagMore
		}
		dst = appendFrame(dst, flags, f)
	}
	return dst
}

func appendFrame(dst []byte, flags byte, body []byte) []byte {
	if len(body) > 255 {
		dst = append(dst, flags|flagLong)
		dst = binary.BigEndian.AppendUint64(dst, uint64(len(body)))
	} else {
		dst = append(dst, flags, byte(len(body)))
	}
	return append(dst, body...)
}

// wireSize returns an upper bound of the bytes that appendMessage appends.
func wireSize(frames [][]byte) int {
	n := 9 * len(frames)
	for _, f := range frames {
		n += len(f)
	}
	return n
}
