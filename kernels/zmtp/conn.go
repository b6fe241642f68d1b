package zmtp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// stall is how long a peer may read nothing before messages to it are dropped.
const stall = 10 * time.Second

// Conn is a connection after its handshake. Messages are queued, and a goroutine of
// the connection writes them.
type Conn struct {
	Identity []byte // that the peer announced, often empty

	number int // of a server's connections
	c      net.Conn
	r      *bufio.Reader
	limits Limits

	mu       sync.Mutex
	changed  *sync.Cond // the queue, progress or closed
	queue    [][]byte
	queued   int       // bytes of the queue and of what is being written
	progress time.Time // when the peer last read something, or the queue was empty
	closed   bool
	topics   map[string]bool // of a subscriber
}

func newConn(c net.Conn, r *bufio.Reader, identity []byte, l Limits) *Conn {
	conn := &Conn{Identity: identity, c: c, r: r, limits: l, progress: time.Now()}
	conn.changed = sync.NewCond(&conn.mu)
	go conn.write()
	return conn
}

// write writes the queue until the connection closes.
func (c *Conn) write() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for len(c.queue) == 0 && !c.closed {
			c.progress = time.Now()
			c.changed.Wait()
		}
		if len(c.queue) == 0 {
			return
		}
		message := c.queue[0]
		c.queue = c.queue[1:]
		for len(message) > 0 {
			part := message[:min(len(message), chunk)]
			c.mu.Unlock()
			_, err := c.c.Write(part)
			c.mu.Lock()
			if err != nil {
				c.closed, c.queue, c.queued = true, nil, 0
				c.changed.Broadcast()
				c.c.Close()
				return
			}
			message = message[len(part):]
			c.queued -= len(part)
			c.progress = time.Now()
		}
		c.changed.Broadcast()
	}
}

// Send queues a message. It waits while more than backlog bytes are queued and the
// peer reads them; it drops the message if the peer reads nothing. It reports whether
// the message was queued.
func (c *Conn) Send(frames [][]byte, backlog int) bool {
	return c.send(appendMessage(make([]byte, 0, wireSize(frames)), frames), backlog)
}

func (c *Conn) send(message []byte, backlog int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.queued > backlog && !c.closed {
		left := stall - time.Since(c.progress)
		if left <= 0 {
			return false
		}
		wake := time.AfterFunc(left, c.changed.Broadcast)
		c.changed.Wait()
		wake.Stop()
	}
	if c.closed {
		return false
	}
	c.queue = append(c.queue, message)
	c.queued += len(message)
	c.changed.Broadcast()
	return true
}

// Receive reads the next message. It returns io.EOF when the peer has closed the
// connection.
func (c *Conn) Receive() ([][]byte, error) {
	for {
		frames, command, err := readMessage(c.r, c.limits)
		if err != nil || !command {
			return frames, err
		}
		// Commands of 3.1 (PING, SUBSCRIBE) are not sent to a peer of 3.0.
	}
}

// flush waits until the queue is written or the connection closes, at most for the
// given time.
func (c *Conn) flush(within time.Duration) {
	deadline := time.Now().Add(within)
	wake := time.AfterFunc(within, c.changed.Broadcast)
	defer wake.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.queued > 0 && !c.closed && time.Now().Before(deadline) {
		c.changed.Wait()
	}
}

// Close closes the connection at once and drops queued messages.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.closed, c.queue = true, nil
	c.changed.Broadcast()
	c.mu.Unlock()
	return c.c.Close()
}

// Dial connects to an endpoint, "tcp://host:port" or "ipc://path", as a socket of the
// given kind and identity. It tries again until ctx ends. A SUB subscribes to
// everything.
func Dial(ctx context.Context, endpoint string, kind Kind, identity string, l Limits) (*Conn, error) {
	network, address, err := split(endpoint)
	if err != nil {
		return nil, err
	}
	for {
		c, err := dial(ctx, network, address, kind, identity, l)
		if err == nil {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func dial(ctx context.Context, network, address string, kind Kind, identity string, l Limits) (*Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(c)
	peer, err := handshake(c, r, kind, []byte(identity))
	if err != nil {
		c.Close()
		return nil, err
	}
	conn := newConn(c, r, peer, l)
	if kind == Sub {
		conn.Send([][]byte{{1}}, 0)
	}
	return conn, nil
}

// ErrNotLoopback is the error of Listen for an address that other machines reach: the
// protocol has no encryption.
var ErrNotLoopback = errors.New("zmtp: other machines reach this address, and what is sent is not encrypted: listen on 127.0.0.1, and reach it through a tunnel of SSH")

// Listen listens at an endpoint, "tcp://host:port" or "ipc://path". The host has to be
// this machine's loopback interface. It replaces a socket file that an earlier process
// left there, as ZeroMQ does.
func Listen(endpoint string) (net.Listener, error) {
	network, address, err := split(endpoint)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		if info, err := os.Lstat(address); err == nil && info.Mode()&os.ModeSocket != 0 {
			if err := os.Remove(address); err != nil {
				return nil, err
			}
		}
	}
	if network == "tcp" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, fmt.Errorf("%w (%s)", ErrNotLoopback, address)
		}
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o600); err != nil {
			l.Close()
			return nil, err
		}
	}
	return l, nil
}

func split(endpoint string) (network, address string, err error) {
	if address, ok := strings.CutPrefix(endpoint, "tcp://"); ok {
		return "tcp", address, nil
	}
	if address, ok := strings.CutPrefix(endpoint, "ipc://"); ok {
		return "unix", address, nil
	}
	return "", "", errors.New("zmtp: endpoint " + endpoint + " is neither tcp:// nor ipc://")
}
