package zmtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
)

// Options are those of a listening socket. The zero value works.
type Options struct {
	Limits Limits
	// Peers is the largest number of connections at a time; 0 means 256.
	Peers int
	// Backlog is the number of bytes queued for one peer above which Send waits; 0
	// means 8 MiB.
	Backlog int
	// Log gets a line for each connection that violates the protocol; nil means
	// slog.Default().
	Log *slog.Logger
}

func (o Options) peers() int {
	if o.Peers > 0 {
		return o.Peers
	}
	return 256
}

func (o Options) backlog() int {
	if o.Backlog > 0 {
		return o.Backlog
	}
	return 8 << 20
}

func (o Options) log() *slog.Logger {
	if o.Log != nil {
		return o.Log
	}
	return slog.Default()
}

// server accepts connections and keeps those whose handshake succeeds.
type server struct {
	kind    Kind
	options Options
	l       net.Listener
	receive func(*Conn, [][]byte) // called with each message, in the goroutine of its peer

	mu     sync.Mutex
	conns  map[*Conn]bool
	early  map[net.Conn]bool // in their handshake
	last   int               // number of the last connection
	closed bool
	wait   sync.WaitGroup
}

func serve(l net.Listener, kind Kind, o Options, receive func(*Conn, [][]byte)) *server {
	s := &server{kind: kind, options: o, l: l, receive: receive, conns: map[*Conn]bool{}, early: map[net.Conn]bool{}}
	s.wait.Add(1)
	go s.accept()
	return s
}

func (s *server) accept() {
	defer s.wait.Done()
	for {
		c, err := s.l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.options.log().Warn("a connection was not accepted", "socket", s.kind, "err", err)
			time.Sleep(50 * time.Millisecond) // usually there are too many open files
			continue
		}
		s.mu.Lock()
		if s.closed || len(s.conns)+len(s.early) >= s.options.peers() {
			s.mu.Unlock()
			c.Close()
			continue
		}
		s.early[c] = true
		s.wait.Add(1)
		s.mu.Unlock()
		go s.handle(c)
	}
}

// handle serves one connection until it ends.
func (s *server) handle(c net.Conn) {
	defer s.wait.Done()
	defer c.Close()
	r := bufio.NewReaderSize(c, 32<<10)
	identity, err := handshake(c, r, s.kind, nil)
	s.mu.Lock()
	delete(s.early, c)
	if err != nil || s.closed {
		s.mu.Unlock()
		s.logError(c, err)
		return
	}
	conn := newConn(c, r, identity, s.options.Limits)
	s.last++
	conn.number = s.last
	s.conns[conn] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
		conn.Close()
	}()
	for {
		frames, err := conn.Receive()
		if err != nil {
			s.logError(c, err)
			return
		}
		s.receive(conn, frames)
	}
}

// logError logs err, unless the peer just closed the connection.
func (s *server) logError(c net.Conn, err error) {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return
	}
	s.options.log().Warn("a connection was closed", "socket", s.kind, "peer", c.RemoteAddr().String(), "err", err)
}

// all returns the open connections.
func (s *server) all() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

// Close stops listening, waits up to a second until queued messages are written, and
// closes all connections.
func (s *server) Close() error {
	err := s.l.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.early {
		c.Close()
	}
	s.mu.Unlock()
	deadline := time.Now().Add(time.Second)
	for _, c := range s.all() {
		c.flush(time.Until(deadline))
		c.Close()
	}
	s.wait.Wait()
	return err
}

// RouterSocket is a listening ROUTER. Unlike ZeroMQ's, it distinguishes peers of the
// same identity, as two clients of one Jupyter session have: a reply goes over the
// connection of its request, so that no peer can receive it by claiming the identity
// of another.
type RouterSocket struct{ s *server }

// NewRouter serves a ROUTER on l. It calls receive with each message and its
// connection, and reads the next message of that connection when receive returns.
func NewRouter(l net.Listener, o Options, receive func(from *Conn, frames [][]byte)) *RouterSocket {
	return &RouterSocket{serve(l, router, o, receive)}
}

// Send sends a message over a connection, and reports whether it was queued.
func (r *RouterSocket) Send(to *Conn, frames [][]byte) bool {
	return to.Send(frames, r.s.options.backlog())
}

// SendNamed sends a message to the peer with the given identity, the newest if there
// are several, and reports whether it was queued.
func (r *RouterSocket) SendNamed(identity []byte, frames [][]byte) bool {
	var newest *Conn
	for _, c := range r.s.all() {
		if len(identity) > 0 && bytes.Equal(c.Identity, identity) && (newest == nil || c.number > newest.number) {
			newest = c
		}
	}
	return newest != nil && r.Send(newest, frames)
}

// Close stops the socket.
func (r *RouterSocket) Close() error { return r.s.Close() }

// PubSocket is a listening PUB.
type PubSocket struct{ s *server }

// maxTopics is the largest number of subscriptions of one peer.
const maxTopics = 64

// NewPub serves a PUB on l. If welcome is not nil, a peer that has subscribed to a
// topic is sent the frames that welcome returns.
func NewPub(l net.Listener, o Options, welcome func(topic string) [][]byte) *PubSocket {
	return &PubSocket{serve(l, pub, o, func(c *Conn, frames [][]byte) {
		if len(frames) != 1 || len(frames[0]) == 0 || frames[0][0] > 1 || len(frames[0]) > maxIdentity {
			return
		}
		topic := string(frames[0][1:])
		c.mu.Lock()
		fresh := false
		switch {
		case frames[0][0] == 0:
			delete(c.topics, topic)
		case len(c.topics) < maxTopics:
			if c.topics == nil {
				c.topics = map[string]bool{}
			}
			fresh = !c.topics[topic]
			c.topics[topic] = true
		}
		c.mu.Unlock()
		if fresh && welcome != nil {
			c.Send(welcome(topic), o.backlog())
		}
	})}
}

// Send publishes a message whose first frame is its topic. It waits for a slow peer
// as long as that peer goes on reading.
func (p *PubSocket) Send(frames [][]byte) {
	var message []byte
	for _, c := range p.s.all() {
		if !c.subscribed(string(frames[0])) {
			continue
		}
		if message == nil {
			message = appendMessage(make([]byte, 0, wireSize(frames)), frames)
		}
		c.send(message, p.s.options.backlog())
	}
}

func (c *Conn) subscribed(topic string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for t := range c.topics {
		if strings.HasPrefix(topic, t) {
			return true
		}
	}
	return false
}

// Close stops the socket.
func (p *PubSocket) Close() error { return p.s.Close() }

// EchoSocket is a listening REP that returns each message to its sender: a heartbeat.
type EchoSocket struct{ s *server }

// NewEcho serves an EchoSocket on l.
func NewEcho(l net.Listener, o Options) *EchoSocket {
	return &EchoSocket{serve(l, rep, o, func(c *Conn, frames [][]byte) { c.Send(frames, 1<<20) })}
}

// Close stops the socket.
func (e *EchoSocket) Close() error { return e.s.Close() }
