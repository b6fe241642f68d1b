package proxy

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/wire"
	"github.com/netdiffus/netdiffus-go/kernels/zmtp"
)

// gonb takes the place of GoNB; it does what each line of a cell names.
type gonb struct {
	key     wire.Key
	session wire.Session
	shell   *zmtp.RouterSocket
	stdin   *zmtp.RouterSocket
	iopub   *zmtp.PubSocket

	mu       sync.Mutex
	cells    []string
	comms    []string
	input    chan string
	released chan bool // lets a cell with the line "wait" go on
}

func (g *gonb) publish(parent *wire.Message, kind string, content any) {
	m := g.session.New(kind, parent, content)
	m.Identities = [][]byte{[]byte("x")}
	g.iopub.Send(g.key.Frames(m))
}

func (g *gonb) onShell(from *zmtp.Conn, frames [][]byte) {
	m, err := g.key.Parse(frames)
	if err != nil {
		return
	}
	reply := func(kind string, content any) { g.shell.Send(from, g.key.Frames(g.session.New(kind, m, content))) }
	switch m.Header.Type {
	case "comm_msg":
		g.mu.Lock()
		g.comms = append(g.comms, string(m.Content))
		g.mu.Unlock()
	case "kernel_info_request":
		g.publish(m, "status", status{"busy"})
		reply("kernel_info_reply", raw("{}"))
		g.publish(m, "status", status{"idle"})
	case "execute_request":
		go g.execute(from, m, reply)
	}
}

func (g *gonb) execute(from *zmtp.Conn, m *wire.Message, reply func(string, any)) {
	var e execute
	m.Decode(&e)
	g.mu.Lock()
	g.cells = append(g.cells, e.Code)
	g.mu.Unlock()
	g.publish(m, "status", status{"busy"})
	g.publish(m, "execute_input", map[string]any{"code": e.Code})
	content := map[string]any{"status": "ok"}
	for line := range strings.Lines(e.Code) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "out":
			g.publish(m, "stream", stream{"stdout", rest})
		case "err":
			g.publish(m, "stream", stream{"stderr", rest + "\n"})
		case "wait":
			<-g.released
		case "show":
			g.publish(m, "update_display_data", raw(`{"data":{},"metadata":{},"transient":{"display_id":"a"}}`))
		case "ask":
			g.stdin.SendNamed(from.Identity, g.key.Frames(g.session.New("input_request", m, raw(`{"prompt":"?","password":false}`))))
			g.publish(m, "stream", stream{"stdout", <-g.input})
		case "fail":
			g.publish(m, "error", raw(`{"ename":"ERROR"}`))
			content = map[string]any{"status": "error", "ename": "ERROR", "evalue": rest, "traceback": []string{}}
		}
	}
	reply("execute_reply", content)
	g.publish(m, "status", status{"idle"})
}

// bench is a proxy between a stand-in for GoNB and a client.
type bench struct {
	t      *testing.T
	p      *Proxy
	gonb   *gonb
	served chan error
	key    wire.Key
	wire.Session
	shell, control, stdin, iopub *zmtp.Conn
	interrupts                   chan bool
	dir                          string
}

