package capture

import (
	"reflect"
	"testing"
	"time"
)

// said is one packet of a test's capture, a line a packet: who to whom, how
// much, when.
type said struct {
	at      time.Duration
	from    uint16 // port of the end that sends; the other end of flow n has port 1000+n
	flow    uint16
	payload int
	flags   string // "S", "SA" or "", and "A 1": it acknowledges byte 1
}

// gather runs packets through an assembler. Port 9 is the higher end in order.
func gather(o Options, packets []said) []gathered {
	var flows []gathered
	a := newAssembler(o, func(b *Biflow) bool {
		flows = append(flows, gatheredFrom(b))
		return true
	})
	for i, p := range packets {
		one := endpoint{addr: [16]byte{192, 0, 2, 1}, port: 1000 + p.flow}
		two := endpoint{addr: [16]byte{198, 51, 100, 1}, port: 9}
		s := segment{key: flowKey{low: one, high: two, version: 4, protocol: protoTCP},
			fromLow: p.from != 9, payload: p.payload, syn: p.flags == "S", synAck: p.flags == "SA", mark: uint64(i)}
		if p.flags == "A 1" {
			s.acks, s.ack = true, 1
		}
		a.add(&s, int64(time.Hour+p.at), true)
	}
	a.flush()
	return flows
}

// gathered is what a biflow returned before it was used again.
type gathered struct {
	key     string
	timed   bool
	packets []Packet
}

func gatheredFrom(b *Biflow) gathered {
	g := gathered{key: b.String(), timed: b.Timed()}
	for i := range b.Len() {
		g.packets = append(g.packets, b.At(i))
	}
	return g
}

// signed lists the flows' payload lengths, those of the client negative.
func signed(flows []gathered) [][]int {
	var all [][]int
	for _, f := range flows {
		var lengths []int
		for _, p := range f.packets {
			if p.FromClient {
				p.Length = -p.Length
			}
			lengths = append(lengths, p.Length)
		}
		all = append(all, lengths)
	}
	return all
}

