// Package client runs cells on a Jupyter kernel, as a notebook does: it starts the
// kernel with a connection file, sends it cells and collects their outputs. The
// installation tries the new kernel with it, whether Jupyter is installed or not.
package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/wire"
	"github.com/netdiffus/netdiffus-go/kernels/zmtp"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// Kernel is a running kernel. Its methods must not be called concurrently.
type Kernel struct {
	cmd     *exec.Cmd
	dir     string // of the connection file
	stderr  *tail
	exited  chan struct{}
	key     wire.Key
	session wire.Session
	shell   *zmtp.Conn
	control *zmtp.Conn
	replies chan *wire.Message // of both
	iopub   chan *wire.Message
}

// Start starts a kernel and waits until it answers. argv is its command line, in
// which "{connection_file}" stands for the connection file; env is its environment
// (nil means this program's) and dir its working directory ("" means the current
// one). The caller must call Close.
func Start(ctx context.Context, argv, env []string, dir string) (*Kernel, error) {
	folder, err := os.MkdirTemp("", "netdiffus-client-")
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	k := &Kernel{
		dir: folder, stderr: &tail{}, exited: make(chan struct{}), session: wire.NewSession(),
		replies: make(chan *wire.Message, 16), iopub: make(chan *wire.Message, 256),
	}
	if err := k.start(ctx, argv, env, dir); err != nil {
		err = fmt.Errorf("client: kernel %s: %w%s", argv[0], err, k.stderr.after())
		k.Close()
		return nil, err
	}
	return k, nil
}

func (k *Kernel) start(ctx context.Context, argv, env []string, dir string) error {
	c, err := newConnection()
	if err != nil {
		return err
	}
	k.key = wire.Key(c.Key)
	file := filepath.Join(k.dir, "connection.json")
	if err := c.Write(file); err != nil {
		return err
	}
	args := make([]string, len(argv))
	for i, a := range argv {
		args[i] = strings.ReplaceAll(a, "{connection_file}", file)
	}
	k.cmd = exec.Command(args[0], args[1:]...)
	k.cmd.Env, k.cmd.Dir = env, dir
	k.cmd.Stdout, k.cmd.Stderr = k.stderr, k.stderr
	k.cmd.WaitDelay = time.Second
	if err := k.cmd.Start(); err != nil {
		k.cmd = nil
		return err
	}
	go func() {
		k.cmd.Wait()
		close(k.exited)
	}()
	dialing, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-k.exited:
			cancel(errExited)
		case <-dialing.Done():
		}
	}()
	if err := k.dial(dialing, c); err != nil {
		if cause := context.Cause(dialing); cause != nil {
			return cause
		}
		return err
	}
	if _, err := k.ask(ctx, k.shell, "kernel_info_request", struct{}{}); err != nil {
		return err
	}
	return k.subscribed(ctx)
}

var errExited = errors.New("the kernel ended")

// dial opens the channels.
func (k *Kernel) dial(ctx context.Context, c wire.Connection) (err error) {
	identity := rand.Text() // the protocol requires the same on shell, control and stdin
	if k.shell, err = zmtp.Dial(ctx, c.Endpoint(c.Shell), zmtp.Dealer, identity, zmtp.Limits{}); err != nil {
		return err
	}
	if k.control, err = zmtp.Dial(ctx, c.Endpoint(c.Control), zmtp.Dealer, identity, zmtp.Limits{}); err != nil {
		return err
	}
	iopub, err := zmtp.Dial(ctx, c.Endpoint(c.IOPub), zmtp.Sub, "", zmtp.Limits{})
	if err != nil {
		return err
	}
	go k.read(k.shell, k.replies)
	go k.read(k.control, k.replies)
	go k.read(iopub, k.iopub)
	go func() {
		<-k.exited
		iopub.Close()
	}()
	return nil
}

// read passes on the messages of a channel until it closes.
func (k *Kernel) read(conn *zmtp.Conn, to chan<- *wire.Message) {
	for {
		frames, err := conn.Receive()
		if err != nil {
			return
		}
		m, err := k.key.Parse(frames)
		if err != nil {
			continue // a wrong signature: not from this kernel
		}
		select {
		case to <- m:
		case <-k.exited:
			return
		}
	}
}

// ask sends a request and returns its reply.
func (k *Kernel) ask(ctx context.Context, conn *zmtp.Conn, kind string, content any) (*wire.Message, error) {
	request := k.session.New(kind, nil, content)
	if !conn.Send(k.key.Frames(request), 1<<20) {
		return nil, fmt.Errorf("%s: %w", kind, net.ErrClosed)
	}
	for {
		select {
		case m := <-k.replies:
			if m.ParentID() == request.Header.ID {
				return m, nil
			}
		case <-k.exited:
			return nil, fmt.Errorf("%s: %w", kind, errExited)
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w", kind, ctx.Err())
		}
	}
}

// subscribed waits until a message arrives on iopub. Before the subscription takes
// effect, a cell's output would be lost.
func (k *Kernel) subscribed(ctx context.Context) error {
	for {
		if _, err := k.ask(ctx, k.shell, "kernel_info_request", struct{}{}); err != nil {
			return err
		}
		select {
		case <-k.iopub:
			return nil
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// newConnection finds five free ports on the loopback interface.
func newConnection() (wire.Connection, error) {
	c := wire.Connection{Transport: "tcp", IP: "127.0.0.1", SignatureScheme: "hmac-sha256", Key: rand.Text()}
	for _, port := range []*int{&c.Shell, &c.IOPub, &c.Stdin, &c.Control, &c.Heartbeat} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return c, err
		}
		defer l.Close() // after all five are known, so that they differ
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return c, nil
}

// Close shuts the kernel down, and kills it if it has not ended after ten seconds.
func (k *Kernel) Close() error {
	defer os.RemoveAll(k.dir)
	if k.cmd == nil {
		return nil
	}
	if k.control != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		k.ask(ctx, k.control, "shutdown_request", map[string]bool{"restart": false})
		cancel()
	} else {
		k.cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-k.exited:
	case <-time.After(10 * time.Second):
		k.cmd.Process.Kill()
		<-k.exited
	}
	for _, conn := range []*zmtp.Conn{k.shell, k.control} {
		if conn != nil {
			conn.Close()
		}
	}
	return nil
}

// tail keeps the end of what a kernel prints.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if extra := len(t.text) - 4<<10; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(b), nil
}

// after returns the last lines, to be put after an error's text.
func (t *tail) after() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := command.LastLines(string(t.text), 3); last != "" {
		return "; it printed: " + last
	}
	return ""
}
