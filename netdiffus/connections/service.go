package connections

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/payload"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// chosen is one service that connections of a class may be of.
type chosen struct {
	udp                  bool
	port                 int // 0: one of its own for each connection
	kind                 payload.Kind
	clientTTL, serverTTL []Count // none: as the system has it
	flows                int
	starts               map[string]int
	others               int // the sum of starts
}

// plan is what is known about a class's connections.
type plan struct {
	label    string
	services []chosen
	source   Source
	name     string
	servers  int
	share    float64
}

// Source is where the services of a class come from.
type Source string

// What decides about a class's services, the first that says anything.
const (
	FromProfile Source = "profile"
	FromCapture Source = "capture" // the Statistics
	FromName    Source = "name"    // the class's
	FromDefault Source = "default"
)

// planOf joins what the profile, the statistics and the name say about a class.
func (p Profile) planOf(label string, s *Statistics) plan {
	c, given := p.Classes[label]
	out := plan{label: label, source: FromProfile, name: c.Name, servers: c.Servers, share: c.Share}
	if out.name == "" {
		out.name = slug(label) + ".example"
	}
	if out.servers == 0 {
		out.servers = 3
	}
	if !given || c.Port == 0 {
		if seen := s.Class(label); seen != nil && len(seen.Services) > 0 {
			out.source = FromCapture
			for _, v := range seen.Services {
				out.services = append(out.services, p.choice(Class{Protocol: v.Protocol, Port: v.Port, Payload: c.Payload, ClientTTL: c.ClientTTL, ServerTTL: c.ServerTTL}, &v))
			}
			return out
		}
		named, ok := serviceNames[strings.ToLower(label)]
		out.source = FromName
		if !ok {
			named, out.source = p.Default, FromDefault
			if named.Port == 0 {
				named.Protocol, named.Port = tcp, 443
			}
		}
		c.Protocol, c.Port = named.Protocol, named.Port
		if c.Payload == "" {
			c.Payload = named.Payload
		}
		if c.ClientTTL == 0 {
			c.ClientTTL = named.ClientTTL
		}
		if c.ServerTTL == 0 {
			c.ServerTTL = named.ServerTTL
		}
	}
	out.services = []chosen{p.choice(c, nil)}
	return out
}

func (p Profile) choice(c Class, seen *Service) chosen {
	out := chosen{udp: c.Protocol == udp, port: c.Port, flows: 1, kind: payload.Kind(c.Payload)}
	if out.kind == "" {
		switch p.Payload {
		case "typed":
			out.kind = payload.Of(out.udp, c.Port)
		default:
			out.kind = payload.Kind(p.Payload)
		}
	}
	if seen != nil {
		out.flows, out.starts, out.clientTTL, out.serverTTL = seen.Flows, seen.Starts, seen.ClientTTL, seen.ServerTTL
		for _, n := range seen.Starts {
			out.others += n
		}
	}
	if c.ClientTTL > 0 {
		out.clientTTL = []Count{{c.ClientTTL, 1}}
	}
	if c.ServerTTL > 0 {
		out.serverTTL = []Count{{c.ServerTTL, 1}}
	}
	return out
}

// slug is a label as a part of a host's name.
func slug(label string) string {
	b := make([]byte, 0, len(label))
	for _, c := range []byte(strings.ToLower(label)) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b = append(b, c)
		case len(b) > 0 && b[len(b)-1] != '-':
			b = append(b, '-')
		}
	}
	if name := strings.Trim(string(b[:min(len(b), 40)]), "-"); name != "" {
		return name
	}
	return "host"
}

// choose draws the service of a flow: one whose flows are many, and begin like it,
// and whose messages have its lengths.
func (p *plan) choose(r *rand.Rand, packets []traffic.Packet, sizes []payload.Packet) *chosen {
	if len(p.services) == 1 {
		return &p.services[0]
	}
	shape := shapeOf(packets)
	weights, sum := make([]float64, len(p.services)), 0.0
	for i := range p.services {
		c := &p.services[i]
		weights[i] = float64(c.flows)
		if c.others > 0 {
			weights[i] *= (float64(c.starts[shape]) + 0.05) / (float64(c.others) + 0.05*maxShapes)
		}
		if !payload.Fits(c.kind, c.udp, sizes) {
			weights[i] *= 1e-6
		}
		sum += weights[i]
	}
	at := r.Float64() * sum
	for i, w := range weights {
		if at < w {
			return &p.services[i]
		}
		at -= w
	}
	return &p.services[len(p.services)-1]
}

// draw returns one of the values, as often as it was counted; 0 if there are none.
func draw(r *rand.Rand, list []Count) int {
	sum := 0
	for _, c := range list {
		sum += c.Count
	}
	if sum == 0 {
		return 0
	}
	at := r.IntN(sum)
	for _, c := range list {
		if at -= c.Count; at < 0 {
			return c.Value
		}
	}
	return 0
}

// byCount lists names, the most frequent first.
func byCount(counts map[string]int) []string {
	names := slices.Collect(maps.Keys(counts))
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	return names
}
