package zmtp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func frames(texts ...string) [][]byte {
	list := make([][]byte, len(texts))
	for i, t := range texts {
		list[i] = []byte(t)
	}
	return list
}

func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	endpoint := "ipc://" + filepath.Join(t.TempDir(), "s")
	l, err := Listen(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return l, endpoint
}

func dialTo(t *testing.T, endpoint string, kind Kind, identity string) *Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := Dial(ctx, endpoint, kind, identity, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// echoRouter answers each message with itself.
func echoRouter(t *testing.T, l net.Listener, o Options) {
	var r *RouterSocket
	ready := make(chan bool)
	r = NewRouter(l, o, func(from *Conn, f [][]byte) { <-ready; r.Send(from, f) })
	close(ready)
	t.Cleanup(func() { r.Close() })
}

func TestRouterAnswersItsPeer(t *testing.T) {
	for _, endpoint := range []string{"tcp://127.0.0.1:0", "ipc"} {
		t.Run(endpoint, func(t *testing.T) {
			var l net.Listener
			if endpoint == "ipc" {
				l, endpoint = listen(t)
			} else {
				var err error
				if l, err = Listen(endpoint); err != nil {
					t.Fatal(err)
				}
				endpoint = "tcp://" + l.Addr().String()
			}
			echoRouter(t, l, Options{})
			a, b := dialTo(t, endpoint, Dealer, "a"), dialTo(t, endpoint, Dealer, "")
			same := dialTo(t, endpoint, Dealer, "a")
			want := [][][]byte{frames("x"), frames("", strings.Repeat("y", 300), strings.Repeat("z", 1<<20)), frames("")}
			for _, c := range []*Conn{a, b, same} {
				for _, w := range want {
					c.Send(w, 0)
					if got, err := c.Receive(); err != nil || !slices.EqualFunc(got, w, bytes.Equal) {
						t.Errorf("sent %d frames, got %d back, %v", len(w), len(got), err)
					}
				}
			}
		})
	}
}

func TestSendNamedReachesTheNewest(t *testing.T) {
	l, endpoint := listen(t)
	got := make(chan bool)
	r := NewRouter(l, Options{}, func(*Conn, [][]byte) { got <- true })
	defer r.Close()
	var peers []*Conn
	for range 2 {
		c := dialTo(t, endpoint, Dealer, "same")
		c.Send(frames("hello"), 0)
		<-got // it is there
		peers = append(peers, c)
	}
	if !r.SendNamed([]byte("same"), frames("x")) || r.SendNamed([]byte("other"), frames("x")) || r.SendNamed(nil, frames("x")) {
		t.Error("SendNamed does not know its peers")
	}
	if f, err := peers[1].Receive(); err != nil || string(f[0]) != "x" {
		t.Errorf("the newest got %q, %v", f, err)
	}
}

func TestPubReachesSubscribersOfATopic(t *testing.T) {
	l, endpoint := listen(t)
	p := NewPub(l, Options{}, func(topic string) [][]byte { return frames("welcome " + topic) })
	defer p.Close()
	s := dialTo(t, endpoint, Sub, "")
	if got, err := s.Receive(); err != nil || string(got[0]) != "welcome " {
		t.Fatalf("first message %q, %v", got, err)
	}
	p.Send(frames("topic", "content"))
	if got, err := s.Receive(); err != nil || string(got[1]) != "content" {
		t.Fatalf("published message arrived as %q, %v", got, err)
	}
}

func TestPubLosesNothingToASlowSubscriber(t *testing.T) {
	l, endpoint := listen(t)
	p := NewPub(l, Options{Backlog: 64 << 10}, func(string) [][]byte { return frames("welcome") })
	defer p.Close()
	s := dialTo(t, endpoint, Sub, "")
	if _, err := s.Receive(); err != nil {
		t.Fatal(err)
	}
	const n = 300
	body := strings.Repeat("b", 16<<10)
	go func() {
		for range n {
			p.Send(frames("t", body))
		}
	}()
	for i := range n {
		if i%50 == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if got, err := s.Receive(); err != nil || len(got[1]) != len(body) {
			t.Fatalf("message %d of %d: %v", i, n, err)
		}
	}
}

// TestHostilePeers connects peers that violate the protocol in many ways, while an
// honest peer must still be served.
func TestHostilePeers(t *testing.T) {
	l, endpoint := listen(t)
	echoRouter(t, l, Options{Peers: 8})
	ready := appendFrame(nil, flagCommand, property(property([]byte("\x05READY"), "Socket-Type", []byte("DEALER")), "Identity", []byte("honest")))
	hello := func(more ...byte) []byte { return append(append(greeting(), ready...), more...) }
	giant := append([]byte{flagLong}, binary.BigEndian.AppendUint64(nil, 1<<63)...)
	long := append([]byte{flagLong}, binary.BigEndian.AppendUint64(nil, 60<<20)...)
	honest := dialTo(t, endpoint, Dealer, "honest")
	before := runtime.MemStats{}
	runtime.ReadMemStats(&before)
	for name, bytes := range map[string][]byte{
		"nothing":           nil,
		"HTTP":              []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"half a greeting":   greeting()[:20],
		"old version":       append(append(greeting()[:10:10], 1), greeting()[11:]...),
		"other mechanism":   append(append(greeting()[:12:12], "CURVE"...), greeting()[17:]...),
		"message at once":   append(greeting(), 0, 1, 'x'),
		"wrong partner":     append(greeting(), appendFrame(nil, flagCommand, property([]byte("\x05READY"), "Socket-Type", []byte("PUB")))...),
		"short READY":       append(greeting(), appendFrame(nil, flagCommand, []byte("\x05READY\x20x"))...),
		"empty command":     append(greeting(), flagCommand, 0),
		"same identity":     hello(0, 1, 'x'),
		"giant frame":       hello(giant...),
		"long frame, short": hello(long...),
		"unknown flags":     hello(0xf0, 1, 'x'),
		"endless frames":    hello(slices.Repeat([]byte{flagMore, 0}, 5000)...),
		"frame cut short":   hello(0, 100, 'x'),
	} {
		t.Run(name, func(t *testing.T) {
			_, address, _ := split(endpoint)
			c, err := net.Dial("unix", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Write(bytes) // the other end may close before the end
			honest.Send(frames("still", "there"), 0)
			if got, err := honest.Receive(); err != nil || len(got) != 2 {
				t.Fatalf("the honest peer got %q, %v", got, err)
			}
		})
	}
	after := runtime.MemStats{}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("hostile peers made the socket take %d MB", grown>>20)
	}
}

func TestEchoHeartbeat(t *testing.T) {
	l, endpoint := listen(t)
	e := NewEcho(l, Options{})
	defer e.Close()
	c := dialTo(t, endpoint, req, "")
	c.Send(frames("", "ping"), 0)
	if got, err := c.Receive(); err != nil || string(got[1]) != "ping" {
		t.Errorf("heartbeat answered %q, %v", got, err)
	}
}

func TestListenReplacesASocketFile(t *testing.T) {
	endpoint := "ipc://" + filepath.Join(t.TempDir(), "s")
	first, err := Listen(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false)
	first.Close()
	second, err := Listen(endpoint)
	if err != nil {
		t.Fatalf("listening where a socket file was left: %v", err)
	}
	second.Close()
}

// Nothing listens where other machines reach it: the protocol is not encrypted.
func TestListenOnLoopbackOnly(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"tcp://127.0.0.1:0": true, "tcp://localhost:0": true, "tcp://127.0.0.2:0": true,
		"tcp://0.0.0.0:0": false, "tcp://:0": false, "tcp://[::]:0": false, "tcp://*:0": false, "tcp://192.0.2.1:0": false, "tcp://example.org:0": false,
	} {
		l, err := Listen(endpoint)
		if err == nil {
			l.Close()
		}
		if runtime.GOOS != "linux" && endpoint == "tcp://127.0.0.2:0" {
			continue // other systems have one address only
		}
		if want != (err == nil) || !want && !errors.Is(err, ErrNotLoopback) {
			t.Errorf("Listen(%q) = %v, want it allowed: %t", endpoint, err, want)
		}
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add(appendMessage(nil, frames("a", strings.Repeat("b", 300), "")))
	f.Add(appendFrame(nil, flagCommand, []byte("\x05READY")))
	f.Add([]byte{flagLong, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			got, command, err := readMessage(r, Limits{Bytes: 1 << 16, Frames: 16})
			if err != nil {
				if !errors.Is(err, errProtocol) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("unforeseen error %v", err)
				}
				return
			}
			if command {
				parseReady(got[0])
				continue
			}
			again, _, err := readMessage(bytes.NewReader(appendMessage(nil, got)), Limits{})
			if err != nil || !slices.EqualFunc(again, got, bytes.Equal) {
				t.Fatalf("written and read again: %q, %v, want %q", again, err, got)
			}
		}
	})
}
