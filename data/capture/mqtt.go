package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// MQTT 3.1.1 (OASIS standard): the packet types, in the upper half of a
// packet's first byte.
const (
	mqttConnect     = 1
	mqttConnAck     = 2
	mqttPublish     = 3
	mqttPubAck      = 4
	mqttPubRec      = 5
	mqttPubRel      = 6
	mqttPubComp     = 7
	mqttSubscribe   = 8
	mqttSubAck      = 9
	mqttUnsubscribe = 10
	mqttUnsubAck    = 11
	mqttPing        = 12
	mqttPong        = 13
	mqttDisconnect  = 14
)

// mqttPacket is a control packet: type and flags, and what follows the length.
type mqttPacket struct {
	kind, flags byte
	body        []byte
}

func (p mqttPacket) bytes() []byte {
	b := []byte{p.kind<<4 | p.flags}
	n := len(p.body)
	for ; n > 127; n >>= 7 {
		b = append(b, byte(n)|128)
	}
	return append(append(b, byte(n)), p.body...)
}

func readMQTT(in *bufio.Reader) (p mqttPacket, err error) {
	first, err := in.ReadByte()
	if err != nil {
		return p, err
	}
	n, err := binary.ReadUvarint(in) // the same coding
	if err != nil || n > 1<<20 {
		return p, fmt.Errorf("length %d: %w", n, err)
	}
	p = mqttPacket{first >> 4, first & 15, make([]byte, n)}
	_, err = io.ReadFull(in, p.body)
	return p, err
}

func mqttString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// publish makes a PUBLISH; quality of service 0 carries no number.
func publish(topic string, qos byte, id uint16, payload []byte) mqttPacket {
	body := mqttString(nil, topic)
	if qos > 0 {
		body = binary.BigEndian.AppendUint16(body, id)
	}
	return mqttPacket{mqttPublish, qos << 1, append(body, payload...)}
}

// packetID returns the number of a packet that has one.
func (p mqttPacket) packetID() []byte {
	if p.kind == mqttPublish {
		at := 2 + int(binary.BigEndian.Uint16(p.body))
		return p.body[at : at+2]
	}
	return p.body[:2]
}

// answer is what the receiver of a packet sends back.
func (p mqttPacket) answer() (mqttPacket, bool) {
	switch {
	case p.kind == mqttPublish && p.flags>>1&3 == 1:
		return mqttPacket{kind: mqttPubAck, body: p.packetID()}, true
	case p.kind == mqttPublish && p.flags>>1&3 == 2:
		return mqttPacket{kind: mqttPubRec, body: p.packetID()}, true
	case p.kind == mqttPubRec:
		return mqttPacket{kind: mqttPubRel, flags: 2, body: p.packetID()}, true
	case p.kind == mqttPubRel:
		return mqttPacket{kind: mqttPubComp, body: p.packetID()}, true
	case p.kind == mqttUnsubscribe:
		return mqttPacket{kind: mqttUnsubAck, body: p.packetID()}, true
	case p.kind == mqttPing:
		return mqttPacket{kind: mqttPong}, true
	}
	return mqttPacket{}, false
}

// serveMQTT is a broker that also makes up the news of the topics subscribed.
func serveMQTT(s *site) error {
	return s.serveEach(func(c net.Conn, d dice) {
		in := bufio.NewReader(c)
		var lock sync.Mutex
		send := func(p mqttPacket) error {
			lock.Lock()
			defer lock.Unlock()
			_, err := c.Write(p.bytes())
			return err
		}
		for {
			p, err := readMQTT(in)
			if err != nil || p.kind == mqttDisconnect {
				return
			}
			switch p.kind {
			case mqttConnect:
				send(mqttPacket{kind: mqttConnAck, body: []byte{0, 0}})
			case mqttSubscribe:
				topics := splitTopics(p.body[2:])
				send(mqttPacket{kind: mqttSubAck, body: append(p.packetID(), make([]byte, len(topics))...)})
				go sendNews(newDice(s.seed, topics[0], d.IntN(1<<30)), topics, send)
			default:
				if a, ok := p.answer(); ok {
					send(a)
				}
			}
		}
	})
}

