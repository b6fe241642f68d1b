package connections

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/gobs"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Statistics is what is known of the connections of flows beside their packets:
// protocols, server ports, times to live and when connections start. It holds no
// address and no client's port, and is small whatever the number of flows: some
// kilobytes a class. A data set's manifest keeps that of the flows it was made of.
type Statistics struct {
	Classes []ClassStatistics `json:"classes"` // sorted by label
}

// ClassStatistics is Statistics of one class.
type ClassStatistics struct {
	Label    string    `json:"label"`
	Flows    int       `json:"flows"`    // whose protocol and port were known
	Services []Service `json:"services"` // most frequent first

	// Arrivals are the quantiles 0, 1/32, 2/32, …, 1 of the seconds between the
	// starts of two connections in a row, of the class and in one capture. They are
	// missing where there were fewer than two.
	Arrivals []float64 `json:"arrivals,omitempty"`
}

// Service is a protocol and a server port.
type Service struct {
	Protocol string `json:"protocol"` // "tcp" or "udp"
	// Port is the servers' port. 0 stands for many ports that are each seldom: a
	// connection to it gets one of its own.
	Port  int `json:"port"`
	Flows int `json:"flows"`

	ClientTTL []Count `json:"client_ttl,omitempty"` // times to live as captured, most frequent first
	ServerTTL []Count `json:"server_ttl,omitempty"`

	// Starts counts what the flows' first packets are, by shapeOf: flows of a
	// class are given the service whose flows begin like them.
	Starts map[string]int `json:"starts,omitempty"`
}

// Count is how often a value was seen.
type Count struct {
	Value int `json:"value"`
	Count int `json:"count"`
}

// Bounds of what is kept of a class.
const (
	maxServices = 12
	minShare    = 0.005 // of a class's flows, for a service to be kept by itself
	maxTTLs     = 4
	maxShapes   = 48
	quantiles   = 32
	maxStarts   = 1 << 20 // start times of a class and capture that are kept until its end
)

// Class returns the statistics of a class, nil where there are none.
func (s *Statistics) Class(label string) *ClassStatistics {
	if s == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(s.Classes, label, func(c ClassStatistics, l string) int { return cmp.Compare(c.Label, l) })
	if !ok {
		return nil
	}
	return &s.Classes[i]
}

// Check reports statistics that no flows have, as a file that was edited may hold.
func (s *Statistics) Check() error {
	for i, c := range s.Classes {
		if i > 0 && c.Label <= s.Classes[i-1].Label {
			return fmt.Errorf("connections: statistics: class %q is not in sorted order", c.Label)
		}
		for _, v := range c.Services {
			if v.Protocol != tcp && v.Protocol != udp {
				return fmt.Errorf("connections: statistics: class %q: protocol %q, want tcp or udp", c.Label, v.Protocol)
			}
			if v.Port < 0 || v.Port > math.MaxUint16 || v.Flows < 1 {
				return fmt.Errorf("connections: statistics: class %q: port %d of %d flows", c.Label, v.Port, v.Flows)
			}
			for _, list := range [][]Count{v.ClientTTL, v.ServerTTL} {
				for _, n := range list {
					if n.Value < 1 || n.Value > 255 || n.Count < 1 {
						return fmt.Errorf("connections: statistics: class %q, port %d: time to live %d of %d flows", c.Label, v.Port, n.Value, n.Count)
					}
				}
			}
		}
		if n := len(c.Arrivals); n != 0 && n != quantiles+1 {
			return fmt.Errorf("connections: statistics: class %q: %d quantiles of arrivals, want %d", c.Label, n, quantiles+1)
		}
		for j, v := range c.Arrivals {
			if !(v >= 0) || v > maxGap || j > 0 && v < c.Arrivals[j-1] {
				return fmt.Errorf("connections: statistics: class %q: quantile %d of arrivals is %v seconds", c.Label, j, v)
			}
		}
	}
	return nil
}

// maxGap bounds the time between two starts, seconds: a year.
const maxGap = 366 * 24 * 3600

// Counter makes Statistics of flows. Its zero value is ready.
type Counter struct {
	classes map[string]*classCounter
	capture string // the one under way
}