func TestAssembly(t *testing.T) {
	const us, s, min = time.Microsecond, time.Second, time.Minute
	cases := []struct {
		name    string
		options Options
		packets []said
		want    [][]int
	}{
		{"the SYN's sender is the client", Options{}, []said{
			{0, 9, 0, 30, "A 1"}, {1 * s, 1, 0, 0, "S"}, {2 * s, 1, 0, 10, ""},
		}, [][]int{{30, -10}}},
		{"the SYN-ACK's receiver is, where the SYN is missing", Options{}, []said{
			{0, 9, 0, 0, "SA"}, {1 * s, 9, 0, 30, ""}, {2 * s, 1, 0, 10, ""},
		}, [][]int{{30, -10}}},
		{"a SYN outdoes an earlier SYN-ACK", Options{}, []said{
			{0, 1, 0, 0, "SA"}, {1 * s, 1, 0, 0, "S"}, {2 * s, 1, 0, 10, ""},
		}, [][]int{{-10}}},
		{"else the first packet's sender, with or without payload", Options{}, []said{
			{0, 1, 0, 0, ""}, {1 * s, 9, 0, 30, ""}, {2 * s, 1, 0, 10, ""},
		}, [][]int{{30, -10}}},
		{"first by time, not by place in the file", Options{}, []said{
			{2 * us, 9, 0, 30, ""}, {1 * us, 1, 0, 10, ""},
		}, [][]int{{-10, 30}}},
		{"packets of one time stay in the file's order", Options{}, []said{
			{5, 1, 0, 1, ""}, {5, 1, 0, 2, ""}, {5, 1, 0, 3, ""}, {4, 1, 0, 4, ""},
		}, [][]int{{-4, -1, -2, -3}}},
		{"the first packets by time, though they come last", Options{MaxPackets: 2}, []said{
			{9 * us, 1, 0, 9, ""}, {8 * us, 1, 0, 8, ""}, {7 * us, 1, 0, 7, ""}, {6 * us, 1, 0, 6, ""},
			{5 * us, 1, 0, 5, ""}, {4 * us, 1, 0, 4, ""}, {10 * us, 1, 0, 10, ""}, {3 * us, 1, 0, 3, ""},
		}, [][]int{{-3, -4}}},
		{"empty packets kept", Options{KeepEmpty: true}, []said{
			{0, 1, 0, 0, "S"}, {1 * s, 9, 0, 0, "SA"}, {2 * s, 1, 0, 10, ""},
		}, [][]int{{0, 0, -10}}},
		{"quiet for longer than the idle time-out", Options{}, []said{
			{0, 1, 0, 1, ""}, {5 * min, 1, 0, 2, ""}, {10*min + 1, 9, 0, 3, ""},
		}, [][]int{{-1, -2}, {-3}}},
		{"quiet, and no time-out", Options{Assembly: Assembly{Idle: -1}}, []said{
			{0, 1, 0, 1, ""}, {999 * min, 1, 0, 2, ""},
		}, [][]int{{-1, -2}}},
		{"the active time-out keeps client and server", Options{Assembly: Assembly{Active: 3 * s}}, []said{
			{0, 1, 0, 1, ""}, {2 * s, 1, 0, 2, ""}, {4 * s, 9, 0, 3, ""}, {5 * s, 1, 0, 4, ""}, {8 * s, 9, 0, 5, ""},
		}, [][]int{{-1, -2}, {3, -4}, {5}}},
		{"a wild time stamp ends no other flow", Options{}, []said{
			{0, 1, 0, 1, ""}, {900 * min, 1, 1, 7, ""}, {1 * s, 9, 0, 2, ""},
		}, [][]int{{-1, 2}, {-7}}},
		{"the quietest flow makes room", Options{Assembly: Assembly{MaxOpen: 2}}, []said{
			{0, 1, 0, 1, ""}, {1, 1, 1, 2, ""}, {2, 1, 0, 3, ""}, {3, 1, 2, 4, ""}, {4, 1, 1, 5, ""},
		}, [][]int{{-2}, {-1, -3}, {-4}, {-5}}},
		{"flows end in the order of their last packets, the rest in that of their first", Options{}, []said{
			{0, 1, 0, 1, ""}, {1 * s, 1, 1, 2, ""}, {2 * s, 1, 0, 3, ""}, {6 * min, 1, 3, 4, ""}, {7 * min, 1, 2, 5, ""}, {8 * min, 1, 3, 6, ""},
		}, [][]int{{-2}, {-1, -3}, {-4, -6}, {-5}}},
	}
	for _, c := range cases {
		if got := signed(gather(c.options, c.packets)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: flows %v, want %v", c.name, got, c.want)
		}
	}
}

// TestOpenFlowsAreFew: of a long capture only what was heard of lately is held.
func TestOpenFlowsAreFew(t *testing.T) {
	ended, most := 0, 0
	a := newAssembler(Options{}, func(*Biflow) bool { ended++; return true })
	const flows = 200_000
	for n := range flows {
		s := segment{payload: 1, fromLow: true, key: flowKey{version: 4, protocol: protoUDP, low: endpoint{port: uint16(n)}}}
		s.key.high.addr[0], s.key.high.addr[1] = byte(n>>24), byte(n>>16)
		a.add(&s, int64(n)*int64(time.Second), true)
		most = max(most, len(a.open))
	}
	a.flush()
	if most != 301 || ended != flows { // 5 minutes, both ends included
		t.Errorf("%d flows open at once, %d ended, want 301 and %d", most, ended, flows)
	}
}

func TestFlowKey(t *testing.T) {
	flows := gather(Options{}, []said{{0, 9, 5, 1, ""}})
	if want := "198.51.100.1,9,192.0.2.1,1005,6"; flows[0].key != want {
		t.Errorf("key %q, want %q", flows[0].key, want)
	}
}

