// Package proxy stands between a Jupyter client and GoNB. It serves the five channels
// that a client connects to, passes cells to GoNB one at a time, answers requests
// that GoNB does not answer, and corrects outputs of GoNB. docs/kernel.md lists what
// it corrects.
package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/wire"
	"github.com/netdiffus/netdiffus-go/kernels/zmtp"
)

// Options are those of New.
type Options struct {
	Client wire.Connection // where clients connect
	GoNB   wire.Connection // where GoNB listens
	Dir    string          // the kernel's private directory, where failed shell commands leave notes
	// Version is the version of this program, for kernel_info.
	Version string
	// Interrupt interrupts the program that GoNB runs or compiles; again means that an
	// earlier Interrupt did not end the cell. Kill kills all processes of cells.
	Interrupt func(again bool)
	Kill      func()
	Log       *slog.Logger // nil means slog's default
}

// Proxy serves clients. Its methods may be called concurrently.
type Proxy struct {
	o       Options
	key     wire.Key // of clients
	gonbKey wire.Key
	session wire.Session

	shell, control, stdin *zmtp.RouterSocket
	iopub                 *zmtp.PubSocket
	heartbeat             *zmtp.EchoSocket

	gonb struct{ shell, stdin, iopub *zmtp.Conn } // nil before ready

	ready    chan struct{} // closed when GoNB answers
	stopped  chan struct{} // closed by a shutdown_request
	dead     chan struct{} // closed when GoNB has ended
	stopOnce sync.Once
	deadOnce sync.Once

	mu       sync.Mutex
	queue    []*request
	queued   chan struct{}       // has a value if the queue may be non-empty
	current  *request            // the request that GoNB works on
	known    map[string]*request // by id: the current request and the last ones before it
	order    []string            // the keys of known, oldest first
	count    int                 // of the last cell in history
	history  history
	comms    map[string]string // open comms: id to target
	rejected time.Time         // when a rejected message was last logged

	out outputs // used by the goroutine gather only
}

// remembered is the number of requests that are kept after their end, for outputs
// that arrive late.
const remembered = 64

// New listens at the addresses where clients connect. Serve answers them.
func New(o Options) (*Proxy, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	p := &Proxy{
		o: o, key: wire.Key(o.Client.Key), gonbKey: wire.Key(o.GoNB.Key), session: wire.NewSession(),
		ready: make(chan struct{}), stopped: make(chan struct{}), dead: make(chan struct{}),
		queued: make(chan struct{}, 1), known: map[string]*request{}, comms: map[string]string{},
	}
	p.out.flushes = make(chan chan struct{})
	var listeners []net.Listener
	for _, port := range []int{o.Client.Shell, o.Client.Control, o.Client.Stdin, o.Client.IOPub, o.Client.Heartbeat} {
		l, err := listen(o.Client.Endpoint(port))
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
			return nil, fmt.Errorf("proxy: %w", err)
		}
		listeners = append(listeners, l)
	}
	z := zmtp.Options{Log: o.Log}
	// iopub comes first, because requests on the others are answered there too.
	p.iopub = zmtp.NewPub(listeners[3], z, p.welcome)
	p.heartbeat = zmtp.NewEcho(listeners[4], z)
	started := make(chan struct{})
	receive := func(f func(message)) func(*zmtp.Conn, [][]byte) {
		return func(from *zmtp.Conn, frames [][]byte) {
			<-started
			if m := p.parse(frames); m != nil {
				f(message{m, from})
			}
		}
	}
	p.shell = zmtp.NewRouter(listeners[0], z, receive(p.onShell))
	p.control = zmtp.NewRouter(listeners[1], z, receive(p.onControl))
	p.stdin = zmtp.NewRouter(listeners[2], z, receive(p.onStdin))
	close(started)
	p.publish(nil, "status", status{"starting"})
	return p, nil
}

// listen listens at an endpoint. It tries again for a second, because a kernel that
// is being restarted may still hold the port.
func listen(endpoint string) (net.Listener, error) {
	var err error
	for range 50 {
		var l net.Listener
		if l, err = zmtp.Listen(endpoint); err == nil {
			return l, nil
		}
		if errors.Is(err, zmtp.ErrNotLoopback) {
			return nil, err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, err
}

// parse reads and checks a client's message. It returns nil if the message is
// invalid, and logs that, at most once a second.
func (p *Proxy) parse(frames [][]byte) *wire.Message {
	m, err := p.key.Parse(frames)
	if err == nil {
		return m
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.rejected) > time.Second {
		p.rejected = time.Now()
		p.o.Log.Warn("a message was dropped", "err", err)
	}
	return nil
}

// Serve passes cells to GoNB until a client asks for a shutdown, GoNB ends, or ctx
// ends. It returns nil after a shutdown.
func (p *Proxy) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go p.work(ctx)
	select {
	case <-p.stopped:
		return nil
	case <-p.dead:
		p.mu.Lock()
		r := p.current
		p.mu.Unlock()
		if r != nil { // its client gets an error
			select {
			case <-r.done:
			case <-time.After(time.Second):
			}
		}
		return errors.New("proxy: GoNB has ended")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Dead must be called when GoNB has ended. The cell that was running fails.
func (p *Proxy) Dead() { p.deadOnce.Do(func() { close(p.dead) }) }

// Close closes all sockets, after waiting up to a second for clients to receive what
// was sent.
func (p *Proxy) Close() error {
	p.stopOnce.Do(func() { close(p.stopped) })
	for _, c := range []*zmtp.Conn{p.gonb.shell, p.gonb.stdin, p.gonb.iopub} {
		if c != nil {
			c.Close()
		}
	}
	return errors.Join(p.shell.Close(), p.control.Close(), p.stdin.Close(), p.iopub.Close(), p.heartbeat.Close())
}

// status is the content of a status message.
type status struct {
	State string `json:"execution_state"`
}

// publish sends a message on iopub.
func (p *Proxy) publish(parent *wire.Message, kind string, content any) {
	p.emit(p.session.New(kind, parent, content))
}

func (p *Proxy) emit(m *wire.Message) {
	m.Identities = [][]byte{[]byte("kernel." + m.Header.Type)}
	p.iopub.Send(p.key.Frames(m))
}

// welcome returns the message to a new subscriber that its subscription is
// in effect.
func (p *Proxy) welcome(topic string) [][]byte {
	m := p.session.New("iopub_welcome", nil, map[string]string{"subscription": topic})
	m.Identities = [][]byte{[]byte(topic)}
	return p.key.Frames(m)
}

// message is a client's message and its connection.
type message struct {
	*wire.Message
	from *zmtp.Conn
}

// respond answers a request over its connection. If that is closed, it takes the
// newest connection of the same client.
func (p *Proxy) respond(by *zmtp.RouterSocket, to message, kind string, content any) {
	frames := p.key.Frames(p.session.New(kind, to.Message, content))
	if !by.Send(to.from, frames) {
		by.SendNamed(to.from.Identity, frames)
	}
}

// raw returns text, which is known to be JSON, as a json.RawMessage.
func raw(text string) json.RawMessage { return json.RawMessage(text) }
