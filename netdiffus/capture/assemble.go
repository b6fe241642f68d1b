package capture

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Assembly sets how the packets of a capture become biflows. A Biflow is the
// TCP or UDP packets between two addresses and ports, both ways; a SYN that
// begins another connection between them begins another Biflow. Its client is
// the sender of the TCP SYN (the receiver of the SYN-ACK, where the SYN is
// missing), and otherwise the sender of the first packet by time.
type Assembly struct {
	// Idle ends a flow when nothing was heard of it for so long: what follows
	// is another flow. 0 means DefaultIdle, and less than 0 never.
	Idle time.Duration

	// Active ends a flow that has lasted so long, and goes on with a new one
	// between the same client and server. 0 or less means never.
	Active time.Duration

	// MaxOpen bounds the flows that are held in memory at once; past it the
	// one that was quiet for longest is ended, with a warning. 0 means 262,144.
	// A flow takes some 300 bytes and 16 more a packet that it keeps.
	MaxOpen int

	// DropDuplicates leaves out packets that were captured a second time, as
	// a mirror port or an interface "any" does. See Assembled.Duplicates.
	DropDuplicates bool

	// DropRetransmissions leaves out TCP packets of which all bytes were
	// captured before, by sequence numbers. See Assembled.Retransmissions.
	DropRetransmissions bool

	// Tunnels chooses the packets that are read where one is within another.
	// The zero value is Inner.
	Tunnels Tunnels
}

// Tunnels chooses between the packets of a tunnel and the packets within it.
// Either way, what the link layer adds (VLAN tags, PBB, MPLS, PPPoE) is passed
// over, up to the first IP header.
type Tunnels uint8

const (
	// Inner reads the TCP or UDP packet that is innermost. Which tunnel it was
	// in does not part biflows: a tunnel's key is often one for each direction
	// (GTP-U's TEID, the session of L2TP, MPLS labels), and the same packet may
	// be captured in two tunnels.
	Inner Tunnels = iota

	// Outer reads the packets of the first IP header: what goes through VXLAN
	// is one UDP biflow of the tunnel's ends, and what goes through GRE is in
	// none.
	Outer
)

// Options sets how a capture is read. The zero value is usable.
type Options struct {
	Assembly

	// MaxPackets cuts biflows to their first packets; 0 keeps all.
	MaxPackets int

	// KeepEmpty keeps the packets without payload, such as TCP's SYN and bare
	// ACK. False drops them once they have shown who the client is.
	KeepEmpty bool
}

// DefaultIdle is YAF's and tstat's idle time-out.
const DefaultIdle = 5 * time.Minute

const defaultMaxOpen = 1 << 18

// assembler gathers segments into flows, which it hands to done as they end:
// by time-out, or at flush in the order of their first packets.
type assembler struct {
	rule       Assembly
	idle       int64 // nanoseconds; 0 means never
	active     int64 // the same
	maxPackets int   // 0 means all
	keepEmpty  bool  // packets without payload are kept
	done       func(*Biflow) bool
	counts     Assembled

	open   map[flowKey]*Biflow
	quiet  Biflow // ring of the open flows: quiet.next was heard of least recently
	free   []*Biflow
	clock  int64 // time of the segment before
	recent recent
}

// Biflow is a flow in both directions, under way or ended.
type Biflow struct {
	// What each packet needs comes first, in two cache lines.
	prev, next  *Biflow
	number      uint64 // in the order of first packets in the file
	first, last int64  // times of the earliest and the latest packet, nanoseconds
	stamps      []stamp
	client      clientMark
	clientLow   bool // key.low is the client, where the mark is not none
	firstLow    bool // key.low sent the earliest packet
	untimed     bool
	unsorted    bool  // stamps are not in order of time
	ttlLow      uint8 // of the first packet from key.low; 0 before it
	ttlHigh     uint8 // the same of key.high
	tcp         connection
	before      *connection // the one between the same ends that the flow's SYN ended, or nil

	clientTime int64 // of the packet that showed the client
	key        flowKey
}

// clientMark is the evidence of which end is the client; larger is surer.
type clientMark uint8

const (
	clientUnknown clientMark = iota
	clientBySynAck
	clientBySyn
	clientInherited // by the flow that the active time-out cut
)

// stamp is one kept packet.
type stamp struct {
	time    int64  // nanoseconds
	length  uint32 // payload, bytes
	fromLow bool
}

func newAssembler(o Options, done func(*Biflow) bool) *assembler {
	rule := o.Assembly
	a := &assembler{rule: rule, maxPackets: o.MaxPackets, keepEmpty: o.KeepEmpty, done: done, open: map[flowKey]*Biflow{}}
	switch {
	case rule.Idle == 0:
		a.idle = int64(DefaultIdle)
	case rule.Idle > 0:
		a.idle = int64(rule.Idle)
	}
	a.active = max(0, int64(rule.Active))
	if a.rule.MaxOpen <= 0 {
		a.rule.MaxOpen = defaultMaxOpen
	}
	a.quiet.prev, a.quiet.next = &a.quiet, &a.quiet
	return a
}

