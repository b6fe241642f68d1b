package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func request() *Message {
	m := NewSession().New("execute_request", nil, map[string]any{"code": "fmt.Println(\"π <&>\")", "silent": false})
	m.Identities = [][]byte{[]byte("client")}
	m.Buffers = [][]byte{{1, 2, 3}}
	return m
}

func TestSignedMessageComesBack(t *testing.T) {
	for _, key := range []Key{nil, Key("secret")} {
		m := request()
		got, err := key.Parse(key.Frames(m))
		if err != nil {
			t.Fatalf("key %q: %v", key, err)
		}
		if got.Header != m.Header || !bytes.Equal(got.Content, m.Content) || !slices.EqualFunc(got.Buffers, m.Buffers, bytes.Equal) ||
			!slices.EqualFunc(got.Identities, m.Identities, bytes.Equal) {
			t.Errorf("key %q: got %+v, want %+v", key, got, m)
		}
		reply := NewSession().New("execute_reply", got, json.RawMessage(`{"status":"ok"}`))
		if reply.ParentID() != m.Header.ID {
			t.Errorf("a reply's parent is %q, want %q", reply.ParentID(), m.Header.ID)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	key := Key("secret")
	good := key.Frames(request())
	change := func(f func(frames [][]byte) [][]byte) [][]byte { return f(slices.Clone(good)) }
	unsigned := Key(nil)
	for _, c := range []struct {
		name   string
		key    Key
		frames [][]byte
		want   error
	}{
		{"nothing", key, nil, errMalformed},
		{"no delimiter", key, good[2:], errMalformed},
		{"cut short", key, good[:5], errMalformed},
		{"other key", Key("guess"), good, errSignature},
		{"no signature", key, unsigned.Frames(request()), errSignature},
		{"signature no hex", key, change(func(f [][]byte) [][]byte { f[2] = []byte("zz"); return f }), errSignature},
		{"content changed", key, change(func(f [][]byte) [][]byte { f[6] = []byte("{}"); return f }), errSignature},
		{"header no JSON", unsigned, change(func(f [][]byte) [][]byte { f[3] = []byte("{"); return f }), errMalformed},
		{"header a list", unsigned, change(func(f [][]byte) [][]byte { f[3] = []byte("[]"); return f }), errMalformed},
		{"header without type", unsigned, change(func(f [][]byte) [][]byte { f[3] = []byte(`{"msg_id":"1"}`); return f }), errMalformed},
		{"type a number", unsigned, change(func(f [][]byte) [][]byte { f[3] = []byte(`{"msg_id":"1","msg_type":1}`); return f }), errMalformed},
		{"content null", unsigned, change(func(f [][]byte) [][]byte { f[6] = []byte("null"); return f }), errMalformed},
		{"content deep", unsigned, change(func(f [][]byte) [][]byte {
			f[6] = []byte(`{"a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "}")
			return f
		}), errMalformed},
	} {
		if _, err := c.key.Parse(c.frames); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestSignatureAsJupyter checks against a signature that jupyter_client 8.10's
// Session made of these four parts with this key.
func TestSignatureAsJupyter(t *testing.T) {
	key := Key("a0436f6c-1916-498b-8eb9-e81ab9368e84")
	parts := [][]byte{[]byte(`{"msg_id":"1","msg_type":"status"}`), []byte("{}"), []byte("{}"), []byte(`{"execution_state":"busy"}`)}
	m := &Message{RawHeader: parts[0], Parent: parts[1], Metadata: parts[2], Content: parts[3]}
	const want = "2e88e459b004bd02347e191cdcdb1ed495577f5d5da0656f89aaad88a6f5300c"
	if got := string(key.Frames(m)[1]); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestReadConnection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "connection.json")
	tcp := Connection{Transport: "tcp", IP: "127.0.0.1", Shell: 1, IOPub: 2, Stdin: 3, Control: 4, Heartbeat: 5, SignatureScheme: "hmac-sha256", Key: "k"}
	if err := tcp.Write(path); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadConnection(path); err != nil || got != tcp {
		t.Errorf("got %+v, %v, want %+v", got, err, tcp)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("connection file is %v, want it for its owner only", info.Mode())
	}
	for text, want := range map[string]string{
		``:                                  "unexpected end",
		`{"ip":"127.0.0.1","shell_port":1}`: "_port is 0",
		`{"ip":"x","transport":"udp"}`:      "neither tcp nor ipc",
		`{"ip":"x","signature_scheme":"hmac-md5"}`: "not hmac-sha256",
		`{}`: "no ip",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadConnection(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("connection file %s: %v, want an error with %q", text, err, want)
		}
	}
	if got := (Connection{Transport: "ipc", IP: "/run/k"}).Endpoint(3); got != "ipc:///run/k-3" {
		t.Errorf("ipc endpoint %s", got)
	}
	if got := (Connection{Transport: "tcp", IP: "::1"}).Endpoint(3); got != "tcp://[::1]:3" {
		t.Errorf("tcp endpoint %s", got)
	}
}

func FuzzParse(f *testing.F) {
	good := Key(nil).Frames(request())
	f.Add(bytes.Join(good, []byte{0}))
	f.Fuzz(func(t *testing.T, data []byte) {
		frames := bytes.Split(data, []byte{0})
		if _, err := Key("k").Parse(frames); err == nil {
			t.Fatal("a message was taken whose signature was guessed")
		}
		m, err := Key(nil).Parse(frames)
		if err != nil {
			return
		}
		m.ParentID()
		if again, err := Key(nil).Parse(Key(nil).Frames(m)); err != nil || again.Header != m.Header {
			t.Fatalf("written and read again: %v", err)
		}
	})
}

// FuzzConnection reads any connection file: what is taken can be listened at.
func FuzzConnection(f *testing.F) {
	f.Add([]byte(`{"transport":"tcp","ip":"127.0.0.1","shell_port":1,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5,"signature_scheme":"hmac-sha256","key":"k"}`))
	f.Add([]byte(`{"transport":"ipc","ip":"/run/k","shell_port":1,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5}`))
	f.Add([]byte(`{"transport":"udp","ip":"*","shell_port":70000}`))
	path := filepath.Join(f.TempDir(), "connection.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := ReadConnection(path)
		if err != nil {
			return
		}
		for _, port := range []int{c.Shell, c.IOPub, c.Stdin, c.Control, c.Heartbeat} {
			if at := c.Endpoint(port); port < 1 || port > 65535 || c.IP == "" || !strings.HasPrefix(at, c.Transport+"://") {
				t.Fatalf("%+v has the endpoint %s", c, at)
			}
		}
	})
}
