package payload

import "math/rand/v2"

// part is a piece of a stream: what it begins with, and how many bytes follow.
type part struct {
	head []byte
	body int
	text bool // the body is letters, else random bytes
	tail string
}

// form is a kind of message in a stream.
type form struct {
	serverFirst bool
	least       [2]int // shortest message upstream and downstream, bytes
	first       [2]int // shortest first message
	// message returns the parts of message i of a side, size bytes in all.
	message func(s *stream, up bool, i, size int) []part
}

var streamForms = map[Kind]form{}

// stream makes messages of just the sizes that a flow has: those of the packets
// that go one way without one that goes the other in between.
type stream struct {
	form
	r     *rand.Rand
	name  string
	sides [2]side
	state map[string]int // for the form's use
}

type side struct {
	sizes []int // of messages to come
	sent  int   // messages begun
	parts []part
}

func newStream(f form, packets []Packet, o Options) *stream {
	s := &stream{form: f, r: o.Random, name: o.Name, state: map[string]int{}}
	for i, p := range packets {
		to := &s.sides[way(p.Up)]
		if i > 0 && packets[i-1].Up == p.Up {
			to.sizes[len(to.sizes)-1] += p.Length
		} else {
			to.sizes = append(to.sizes, p.Length)
		}
	}
	for w := range s.sides {
		s.sides[w].sizes = merged(s.sides[w].sizes, f.first[w], f.least[w])
	}
	return s
}

// merged joins sizes that are too small for a message to those after them, and the
// last one to that before it.
func merged(sizes []int, first, least int) []int {
	var out []int
	sum := 0
	for _, n := range sizes {
		sum += n
		need := least
		if len(out) == 0 {
			need = first
		}
		if sum >= need {
			out = append(out, sum)
			sum = 0
		}
	}
	if sum > 0 && len(out) > 0 {
		out[len(out)-1] += sum
	} else if sum > 0 {
		out = append(out, sum)
	}
	return out
}

func (s *stream) Next(up bool, b []byte) {
	d := &s.sides[way(up)]
	for len(b) > 0 {
		if len(d.parts) == 0 {
			if len(d.sizes) == 0 { // more than was planned
				fill(s.r, b)
				return
			}
			d.parts = s.message(s, up, d.sent, d.sizes[0])
			d.sizes = d.sizes[1:]
			d.sent++
			continue
		}
		p := &d.parts[0]
		switch {
		case len(p.head) > 0:
			n := copy(b, p.head)
			p.head, b = p.head[n:], b[n:]
		case p.body > 0:
			n := min(p.body, len(b))
			if p.text {
				copy(b, word(s.r, n))
			} else {
				fill(s.r, b[:n])
			}
			p.body, b = p.body-n, b[n:]
		case len(p.tail) > 0:
			n := copy(b, p.tail)
			p.tail, b = p.tail[n:], b[n:]
		default:
			d.parts = d.parts[1:]
		}
	}
}
