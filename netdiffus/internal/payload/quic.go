package payload

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
)

// quicSalt makes the keys of Initial packets, which protect against mistakes and not
// against readers (RFC 9001, 5.2).
var quicSalt = []byte{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a}

const (
	quicID       = 8 // bytes of a connection's number
	initialHead  = 1 + 4 + 1 + quicID + 1 + quicID + 1 + 2 + 2
	quicTag      = 16
	leastInitial = initialHead + quicTag + 4 + quicLeastHello
	// A ClientHello with what QUIC cannot do without.
	quicLeastHello = leastHello + 120
)

// quicKeys protect one side's Initial packets.
type quicKeys struct {
	aead   cipher.AEAD
	iv     []byte
	header cipher.Block
}

// expand is HKDF-Expand-Label of TLS 1.3 without a context.
func expand(secret []byte, label string, n int) []byte {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(append(append(info, byte(len(label))), label...), 0)
	out, err := hkdf.Expand(sha256.New, secret, string(info), n)
	if err != nil {
		panic(err) // lengths are constants
	}
	return out
}

// initialKeys are the keys of the side that label names: "client in", "server in".
func initialKeys(id []byte, label string) quicKeys {
	secret, err := hkdf.Extract(sha256.New, id, quicSalt)
	if err != nil {
		panic(err)
	}
	secret = expand(secret, label, 32)
	block, err := aes.NewCipher(expand(secret, "quic key", 16))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	header, err := aes.NewCipher(expand(secret, "quic hp", 16))
	if err != nil {
		panic(err)
	}
	return quicKeys{aead, expand(secret, "quic iv", 12), header}
}

// newQUIC makes an Initial packet of each side, if they are long enough, and then
// packets with short headers.
func newQUIC(o Options) datagramMaker {
	client, server := make([]byte, quicID), make([]byte, quicID)
	fill(o.Random, client)
	fill(o.Random, server)
	chosen := make([]byte, quicID) // by the client, for the server, at first
	fill(o.Random, chosen)
	began, answered := false, false
	return func(up bool, b []byte) bool {
		switch {
		case up && !began && len(b) >= leastInitial:
			began = true
			size := min(len(b)-initialHead-quicTag-4, 1100)
			parameters := extension(nil, 0x39, append([]byte{0x0f, quicID}, client...)) // initial_source_connection_id
			hello := clientHello(o.Random, o.Name, size, parameters)
			seal(b, initialKeys(chosen, "client in"), chosen, client, crypto(hello))
			return true
		case !up && began && !answered && len(b) >= initialHead+quicTag+4+5+leastServerHello:
			answered = true
			hello := serverHello(o.Random, leastServerHello)
			n := min(len(b), initialHead+quicTag+4+5+len(hello))
			if rest := len(b) - n; rest > 0 && rest < 30 {
				n = len(b)
			}
			acknowledge := []byte{2, 0, 0, 0, 0} // packet 0
			seal(b[:n], initialKeys(chosen, "server in"), client, server, append(acknowledge, crypto(hello)...))
			short(o, b[n:], client)
			return true
		case len(b) < 21 || !began:
			return false
		}
		to := server
		if !up {
			to = client
		}
		short(o, b, to)
		return true
	}
}

// short makes a packet with a short header.
func short(o Options, b, to []byte) {
	if len(b) == 0 {
		return
	}
	fill(o.Random, b)
	b[0] = 0x40 | b[0]&0x3f
	copy(b[1:], to)
}

// crypto is a frame of the handshake's bytes.
func crypto(message []byte) []byte {
	b := []byte{6, 0}
	b = binary.BigEndian.AppendUint16(b, 0x4000|uint16(len(message)))
	return append(b, message...)
}

// seal fills b with an Initial packet, number 0, of the frames and padding.
func seal(b []byte, k quicKeys, to, from, frames []byte) {
	h := []byte{0xc1, 0, 0, 0, 1, quicID} // a number of 2 bytes; version 1
	h = append(append(h, to...), quicID)
	h = append(append(h, from...), 0)
	h = binary.BigEndian.AppendUint16(h, 0x4000|uint16(len(b)-len(h)-2))
	h = append(h, 0, 0)
	plain := make([]byte, len(b)-len(h)-quicTag)
	copy(plain, frames)
	sealed := k.aead.Seal(append([]byte{}, h...), k.iv, plain, h) // the number is 0, so the nonce is the IV
	copy(b, sealed)
	at := len(h) - 2
	mask := make([]byte, 16)
	k.header.Encrypt(mask, b[at+4:at+20])
	b[0] ^= mask[0] & 0x0f
	b[at] ^= mask[1]
	b[at+1] ^= mask[2]
}