// FuzzAssemble drives the assembler by a list of packets: eight bytes are one, of few
// flows, near numbers and times, so that everything happens that may.
func FuzzAssemble(f *testing.F) {
	f.Add([]byte{0, 0x02, 10, 0, 0, 1, 0, 0, 0x80, 0x12, 20, 11, 0, 1, 0, 0, 0, 0x10, 11, 21, 5, 1, 0, 0}, uint8(0))
	f.Add([]byte{0, 0x02, 10, 0, 0, 1, 0, 0, 0, 0x11, 11, 0, 0, 1, 0, 0, 0x80, 0x11, 20, 12, 0, 1, 0, 0, 0, 0x02, 90, 0, 0, 250, 1, 0}, uint8(0xff))
	f.Fuzz(func(t *testing.T, program []byte, options uint8) {
		o := Options{KeepEmpty: options&1 != 0, MaxPackets: int(options>>1&3) * 2}
		o.DropDuplicates, o.DropRetransmissions = options&8 != 0, options&16 != 0
		o.MaxOpen = 2 + int(options>>5&1)*100
		o.Idle = []time.Duration{0, time.Second, -1, 10 * time.Millisecond}[options>>6]
		if options&4 != 0 {
			o.Active = 5 * time.Second
		}
		var kept, ended, segments, sent int64
		a := newAssembler(o, func(b *Biflow) bool {
			ended++
			kept += int64(b.Len())
			if o.MaxPackets > 0 && b.Len() > o.MaxPackets {
				t.Errorf("%d packets of a flow, want %d at most", b.Len(), o.MaxPackets)
			}
			for i := range b.Len() {
				if p := b.At(i); i > 0 && p.Time < b.At(i-1).Time || p.Length == 0 && !o.KeepEmpty {
					t.Errorf("packet %d of %v: %+v", i, b, p)
				}
			}
			return true
		})
		now := int64(time.Hour)
		for ; len(program) >= 8; program = program[8:] {
			b := program[:8]
			flags := b[1]
			syn, acks := flags&2 != 0, flags&0x10 != 0
			s := segment{
				key: flowKey{
					low: endpoint{addr: [16]byte{192, 0, 2, 1}, port: 1000 + uint16(b[0]&7)}, high: endpoint{addr: [16]byte{198, 51, 100, 1}, port: 9},
					version: 4, protocol: protoTCP,
				},
				fromLow: b[0]&0x80 == 0, payload: int(b[4]), syn: syn && !acks, synAck: syn && acks, fin: flags&1 != 0, rst: flags&4 != 0, acks: acks,
				seq: uint32(int8(b[2])) * 64, ack: uint32(int8(b[3])) * 64, mark: uint64(b[1])<<32 | uint64(b[2])<<16 | uint64(b[4]), vague: b[0]&0x40 != 0,
			}
			if b[0]&0x20 != 0 {
				s.key.protocol, s.syn, s.synAck, s.fin, s.rst, s.acks = protoUDP, false, false, false, false, false
			}
			now += int64(int8(b[5])) * []int64{1000, 1e5, 1e8, 1e11}[b[6]&3]
			segments++
			if s.payload > 0 || o.KeepEmpty {
				sent++
			}
			if !a.add(&s, now, b[7]&1 == 0) {
				t.Fatal("add stopped by itself")
			}
			if len(a.open) > o.MaxOpen {
				t.Fatalf("%d flows open, want %d at most", len(a.open), o.MaxOpen)
			}
		}
		open := int64(len(a.open))
		if c := a.counts; ended+open != c.Biflows || ended != c.Reused+c.Idle+c.Active+c.Evicted {
			t.Errorf("%d ended, %d open: %+v", ended, open, c)
		}
		a.flush()
		c := a.counts
		if len(a.open) != 0 || a.quiet.next != &a.quiet || ended != c.Biflows || kept > sent {
			t.Errorf("%d flows of %d, %d open, %d packets kept of %d", ended, c.Biflows, len(a.open), kept, sent)
		}
		if c.Duplicates+c.Retransmissions+c.OutOfOrder+c.Late > segments || c.Spurious > c.Retransmissions {
			t.Errorf("%d packets: %+v", segments, c)
		}
		dropped := c.Late
		if o.DropDuplicates {
			dropped += c.Duplicates
		}
		if o.DropRetransmissions {
			dropped += c.Retransmissions
		}
		if o.MaxPackets == 0 && kept < sent-dropped {
			t.Errorf("%d packets kept of %d, %d dropped: %+v", kept, sent, dropped, c)
		}
	})
}
