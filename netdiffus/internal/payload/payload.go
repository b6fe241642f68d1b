// Package payload makes the bytes that connections carry: of the lengths that a
// flow has, and in the form that programs expect on a port. They are made up, the
// same ones for the same seed.
package payload

import (
	"math/rand/v2"
)

// Packet is the length and direction of a packet with payload.
type Packet struct {
	Up     bool // client to server
	Length int  // bytes, 1 or more
}

// Kind is a form of payload.
type Kind string

// The kinds. Of a stream the messages may reach over packets; a datagram holds one
// message.
const (
	Zeros  Kind = "zeros"
	Random Kind = "random"
	TLS    Kind = "tls"  // records of TLS 1.3: hello messages, then application data
	HTTP   Kind = "http" // requests and answers of HTTP/1.1
	SSH    Kind = "ssh"  // identification, key exchange, ignored messages
	SMTP   Kind = "smtp"
	MQTT   Kind = "mqtt" // version 3.1.1
	RESP   Kind = "resp" // Redis
	DNS    Kind = "dns"  // over UDP, or over TCP with a length before each message
	QUIC   Kind = "quic" // version 1: Initial packets that anyone can decrypt, then short headers
	NTP    Kind = "ntp"
	DHCP   Kind = "dhcp"
	SSDP   Kind = "ssdp"
	RTP    Kind = "rtp" // voice
)

// stream and datagram kinds.
var (
	streams   = []Kind{TLS, HTTP, SSH, SMTP, MQTT, RESP, DNS}
	datagrams = []Kind{DNS, QUIC, NTP, DHCP, SSDP, RTP}
)

// Kinds lists the kinds that TCP, or UDP, can carry.
func Kinds(udp bool) []Kind {
	if udp {
		return append([]Kind{Zeros, Random}, datagrams...)
	}
	return append([]Kind{Zeros, Random}, streams...)
}

// Of returns what is usual on a server's port; Random where nothing is.
func Of(udp bool, port int) Kind {
	if udp {
		switch port {
		case 53, 5353, 5355:
			return DNS
		case 443:
			return QUIC
		case 123:
			return NTP
		case 67, 68:
			return DHCP
		case 1900:
			return SSDP
		}
		return Random
	}
	switch port {
	case 443, 465, 636, 853, 989, 990, 993, 995, 5061, 5223, 8443, 8883:
		return TLS
	case 80, 8000, 8008, 8080, 8081, 8888, 3128:
		return HTTP
	case 22:
		return SSH
	case 25, 587:
		return SMTP
	case 1883:
		return MQTT
	case 6379:
		return RESP
	case 53:
		return DNS
	}
	return Random
}

// Options are what the bytes depend on beside the lengths.
type Options struct {
	UDP    bool
	Name   string     // host name of the server
	Random *rand.Rand // of this connection alone
}

// Stream makes the payload of one connection, packet after packet.
type Stream interface {
	// Next fills b, the payload of the next packet.
	Next(up bool, b []byte)
}

// New returns the payload of a connection of those packets.
func New(k Kind, packets []Packet, o Options) Stream {
	switch k {
	case Zeros:
		return zeros{}
	case Random:
		if o.UDP {
			return unknown{o.Random}
		}
		return noise{o.Random}
	}
	if o.UDP {
		if make := datagramMakers[k]; make != nil {
			return &datagram{make: make(o), rest: unknown{o.Random}}
		}
		return unknown{o.Random}
	}
	form, ok := streamForms[k]
	if !ok {
		return noise{o.Random}
	}
	return newStream(form, packets, o)
}

// Fits reports whether all the packets can be of the kind as programs expect it.
func Fits(k Kind, udp bool, packets []Packet) bool {
	if k == Zeros || k == Random || len(packets) == 0 {
		return true
	}
	if !udp {
		form, ok := streamForms[k]
		if !ok {
			return false
		}
		first := packets[0]
		if form.serverFirst != !first.Up && k != SSH {
			return false
		}
		var total [2]int
		for _, p := range packets {
			total[way(p.Up)] += p.Length
		}
		for side, n := range total {
			if n > 0 && n < form.first[side] {
				return false
			}
		}
		return true
	}
	least, ok := leastDatagram[k]
	if !ok {
		return false
	}
	for i, p := range packets {
		if !least(i, p) {
			return false
		}
	}
	return true
}

func way(up bool) int {
	if up {
		return 0
	}
	return 1
}

type zeros struct{}

func (zeros) Next(_ bool, b []byte) { clear(b) }

type noise struct{ r *rand.Rand }

func (n noise) Next(_ bool, b []byte) { fill(n.r, b) }

// unknown is random bytes that programs do not take for RTP, RTCP, STUN or QUIC,
// which they look for on all ports by the first bits.
type unknown struct{ r *rand.Rand }

func (u unknown) Next(_ bool, b []byte) {
	fill(u.r, b)
	if len(b) > 0 {
		b[0] = 0x60 | b[0]&0x0f
	}
}

// fill makes random bytes.
func fill(r *rand.Rand, b []byte) {
	for len(b) >= 8 {
		v := r.Uint64()
		b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56)
		b = b[8:]
	}
	if len(b) > 0 {
		v := r.Uint64()
		for i := range b {
			b[i] = byte(v >> (8 * i))
		}
	}
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

// word returns n letters and digits.
func word(r *rand.Rand, n int) string {
	b := make([]byte, max(0, n))
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}
