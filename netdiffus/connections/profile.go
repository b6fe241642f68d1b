package connections

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/payload"
)

// Profile describes the network that a capture is of: when connections start,
// between which hosts, and what they look like beside the lengths, directions and
// times of their packets with payload, which are the flows'. Its zero value is
// usable: fields at their zero value stand for what their comments say.
type Profile struct {
	Seed     uint64        `yaml:"seed"`     // same flows, profile and seed: same bytes
	Start    time.Time     `yaml:"start"`    // of the capture; zero means 2024-01-01 09:00 UTC
	Duration time.Duration `yaml:"duration"` // connections start within it; 0 means until each flow was taken once
	Rate     Rate          `yaml:"rate"`     // connections a second; 0 means as Starts says

	// Starts is when connections start. The zero value is Captured where statistics
	// are known and no Rate is set, and Poisson otherwise.
	Starts Starts `yaml:"starts"`
	// Cut ends the capture after Duration. False lets the connections that started
	// within it go on to their end.
	Cut bool `yaml:"cut"`

	Network Network `yaml:"network"`

	Payload string           `yaml:"payload"` // "typed" (or ""), "random" or "zeros"
	Loss    float64          `yaml:"loss"`    // share of TCP segments with payload that are lost behind the capture and sent again
	Resets  float64          `yaml:"resets"`  // share of TCP connections that end by RST and not by FIN
	Default Class            `yaml:"default"` // of classes that have no entry, no statistics and no service's name
	Classes map[string]Class `yaml:"classes"`
}

// Starts is when connections start.
type Starts string

const (
	// Poisson starts are independent of each other, at Rate a second. Without a
	// Rate it is all flows over Duration, or one a second.
	Poisson Starts = "poisson"
	// Captured starts are as far from each other, by class, as those of the capture
	// that the Statistics are of.
	Captured Starts = "captured"
	// BackToBack starts a connection when the one before has ended.
	BackToBack Starts = "back-to-back"
)

// Network is the hosts, and the way between them.
type Network struct {
	Clients []netip.Prefix `yaml:"clients"` // networks of the clients; none means 192.168.1.0/24
	Servers []netip.Prefix `yaml:"servers"` // of the servers; none means 198.51.100.0/24 and 203.0.113.0/24, for documentation
	Hosts   int            `yaml:"hosts"`   // clients; 0 means 20
	System  string         `yaml:"system"`  // of the clients: "linux", "windows" or "mixed" (or "")
	RTT     time.Duration  `yaml:"rtt"`     // median round trip from the capture to servers; 0 means 20 ms
	MTU     int            `yaml:"mtu"`     // longest IP packet, bytes; 0 means 1500
	// KeepAlive is the longest silence within a connection, after which it shows a
	// sign of life; 0 means a minute, less than 0 none.
	KeepAlive time.Duration `yaml:"keepalive"`
}

// Class is what connections of a class of flows look like. Zero values stand for
// what the Statistics say, or else the class's name, if it is that of a service.
type Class struct {
	Protocol  string  `yaml:"protocol"`   // "tcp" or "udp"
	Port      int     `yaml:"port"`       // the servers' port
	Payload   string  `yaml:"payload"`    // a kind of payload; "" means what is usual on the port
	Name      string  `yaml:"name"`       // the servers' name; "" means CLASS.example
	Servers   int     `yaml:"servers"`    // hosts; 0 means 3
	ClientTTL int     `yaml:"client_ttl"` // time to live, as captured; 0 as the clients' system has it
	ServerTTL int     `yaml:"server_ttl"` // 0 means 64, 128 or 255 less some routers
	Share     float64 `yaml:"share"`      // of the connections, relative to other classes'; 0 means as many as there are flows
}

