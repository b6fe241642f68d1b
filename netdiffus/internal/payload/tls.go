package payload

import (
	"encoding/binary"
	"math/rand/v2"
)

// Types of TLS records, and their longest bodies.
const (
	recordCCS       = 20
	recordHandshake = 22
	recordData      = 23
	longestRecord   = 1<<14 + 17 // an inner type and a tag of 16 bytes
	leastRecord     = 5 + 18
)

func init() {
	streamForms[TLS] = form{least: [2]int{leastRecord, leastRecord}, first: [2]int{5 + leastHello, 5 + leastServerHello}, message: tlsMessage}
}

func tlsMessage(s *stream, up bool, i, size int) []part {
	var parts []part
	switch {
	case i == 0 && up && size >= 5+leastHello:
		n := min(size, 5+1800)
		if rest := size - n; rest > 0 && rest < leastRecord {
			n -= leastRecord
		}
		parts = append(parts, handshake(clientHello(s.r, s.name, n-5, nil)))
		size -= n
		s.state["hello"] = 1
	case i == 0 && !up && size >= 5+leastServerHello && s.state["hello"] > 0:
		n := 5 + 122
		if size == n+6 || size >= n+6+leastRecord {
			parts = append(parts, handshake(serverHello(s.r, n-5)), changeCipher())
			size -= n + 6
		} else {
			parts = append(parts, handshake(serverHello(s.r, size-5)))
			size = 0
		}
	case i == 1 && up && s.state["hello"] > 0 && size >= 6+leastRecord:
		parts = append(parts, changeCipher())
		size -= 6
	}
	return append(parts, records(size)...)
}

// records are application data of size bytes, headers included.
func records(size int) []part {
	var parts []part
	for size > 0 {
		n := min(size, 5+longestRecord)
		if rest := size - n; rest > 0 && rest < leastRecord {
			n -= leastRecord
		}
		body := max(n-5, 18) // of a record that the flow is too short for, the beginning
		head := []byte{recordData, 3, 3, byte(body >> 8), byte(body)}
		parts = append(parts, part{head: head[:min(n, 5)], body: max(0, n-5)})
		size -= n
	}
	return parts
}

func handshake(message []byte) part {
	head := []byte{recordHandshake, 3, 1, byte(len(message) >> 8), byte(len(message))}
	if message[0] == 2 {
		head[2] = 3
	}
	return part{head: append(head, message...)}
}

func changeCipher() part { return part{head: []byte{recordCCS, 3, 3, 0, 1, 1}} }

// Lengths of hello messages, bytes.
const (
	leastHello       = 4 + 2 + 32 + 1 + 2 + 6 + 2 + 2
	leastServerHello = 4 + 2 + 32 + 1 + 2 + 1 + 2 + 6 + 40
)

// extension appends an extension of TLS.
func extension(b []byte, kind uint16, body []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return append(b, body...)
}

// prefixed returns b with its length before it, in 2 bytes.
func prefixed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// clientHello returns a ClientHello of size bytes, at least leastHello, with as many
// of a browser's extensions as fit. further are extensions that must be in it.
func clientHello(r *rand.Rand, name string, size int, further []byte) []byte {
	share := make([]byte, 32)
	fill(r, share)
	var sni, versions, key, groups, signatures, alpn []byte
	sni = extension(nil, 0, prefixed(append([]byte{0}, prefixed([]byte(name))...)))
	versions = extension(nil, 43, []byte{2, 3, 4})
	groups = extension(nil, 10, prefixed([]byte{0, 0x1d, 0, 0x17, 0, 0x18}))
	signatures = extension(nil, 13, prefixed([]byte{4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1}))
	key = extension(nil, 51, prefixed(append([]byte{0, 0x1d}, prefixed(share)...)))
	alpn = extension(nil, 16, prefixed([]byte("\x02h2\x08http/1.1")))
	if further != nil {
		alpn = extension(nil, 16, prefixed([]byte("\x02h3")))
	}
	ciphers := []byte{0x13, 1, 0x13, 2, 0x13, 3}
	session := make([]byte, 32)
	fill(r, session)
	if further != nil {
		session = nil
	}
	room := size - leastHello - len(further)
	exts := append([]byte{}, further...)
	// In this order of need. What is left must be nothing, or hold an extension's head.
	for _, e := range [][]byte{append(append(append(append([]byte{}, versions...), key...), groups...), signatures...), sni, alpn} {
		if n := room - len(e); n == 0 || n >= 4 {
			exts, room = append(exts, e...), n
		}
	}
	if n := room - len(session); len(session) > 0 && (n == 0 || n >= 4) {
		room = n
	} else {
		session = nil
	}
	if room >= 4 {
		exts = extension(exts, 21, make([]byte, room-4)) // padding, RFC 7685
	} else if room > 0 {
		session = make([]byte, room) // no room for an extension's head
		fill(r, session)
	}
	random := make([]byte, 32)
	fill(r, random)
	b := []byte{1, 0, byte((size - 4) >> 8), byte(size - 4), 3, 3}
	b = append(b, random...)
	b = append(append(b, byte(len(session))), session...)
	b = append(b, prefixed(ciphers)...)
	b = append(b, 1, 0) // compression: none
	return append(b, prefixed(exts)...)
}

// serverHello returns a ServerHello of size bytes, at least leastServerHello.
func serverHello(r *rand.Rand, size int) []byte {
	random, share := make([]byte, 32), make([]byte, 32)
	fill(r, random)
	fill(r, share)
	session := make([]byte, min(32, size-leastServerHello))
	fill(r, session)
	exts := extension(nil, 43, []byte{3, 4})
	exts = extension(exts, 51, append([]byte{0, 0x1d}, prefixed(share)...))
	room := size - leastServerHello - len(session)
	if room > 0 && room < 4 {
		session = session[:28]
		room += 4
	}
	if room > 0 {
		exts = extension(exts, 21, make([]byte, room-4))
	}
	b := []byte{2, 0, byte((size - 4) >> 8), byte(size - 4), 3, 3}
	b = append(b, random...)
	b = append(append(b, byte(len(session))), session...)
	b = append(b, 0x13, 1, 0)
	return append(b, prefixed(exts)...)
}
