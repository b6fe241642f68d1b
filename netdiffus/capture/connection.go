package capture

import (
	"slices"
	"time"
)

// connection is the state of a TCP connection as far as its packets show it.
type connection struct {
	ends     [2]sent   // by the end of the key: low, high
	gaps     *[2][]gap // of the ends; nil means none
	answered bool      // there was a packet other than SYN and RST
	rst      bool
}

// sent is which of the bytes that one end sent were captured, by sequence
// numbers. SYN and FIN count as a byte each, as in TCP.
type sent struct {
	isn         uint32 // initial sequence number, where syn
	first, next uint32 // the bytes from first up to next were captured, but for the gaps; where seen
	acked       uint32 // the other end has received the bytes up to here; where acks
	syn, seen   bool
	acks, fin   bool
}

// gap is bytes that were not captured yet, from first up to next.
type gap struct{ first, next uint32 }

// maxGaps bounds the gaps that are remembered of one end; past it the oldest is
// forgotten. What fills that one counts as a retransmission.
const maxGaps = 32

// Distances of sequence numbers, bytes.
const (
	farAway  = 1 << 28 // more is no gap: the numbers begin anew
	nearby   = 1 << 17 // of a connection's end may its late packets be
	maxLead  = 1 << 20 // by which a SYN's sender may be ahead where the SYN comes late in the file
	longRide = 1 << 30 // sent.first follows sent.next at this distance
)

// reuseAfter is the silence after which a SYN with another initial sequence
// number is a new connection though the SYN before was not answered. Within it,
// it may be the same SYN, captured on both sides of a firewall that rewrites
// the number.
const reuseAfter = int64(time.Second)

// arrival is how a TCP packet stands to those before it.
type arrival uint8

const (
	inOrder       arrival = iota
	outOfOrder            // it fills a gap: its bytes were not captured before
	retransmitted         // all its bytes were captured before
	spurious              // the same, and their receiver had acknowledged them
)

// index returns the place of a packet's sender in connection.ends.
func (s *segment) index() int {
	if s.fromLow {
		return 0
	}
	return 1
}

// take notes a packet.
func (c *connection) take(s *segment) arrival {
	if s.rst {
		c.rst = true
		return inOrder // its number is one that the other end expects, or 0
	}
	from, to := &c.ends[s.index()], &c.ends[1-s.index()]
	length := uint32(s.payload)
	if s.syn || s.synAck {
		from.syn, from.isn = true, s.seq
		length++
	}
	if s.fin {
		from.fin = true
		length++
	}
	c.answered = c.answered || !s.syn
	how := c.place(s.index(), s.seq, length)
	if s.acks && (!to.acks || int32(s.ack-to.acked) > 0) {
		to.acks, to.acked = true, s.ack
	}
	return how
}

// place notes that end i sent the bytes from seq on.
func (c *connection) place(i int, seq, length uint32) arrival {
	e := &c.ends[i]
	end := seq + length
	ahead := int32(seq - e.next)
	if e.seen && (ahead == 0 || length == 0) { // the common case
		if ahead == 0 {
			e.next = end
			if end-e.first > longRide {
				e.first = end - longRide
			}
		}
		return inOrder
	}
	if !e.seen || ahead > farAway || ahead < -farAway && int32(end-e.first) < -farAway {
		e.seen, e.first, e.next = true, seq, end
		if c.gaps != nil {
			c.gaps[i] = nil
		}
		return inOrder
	}
	switch {
	case int32(end-e.next) > 0:
		if ahead > 0 {
			c.miss(i, gap{e.next, seq})
		}
		e.next = end
		return inOrder
	case int32(end-e.first) <= 0: // the capture began, or was written, after what follows it
		if end != e.first {
			c.miss(i, gap{end, e.first})
		}
		e.first = seq
		return outOfOrder
	case c.fill(i, gap{seq, end}):
		return outOfOrder
	case e.acks && int32(e.acked-end) >= 0:
		return spurious
	}
	return retransmitted
}

// miss notes a gap of end i.
func (c *connection) miss(i int, g gap) {
	if c.gaps == nil {
		c.gaps = new([2][]gap)
	}
	gaps := c.gaps[i]
	if len(gaps) == maxGaps {
		gaps = slices.Delete(gaps, 0, 1)
	}
	c.gaps[i] = append(gaps, g)
}

// fill takes bytes out of the gaps of end i. It reports whether any were there.
func (c *connection) fill(i int, b gap) bool {
	if c.gaps == nil {
		return false
	}
	for k, g := range c.gaps[i] {
		if int32(b.next-g.first) <= 0 || int32(g.next-b.first) <= 0 {
			continue
		}
		c.gaps[i] = slices.Delete(c.gaps[i], k, k+1)
		if int32(b.first-g.first) > 0 {
			c.miss(i, gap{g.first, b.first})
		}
		if int32(g.next-b.next) > 0 {
			c.miss(i, gap{b.next, g.next})
		}
		c.fill(i, b) // it may span several
		return true
	}
	return false
}

// closed reports whether the connection is over.
func (c *connection) closed() bool { return c.rst || c.ends[0].fin && c.ends[1].fin }

// reused reports whether a packet with SYN begins another connection between the
// same addresses and ports; quiet is how long nothing was heard of this one.
func (c *connection) reused(s *segment, quiet int64) bool {
	from, to := &c.ends[s.index()], &c.ends[1-s.index()]
	switch {
	case s.synAck: // it follows a SYN, unless that was not captured
		return from.syn && from.isn != s.seq && c.closed()
	case from.syn && from.isn == s.seq:
		// A SYN sent again, also after a refusal (RST), as some systems do. After
		// a connection it is that of a generator that counts from the same number.
		return c.answered && c.closed()
	case from.syn:
		return c.answered || c.rst || quiet > reuseAfter
	case !c.answered:
		return c.rst || to.syn && quiet > reuseAfter // else both ends open the connection at once
	}
	// The SYN of this connection was not captured, or this is it, later in the
	// file than what follows it.
	start := s.seq + 1
	late := from.seen && from.first-start < maxLead || from.acks && from.acked-start < maxLead
	return !late || quiet > reuseAfter
}

// isLate reports whether a packet without SYN is one of the connection before this
// one, between the same ends: its number is near the end of that one's and
// further from this one's.
func (c *connection) isLate(s *segment, before *connection) bool {
	if s.syn || s.synAck {
		return false
	}
	i := s.index()
	old, now := &before.ends[i], &c.ends[i]
	if !old.seen {
		return false
	}
	away := distance(s.seq, old.next)
	return away <= nearby && (!now.seen || away < distance(s.seq, now.next))
}

func distance(x, y uint32) uint32 { return min(x-y, y-x) }
