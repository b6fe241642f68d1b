package payload

import (
	"encoding/binary"
	"strings"
)

func init() {
	streamForms[MQTT] = form{least: [2]int{2, 2}, first: [2]int{16, 4}, message: mqttMessage}
	streamForms[SSH] = form{least: [2]int{16, 16}, first: [2]int{12, 12}, message: sshMessage}
}

// mqttLength is how MQTT writes a length, in n bytes.
func mqttLength(v, n int) []byte {
	var b []byte
	for i := range n {
		c := byte(v & 127)
		v >>= 7
		if i < n-1 {
			c |= 128
		}
		b = append(b, c)
	}
	return b
}

// mqttPacket begins a packet of size bytes in all.
func mqttPacket(kind byte, size int) (head []byte, rest int) {
	n := 1
	for limit := 1 << 7; size-1-n >= limit; limit <<= 7 {
		n++
	}
	rest = size - 1 - n
	return append([]byte{kind}, mqttLength(rest, n)...), rest
}

// mqttShort is a packet that is too short to publish anything.
func mqttShort(up bool, size int) []byte {
	ping := byte(0xc0)
	if !up {
		ping = 0xd0
	}
	switch size {
	case 4:
		return []byte{0x40, 2, 0, 1} // an acknowledgement
	case 3:
		return []byte{ping, 0x80, 0} // the length in more bytes than it needs
	}
	return []byte{ping, 0}[:size]
}

func mqttMessage(s *stream, up bool, i, size int) []part {
	const longest = 65000
	if i == 0 && up && size >= 16 {
		n := min(size, 200)
		if rest := size - n; rest > 0 && rest < 5 {
			n -= 5
		}
		head, rest := mqttPacket(0x10, n)
		head = append(head, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60)
		head = binary.BigEndian.AppendUint16(head, uint16(rest-12))
		parts := []part{{head: head, body: rest - 12, text: true}}
		if size > n {
			parts = append(parts, mqttMessage(s, up, 1, size-n)...)
		}
		return parts
	}
	if i == 0 && !up && size >= 4 && (size == 4 || size >= 9) {
		parts := []part{{head: []byte{0x20, 2, 0, 0}}}
		if size > 4 {
			parts = append(parts, mqttMessage(s, up, 1, size-4)...)
		}
		return parts
	}
	var parts []part
	for size > 0 {
		if size < 5 {
			return append(parts, part{head: mqttShort(up, size)})
		}
		n := min(size, longest)
		if rest := size - n; rest > 0 && rest < 5 {
			n -= 5
		}
		head, rest := mqttPacket(0x30, n)
		topic := "a/b"
		if rest < 2+len(topic) {
			topic = topic[:1]
		}
		head = append(append(head, 0, byte(len(topic))), topic...)
		parts = append(parts, part{head: head, body: rest - 2 - len(topic), text: true})
		size -= n
	}
	return parts
}

// The lists of names in a key exchange's first message (RFC 4253, 7.1).
var sshNames = []string{
	"curve25519-sha256,ecdh-sha2-nistp256", "ssh-ed25519,rsa-sha2-512", "aes128-ctr,aes256-ctr", "aes128-ctr,aes256-ctr",
	"hmac-sha2-256", "hmac-sha2-256", "none", "none", "", "",
}

func sshMessage(s *stream, up bool, i, size int) []part {
	if i == 0 {
		n := min(size, 40)
		if rest := size - n; rest > 0 && rest < 16 {
			n = max(12, size-16)
			if size-n < 16 {
				n = size
			}
		}
		name := "SSH-2.0-" + word(s.r, n-10) + "\r\n"
		if n >= 23 {
			name = "SSH-2.0-OpenSSH_10.0" + strings.Repeat(" ", min(1, n-22)) + word(s.r, n-23) + "\r\n"
		}
		parts := []part{{head: []byte(name)}}
		if size > n {
			parts = append(parts, sshPackets(s, up, size-n)...)
		}
		return parts
	}
	return sshPackets(s, up, size)
}

// sshPackets are packets before there is a cipher: the key exchange's first
// message, if there was none and it fits, and messages to be ignored.
func sshPackets(s *stream, up bool, size int) []part {
	side := "up"
	if !up {
		side = "down"
	}
	var parts []part
	if s.state[side] == 0 {
		body := make([]byte, 17)
		fill(s.r, body)
		body[0] = 20 // SSH_MSG_KEXINIT
		for _, names := range sshNames {
			body = append(binary.BigEndian.AppendUint32(body, uint32(len(names))), names...)
		}
		body = append(body, 0, 0, 0, 0, 0)
		if pad := size - 5 - len(body); pad >= 4 && (pad <= 255 || pad >= 4+16) {
			rest := 0
			if pad > 255 {
				rest, pad = pad-4, 4
			}
			s.state[side] = 1
			parts = append(parts, part{head: append(binary.BigEndian.AppendUint32(nil, uint32(1+len(body)+pad)), append([]byte{byte(pad)}, body...)...), body: pad})
			size = rest
		}
	}
	for size > 0 {
		n := min(size, 30000)
		if rest := size - n; rest > 0 && rest < 16 {
			n -= 16
		}
		if n < 16 {
			return append(parts, part{body: n})
		}
		head := binary.BigEndian.AppendUint32(nil, uint32(n-4))
		head = append(head, 4, 2) // padding, SSH_MSG_IGNORE
		head = binary.BigEndian.AppendUint32(head, uint32(n-14))
		parts = append(parts, part{head: head, body: n - 10})
		size -= n
	}
	return parts
}
