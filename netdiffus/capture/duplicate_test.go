package capture

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func TestDuplicates(t *testing.T) {
	const us, ms = time.Microsecond, time.Millisecond
	twice := func(apart time.Duration, packets []wire) (all []wire) {
		for _, p := range packets {
			again := p
			again.at += apart
			all = append(all, p, again)
		}
		return all
	}
	six := handshake(0, 100)
	for i := range six {
		six[i].id = 0
	}
	datagrams := []wire{{0, "U", 1, 0, 10, 1}, {4 * ms, "U<", 2, 0, 20, 1}, {8 * ms, "U", 3, 0, 200, 2}}
	datagrams6 := []wire{{0, "U", 1, 0, 10, 0}, {4 * ms, "U<", 2, 0, 20, 0}, {8 * ms, "U", 3, 0, 200, 0}}
	burst := func() (all []wire) { // 100 packets, then all of them again
		for i := range 200 {
			n := i % 100
			all = append(all, wire{time.Duration(i) * us, "U", uint32(n), 0, 100, uint16(n + 1)})
		}
		return all
	}
	cases := []struct {
		name       string
		packets    []wire
		duplicates int64
		dropped    int // packets with payload that remain
	}{
		{"TCP over IPv4", twice(3*us, handshake(0, 100)), 5, 2},
		{"TCP over IPv6", twice(3*us, six), 5, 2},
		{"UDP over IPv4", twice(3*us, datagrams), 3, 3},
		{"UDP over IPv6", twice(3*us, datagrams6), 3, 3},
		{"at the same time", twice(0, datagrams), 3, 3},
		{"the copy is earlier in time", twice(-3*us, datagrams), 3, 3},
		{"more than a millisecond apart", twice(ms+us, datagrams), 0, 6},
		{"not numbered, and sent twice", twice(200*us, datagrams6), 0, 6},
		{"a burst and its copy", burst(), 100, 100},
		{"sent again: another identification", []wire{{0, "U", 1, 0, 10, 1}, {us, "U", 1, 0, 10, 2}}, 0, 2},
		{"the same identification in the other direction", []wire{{0, "U", 1, 0, 10, 7}, {us, "U<", 1, 0, 10, 7}}, 0, 2},
		{"datagrams of one length that differ", []wire{{0, "U", 1, 0, 300, 0}, {us, "U", 2, 0, 300, 0}}, 0, 2},
		{"none", append(handshake(0, 100), closing(time.Second, 100)...), 0, 2},
	}
	for _, c := range cases {
		file := record(t, c.packets)
		all := 0
		for _, p := range c.packets {
			if p.payload > 0 {
				all++
			}
		}
		for _, drop := range []bool{false, true} {
			flows, counts := assembleFile(t, file, Options{Assembly: Assembly{DropDuplicates: drop}})
			want := all
			if drop {
				want = c.dropped
			}
			if len(flows) != 1 || len(flows[0]) != want {
				t.Errorf("%s, drop %v: flows %v, want one of %d packets", c.name, drop, flows, want)
			}
			if counts.Duplicates != c.duplicates || counts.Retransmissions != 0 {
				t.Errorf("%s, drop %v: %d duplicates, want %d; %d retransmissions, want 0", c.name, drop, counts.Duplicates, c.duplicates, counts.Retransmissions)
			}
		}
	}
}

// TestDuplicatesDropped: a capture in which every packet is there twice gives the
// flows of the one in which it is there once, port reuse included.
func TestDuplicatesDropped(t *testing.T) {
	once := append(append(handshake(0, 100), closing(time.Second, 100)...), handshake(2*time.Second, 5000)...)
	var twice []wire
	for _, p := range once {
		again := p
		again.at += 5 * time.Microsecond
		twice = append(twice, p, again)
	}
	for _, keepEmpty := range []bool{false, true} {
		want, _ := assembleFile(t, record(t, once), Options{KeepEmpty: keepEmpty})
		got, counts := assembleFile(t, record(t, twice), Options{KeepEmpty: keepEmpty, Assembly: Assembly{DropDuplicates: true}})
		if !reflect.DeepEqual(got, want) || counts.Reused != 1 {
			t.Errorf("flows %v, want %v; %+v", got, want, counts)
		}
	}
}

// TestDuplicateInAnotherFrame: the link layer, the tunnel and the time to live of a
// copy may differ, and the checksum where a network card fills it in.
func TestDuplicateInAnotherFrame(t *testing.T) {
	bare := datagram(t, 10, false)
	bare[4], bare[5] = 0x12, 0x34 // identification
	copied := bytes.Clone(bare)
	copied[8]--                   // time to live
	copied[26], copied[27] = 0, 0 // checksum
	ethernet := append([]byte{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 7, 0x81, 0, 0, 5, 0x08, 0}, copied...)
	var d decoder
	var one, two segment
	if d.decode(&Frame{Link: linkRaw, Data: bare, Length: len(bare)}, &one) != isSegment ||
		d.decode(&Frame{Link: linkEthernet, Data: ethernet, Length: len(ethernet)}, &two) != isSegment {
		t.Fatal("the packets are not read")
	}
	if one.mark != two.mark {
		t.Error("the copy has another mark")
	}
	bare[5]++
	if d.decode(&Frame{Link: linkRaw, Data: bare, Length: len(bare)}, &two); one.mark == two.mark {
		t.Error("a packet of another identification has the same mark")
	}
}

// TestUntimedPacketsAreNoDuplicates: pcapng's simple packets have no time.
func TestUntimedPacketsAreNoDuplicates(t *testing.T) {
	b := blocks(t, littleEndian, 0xff, 0, blockSimple)
	_, counts := assembleFile(t, append(b, blocks(t, littleEndian, 0xff, 0, blockSimple)...), Options{})
	if counts.Duplicates != 0 {
		t.Errorf("%d duplicates, want 0", counts.Duplicates)
	}
}
