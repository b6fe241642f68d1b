package main

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// Media over RTP (RFC 3550), its control packets and the STUN checks before it
// on the same port, as calls from browsers do. A packet's first bytes identify it:
// STUN begins with 0 or 1, RTP and RTCP with version 2 in the upper bits.

// media describes what one side of a call sends.
type media struct {
	kind    byte // RTP's payload type
	silence bool // speech with pauses, in which little is sent
	twoWay  bool
}

const (
	pcmu = 0   // 64 kbit/s, 160 bytes each 20 ms
	gsm  = 3   // 33 bytes each 20 ms
	opus = 111 // some 40 to 150 bytes each 20 ms
	h264 = 96  // frames of several packets

	tick    = 20 * time.Millisecond
	picture = 33 * time.Millisecond
)

// code packs the media into the stream's number, so that the answering side
// knows what call it is in.
func (m media) code(d dice) uint32 {
	n := d.Uint32() &^ 0xff
	if m.silence {
		n |= 1
	}
	if m.twoWay {
		n |= 2
	}
	return n
}

func mediaOf(packet []byte) media {
	n := binary.BigEndian.Uint32(packet[8:])
	return media{kind: packet[1] & 127, silence: n&1 != 0, twoWay: n&2 != 0}
}

// speak sends the packets of one side, at the pace of real speech or pictures,
// until so many are sent.
func (m media) speak(ctx context.Context, d dice, source uint32, packets int, send func([]byte) error) error {
	sequence, stamp := uint16(d.Uint32()), d.Uint32()
	rtp := func(size int, last bool) error {
		b := []byte{2 << 6, m.kind}
		if last {
			b[1] |= 128
		}
		b = binary.BigEndian.AppendUint16(b, sequence)
		b = binary.BigEndian.AppendUint32(b, stamp)
		b = binary.BigEndian.AppendUint32(b, source)
		sequence++
		return send(append(b, d.bytes(size)...))
	}
	level, talking := 80.0, true
	for sent := 0; sent < packets && ctx.Err() == nil; {
		if d.chance(0.03) {
			if err := send(control(d, source)); err != nil {
				return err
			}
		}
		if m.kind == h264 {
			for left := d.size(pick(d, 900.0, 900, 1500, 7000), 0.5, 60, 18_000); left > 0 && sent < packets; left -= 1150 {
				if err := rtp(min(left, 1150), left <= 1150); err != nil {
					return err
				}
				sent++
			}
			stamp += 3000
			wait(ctx, picture)
			continue
		}
		if m.silence && d.chance(0.15) {
			talking = !talking
		}
		size := map[byte]int{pcmu: 160, gsm: 33}[m.kind]
		if m.kind == opus {
			level = max(30, min(160, level+14*d.NormFloat64()))
			size = int(level)
		}
		if !talking { // comfort noise
			size = 1 + d.IntN(6)
			wait(ctx, time.Duration(d.between(1, 4))*tick)
		}
		if err := rtp(size, false); err != nil {
			return err
		}
		sent++
		stamp += 160
		wait(ctx, tick)
	}
	return nil
}

// isControl reports whether a packet is RTCP and not RTP, as RFC 5761 does.
func isControl(packet []byte) bool { t := packet[1] & 127; return t >= 64 && t < 96 }

// control is an RTCP report with the sender's name.
func control(d dice, source uint32) []byte {
	b := []byte{2<<6 | 1, 200, 0, 12}
	b = binary.BigEndian.AppendUint32(b, source)
	b = append(b, d.bytes(44)...)
	name := d.word(d.between(4, 30))
	b = append(b, 2<<6|1, 202, 0, byte(2+len(name)/4))
	return append(append(b, 1, byte(len(name))), name...)
}

// stun is a binding request or answer with some attributes.
func stun(d dice, kind uint16, name string) []byte {
	b := binary.BigEndian.AppendUint16(nil, kind)
	attributes := binary.BigEndian.AppendUint16(nil, 6) // USERNAME
	attributes = binary.BigEndian.AppendUint16(attributes, uint16(len(name)))
	attributes = append(attributes, name...)
	for len(attributes)%4 != 0 {
		attributes = append(attributes, 0)
	}
	attributes = append(attributes, 0, 8, 0, 20) // MESSAGE-INTEGRITY
	attributes = append(attributes, d.bytes(20)...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(attributes)))
	b = append(b, 0x21, 0x12, 0xa4, 0x42)
	return append(append(b, d.bytes(12)...), attributes...)
}

// serveRTP answers checks, and speaks in calls of two ways.
func serveRTP(s *site) error {
	address, err := net.ResolveUDPAddr("udp4", s.address())
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp4", address)
	if err != nil {
		return err
	}
	go func() {
		var calls sync.Map // by the caller's address
		buffer := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			send := func(b []byte) error {
				_, err := conn.WriteToUDPAddrPort(b, from)
				return err
			}
			switch {
			case n >= 20 && buffer[0] == 0:
				send(stun(s.dice(), 0x101, ""))
			case n >= 12 && buffer[0]>>6 == 2 && !isControl(buffer):
				m := mediaOf(buffer)
				if _, known := calls.LoadOrStore(from, true); !known && m.twoWay {
					d := s.dice()
					ctx, cancel := context.WithTimeout(context.Background(), sessionLimit)
					go func() {
						defer cancel()
						m.speak(ctx, d, d.Uint32(), d.size(25, 0.6, 1, 60), send)
					}()
				}
			}
		}
	}()
	return nil
}

// rtpSession is one call, of sound or pictures, some cut off at once.
func rtpSession(ctx context.Context, c *client) error {
	conn, err := c.dialUDP()
	if err != nil {
		return err
	}
	defer conn.Close()
	received := make(chan struct{})
	go func() {
		defer close(received)
		for buffer := make([]byte, 2048); ; {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
		}
	}()
	defer func() { <-received }()
	defer conn.SetDeadline(time.Now())
	send := func(b []byte) error {
		_, err := conn.Write(b)
		return err
	}
	if c.chance(0.5) {
		name := c.word(c.between(4, 16)) + ":" + c.word(c.between(4, 8))
		for range c.between(1, 3) {
			if err := send(stun(c.dice, 1, name)); err != nil {
				return err
			}
			c.pause(ctx, 10*time.Millisecond)
		}
	}
	m := media{kind: pick[byte](c.dice, pcmu, opus, opus, gsm, h264), silence: c.chance(0.5), twoWay: c.chance(0.7)}
	err = m.speak(ctx, c.dice, m.code(c.dice), c.size(22, 0.7, 1, 60), send)
	wait(ctx, 100*time.Millisecond) // the other side ends its sentence
	return err
}
