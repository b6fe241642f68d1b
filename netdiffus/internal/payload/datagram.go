package payload

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
)

// datagramMaker fills b with a message of just its length; false if none has it.
type datagramMaker func(up bool, b []byte) bool

var datagramMakers = map[Kind]func(Options) datagramMaker{
	DNS: newDNS, QUIC: newQUIC, NTP: newNTP, DHCP: newDHCP, SSDP: newSSDP, RTP: newRTP,
}

// leastDatagram reports whether packet i can be a message of the kind.
var leastDatagram = map[Kind]func(i int, p Packet) bool{
	DNS:  func(_ int, p Packet) bool { return p.Length >= leastDNS && p.Length != leastDNS+1 },
	QUIC: func(i int, p Packet) bool { return (i > 0 || p.Up && p.Length >= leastInitial) && p.Length >= 21 },
	NTP:  func(_ int, p Packet) bool { return p.Length == 48 },
	DHCP: func(_ int, p Packet) bool { return p.Length >= leastDHCP },
	SSDP: func(_ int, p Packet) bool { return p.Length >= 90 },
	RTP:  func(_ int, p Packet) bool { return p.Length >= 12 },
}

type datagram struct {
	make datagramMaker
	rest unknown
}

func (d *datagram) Next(up bool, b []byte) {
	if !d.make(up, b) {
		d.rest.Next(up, b)
	}
}

const leastDNS = 17

func init() {
	streamForms[DNS] = form{least: [2]int{2 + leastDNS, 2 + leastDNS}, first: [2]int{2 + leastDNS, 2 + leastDNS}, message: func(s *stream, up bool, i, size int) []part {
		var parts []part
		for size > 0 {
			n := min(size, 2+60000)
			if rest := size - n; rest > 0 && rest < 2+leastDNS {
				n -= 2 + leastDNS
			}
			b := make([]byte, n)
			if n >= 2+leastDNS {
				binary.BigEndian.PutUint16(b, uint16(n-2))
				id := uint16(s.r.Uint32())
				if up {
					s.state[fmt.Sprint(s.state["asked"])] = int(id)
					s.state["asked"]++
				} else if s.state["answered"] < s.state["asked"] {
					id = uint16(s.state[fmt.Sprint(s.state["answered"])])
					s.state["answered"]++
				}
				dnsMessage(s.r, s.name, id, up, b[2:])
			}
			parts = append(parts, part{head: b})
			size -= n
		}
		return parts
	}}
}

// newDNS answers each query once, by its number.
func newDNS(o Options) datagramMaker {
	var asked []uint16
	next := uint16(o.Random.Uint32())
	return func(up bool, b []byte) bool {
		if len(b) < leastDNS {
			return false
		}
		next += uint16(1 + o.Random.IntN(500))
		id := next
		if up {
			if len(asked) < 1000 {
				asked = append(asked, id)
			}
		} else if len(asked) > 0 {
			id, asked = asked[0], asked[1:]
		}
		dnsMessage(o.Random, o.Name, id, up, b)
		return true
	}
}

// dnsMessage makes a query, or an answer, of just the length of b: with a name of
// the length that is left, or a padding option (RFC 7830), or text in the answer.
func dnsMessage(r *rand.Rand, name string, id uint16, query bool, b []byte) {
	head := make([]byte, 12, len(b))
	binary.BigEndian.PutUint16(head, id)
	head[2] = 1 // recursion desired
	if !query {
		head[2], head[3] = 0x81, 0x80
	}
	head[5] = 1 // a question
	room := len(b) - 12 - 4
	encoded := dnsName(name)
	kind := byte(1) // A
	extra := 15     // a padding option
	if !query {
		kind, extra = 16, 13 // TXT, and an answer of one byte of text
	}
	if room != len(encoded) && room < len(encoded)+extra {
		encoded = dnsRandom(r, room) // what is left has no room for a record
	}
	out := append(append(head, encoded...), 0, kind, 0, 1)
	rest := len(b) - len(out)
	switch {
	case rest == 0 && !query:
		out[3] |= 3 // there is no such name
	case rest > 0 && rest < extra: // a query of 18 bytes: none has this length
	case rest > 0 && query:
		out[11] = 1
		out = append(out, 0, 0, 41, 4, 0xd0, 0, 0, 0, 0)
		out = binary.BigEndian.AppendUint16(out, uint16(rest-11))
		out = append(out, 0, 12)
		out = binary.BigEndian.AppendUint16(out, uint16(rest-15))
		out = append(out, make([]byte, rest-15)...)
	case rest > 0:
		out[7] = 1
		out = append(out, 0xc0, 12, 0, 16, 0, 1, 0, 0, 1, 44)
		out = binary.BigEndian.AppendUint16(out, uint16(rest-12))
		for left := rest - 12; left > 0; {
			n := min(left, 256)
			if left-n == 1 { // an empty string would be odd
				n--
			}
			out = append(out, byte(n-1))
			out = append(out, word(r, n-1)...)
			left -= n
		}
	}
	copy(b, out)
}