// serviceNames are classes' names that say what they are: IANA's names of services,
// and what such flows are usually called.
var serviceNames = map[string]Class{
	"dns": {Protocol: udp, Port: 53}, "domain": {Protocol: udp, Port: 53}, "mdns": {Protocol: udp, Port: 5353},
	"http": {Protocol: tcp, Port: 80}, "http1": {Protocol: tcp, Port: 80}, "http/1.1": {Protocol: tcp, Port: 80},
	"https": {Protocol: tcp, Port: 443}, "http2": {Protocol: tcp, Port: 443}, "http/2": {Protocol: tcp, Port: 443}, "tls": {Protocol: tcp, Port: 443},
	"quic": {Protocol: udp, Port: 443}, "http3": {Protocol: udp, Port: 443},
	"ssh": {Protocol: tcp, Port: 22}, "sftp": {Protocol: tcp, Port: 22}, "smtp": {Protocol: tcp, Port: 25}, "submission": {Protocol: tcp, Port: 587},
	"imaps": {Protocol: tcp, Port: 993}, "imap": {Protocol: tcp, Port: 143, Payload: "random"}, "pop3s": {Protocol: tcp, Port: 995},
	"mqtt": {Protocol: tcp, Port: 1883}, "redis": {Protocol: tcp, Port: 6379}, "resp": {Protocol: tcp, Port: 6379},
	"ntp": {Protocol: udp, Port: 123}, "dhcp": {Protocol: udp, Port: 67}, "ssdp": {Protocol: udp, Port: 1900},
	"rtp": {Protocol: udp, Port: 16384, Payload: "rtp"}, "voip": {Protocol: udp, Port: 16384, Payload: "rtp"},
}

// DefaultStart is when captures start by default.
var DefaultStart = time.Date(2024, 1, 1, 9, 0, 0, 0, time.UTC)

// filled returns the profile with its zero values replaced.
func (p Profile) filled() Profile {
	if p.Start.IsZero() {
		p.Start = DefaultStart
	}
	n := &p.Network
	if len(n.Clients) == 0 {
		n.Clients = []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24")}
	}
	if len(n.Servers) == 0 {
		n.Servers = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24")}
	}
	if n.Hosts == 0 {
		n.Hosts = 20
	}
	if n.System == "" {
		n.System = "mixed"
	}
	if n.RTT == 0 {
		n.RTT = 20 * time.Millisecond
	}
	if n.MTU == 0 {
		n.MTU = 1500
	}
	if n.KeepAlive == 0 {
		n.KeepAlive = time.Minute
	}
	if p.Payload == "" {
		p.Payload = "typed"
	}
	return p
}

// fieldError is a wrong value of a profile, with where it is.
type fieldError struct {
	path string // "network.hosts"
	err  error
}

