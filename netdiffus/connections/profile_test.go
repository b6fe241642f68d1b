package connections_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
)

// The example is a profile, and what stands in it are the defaults.
func TestExampleProfile(t *testing.T) {
	p, err := connections.ParseProfile([]byte(connections.Example))
	if err != nil {
		t.Fatal(err)
	}
	flows := made(50, "dns", "https")
	ours, _ := write(t, flows, p, connections.Options{})
	zero, _ := write(t, flows, connections.Profile{}, connections.Options{})
	if string(ours) != string(zero) {
		t.Error("the example gives another capture than the zero profile")
	}
	// With the comments taken off, every field is there.
	full := strings.NewReplacer("# rate", "rate", "# starts", "starts", "# classes", "classes", "#   chat", "  chat", "#     ", "    ").Replace(connections.Example)
	var lines []string
	for line := range strings.Lines(full) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") && !strings.HasPrefix(strings.TrimSpace(line), "captured:") {
			lines = append(lines, line)
		}
	}
	full = strings.Replace(strings.Join(lines, ""), "duration: 0s", "duration: 1h", 1)
	if p, err = connections.ParseProfile([]byte(full)); err != nil {
		t.Fatalf("%v in\n%s", err, full)
	}
	want := connections.Class{Protocol: "tcp", Port: 443, Payload: "tls", Name: "chat.example", Servers: 3, ClientTTL: 64, ServerTTL: 52, Share: 1}
	if p.Classes["chat"] != want || p.Rate != 20 || p.Starts != connections.Poisson || p.Duration != time.Hour {
		t.Errorf("profile %+v", p)
	}
	for i, v := 0, reflect.TypeOf(p); i < v.NumField(); i++ {
		if name := v.Field(i).Tag.Get("yaml"); !strings.Contains(connections.Example, name+":") {
			t.Errorf("the example has no field %s", name)
		}
	}
}

// Errors name the line, the field, and what to write there.
func TestProfileErrors(t *testing.T) {
	for text, want := range map[string][]string{
		"seed: 1\nhost: 3":                        {"line 2", "host", "--print-profile"},
		"network:\n  hosts: 300":                  {"line 2", "network.hosts", "room for 253"},
		"network:\n  clients: [10.0.0.0/33]":      {"10.0.0.0/33"},
		"network:\n  clients: [10.0.0.0/31]":      {"network.clients", "shorter prefix"},
		"network:\n  clients: ['2001:db8::/64']":  {"network.servers", "version of IP"},
		"rate: fast":                              {"fast", "20/s"},
		"loss: 3":                                 {"line 1", "loss", "0 to 0.5"},
		"cut: true":                               {"line 1", "cut", "duration"},
		"starts: never":                           {"line 1", "poisson"},
		"payload: real":                           {"line 1", "typed, random or zeros"},
		"classes:\n  a.b:\n    port: 70000":       {"line 3", "classes.a.b.port", "65535"},
		"classes:\n  a:\n    protocol: sctp":      {"line 3", "tcp or udp"},
		"classes:\n  a: {port: 5, payload: quic}": {"line 2", "payload", "tls"},
		"classes:\n  a: {port: 5, share: 1}":      {"share", "duration"},
		"start: 1950-01-01T00:00:00Z":             {"line 1", "1970"},
		"{":                                       {"line 1"},
		"- a\n- b":                                {"line 1"},
		"default: {protocol: udp}":                {"default.port", "needed"},
	} {
		_, err := connections.ParseProfile([]byte(text))
		if err == nil || !errors.Is(err, connections.ErrProfile) {
			t.Errorf("%q: %v, want a wrong profile", text, err)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %v, want %q in it", text, err, part)
			}
		}
	}
	if p, err := connections.ParseProfile(nil); err != nil || !reflect.DeepEqual(p, connections.Profile{}) {
		t.Errorf("nothing: %+v, %v", p, err)
	}
}

func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(connections.Example))
	f.Add([]byte("classes: {a: {port: 1}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := connections.ParseProfile(text); err == nil {
			if err := p.Check(); err != nil {
				t.Errorf("%q: read, and then %v", text, err)
			}
		}
	})
}
