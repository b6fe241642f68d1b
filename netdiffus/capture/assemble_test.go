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