// splitTopics takes a SUBSCRIBE's topics apart; each is followed by its quality.
func splitTopics(b []byte) []string {
	var topics []string
	for len(b) > 2 {
		n := 2 + int(binary.BigEndian.Uint16(b))
		if n+1 > len(b) {
			break
		}
		topics, b = append(topics, string(b[2:n])), b[n+1:]
	}
	if topics == nil {
		topics = []string{"none"}
	}
	return topics
}

func sendNews(d dice, topics []string, send func(mqttPacket) error) {
	for i := range d.size(8, 0.8, 0, 40) {
		if i >= len(topics) { // what is retained comes at once
			d.pause(context.Background(), 25*time.Millisecond)
		}
		topic := topics[d.IntN(len(topics))]
		if send(publish(topic, byte(d.IntN(3)), uint16(i+1), reading(d))) != nil {
			return
		}
	}
}

// reading is a sensor's message: a number, JSON, or a small binary record.
func reading(d dice) []byte {
	switch d.IntN(3) {
	case 0:
		return fmt.Appendf(nil, "%.*f", d.between(1, 4), 20+5*d.NormFloat64())
	case 1:
		b := fmt.Appendf(nil, `{"time":%d,"id":"%s"`, 1_700_000_000+d.IntN(1e8), d.word(d.between(4, 16)))
		for range d.between(1, 8) {
			b = fmt.Appendf(b, `,"%s":%.2f`, d.word(d.between(3, 14)), 100*d.Float64())
		}
		return append(b, '}')
	default:
		return d.bytes(d.size(60, 0.9, 4, 2500))
	}
}

// mqttSession is a sensor that publishes, or a screen that subscribes, or both.
func mqttSession(ctx context.Context, c *client) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(c.connect().bytes()); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	if _, err := readMQTT(in); err != nil {
		return err
	}
	// One goroutine reads and answers; this one writes.
	var lock sync.Mutex
	send := func(p mqttPacket) error {
		lock.Lock()
		defer lock.Unlock()
		_, err := conn.Write(p.bytes())
		return err
	}
	go func() {
		for {
			p, err := readMQTT(in)
			if err != nil {
				return
			}
			if a, ok := p.answer(); ok {
				send(a)
			}
		}
	}()
	root := pick(c.dice, "home", "plant/line-4", "building/north/floor-2", "v1/devices/"+c.word(8))
	both := c.chance(0.2)
	if both || c.chance(0.45) {
		body := []byte{0, 1}
		for range c.between(1, 4) {
			body = append(mqttString(body, root+"/"+c.word(c.between(3, 18))), byte(c.IntN(3)))
		}
		if err := send(mqttPacket{kind: mqttSubscribe, flags: 2, body: body}); err != nil {
			return err
		}
		wait(ctx, time.Duration(c.between(50, 900))*time.Millisecond)
		if c.chance(0.3) {
			if err := send(mqttPacket{kind: mqttUnsubscribe, flags: 2, body: mqttString([]byte{0, 2}, root+"/#")}); err != nil {
				return err
			}
		}
		if !both {
			return send(mqttPacket{kind: mqttDisconnect})
		}
	}
	topic, qos := root+"/"+c.word(c.between(3, 18)), byte(pick(c.dice, 0, 0, 1, 2))
	for i := range c.size(7, 0.8, 1, 40) {
		if err := send(publish(topic, qos, uint16(i+10), reading(c.dice))); err != nil {
			return err
		}
		if c.chance(0.1) {
			if err := send(mqttPacket{kind: mqttPing}); err != nil {
				return err
			}
		}
		c.pause(ctx, 20*time.Millisecond)
	}
	return send(mqttPacket{kind: mqttDisconnect})
}

// connect makes the first packet: names, login, a last will.
func (c *client) connect() mqttPacket {
	flags := byte(2) // a clean session
	payload := mqttString(nil, pick(c.dice, "", "sensor-")+c.word(c.between(1, 22)))
	if c.chance(0.3) {
		flags |= 4
		payload = mqttString(mqttString(payload, "status/"+c.word(8)), "offline")
	}
	if c.chance(0.5) {
		flags |= 128 | 64
		payload = mqttString(mqttString(payload, c.word(c.between(3, 15))), c.word(c.between(8, 150)))
	}
	body := append(mqttString(nil, "MQTT"), 4, flags, 0, byte(c.between(10, 120)))
	return mqttPacket{kind: mqttConnect, body: append(body, payload...)}
}