func (e *fieldError) Error() string { return e.path + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// Check reports the first field with a value that cannot be, by its name in YAML.
func (p Profile) Check() error {
	wrong := func(path, format string, values ...any) error {
		return &fieldError{path, fmt.Errorf(format, values...)}
	}
	q := p.filled()
	if s := q.Start.Unix(); s < 0 || s > math.MaxUint32-366*24*3600 {
		return wrong("start", "%v: want a time from 1970 to 2105", p.Start)
	}
	if p.Duration < 0 {
		return wrong("duration", "%v: want a time such as 1h, or 0", p.Duration)
	}
	if !(p.Rate >= 0 && p.Rate <= 1e6) {
		return wrong("rate", "%v: want connections a second, up to a million, or 0", p.Rate)
	}
	if !slices.Contains([]Starts{"", Poisson, Captured, BackToBack}, p.Starts) {
		return wrong("starts", "%q: want %s, %s or %s", p.Starts, Poisson, Captured, BackToBack)
	}
	if p.Starts == BackToBack && p.Rate > 0 {
		return wrong("rate", "connections that start back to back have no rate: leave it out, or choose %s", Poisson)
	}
	if p.Cut && p.Duration == 0 {
		return wrong("cut", "needs a duration")
	}
	n := q.Network
	for path, list := range map[string][]netip.Prefix{"network.clients": n.Clients, "network.servers": n.Servers} {
		for _, prefix := range list {
			if !prefix.IsValid() || prefix.Addr().Zone() != "" || prefix.Addr().Is4In6() {
				return wrong(path, "%v: want networks such as 192.168.1.0/24", prefix)
			}
			if hostsIn(prefix) < 1 {
				return wrong(path, "%v: has no room for hosts: want a shorter prefix", prefix)
			}
		}
	}
	for path, v := range map[string]struct{ n, least, most int }{
		"network.hosts": {n.Hosts, 1, 65536}, "network.mtu": {n.MTU, 576, 65535},
	} {
		if v.n < v.least || v.n > v.most {
			return wrong(path, "%d: want %d to %d", v.n, v.least, v.most)
		}
	}
	if room := roomFor(n.Clients); n.Hosts > room {
		return wrong("network.hosts", "%d: the clients' networks have room for %d: add a network, or take a larger one", n.Hosts, room)
	}
	for _, c := range n.Clients {
		if !slices.ContainsFunc(n.Servers, func(s netip.Prefix) bool { return s.Addr().Is4() == c.Addr().Is4() }) {
			return wrong("network.servers", "none of the version of IP of the clients in %v: add one", c)
		}
	}
	if !slices.Contains([]string{"linux", "windows", "mixed"}, n.System) {
		return wrong("network.system", "%q: want linux, windows or mixed", n.System)
	}
	if n.RTT < 10*time.Microsecond || n.RTT > 10*time.Second {
		return wrong("network.rtt", "%v: want 10us to 10s", n.RTT)
	}
	if n.KeepAlive > 0 && n.KeepAlive < time.Second {
		return wrong("network.keepalive", "%v: want a second or more, or -1s for none", n.KeepAlive)
	}
	if !slices.Contains([]string{"typed", "random", "zeros"}, q.Payload) {
		return wrong("payload", "%q: want typed, random or zeros", p.Payload)
	}
	if !(p.Loss >= 0 && p.Loss <= 0.5) {
		return wrong("loss", "%v: want a share from 0 to 0.5", p.Loss)
	}
	if !(p.Resets >= 0 && p.Resets <= 1) {
		return wrong("resets", "%v: want a share from 0 to 1", p.Resets)
	}
	if err := p.Default.check("default"); err != nil {
		return err
	}
	for label, c := range p.Classes {
		if err := c.check("classes." + label); err != nil {
			return err
		}
		if c.Share > 0 && (p.Duration == 0 || p.Starts == Captured) {
			return wrong("classes."+label+".share", "flows are drawn by shares only for a duration, at a rate: set both, or leave the share out")
		}
	}
	return nil
}

func (c Class) check(path string) error {
	wrong := func(field, format string, values ...any) error {
		return &fieldError{path + "." + field, fmt.Errorf(format, values...)}
	}
	if !slices.Contains([]string{"", tcp, udp}, c.Protocol) {
		return wrong("protocol", "%q: want tcp or udp", c.Protocol)
	}
	if c.Port < 0 || c.Port > math.MaxUint16 {
		return wrong("port", "%d: want 1 to 65535", c.Port)
	}
	if c.Protocol != "" && c.Port == 0 {
		return wrong("port", "is needed next to the protocol")
	}
	if c.Payload != "" && !slices.Contains(payload.Kinds(c.Protocol == udp), payload.Kind(c.Payload)) {
		return wrong("payload", "%q: want one of %s", c.Payload, kindNames(c.Protocol == udp))
	}
	if len(c.Name) > 200 || strings.ContainsFunc(c.Name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return wrong("name", "%.40q: want a host name of up to 200 ASCII characters, such as www.example", c.Name)
	}
	if c.Servers < 0 || c.Servers > 10000 {
		return wrong("servers", "%d: want 1 to 10000", c.Servers)
	}
	for field, v := range map[string]int{"client_ttl": c.ClientTTL, "server_ttl": c.ServerTTL} {
		if v < 0 || v > 255 {
			return wrong(field, "%d: want 1 to 255", v)
		}
	}
	if !(c.Share >= 0 && c.Share <= 1e9) {
		return wrong("share", "%v: want 0 or more", c.Share)
	}
	return nil
}

func kindNames(udp bool) string {
	var names []string
	for _, k := range payload.Kinds(udp) {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// hostsIn returns how many hosts a network has room for, at most 1<<20.
func hostsIn(p netip.Prefix) int {
	bits := p.Addr().BitLen() - p.Bits()
	if bits > 20 {
		return 1 << 20
	}
	return 1<<bits - 3 // the network, its router, broadcast
}

func roomFor(list []netip.Prefix) int {
	sum := 0
	for _, p := range list {
		sum += hostsIn(p)
	}
	return sum
}

// hostAddr returns host i of a network, from 0.
func hostAddr(p netip.Prefix, i int) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for at, carry := len(b)-1, i+2; carry > 0 && at >= 0; at-- { // 1 is the router
		sum := int(b[at]) + carry
		b[at], carry = byte(sum), sum>>8
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