// classCounter is Counter of one class. Exported fields, here and below, are what gob
// writes of them.
type classCounter struct {
	Flows    int
	Services map[serviceKey]*serviceCounter
	starts   []int64           // in the capture under way
	Gaps     [gapBuckets]int64 // between starts, by gapBucket
}

type serviceKey struct {
	Protocol uint8
	Port     uint16
}

type serviceCounter struct {
	Flows  int
	TTL    [2]map[int]int // of client and server
	Starts map[string]int
}

func newServiceCounter() *serviceCounter {
	return &serviceCounter{TTL: [2]map[int]int{{}, {}}, Starts: map[string]int{}}
}

// MarshalBinary returns what was counted, for Merge. The capture under way ends with it.
func (c *Counter) MarshalBinary() ([]byte, error) {
	c.endCapture()
	counted, err := gobs.Marshal(c.classes)
	if err != nil {
		return nil, fmt.Errorf("connections: %w", err)
	}
	return counted, nil
}

// Merge adds what another counter has counted, of flows of other captures. It does not
// matter which is added to which, as long as no class has more than 16,384 services.
func (c *Counter) Merge(counted []byte) error {
	var classes map[string]*classCounter
	if err := gobs.Unmarshal(counted, &classes); err != nil {
		return fmt.Errorf("connections: %w", err)
	}
	for label, other := range classes {
		class := c.class(label)
		class.Flows += other.Flows
		keys := slices.Collect(maps.Keys(other.Services))
		slices.SortFunc(keys, serviceKey.compare)
		for _, key := range keys {
			class.service(key).merge(other.Services[key])
		}
		for bucket, n := range other.Gaps {
			class.Gaps[bucket] += n
		}
	}
	return nil
}

func (k serviceKey) compare(other serviceKey) int {
	return cmp.Or(cmp.Compare(k.Protocol, other.Protocol), cmp.Compare(k.Port, other.Port))
}

// class returns what counts a class.
func (c *Counter) class(label string) *classCounter {
	if c.classes == nil {
		c.classes = map[string]*classCounter{}
	}
	class := c.classes[label]
	if class == nil {
		class = &classCounter{Services: map[serviceKey]*serviceCounter{}}
		c.classes[label] = class
	}
	return class
}

// service returns what counts a service.
func (c *classCounter) service(key serviceKey) *serviceCounter {
	s := c.Services[key]
	if s == nil {
		if len(c.Services) >= 1<<14 { // a port each: what is rare is merged at the end anyway
			key.Port = 0
			s = c.Services[key]
		}
		if s == nil {
			s = newServiceCounter()
			c.Services[key] = s
		}
	}
	return s
}

// Add counts a flow. One without a Connection does not count.
func (c *Counter) Add(f traffic.Flow) {
	seen := f.Connection
	if seen == nil {
		return
	}
	if seen.Capture != c.capture {
		c.endCapture()
		c.capture = seen.Capture
	}
	class := c.class(f.Label)
	class.Flows++
	s := class.service(serviceKey{seen.Protocol, seen.ServerPort})
	s.Flows++
	for i, ttl := range []uint8{seen.ClientTTL, seen.ServerTTL} {
		if ttl > 0 {
			s.TTL[i][int(ttl)]++
		}
	}
	s.Starts[shapeOf(f.Packets)]++
	if seen.Capture != "" && len(class.starts) < maxStarts {
		class.starts = append(class.starts, seen.Start)
	}
}

// shapeOf says what the first two packets are: their senders and, by octaves,
// their lengths.
func shapeOf(packets []traffic.Packet) string {
	shape := make([]byte, 0, 6)
	for _, p := range packets {
		if p.Length == 0 {
			continue
		}
		way := byte('u')
		if p.Dir == traffic.Down {
			way = 'd'
		}
		shape = fmt.Appendf(append(shape, way), "%d", bits.Len(uint(p.Length)))
		if len(shape) >= 4 {
			break
		}
	}
	return string(shape)
}

// The times between starts are counted in buckets, 8 to an octave of nanoseconds.
const gapBuckets = 64 * 8

func gapBucket(ns int64) int {
	if ns < 1 {
		return 0
	}
	return min(gapBuckets-1, 1+int(math.Log2(float64(ns))*8))
}

// gapOf is a bucket's middle, seconds.
func gapOf(bucket int) float64 {
	if bucket == 0 {
		return 0
	}
	return math.Exp2((float64(bucket)-0.5)/8) / 1e9
}

