package main

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// scenario is one kind of traffic: a class of the data.
type scenario struct {
	name string
	port uint16 // where its server listens: it identifies the class of a flow

	// serve starts the servers; they run until the process ends.
	serve func(s *site) error
	// session talks to the server as one client does, mostly in one flow.
	session func(ctx context.Context, c *client) error
}

var scenarios = []scenario{
	{"dns", 53, serveDNS, dnsSession},
	{"http1", 80, serveHTTP1, http1Session},
	{"http2", 443, serveHTTP2, http2Session},
	{"mqtt", 1883, serveMQTT, mqttSession},
	{"resp", 6379, serveRESP, respSession},
	{"rtp", 5004, serveRTP, rtpSession},
	{"smtp", 25, serveSMTP, smtpSession},
	{"ssh", 22, serveSSH, sshSession},
	{"video", 8443, serveVideo, videoSession},
}

// classNames maps the servers' ports to their classes.
func classNames(of []scenario) map[uint16]string {
	names := map[uint16]string{}
	for _, s := range of {
		names[s.port] = s.name
	}
	return names
}

// site is what a scenario's server has.
type site struct {
	scenario
	host  string // its address, "" for all
	seed  uint64
	tls   *tls.Config // with the site's certificates
	count atomic.Int64
}

// dice gives a connection of the server its own throws.
func (s *site) dice() dice { return newDice(s.seed, "server "+s.name, int(s.count.Add(1))) }

func (s *site) address() string { return net.JoinHostPort(s.host, itoa(int(s.port))) }

// serveEach answers TCP connections, each in a goroutine of its own.
func (s *site) serveEach(answer func(c net.Conn, d dice)) error {
	l, err := net.Listen("tcp4", s.address())
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(sessionLimit))
				answer(c, s.dice())
			}()
		}
	}()
	return nil
}

// sessionLimit ends a session that hangs.
const sessionLimit = 20 * time.Second

// client is what a session has.
type client struct {
	scenario
	dice
	host    string // of the server
	number  int
	ports   *atomic.Int32          // the last one used
	resumed tls.ClientSessionCache // shared by the sessions of a class: some connections resume
}

func (c *client) address() string { return net.JoinHostPort(c.host, itoa(int(c.port))) }

// Each connection has a port of its own over the whole capture: the kernel's
// choice would now and then join two into one flow.
func (c *client) freshPort() int { return int(c.ports.Add(1)) }

func (c *client) dial(ctx context.Context) (net.Conn, error) {
	from := &net.TCPAddr{Port: c.freshPort()}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second, LocalAddr: from}).DialContext(ctx, "tcp4", c.address())
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(sessionLimit))
	return conn, nil
}

func (c *client) dialUDP() (*net.UDPConn, error) {
	to, err := net.ResolveUDPAddr("udp4", c.address())
	if err != nil {
		return nil, err
	}
	conn, err := net.DialUDP("udp4", &net.UDPAddr{Port: c.freshPort()}, to)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(sessionLimit))
	return conn, nil
}

// tlsConfig is a client's: names of many lengths, sometimes the larger key
// exchange of today's browsers, sometimes a resumed session.
func (c *client) tlsConfig(protocols ...string) *tls.Config {
	config := &tls.Config{
		InsecureSkipVerify: true, // certificates made a moment ago
		ServerName:         pick(c.dice, siteNames...),
		NextProtos:         protocols,
	}
	if c.chance(0.5) {
		config.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
	}
	if c.chance(0.2) {
		config.MaxVersion = tls.VersionTLS12
	}
	if c.chance(0.4) {
		config.ClientSessionCache = c.resumed
	}
	return config
}
