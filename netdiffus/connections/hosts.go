package connections

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// host is a client or a server.
type host struct {
	addr    netip.Addr
	mac     [6]byte
	windows bool
	ttl     int              // as captured
	id      uint16           // IPv4: of its next packet
	clock   uint32           // TCP time stamps: at the capture's beginning
	port    uint16           // the last that it gave out
	busy    map[uint16]int64 // when ports became free, or will
}

// hosts are those of a profile. Which there are follows from the seed alone.
type hosts struct {
	clients []*host
	servers map[serverKey]*host
	profile *Profile
	gateway [6]byte
	r       *rand.Rand
}

type serverKey struct {
	label, n int
	ipv6     bool
}

// quiet is how long ports rest before they are used again: longer than readers of
// captures take a connection to last in silence, nanoseconds.
const quiet = 600e9

func newHosts(p *Profile) *hosts {
	h := &hosts{servers: map[serverKey]*host{}, profile: p, r: noise.Stream(p.Seed, streamHosts)}
	h.gateway = macOf(h.r)
	// Clients are spread over the networks in turn, each network's hosts at random.
	taken := map[netip.Addr]bool{}
	for i := 0; len(h.clients) < p.Network.Hosts; i++ {
		prefix := p.Network.Clients[i%len(p.Network.Clients)]
		addr := hostAddr(prefix, h.r.IntN(hostsIn(prefix)))
		for n := 0; taken[addr] && n < 64; n++ {
			addr = hostAddr(prefix, h.r.IntN(hostsIn(prefix)))
		}
		if taken[addr] { // a full network: look for what is free
			for n := range hostsIn(prefix) {
				if addr = hostAddr(prefix, n); !taken[addr] {
					break
				}
			}
		}
		if taken[addr] {
			continue // another network has room, by Check
		}
		taken[addr] = true
		c := h.newHost(addr)
		switch p.Network.System {
		case "windows":
			c.windows = true
		case "mixed":
			c.windows = h.r.IntN(3) > 0
		}
		c.ttl = 64
		if c.windows {
			c.ttl = 128
		}
		c.port = c.firstPort() + uint16(h.r.IntN(8000))
		h.clients = append(h.clients, c)
	}
	return h
}

func (h *hosts) newHost(addr netip.Addr) *host {
	return &host{addr: addr, mac: macOf(h.r), id: uint16(h.r.Uint32()), clock: h.r.Uint32() >> 1, busy: map[uint16]int64{}}
}

// macOf makes a locally administered address.
func macOf(r *rand.Rand) (mac [6]byte) {
	binary.BigEndian.PutUint32(mac[2:], r.Uint32())
	mac[0], mac[1] = 0x02, byte(r.Uint32())
	return mac
}

func (c *host) firstPort() uint16 {
	if c.windows {
		return firstDynamic
	}
	return 32768
}

func (c *host) lastPort() uint16 {
	if c.windows {
		return 65535
	}
	return 60999
}

// freePort returns a port that no connection has had for a while, or false.
func (c *host) freePort(now int64) (uint16, bool) {
	for range 1000 {
		if c.port++; c.port > c.lastPort() || c.port < c.firstPort() {
			c.port = c.firstPort()
		}
		if until, used := c.busy[c.port]; !used || now-until > quiet {
			return c.port, true
		}
	}
	return 0, false
}

var errPorts = errors.New("connections: the clients have no free ports: give the profile more hosts (network.hosts), or a lower rate")

// client draws a host and a port of it.
func (h *hosts) client(r *rand.Rand, now int64) (*host, uint16, error) {
	for range 64 {
		c := h.clients[r.IntN(len(h.clients))]
		if port, ok := c.freePort(now); ok {
			return c, port, nil
		}
	}
	return nil, 0, errPorts
}

// server is server n of a class, of the client's version of IP.
func (h *hosts) server(label, n int, ipv6 bool) *host {
	key := serverKey{label, n, ipv6}
	if s := h.servers[key]; s != nil {
		return s
	}
	// Its own numbers, so that it does not depend on which others were asked for.
	seed := uint64(label)<<20 | uint64(n)<<1
	r := noise.Stream(h.profile.Seed, streamHosts, seed, uint64(len(h.profile.Network.Servers)))
	networks := slices.DeleteFunc(slices.Clone(h.profile.Network.Servers), func(p netip.Prefix) bool { return p.Addr().Is6() != ipv6 })
	prefix := networks[r.IntN(len(networks))]
	addr := hostAddr(prefix, r.IntN(hostsIn(prefix)))
	for range 100 {
		if !slices.ContainsFunc(h.clients, func(c *host) bool { return c.addr == addr }) {
			break
		}
		addr = hostAddr(prefix, r.IntN(hostsIn(prefix)))
	}
	s := &host{addr: addr, mac: h.gateway, id: uint16(r.Uint32()), clock: r.Uint32() >> 1}
	if slices.ContainsFunc(h.profile.Network.Clients, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		s.mac, s.ttl = macOf(r), 64
	} else {
		s.ttl = []int{64, 64, 64, 128, 255}[r.IntN(5)] - 4 - r.IntN(14)
	}
	h.servers[key] = s
	return s
}