func dnsName(name string) []byte {
	var b []byte
	for _, label := range strings.Split(strings.TrimSuffix(name, "."), ".") {
		label = label[:min(len(label), 63)]
		if label == "" || len(b)+len(label) > 200 {
			continue
		}
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}

// dnsRandom is a name that takes n bytes, 1 or 3 to 255.
func dnsRandom(r *rand.Rand, n int) []byte {
	var b []byte
	for left := n - 1; left > 1; {
		label := min(left, 64)
		if left-label == 1 {
			label--
		}
		b = append(append(b, byte(label-1)), word(r, label-1)...)
		left -= label
	}
	return append(b, 0)
}

func newNTP(o Options) datagramMaker {
	return func(up bool, b []byte) bool {
		if len(b) != 48 {
			return false
		}
		clear(b)
		b[0], b[1], b[2], b[3] = 0x23, 0, 6, 0xe8 // version 4, client
		if !up {
			b[0], b[1] = 0x24, 2
			copy(b[12:], []byte{192, 0, 2, 1})
			fill(o.Random, b[17:20])
			b[16] = 0xe9
			copy(b[24:32], b[16:24])
			copy(b[32:40], b[16:24])
		}
		b[40] = 0xe9
		fill(o.Random, b[41:48])
		return true
	}
}

const leastDHCP = 244

func newDHCP(o Options) datagramMaker {
	id := o.Random.Uint32()
	return func(up bool, b []byte) bool {
		if len(b) < leastDHCP {
			return false
		}
		clear(b)
		b[0], b[1], b[2] = 1, 1, 6
		kind := byte(1)
		if !up {
			b[0], kind = 2, 2
		}
		binary.BigEndian.PutUint32(b[4:], id)
		copy(b[28:], []byte{2, 0, 0x5e, 0, 0x53, 1})
		copy(b[236:], []byte{0x63, 0x82, 0x53, 0x63, 53, 1, kind, 255})
		return true
	}
}

func newSSDP(o Options) datagramMaker {
	return func(up bool, b []byte) bool {
		start := "NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nNTS: ssdp:alive\r\nUSN: "
		if !up {
			start = "HTTP/1.1 200 OK\r\nCache-Control: max-age=1800\r\nUSN: "
		}
		n := len(b) - len(start) - 4
		if n < 1 {
			return false
		}
		copy(b, start+word(o.Random, n)+"\r\n\r\n")
		return true
	}
}

// newRTP makes packets of two streams of voice, G.711: 8 samples a millisecond.
func newRTP(o Options) datagramMaker {
	var number, clock [2]uint32
	var source [2]uint32
	for i := range source {
		number[i], clock[i], source[i] = o.Random.Uint32()&0x7fff, o.Random.Uint32(), o.Random.Uint32()
	}
	return func(up bool, b []byte) bool {
		if len(b) < 12 {
			return false
		}
		w := way(up)
		fill(o.Random, b)
		b[0], b[1] = 0x80, 0
		binary.BigEndian.PutUint16(b[2:], uint16(number[w]))
		binary.BigEndian.PutUint32(b[4:], clock[w])
		binary.BigEndian.PutUint32(b[8:], source[w])
		number[w]++
		clock[w] += uint32(len(b) - 12)
		return true
	}
}
