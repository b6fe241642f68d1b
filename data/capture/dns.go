package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	typeHTTPS = dnsmessage.Type(65) // RFC 9460
	maxPlain  = 512                 // bytes of an answer over UDP without EDNS
	maxEDNS   = 1232
)

func serveDNS(s *site) error {
	address, err := net.ResolveUDPAddr("udp4", s.address())
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp4", address)
	if err != nil {
		return err
	}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			query := append([]byte(nil), buffer[:n]...)
			go func() {
				d := s.dice()
				if d.chance(0.03) {
					return // lost: the client asks again
				}
				d.pause(context.Background(), 3*time.Millisecond)
				if answer, err := answerDNS(query, d, false); err == nil {
					conn.WriteToUDPAddrPort(answer, from)
				}
			}()
		}
	}()
	return s.serveEach(func(c net.Conn, d dice) {
		for {
			query, err := readPrefixed(c)
			if err != nil {
				return
			}
			if answer, err := answerDNS(query, d, true); err == nil {
				writePrefixed(c, answer)
			}
		}
	})
}

// DNS over TCP puts the length, 2 bytes, before each message.
func readPrefixed(r io.Reader) ([]byte, error) {
	var n [2]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(n[:]))
	_, err := io.ReadFull(r, b)
	return b, err
}

func writePrefixed(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return err
}

// answerDNS makes up records for the question. An answer that does not fit the
// client's datagrams comes without records and says that it is truncated.
func answerDNS(query []byte, d dice, tcp bool) ([]byte, error) {
	var q dnsmessage.Message
	if err := q.Unpack(query); err != nil {
		return nil, err
	}
	if len(q.Questions) != 1 {
		return nil, errors.New("want one question")
	}
	limit := maxPlain
	for _, r := range q.Additionals {
		if r.Header.Type == dnsmessage.TypeOPT {
			limit = maxEDNS
		}
	}
	a := dnsmessage.Message{Header: dnsmessage.Header{
		ID: q.ID, Response: true, RecursionDesired: true, RecursionAvailable: true,
	}, Questions: q.Questions, Additionals: q.Additionals}
	name := q.Questions[0].Name
	if strings.HasPrefix(name.String(), "nx-") || d.chance(0.05) {
		a.RCode = dnsmessage.RCodeNameError
		a.Authorities = []dnsmessage.Resource{record(name, dnsmessage.TypeSOA, d)}
	} else {
		at := name
		if t := q.Questions[0].Type; (t == dnsmessage.TypeA || t == dnsmessage.TypeAAAA) && d.chance(0.4) {
			for range d.between(1, 2) { // by way of other names
				alias := record(at, dnsmessage.TypeCNAME, d)
				a.Answers = append(a.Answers, alias)
				at = alias.Body.(*dnsmessage.CNAMEResource).CNAME
			}
		}
		for range d.size(2, 0.7, 1, 14) {
			a.Answers = append(a.Answers, record(at, q.Questions[0].Type, d))
		}
	}
	packed, err := a.Pack()
	if err == nil && !tcp && len(packed) > limit {
		a.Truncated, a.Answers = true, nil
		packed, err = a.Pack()
	}
	return packed, err
}

func newName(s string) dnsmessage.Name { return dnsmessage.MustNewName(s) }

// hostName throws a name of two to four parts.
func hostName(d dice) dnsmessage.Name {
	s := d.word(d.between(2, 12)) + "." + pick(d, "example.", "example.com.", "example.org.", "example.net.")
	for range d.between(0, 2) {
		s = d.word(d.size(6, 0.6, 1, 30)) + "." + s
	}
	return newName(s)
}

func record(name dnsmessage.Name, t dnsmessage.Type, d dice) dnsmessage.Resource {
	r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: name, Type: t, Class: dnsmessage.ClassINET, TTL: uint32(d.between(20, 86_400))}}
	switch t {
	case dnsmessage.TypeA:
		r.Body = &dnsmessage.AResource{A: [4]byte(d.bytes(4))}
	case dnsmessage.TypeAAAA:
		r.Body = &dnsmessage.AAAAResource{AAAA: [16]byte(d.bytes(16))}
	case dnsmessage.TypeCNAME:
		r.Body = &dnsmessage.CNAMEResource{CNAME: hostName(d)}
	case dnsmessage.TypeNS:
		r.Body = &dnsmessage.NSResource{NS: hostName(d)}
	case dnsmessage.TypePTR:
		r.Body = &dnsmessage.PTRResource{PTR: hostName(d)}
	case dnsmessage.TypeMX:
		r.Body = &dnsmessage.MXResource{Pref: uint16(d.between(1, 50)), MX: hostName(d)}
	case dnsmessage.TypeSRV:
		r.Body = &dnsmessage.SRVResource{Port: uint16(d.between(1, 9999)), Target: hostName(d)}
	case dnsmessage.TypeTXT:
		text := &dnsmessage.TXTResource{}
		for range d.between(1, 3) {
			text.TXT = append(text.TXT, d.word(d.size(60, 0.8, 8, 255)))
		}
		r.Body = text
	case dnsmessage.TypeSOA:
		r.Body = &dnsmessage.SOAResource{NS: hostName(d), MBox: hostName(d), Serial: d.Uint32(), Refresh: 7200, Retry: 900, Expire: 1_209_600, MinTTL: 60}
	default:
		r.Body = &dnsmessage.UnknownResource{Type: t, Data: serviceBinding(d)}
	}
	return r
}

