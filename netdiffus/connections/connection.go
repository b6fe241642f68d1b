package connections

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/payload"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Ends of a connection, as indices.
const (
	client = 0
	server = 1
)

// action is what a packet is.
type action uint8

const (
	synAction action = iota
	synAckAction
	ackAction // left out where it would say nothing new
	dataAction
	againAction // a segment that was lost, once more
	aliveAction // a keep-alive, and in UDP an empty datagram
	aliveAckAction
	finAction
	resetAction
	lastAckAction
)

// event is a packet that a connection will send.
type event struct {
	at   int64  // nanoseconds since 1970
	ack  uint32 // how many bytes of the other end it may acknowledge
	size int32
	end  uint8
	action
	lost bool
}

// connection is a flow that is being sent.
type connection struct {
	number uint64 // in the order of starts
	peers  [2]capture.Peer
	hosts  [2]*host
	port   uint16 // the client's
	events []event
	next   int
	udp    bool
	tcpState
	stream payload.Stream
	r      *rand.Rand
}

// tcpState is what TCP knows; by end where it is an array.
type tcpState struct {
	stamps  bool // options of time stamps
	mss     int
	first   [2]uint32 // the number of the SYN
	sent    [2]uint32 // bytes sent, SYN and FIN included
	acked   [2]uint32 // of the other end's bytes, by this end
	heard   [2]uint32 // the other end's latest time stamp
	clock   [2]uint32 // time stamps: offset
	began   int64
	hole    [2]hole // in what this end sent
	windows [2]bool
}

// hole is a segment that the other end did not get.
type hole struct {
	open       bool
	start, end uint32 // bytes sent before it, and with it
	payload    []byte
}

// Times around the packets of a flow, nanoseconds.
const (
	soon       = 40e3 // in which a host answers by itself
	delayedAck = 40e6
	leastRTT   = 20e3
	wire       = 12e3 // between the segments of one write
)

// script decides when which packets are sent.
type script struct {
	c       *connection
	p       *Profile
	r       *rand.Rand
	rtt     int64
	now     int64
	offset  [2]uint32 // bytes sent, as tcpState.sent
	lines   [2][]mark // what was sent when
	owed    [2]int    // segments that this end has not acknowledged
	flight  [2]int    // bytes of this end that were not acknowledged
	holes   [2]int64  // when the lost segment of this end will have arrived; 0: none is lost
	latest  int64
	pending [2]int64 // when this end acknowledges at the latest; 0: nothing
}

type mark struct {
	at     int64
	offset uint32
}

// jitter is around 1, log-normal.
func jitter(r *rand.Rand, spread float64) float64 { return math.Exp(spread * r.NormFloat64()) }

// rttOf is a round trip that the flow does not contradict: an answer takes one.
func rttOf(p *Profile, r *rand.Rand, f flow) int64 {
	rtt := float64(p.Network.RTT) * jitter(r, 0.5)
	if f.timed {
		for i, q := range f.packets {
			if i > 0 && q.Dir == traffic.Down && f.packets[i-1].Dir == traffic.Up {
				rtt = min(rtt, q.IAT*0.95)
			}
		}
	}
	return int64(max(rtt, leastRTT))
}

// add plans a packet.
func (s *script) add(e event) {
	s.c.events = append(s.c.events, e)
	s.latest = max(s.latest, e.at)
}

// answerDelay is how long after a packet at the capture an end's answer passes it.
func (s *script) answerDelay(end int) int64 {
	if end == client {
		return int64(soon * jitter(s.r, 0.4))
	}
	return int64(float64(s.rtt) * jitter(s.r, 0.05))
}

// arrived is how many bytes an end has got by the time at: the capture is next to
// the clients.
func (s *script) arrived(end int, at int64) uint32 {
	if end == server {
		at -= s.rtt / 2
	}
	marks := s.lines[1-end]
	i, _ := slices.BinarySearchFunc(marks, at+1, func(m mark, t int64) int { return cmp.Compare(m.at, t) })
	if i == 0 {
		return 0
	}
	return marks[i-1].offset
}