// add takes in a segment captured at time. It returns false once done did.
func (a *assembler) add(s *segment, time int64, timed bool) bool {
	if !a.sweep(time) {
		return false
	}
	f := a.open[s.key]
	isTCP, duplicate := s.key.protocol == protoTCP, false
	if f != nil {
		if duplicate = timed && a.recent.repeated(f.number, s, time); duplicate {
			a.counts.Duplicates++
			if a.rule.DropDuplicates {
				return true
			}
		}
		if isTCP && f.before != nil && f.tcp.isLate(s, f.before) {
			a.counts.Late++
			return true
		}
	}
	next, more := a.divide(f, s, time, duplicate)
	if !more {
		return false
	}
	if next == nil {
		f.unlink()
	} else {
		f = next
		a.recent.repeated(f.number, s, time)
	}
	a.link(f)
	f.heard(s, time, timed)
	if isTCP && !duplicate && a.isRepeated(f.tcp.take(s)) && a.rule.DropRetransmissions {
		return true
	}
	if s.payload > 0 || a.keepEmpty {
		f.keep(stamp{time, uint32(s.payload), s.fromLow}, a.maxPackets)
	}
	return true
}

// divide ends the open flow f of a segment's key, which may be nil, where the
// segment is not part of it, and returns the flow that the segment begins, or nil
// where it goes on with f. It returns false once done did.
func (a *assembler) divide(f *Biflow, s *segment, time int64, duplicate bool) (next *Biflow, more bool) {
	if f == nil {
		return a.begin(s, time)
	}
	quiet := time - f.last
	switch {
	case (s.syn || s.synAck) && !duplicate && f.tcp.reused(s, quiet): // though a time-out may have passed as well
		before := f.tcp
		before.gaps = nil
		a.counts.Reused++
		if !a.end(f) {
			return nil, false
		}
		if next, more = a.begin(s, time); more {
			next.before = &before
		}
		return next, more
	case a.over(f, time):
		inherits := a.idle == 0 || quiet <= a.idle
		clientLow, tcp, before := f.clientIsLow(), f.tcp, f.before
		if inherits && a.active > 0 && time-f.first > a.active {
			a.counts.Active++
		} else {
			a.counts.Idle++
		}
		if !a.end(f) {
			return nil, false
		}
		next, more = a.begin(s, time)
		if inherits && more {
			next.client, next.clientLow = clientInherited, clientLow
			next.tcp, next.before = tcp, before
		}
		return next, more
	}
	return nil, true
}

// isRepeated counts a TCP packet's arrival. It reports whether all its bytes had
// been captured before.
func (a *assembler) isRepeated(how arrival) bool {
	switch how {
	case outOfOrder:
		a.counts.OutOfOrder++
	case spurious:
		a.counts.Spurious++
		a.counts.Retransmissions++
		return true
	case retransmitted:
		a.counts.Retransmissions++
		return true
	}
	return false
}

// over reports whether a packet at time no longer belongs to the flow. Packets
// may come out of order: one from before the flow's start is as far from it as
// one from after its end.
func (a *assembler) over(f *Biflow, time int64) bool {
	if a.idle > 0 && (time-f.last > a.idle || f.first-time > a.idle) {
		return true
	}
	return a.active > 0 && time-f.first > a.active
}

// sweep ends the flows that were quiet for too long by the time. A time stamp
// far from the one before it does not show how late it is, since it may
// be damaged or of another capture joined to this one; flows then wait for the
// next.
func (a *assembler) sweep(time int64) bool {
	near := max(time-a.clock, a.clock-time) <= a.idle
	a.clock = time
	if a.idle == 0 || !near {
		return true
	}
	for f := a.quiet.next; f != &a.quiet; f = a.quiet.next {
		if time-f.last <= a.idle && f.first-time <= a.idle {
			break
		}
		a.counts.Idle++
		if !a.end(f) {
			return false
		}
	}
	return true
}

// flush ends all flows that are open.
func (a *assembler) flush() {
	rest := make([]*Biflow, 0, len(a.open))
	for _, f := range a.open {
		rest = append(rest, f)
	}
	slices.SortFunc(rest, func(f, g *Biflow) int { return cmp.Compare(f.number, g.number) })
	for i, f := range rest {
		rest[i] = nil
		if !a.end(f) {
			return
		}
	}
}

// begin opens a flow of the segment's key, of which none is open. Where too many
// are, the quietest ends first; begin returns false once done did.
func (a *assembler) begin(s *segment, time int64) (*Biflow, bool) {
	if len(a.open) >= a.rule.MaxOpen {
		a.counts.Evicted++
		if !a.end(a.quiet.next) {
			return nil, false
		}
	}
	var f *Biflow
	if n := len(a.free); n > 0 {
		f, a.free = a.free[n-1], a.free[:n-1]
		*f = Biflow{stamps: f.stamps[:0]}
	} else {
		f = new(Biflow)
	}
	f.key, f.number = s.key, uint64(a.counts.Biflows)
	f.first, f.last, f.firstLow = time, time, s.fromLow
	a.counts.Biflows++
	a.open[s.key] = f
	return f, true
}