// endCapture counts the times between the starts of the capture under way.
func (c *Counter) endCapture() {
	for _, class := range c.classes {
		slices.Sort(class.starts)
		for i := 1; i < len(class.starts); i++ {
			class.Gaps[gapBucket(class.starts[i]-class.starts[i-1])]++
		}
		class.starts = class.starts[:0]
	}
}

// Statistics returns what was counted, nil where no flow had a Connection.
func (c *Counter) Statistics() *Statistics {
	if len(c.classes) == 0 {
		return nil
	}
	c.endCapture()
	s := &Statistics{}
	for label, class := range c.classes {
		s.Classes = append(s.Classes, ClassStatistics{Label: label, Flows: class.Flows, Services: class.kept(), Arrivals: class.arrivals()})
	}
	slices.SortFunc(s.Classes, func(a, b ClassStatistics) int { return cmp.Compare(a.Label, b.Label) })
	return s
}

// kept returns the frequent services, and the others merged by their protocol.
func (c *classCounter) kept() []Service {
	keys := make([]serviceKey, 0, len(c.Services))
	for k := range c.Services {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b serviceKey) int {
		return cmp.Or(cmp.Compare(c.Services[b].Flows, c.Services[a].Flows), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port))
	})
	others := map[uint8]*serviceCounter{}
	var list []Service
	for _, k := range keys {
		s := c.Services[k]
		// A port from 49152 on is one that a system gave out, for this connection.
		if k.Port > 0 && k.Port < firstDynamic && len(list) < maxServices && float64(s.Flows) >= minShare*float64(c.Flows) {
			list = append(list, s.service(k))
			continue
		}
		o := others[k.Protocol]
		if o == nil {
			o = newServiceCounter()
			others[k.Protocol] = o
		}
		o.merge(s)
	}
	for _, protocol := range []uint8{traffic.TCP, traffic.UDP} {
		if o := others[protocol]; o != nil {
			list = append(list, o.service(serviceKey{protocol, 0}))
		}
	}
	slices.SortStableFunc(list, func(a, b Service) int { return cmp.Compare(b.Flows, a.Flows) })
	return list
}

func (s *serviceCounter) merge(other *serviceCounter) {
	s.Flows += other.Flows
	for i, ttls := range other.TTL {
		for v, n := range ttls {
			s.TTL[i][v] += n
		}
	}
	for shape, n := range other.Starts {
		s.Starts[shape] += n
	}
}

func (s *serviceCounter) service(k serviceKey) Service {
	v := Service{Protocol: tcp, Port: int(k.Port), Flows: s.Flows, ClientTTL: frequent(s.TTL[0]), ServerTTL: frequent(s.TTL[1]), Starts: map[string]int{}}
	if k.Protocol == traffic.UDP {
		v.Protocol = udp
	}
	shapes := slices.Collect(maps.Keys(s.Starts))
	slices.SortFunc(shapes, func(a, b string) int { return cmp.Or(cmp.Compare(s.Starts[b], s.Starts[a]), cmp.Compare(a, b)) })
	for _, shape := range shapes[:min(len(shapes), maxShapes)] {
		v.Starts[shape] = s.Starts[shape]
	}
	return v
}

// frequent lists the values that are most frequent.
func frequent(counts map[int]int) []Count {
	var list []Count
	for v, n := range counts {
		list = append(list, Count{v, n})
	}
	slices.SortFunc(list, func(a, b Count) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value)) })
	return list[:min(len(list), maxTTLs)]
}

// arrivals returns the quantiles of the times between starts.
func (c *classCounter) arrivals() []float64 {
	total := int64(0)
	for _, n := range c.Gaps {
		total += n
	}
	if total == 0 {
		return nil
	}
	list := make([]float64, quantiles+1)
	bucket, below := 0, int64(0)
	for i := range list {
		rank := min(total-1, int64(math.Round(float64(i)/quantiles*float64(total-1))))
		for below+c.Gaps[bucket] <= rank {
			below += c.Gaps[bucket]
			bucket++
		}
		list[i] = math.Min(round(gapOf(bucket)), maxGap)
	}
	return list
}

// round keeps four digits: more would only make files longer.
func round(v float64) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, math.Ceil(math.Log10(v))-4)
	return math.Round(v/scale) * scale
}