// write plans the events of a flow's connection, from begin on.
func (c *connection) write(p *Profile, f flow, begin int64) (cut int) {
	s := &script{c: c, p: p, r: c.r, now: begin, rtt: rttOf(p, c.r, f)}
	firstUp := f.packets[0].Dir == traffic.Up
	switch {
	case c.udp && !firstUp: // shows who the client is
		s.add(event{at: s.now, end: client, action: aliveAction})
		s.now += s.rtt
	case !c.udp:
		s.handshake(firstUp)
	}
	for i, q := range f.packets {
		wait := int64(q.IAT)
		if !f.timed && i > 0 {
			wait = s.drawGap(f.packets[i-1].Dir, q.Dir)
		}
		if i == 0 {
			wait = 0
		}
		s.pause(s.now+wait, f, i)
		if c.send(s, q) {
			cut++
		}
	}
	if !c.udp {
		s.close()
	}
	slices.SortStableFunc(c.events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return cut
}

// drawGap is the time between two packets of a flow without times.
func (s *script) drawGap(before, dir traffic.Direction) int64 {
	switch {
	case before == dir:
		return int64(200e3 * jitter(s.r, 1))
	case dir == traffic.Down:
		return s.rtt + int64(3e6*jitter(s.r, 1))
	}
	return int64(10e6 * jitter(s.r, 1.5))
}

func (s *script) handshake(clientFirst bool) {
	s.add(event{at: s.now, end: client, action: synAction})
	s.now += s.rtt
	s.add(event{at: s.now, end: server, action: synAckAction})
	s.offset = [2]uint32{1, 1}
	s.now += int64(soon * jitter(s.r, 0.4))
	s.lines = [2][]mark{{{s.now - s.rtt, 1}}, {{s.now - s.rtt, 1}}}
	s.add(event{at: s.now, end: client, action: ackAction, ack: 1})
	if clientFirst {
		s.now += int64(150e3 * jitter(s.r, 0.8))
	} else {
		s.now += s.rtt + int64(1e6*jitter(s.r, 0.5))
	}
}

// pause lets time pass until the packet i, at next.
func (s *script) pause(next int64, f flow, i int) {
	most := int64(s.p.Network.KeepAlive)
	for most > 0 && next-s.now > most {
		s.now += most
		s.flush(s.now)
		s.add(event{at: s.now, end: client, action: aliveAction})
		if !s.c.udp {
			s.add(event{at: s.now + s.answerDelay(server), end: server, action: aliveAckAction})
		}
	}
	s.flush(next)
	s.now = next
}

// flush plans the acknowledgements that are due before the time.
func (s *script) flush(before int64) {
	for end, at := range s.pending {
		if at > 0 && at < before {
			s.acknowledge(end, at)
		}
	}
}

func (s *script) acknowledge(end int, at int64) {
	s.add(event{at: at, end: uint8(end), action: ackAction, ack: s.offset[1-end]})
	s.owed[end], s.pending[end], s.flight[1-end] = 0, 0, 0
}

// send plans the packet, or packets, of a payload. It reports whether it was cut.
func (c *connection) send(s *script, q traffic.Packet) (cut bool) {
	end := client
	if q.Dir == traffic.Down {
		end = server
	}
	for left := q.Length; left > 0; {
		n := min(left, c.mss)
		left -= n
		s.segment(end, n)
		if left > 0 {
			cut = true
			s.now += wire
		}
	}
	return cut
}

// segment plans one packet with payload.
func (s *script) segment(end, n int) {
	c := s.c
	if c.udp {
		s.add(event{at: s.now, end: uint8(end), action: dataAction, size: int32(n)})
		return
	}
	other := 1 - end
	e := event{at: s.now, end: uint8(end), action: dataAction, size: int32(n), ack: s.arrived(end, s.now)}
	s.offset[end] += uint32(n)
	s.lines[end] = append(s.lines[end], mark{s.now, s.offset[end]})
	s.flight[end] += n
	if s.owed[end] > 0 { // it acknowledges
		s.owed[end], s.pending[end], s.flight[other] = 0, 0, 0
	}
	s.owed[other]++
	if s.holes[end] > 0 && s.now >= s.holes[end] {
		s.holes[end] = 0
	}
	missing := s.holes[end] > 0
	if s.p.Loss > 0 && !missing && s.r.Float64() < s.p.Loss {
		e.lost = true
		s.holes[end] = s.now + s.rtt + int64(max(200e6, 2*float64(s.rtt))*jitter(s.r, 0.1))
		s.add(event{at: s.holes[end], end: uint8(end), action: againAction})
		s.add(event{at: s.holes[end] + s.answerDelay(other), end: uint8(other), action: ackAction, ack: s.offset[end]})
	}
	s.add(e)
	switch delay := s.answerDelay(other); {
	case missing:
		s.add(event{at: s.now + delay, end: uint8(other), action: ackAction, ack: s.offset[end]})
	case s.owed[other] >= 2 || s.flight[end] > 30000:
		s.acknowledge(other, s.now+delay)
	default:
		s.pending[other] = s.now + delay + delayedAck
	}
}

// close plans the end of a connection of TCP.
func (s *script) close() {
	s.flush(math.MaxInt64)
	at := max(s.now, s.latest) + s.rtt + int64(20e6*jitter(s.r, 1))
	if s.p.Resets > 0 && s.r.Float64() < s.p.Resets {
		s.add(event{at: at, end: client, action: resetAction})
		return
	}
	first := s.r.IntN(2)
	s.add(event{at: at, end: uint8(first), action: finAction})
	at += s.answerDelay(1 - first)
	s.add(event{at: at, end: uint8(1 - first), action: finAction})
	s.add(event{at: at + s.answerDelay(first), end: uint8(first), action: lastAckAction})
}

// emit makes the frame of the next event, nil where it is left out.
func (c *connection) emit(m *capture.PacketMaker, buf []byte) []byte {
	e := c.events[c.next]
	c.next++
	from, to := &c.peers[e.end], &c.peers[1-e.end]
	if c.hosts[e.end].windows && e.action != synAction {
		h := c.hosts[e.end]
		from.ID = h.id
		h.id++
	}
	if c.udp {
		b := buf[:e.size]
		if e.size > 0 {
			c.stream.Next(e.end == client, b)
		}
		return m.UDP(from, to, b)
	}
	return c.segment(m, buf, e, from, to)
}

func (c *connection) segment(m *capture.PacketMaker, buf []byte, e event, from, to *capture.Peer) []byte {
	end, other := int(e.end), 1-int(e.end)
	h := capture.TCPHeader{Flags: capture.ACK, Seq: c.first[end] + c.sent[end]}
	var b []byte
	can := min(e.ack, c.sent[other])
	switch e.action {
	case synAction:
		h.Flags = capture.SYN
	case synAckAction:
		h.Flags = capture.SYN | capture.ACK
		can = c.sent[other]
	case finAction, lastAckAction:
		can = c.sent[other]
		if e.action == finAction {
			h.Flags |= capture.FIN
		}
	case resetAction:
		h.Flags |= capture.RST
		can = c.sent[other]
	case aliveAction:
		h.Seq--
	case dataAction:
		h.Flags |= capture.PSH
		b = buf[:e.size]
		c.stream.Next(end == client, b)
	case againAction:
		h.Flags |= capture.PSH
		b = c.hole[end].payload
		h.Seq = c.first[end] + c.hole[end].start
	}
	gap := &c.hole[other]
	if gap.open {
		can = min(can, gap.start)
	}
	if can = max(can, c.acked[end]); e.action == ackAction && can == c.acked[end] && !gap.open {
		return nil // another packet has said it
	}
	c.acked[end] = can
	if h.Flags&capture.ACK != 0 {
		h.Ack = c.first[other] + can
	}
	h.Window = c.window(end, h.Flags)
	h.Options = c.options(end, e, gap)
	frame := m.TCP(from, to, h, b)
	switch e.action {
	case synAction, synAckAction, finAction:
		c.sent[end]++
	case dataAction:
		if e.lost {
			c.hole[end] = hole{true, c.sent[end], c.sent[end] + uint32(e.size), slices.Clone(b)}
		}
		c.sent[end] += uint32(e.size)
	case againAction:
		c.hole[end] = hole{}
	}
	return frame
}

// window is what an end offers: as Linux and Windows do at first, and then more.
func (c *connection) window(end int, flags byte) uint16 {
	const linuxScale, windowsScale = 7, 8
	got := int(c.sent[1-end])
	switch {
	case flags&capture.SYN != 0 && end == server && !c.windows[end]:
		return 65160
	case flags&capture.SYN != 0 && c.windows[end]:
		return 65535
	case flags&capture.SYN != 0:
		return 64240
	case c.windows[end]:
		return uint16(min(255+got>>windowsScale, 8192))
	}
	return uint16(min(502+got>>(linuxScale-1), 24000))
}

// options are TCP's: those of a SYN in the order in which each system has them.
func (c *connection) options(end int, e event, gap *hole) []byte {
	var b []byte
	if e.action == synAction || e.action == synAckAction {
		mss := []byte{2, 4, byte(c.mss0() >> 8), byte(c.mss0())}
		switch {
		case c.windows[end]:
			b = append(mss, 1, 3, 3, 8, 1, 1, 4, 2)
		case c.stamps:
			b = append(mss, 4, 2)
			b = append(c.stampOption(b, end, e.at), 1, 3, 3, 7)
		default:
			b = append(mss, 1, 1, 4, 2, 1, 3, 3, 7)
		}
		return b
	}
	if c.stamps {
		b = c.stampOption([]byte{1, 1}, end, e.at)
	}
	if gap.open && c.sent[1-end] > gap.end {
		b = append(b, 1, 1, 5, 10)
		b = binary.BigEndian.AppendUint32(b, c.first[1-end]+gap.end)
		b = binary.BigEndian.AppendUint32(b, c.first[1-end]+c.sent[1-end])
	}
	return b
}

// mss0 is the maximum segment size that is offered: without options.
func (c *connection) mss0() int {
	if c.stamps {
		return c.mss + stampBytes
	}
	return c.mss
}

// stampBytes is what time stamps take of a segment.
const stampBytes = 12

// stampOption appends the option of time stamps, in milliseconds.
func (c *connection) stampOption(b []byte, end int, at int64) []byte {
	now := c.clock[end] + uint32((at-c.began)/int64(time.Millisecond))
	b = append(b, 8, 10)
	b = binary.BigEndian.AppendUint32(b, now)
	b = binary.BigEndian.AppendUint32(b, c.heard[end])
	c.heard[1-end] = now
	return b
}