// end hands the flow on and forgets it.
func (a *assembler) end(f *Biflow) bool {
	delete(a.open, f.key)
	f.unlink()
	f.finish(a.maxPackets)
	more := a.done(f)
	const spare, small = 1024, 64 // flows to use again, and packets they may hold on to
	if len(a.free) < spare && cap(f.stamps) <= small {
		a.free = append(a.free, f)
	}
	return more
}

// link puts the flow at the end of the ring: it was heard of last.
func (a *assembler) link(f *Biflow) {
	f.prev, f.next = a.quiet.prev, &a.quiet
	f.prev.next, f.next.prev = f, f
}

func (f *Biflow) unlink() {
	f.prev.next, f.next.prev = f.next, f.prev
	f.prev, f.next = nil, nil
}

// heard notes what a packet shows of the flow, kept or not.
func (f *Biflow) heard(s *segment, time int64, timed bool) {
	if time < f.first {
		f.first, f.firstLow = time, s.fromLow
	}
	f.last = max(f.last, time)
	f.untimed = f.untimed || !timed
	if s.fromLow && f.ttlLow == 0 {
		f.ttlLow = s.ttl
	} else if !s.fromLow && f.ttlHigh == 0 {
		f.ttlHigh = s.ttl
	}
	mark := clientUnknown
	switch {
	case s.syn:
		mark = clientBySyn
	case s.synAck:
		mark = clientBySynAck
	}
	if mark > f.client || mark == f.client && mark != clientUnknown && time < f.clientTime {
		f.client, f.clientTime = mark, time
		f.clientLow = s.fromLow == s.syn // a SYN's sender, a SYN-ACK's receiver
	}
}

// keep adds a packet. Of more than limit packets the earliest stay.
func (f *Biflow) keep(p stamp, limit int) {
	if n := len(f.stamps); n > 0 && p.time < f.stamps[n-1].time {
		f.unsorted = true
	}
	if limit > 0 && len(f.stamps) >= limit {
		if !f.unsorted {
			return
		}
		if len(f.stamps) >= 2*limit { // sort now and then only, not at each packet
			f.sort()
			f.stamps = f.stamps[:limit]
			f.unsorted = p.time < f.stamps[limit-1].time
			if !f.unsorted {
				return
			}
		}
	}
	f.stamps = append(f.stamps, p)
}

// sort puts the packets in order of time; of one time, in the file's order.
func (f *Biflow) sort() {
	if f.unsorted {
		slices.SortStableFunc(f.stamps, func(p, q stamp) int { return cmp.Compare(p.time, q.time) })
		f.unsorted = false
	}
}

func (f *Biflow) clientIsLow() bool {
	if f.client == clientUnknown {
		return f.firstLow
	}
	return f.clientLow
}

// finish settles what an ended flow's methods return; limit is the most packets
// it keeps, 0 all of them.
func (f *Biflow) finish(limit int) {
	f.sort()
	if limit > 0 && len(f.stamps) > limit {
		f.stamps = f.stamps[:limit]
	}
	f.clientLow = f.clientIsLow()
}

// Packet is one packet of a biflow.
type Packet struct {
	Time       int64 // nanoseconds since 1970
	Length     int   // payload, bytes
	FromClient bool
}

// Len returns the number of packets that were kept.
func (f *Biflow) Len() int { return len(f.stamps) }

// At returns kept packet i, counted from 0 in the order of time.
func (f *Biflow) At(i int) Packet {
	p := &f.stamps[i]
	return Packet{Time: p.time, Length: int(p.length), FromClient: p.fromLow == f.clientLow}
}

// Timed reports whether the capture holds the time of every packet.
func (f *Biflow) Timed() bool { return !f.untimed }

// Start returns the time of the first packet, kept or not, in nanoseconds since
// 1970.
func (f *Biflow) Start() int64 { return f.first }

// Service returns the protocol, 6 for TCP and 17 for UDP, and the server's port.
func (f *Biflow) Service() (protocol uint8, port uint16) {
	if f.clientLow {
		return f.key.protocol, f.key.high.port
	}
	return f.key.protocol, f.key.low.port
}

// TTLs returns the time to live, or IPv6's hop limit, of each end's first packet
// as it was captured; 0 where there was none.
func (f *Biflow) TTLs() (client, server uint8) {
	if f.clientLow {
		return f.ttlLow, f.ttlHigh
	}
	return f.ttlHigh, f.ttlLow
}

// String gives the flow's key in MIRAGE's form, client first:
// "192.0.2.1,50000,198.51.100.7,443,6".
func (f *Biflow) String() string {
	from, to := f.key.low, f.key.high
	if !f.clientLow {
		from, to = to, from
	}
	return fmt.Sprintf("%s,%d,%s,%d,%d", from.text(f.key.version), from.port, to.text(f.key.version), to.port, f.key.protocol)
}

func (e endpoint) text(version uint8) string {
	if version == 4 {
		return netip.AddrFrom4([4]byte(e.addr[:4])).String()
	}
	return netip.AddrFrom16(e.addr).String()
}