func connection(dir string) wire.Connection {
	return wire.Connection{Transport: "ipc", IP: dir, Shell: 1, IOPub: 2, Stdin: 3, Control: 4, Heartbeat: 5, Key: "key of " + filepath.Base(dir)}
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir, err := os.MkdirTemp("", "proxy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	g := &gonb{session: wire.NewSession(), input: make(chan string), released: make(chan bool)}
	below := connection(filepath.Join(dir, "gonb"))
	g.key = wire.Key(below.Key)
	listen := func(port int) net.Listener {
		x, err := zmtp.Listen(below.Endpoint(port))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	g.iopub = zmtp.NewPub(listen(2), zmtp.Options{}, nil)
	g.stdin = zmtp.NewRouter(listen(3), zmtp.Options{}, func(_ *zmtp.Conn, frames [][]byte) {
		if m, err := g.key.Parse(frames); err == nil {
			g.input <- string(m.Content)
		}
	})
	ready := make(chan bool)
	g.shell = zmtp.NewRouter(listen(1), zmtp.Options{}, func(c *zmtp.Conn, f [][]byte) { <-ready; g.onShell(c, f) })
	close(ready)
	b := &bench{t: t, gonb: g, served: make(chan error, 1), Session: wire.NewSession(), interrupts: make(chan bool, 100), dir: dir}
	above := connection(filepath.Join(dir, "client"))
	b.key = wire.Key(above.Key)
	b.p, err = New(Options{
		Client: above, GoNB: below, Dir: dir, Version: "v0",
		Interrupt: func(bool) { b.interrupts <- true }, Kill: func() {},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	go func() { b.served <- b.p.Serve(ctx) }()
	if err := b.p.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	dial := func(port int, kind zmtp.Kind) *zmtp.Conn {
		c, err := zmtp.Dial(ctx, above.Endpoint(port), kind, "client", zmtp.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	b.iopub, b.shell, b.stdin, b.control = dial(2, zmtp.Sub), dial(1, zmtp.Dealer), dial(3, zmtp.Dealer), dial(4, zmtp.Dealer)
	b.receive(b.iopub) // iopub_welcome
	t.Cleanup(func() {
		for _, c := range []*zmtp.Conn{b.iopub, b.shell, b.stdin, b.control} {
			c.Close()
		}
		b.p.Close()
		g.shell.Close()
		g.stdin.Close()
		g.iopub.Close()
	})
	return b
}

func (b *bench) receive(c *zmtp.Conn) *wire.Message {
	b.t.Helper()
	late := time.AfterFunc(30*time.Second, func() { c.Close() })
	defer late.Stop()
	frames, err := c.Receive()
	if err != nil {
		b.t.Fatalf("nothing came: %v", err)
	}
	m, err := b.key.Parse(frames)
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

// send sends a request on shell.
func (b *bench) send(kind string, content any) *wire.Message {
	m := b.New(kind, nil, content)
	b.shell.Send(b.key.Frames(m), 1<<20)
	return m
}

func (b *bench) execute(code string, more ...string) *wire.Message {
	content := map[string]any{"code": code}
	for _, m := range more {
		content[m] = true
	}
	return b.send("execute_request", content)
}

// outputs lists what is published for a request until it is idle, as words.
func (b *bench) outputs(m *wire.Message) (list []string) {
	b.t.Helper()
	for {
		got := b.receive(b.iopub)
		if got.ParentID() != m.Header.ID {
			continue
		}
		var content struct {
			status
			stream
			failure
		}
		got.Decode(&content)
		switch got.Header.Type {
		case "status":
			list = append(list, content.State)
			if content.State == "idle" {
				return list
			}
		case "stream":
			list = append(list, content.stream.Name+" "+content.Text)
		case "error":
			list = append(list, "error "+content.failure.Name)
		default:
			list = append(list, got.Header.Type)
		}
	}
}

func (b *bench) reply(m *wire.Message) (r struct {
	Status string `json:"status"`
	Count  int    `json:"execution_count"`
	failure
}) {
	b.t.Helper()
	got := b.receive(b.shell)
	if got.ParentID() != m.Header.ID {
		b.t.Fatalf("a %s to another request", got.Header.Type)
	}
	if err := got.Decode(&r); err != nil {
		b.t.Fatal(err)
	}
	return r
}

func TestCell(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		code   string
		more   []string
		want   []string
		status string
		ename  string
	}{
		{"out a\nout b\nerr c\nout d", nil, []string{"busy", "execute_input", "stdout ab", "stderr c\n", "stdout d", "idle"}, "ok", ""},
		{"show\nshow\nout x", nil, []string{"busy", "execute_input", "display_data", "update_display_data", "stdout x", "idle"}, "ok", ""},
		{"show", nil, []string{"busy", "execute_input", "display_data", "idle"}, "ok", ""},
		{"out a\nfail odd", nil, []string{"busy", "execute_input", "stdout a", "error Error", "idle"}, "error", "Error"},
		{"err panic: x\nerr exit status 2\nfail exit status 2", nil, []string{"busy", "execute_input", "stderr panic: x\n", "error Panic", "idle"}, "error", "Panic"},
		{"err exit status 2", nil, []string{"busy", "execute_input", "stderr exit status 2\n", "idle"}, "ok", ""},
		{"err exit status 2\nerr more", nil, []string{"busy", "execute_input", "stderr exit status 2\nmore\n", "idle"}, "ok", ""},
		{"out a\nshow\nfail x", []string{"silent"}, []string{"busy", "idle"}, "error", "Error"},
	} {
		m := b.execute(c.code, c.more...)
		if got := b.outputs(m); !slices.Equal(got, c.want) {
			t.Errorf("%q: outputs %q, want %q", c.code, got, c.want)
		}
		if r := b.reply(m); r.Status != c.status || r.Name != c.ename {
			t.Errorf("%q: reply %+v, want %s %s", c.code, r, c.status, c.ename)
		}
	}
}

func TestQueueIsAbortedAfterAFailure(t *testing.T) {
	b := newBench(t)
	first := b.execute("wait\nfail x")
	second := b.execute("out no")
	asked := b.send("is_complete_request", map[string]string{"code": "x"})
	last := b.execute("out no")
	waitUntil(t, func() bool { b.p.mu.Lock(); defer b.p.mu.Unlock(); return len(b.p.queue) == 3 })
	b.gonb.released <- true
	if r := b.reply(first); r.Status != "error" {
		t.Errorf("the first cell: %+v", r)
	}
	for _, m := range []*wire.Message{second, last} {
		if r := b.reply(m); r.Status != "aborted" {
			t.Errorf("a cell behind it: %+v", r)
		}
	}
	if r := b.reply(asked); r.Status != "invalid" {
		t.Errorf("a question behind it: %+v", r)
	}
	if m := b.execute("out yes"); b.reply(m).Status != "ok" {
		t.Error("no cell runs after it")
	}
	b.gonb.mu.Lock()
	defer b.gonb.mu.Unlock()
	if want := []string{"wait\nfail x", "out yes"}; !slices.Equal(b.gonb.cells, want) {
		t.Errorf("GoNB got cells %q, want %q", b.gonb.cells, want)
	}
}

func waitUntil(t *testing.T, ok func() bool) {
	t.Helper()
	for begun := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatal("it does not come about")
		}
	}
}

func TestInterruptRepeatsUntilTheCellEnds(t *testing.T) {
	b := newBench(t)
	b.p.Interrupt() // nothing runs
	m := b.execute("wait\nfail signal: interrupt")
	waiting := b.execute("out no")
	waitUntil(t, func() bool { b.p.mu.Lock(); defer b.p.mu.Unlock(); return len(b.p.queue) == 1 })
	ask := b.New("interrupt_request", nil, raw("{}"))
	b.control.Send(b.key.Frames(ask), 0)
	if r := b.receive(b.control); r.Header.Type != "interrupt_reply" {
		t.Errorf("an interrupt is answered by %s", r.Header.Type)
	}
	<-b.interrupts
	<-b.interrupts // the first was lost
	b.gonb.released <- true
	if r := b.reply(waiting); r.Status != "aborted" {
		t.Errorf("the cell that waits: %+v", r)
	}
	if r := b.reply(m); r.Name != "Interrupted" {
		t.Errorf("the cell: %+v", r)
	}
	if len(b.interrupts) > 1 {
		t.Errorf("%d more interrupts, want none before the cell ran", len(b.interrupts))
	}
}

func TestInput(t *testing.T) {
	b := newBench(t)
	m := b.execute("ask", "allow_stdin")
	question := b.receive(b.stdin)
	if question.Header.Type != "input_request" || question.ParentID() != m.Header.ID {
		t.Fatalf("on stdin came %s", question.Header.Type)
	}
	b.stdin.Send(b.key.Frames(b.New("input_reply", question, map[string]string{"value": "ü"})), 0)
	if got := b.outputs(m); !slices.Contains(got, `stdout {"value":"ü"}`) {
		t.Errorf("outputs %q", got)
	}

	m = b.execute("ask")
	<-b.interrupts // a client that cannot answer
	b.gonb.input <- "over"
	if got := b.outputs(m); !strings.Contains(strings.Join(got, ""), "asks for input") {
		t.Errorf("outputs %q", got)
	}
}

func TestCommsReachARunningCell(t *testing.T) {
	b := newBench(t)
	m := b.execute("wait")
	waitUntil(t, func() bool { b.gonb.mu.Lock(); defer b.gonb.mu.Unlock(); return len(b.gonb.cells) == 1 })
	b.send("comm_open", raw(`{"comm_id":"1","target_name":"t"}`))
	b.send("comm_msg", raw(`{"comm_id":"1"}`))
	waitUntil(t, func() bool { b.gonb.mu.Lock(); defer b.gonb.mu.Unlock(); return len(b.gonb.comms) == 1 })
	b.gonb.released <- true
	b.reply(m)
}

func TestBadMessagesAreDropped(t *testing.T) {
	b := newBench(t)
	forged := wire.Key("guess").Frames(b.New("shutdown_request", nil, raw("{}")))
	for _, c := range []*zmtp.Conn{b.shell, b.control, b.stdin} {
		c.Send(forged, 0)
		c.Send([][]byte{[]byte("x")}, 0)
		c.Send([][]byte{[]byte("<IDS|MSG>")}, 0)
	}
	if m := b.send("execute_request", map[string]any{"code": 3}); b.reply(m).Name != "BadRequest" {
		t.Error("a request with a wrong content is not refused")
	}
	if m := b.execute("out a"); b.reply(m).Status != "ok" {
		t.Error("cells do not run any more")
	}
}

func TestShutdown(t *testing.T) {
	b := newBench(t)
	ask := b.New("shutdown_request", nil, raw(`{"restart":true}`))
	b.control.Send(b.key.Frames(ask), 0)
	var r struct{ Restart bool }
	if m := b.receive(b.control); m.Header.Type != "shutdown_reply" || m.Decode(&r) != nil || !r.Restart {
		t.Errorf("a shutdown is answered by %s %s", m.Header.Type, m.Content)
	}
	if err := <-b.served; err != nil {
		t.Errorf("Serve returns %v", err)
	}
}

func TestEndOfGoNBFailsTheCell(t *testing.T) {
	b := newBench(t)
	m := b.execute("wait")
	waitUntil(t, func() bool { b.gonb.mu.Lock(); defer b.gonb.mu.Unlock(); return len(b.gonb.cells) == 1 })
	b.p.Dead()
	if r := b.reply(m); r.Name != "KernelError" {
		t.Errorf("the cell: %+v", r)
	}
	if err := <-b.served; err == nil {
		t.Error("Serve returns no error")
	}
	b.gonb.released <- true
}

func TestTakenPortIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	c := wire.Connection{Transport: "tcp", IP: "127.0.0.1", Shell: port, IOPub: port, Stdin: port, Control: port, Heartbeat: port}
	if p, err := New(Options{Client: c}); err == nil {
		p.Close()
		t.Error("a port that is taken is no error")
	}
}

func TestKernelInfo(t *testing.T) {
	b := newBench(t)
	m := b.send("kernel_info_request", json.RawMessage(`{}`))
	got := b.receive(b.shell)
	var info kernelInfo
	if got.ParentID() != m.Header.ID || got.Decode(&info) != nil || info.Implementation != "netdiffus" || info.Language.Pygments != "go" || info.Version != "v0" {
		t.Errorf("kernel_info: %s", got.Content)
	}
}