// serviceBinding makes the data of an HTTPS record (RFC 9460): priority 1, the
// same name, and parameters of a number, a length and a value each.
func serviceBinding(d dice) []byte {
	b := []byte{0, 1, 0}
	parameter := func(number uint16, value []byte) {
		b = binary.BigEndian.AppendUint16(b, number)
		b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
		b = append(b, value...)
	}
	parameter(1, pick(d, []byte("\x02h2"), []byte("\x02h3\x02h2"))) // alpn
	if d.chance(0.7) {
		parameter(4, d.bytes(4*d.between(1, 4))) // ipv4hint
		parameter(6, d.bytes(16*d.between(1, 4)))
	}
	return b
}

// dnsSession asks as programs do: an address in both families at once, one
// record of some type, or, as a mail server or a crawler, several in a row.
func dnsSession(ctx context.Context, c *client) error {
	conn, err := c.dialUDP()
	if err != nil {
		return err
	}
	defer conn.Close()
	edns := c.chance(0.5)
	if c.chance(0.35) {
		name := hostName(c.dice)
		return c.ask(ctx, conn, edns, question(name, dnsmessage.TypeA), question(name, dnsmessage.TypeAAAA))
	}
	rounds := 1
	if c.chance(0.45) {
		rounds = c.between(2, 9)
	}
	for range rounds {
		name := hostName(c.dice)
		if c.chance(0.08) {
			name = newName("nx-" + name.String())
		}
		t := pick(c.dice, dnsmessage.TypeA, dnsmessage.TypeA, dnsmessage.TypeAAAA, dnsmessage.TypeMX, dnsmessage.TypeTXT,
			dnsmessage.TypeNS, dnsmessage.TypeSRV, dnsmessage.TypePTR, dnsmessage.TypeSOA, dnsmessage.TypeCNAME, typeHTTPS)
		if err := c.ask(ctx, conn, edns, question(name, t)); err != nil {
			return err
		}
		c.pause(ctx, 10*time.Millisecond)
	}
	return nil
}

func question(name dnsmessage.Name, t dnsmessage.Type) dnsmessage.Question {
	return dnsmessage.Question{Name: name, Type: t, Class: dnsmessage.ClassINET}
}

// ask sends the questions and waits for the answers; it asks again where none
// comes, and over TCP where an answer is truncated.
func (c *client) ask(ctx context.Context, conn *net.UDPConn, edns bool, questions ...dnsmessage.Question) error {
	open := map[uint16][]byte{}
	for _, q := range questions {
		m := dnsmessage.Message{Header: dnsmessage.Header{ID: uint16(c.Uint32()), RecursionDesired: true}, Questions: []dnsmessage.Question{q}}
		if edns {
			var h dnsmessage.ResourceHeader
			if err := h.SetEDNS0(maxEDNS, dnsmessage.RCodeSuccess, false); err != nil {
				return err
			}
			m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{}}}
		}
		packed, err := m.Pack()
		if err != nil {
			return err
		}
		open[m.ID] = packed
		if _, err := conn.Write(packed); err != nil {
			return err
		}
	}
	buffer := make([]byte, 4096)
	for tries := 0; len(open) > 0 && tries < 4; {
		conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := conn.Read(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			tries++
			for _, again := range open {
				if _, err := conn.Write(again); err != nil {
					return err
				}
			}
			continue
		}
		if err != nil {
			return err
		}
		var p dnsmessage.Parser
		h, err := p.Start(buffer[:n])
		if err != nil {
			return err
		}
		query := open[h.ID]
		delete(open, h.ID)
		if h.Truncated && query != nil {
			if err := c.askTCP(ctx, query); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *client) askTCP(ctx context.Context, query []byte) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := writePrefixed(conn, query); err != nil {
		return err
	}
	_, err = readPrefixed(conn)
	return err
}
