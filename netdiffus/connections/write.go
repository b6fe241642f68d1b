package connections

import (
	"bufio"
	"container/heap"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/payload"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Options are Write's beside the profile.
type Options struct {
	// Statistics is what is known of the connections that the flows were learned
	// from, as dataset.Set.Connections; nil takes that of the flows themselves, where
	// they have a traffic.Connection.
	Statistics *Statistics

	NG bool // write pcapng and not pcap

	// Labels gets a table of the connections (CSV), with a header and a row each in
	// the order of their starts: number, class, protocol, addresses and ports, start,
	// packets with payload and bytes of it. nil writes none.
	Labels io.Writer

	// Progress is called now and then with the number of connections that were
	// started and of those there will be, 0 where that is not known. It may be nil.
	Progress func(done, total int)
}

// Summary is what a capture holds.
type Summary struct {
	Connections int
	Packets     int64
	Bytes       int64         // of payload, what was sent again aside
	Span        time.Duration // from the first packet to the last
	Cut         int           // flows' packets that were cut since they were longer than the MTU
	SentAgain   int64         // segments
	MostOpen    int           // connections at once
	Starts      Starts
	Classes     []ClassSummary // sorted by label
}

// ClassSummary is what a capture holds of a class.
type ClassSummary struct {
	Label       string
	Connections int
	Source      Source   // what decided about the services
	Services    []string // such as "tcp/443 tls"
}

// WriteFile writes a capture as Write does: pcapng where the path ends in .pcapng,
// else pcap. labels is the path of the table of connections, "" for none. The files
// appear when they are complete.
func WriteFile(ctx context.Context, path, labels string, flows iter.Seq2[traffic.Flow, error], p Profile, o Options) (Summary, error) {
	out, err := atomicfile.Create(path)
	if err != nil {
		return Summary{}, fmt.Errorf("connections: %w", err)
	}
	defer out.Abort()
	o.NG = strings.EqualFold(filepath.Ext(path), ".pcapng")
	var table *atomicfile.File
	if labels != "" {
		if table, err = atomicfile.Create(labels); err != nil {
			return Summary{}, fmt.Errorf("connections: %w", err)
		}
		defer table.Abort()
		o.Labels = table
	}
	s, err := Write(ctx, out, flows, p, o)
	if err != nil {
		return s, err
	}
	if table != nil {
		if err := table.Commit(); err != nil {
			return s, fmt.Errorf("connections: %w", err)
		}
	}
	if err := out.Commit(); err != nil {
		return s, fmt.Errorf("connections: %w", err)
	}
	return s, nil
}

// Write writes flows as the packets of a capture, each flow a connection: many at
// once, between hosts and at times as the profile says. The packets with payload
// have the lengths, directions and times between them that the flows have; what is
// longer than the MTU is cut. The same flows, profile and statistics give the same
// bytes.
//
// flows is ranged over once; what does not fit into 64 MiB goes through a
// temporary file. Else memory is that of the connections that are open at once.
func Write(ctx context.Context, out io.Writer, flows iter.Seq2[traffic.Flow, error], p Profile, o Options) (Summary, error) {
	if err := p.Check(); err != nil {
		return Summary{}, fmt.Errorf("connections: %w: %w", ErrProfile, err)
	}
	all, err := gather(flows)
	defer all.close()
	if err != nil {
		return Summary{}, err
	}
	if o.Statistics == nil {
		o.Statistics = all.seen.Statistics()
	}
	w := &writer{ctx: ctx, profile: p.filled(), options: o, flows: all}
	return w.run(out)
}

// frames is where packets go.
type frames interface {
	Write(time int64, frame []byte) error
}

type writer struct {
	ctx     context.Context
	profile Profile
	options Options
	flows   *pool
	plans   []plan
	hosts   *hosts
	out     frames
	maker   capture.PacketMaker
	buf     []byte
	open    connectionHeap
	begin   int64
	first   int64
	last    int64
	table   *csv.Writer
	summary Summary
	counts  []int
	used    []map[string]int
}

func (w *writer) run(out io.Writer) (Summary, error) {
	buffered := bufio.NewWriterSize(out, 1<<16)
	var err error
	if w.options.NG {
		w.out, err = capture.NewWriterNG(buffered)
	} else {
		w.out, err = capture.NewWriter(buffered)
	}
	if err != nil {
		return w.summary, fmt.Errorf("connections: %w", err)
	}
	w.begin, w.buf = w.profile.Start.UnixNano(), make([]byte, traffic.MaxLength)
	w.hosts = newHosts(&w.profile)
	w.counts, w.used = make([]int, len(w.flows.labels)), make([]map[string]int, len(w.flows.labels))
	for i, label := range w.flows.labels {
		w.plans = append(w.plans, w.profile.planOf(label, w.options.Statistics))
		w.used[i] = map[string]int{}
	}
	if err := w.checkShares(); err != nil {
		return w.summary, err
	}
	if w.options.Labels != nil {
		w.table = csv.NewWriter(w.options.Labels)
		w.table.Write([]string{"connection", "class", "protocol", "client", "client_port", "server", "server_port", "start", "packets", "bytes"})
	}
	if err := w.connections(); err != nil {
		return w.summary, err
	}
	if err := buffered.Flush(); err != nil {
		return w.summary, fmt.Errorf("connections: %w", err)
	}
	if w.table != nil {
		w.table.Flush()
		if err := w.table.Error(); err != nil {
			return w.summary, fmt.Errorf("connections: table of connections: %w", err)
		}
	}
	w.summarize()
	return w.summary, nil
}

// checkShares reports classes of the profile that no flow has, where all that have a
// share are such.
func (w *writer) checkShares() error {
	given, found := false, false
	for _, c := range w.profile.Classes {
		given = given || c.Share > 0
	}
	for _, c := range w.plans {
		found = found || c.share > 0
	}
	if given && !found {
		return fmt.Errorf("connections: %w: classes: no flow is of a class that has a share: the flows have %s", ErrProfile, strings.Join(w.flows.labels[:min(8, len(w.flows.labels))], ", "))
	}
	return nil
}

// connections writes all of them, packet by packet in the order of time.
func (w *writer) connections() error {
	next, how, err := w.profile.timeline(w.flows, w.plans, w.options.Statistics)
	if err != nil {
		return fmt.Errorf("connections: %w", err)
	}
	w.summary.Starts = how
	var serial *backToBack
	if how == BackToBack {
		serial = w.profile.oneByOne(w.flows)
		next = serial
	}
	total := w.flows.count()
	if w.profile.Duration > 0 {
		total = int(float64(w.profile.Rate) * w.profile.Duration.Seconds())
	}
	for {
		s, ok := next.next()
		if !ok {
			break
		}
		if err := checkTimes(w.profile.Start, s.at); err != nil {
			return err
		}
		if err := w.send(w.begin + s.at); err != nil {
			return err
		}
		if w.summary.Connections%64 == 0 {
			if err := w.ctx.Err(); err != nil {
				return err
			}
		}
		if w.options.Progress != nil && w.summary.Connections%256 == 0 {
			w.options.Progress(w.summary.Connections, total)
		}
		if err := w.start(s); err != nil {
			return err
		}
		if serial != nil {
			if err := w.send(1<<63 - 1); err != nil {
				return err
			}
			serial.free = w.last - w.begin + 1e6
		}
	}
	return w.send(1<<63 - 1)
}

// start begins a connection.
func (w *writer) start(s start) error {
	f, err := w.flows.take(s.label, s.flow)
	if err != nil {
		return err
	}
	n := uint64(w.summary.Connections)
	w.summary.Connections++
	w.counts[s.label]++
	r := noise.Stream(w.profile.Seed, streamConnection, n)
	what := &w.plans[s.label]
	sizes := make([]payload.Packet, len(f.packets))
	longest := 0
	for i, q := range f.packets {
		sizes[i] = payload.Packet{Up: q.Dir == traffic.Up, Length: q.Length}
		longest = max(longest, q.Length)
	}
	service := what.choose(r, f.packets, sizes)
	at := w.begin + s.at
	from, port, err := w.hosts.client(r, at)
	if err != nil {
		return err
	}
	to := w.hosts.server(s.label, r.IntN(what.servers), from.addr.Is6())
	c := &connection{number: n, udp: service.udp, r: r, hosts: [2]*host{from, to}, port: port}
	serverPort := service.port
	if serverPort == 0 {
		serverPort = firstDynamic - 1 - r.IntN(30000)
	}
	c.peers[client] = capture.Peer{Addr: from.addr, Port: port, MAC: from.mac, ID: uint16(r.Uint32()), TTL: uint8(from.ttl)}
	c.peers[server] = capture.Peer{Addr: to.addr, Port: uint16(serverPort), MAC: to.mac, ID: uint16(r.Uint32()), TTL: uint8(to.ttl)}
	if to.mac == w.hosts.gateway && from.mac != w.hosts.gateway {
		c.peers[server].MAC = w.hosts.gateway
	}
	if ttl := draw(r, service.clientTTL); ttl > 0 {
		c.peers[client].TTL = uint8(ttl)
	}
	if ttl := draw(r, service.serverTTL); ttl > 0 {
		c.peers[server].TTL = uint8(ttl)
	}
	head := capture.IPv4Head
	if from.addr.Is6() {
		head = capture.IPv6Head
	}
	if c.udp {
		c.mss = w.profile.Network.MTU - head - capture.UDPHead
	} else {
		c.mss = w.profile.Network.MTU - head - capture.TCPHead
		c.windows = [2]bool{from.windows, false}
		// Windows asks for no time stamps; and a flow whose segments are longer than
		// they leave room for had none.
		if c.stamps = !from.windows && longest <= c.mss-stampBytes; c.stamps {
			c.mss -= stampBytes
		}
		c.began = w.begin
		c.first = [2]uint32{r.Uint32(), r.Uint32()}
		c.clock = [2]uint32{from.clock + r.Uint32()>>8, to.clock + r.Uint32()>>8}
	}
	sizes = cutSizes(sizes, c.mss)
	c.stream = payload.New(service.kind, sizes, payload.Options{UDP: c.udp, Name: what.name, Random: r})
	w.summary.Cut += c.write(&w.profile, f, at)
	from.busy[port] = c.events[len(c.events)-1].at
	w.used[s.label][serviceName(service)]++
	if w.table != nil {
		w.row(c, what.label, f)
	}
	heap.Push(&w.open, c)
	w.summary.MostOpen = max(w.summary.MostOpen, len(w.open))
	return nil
}

// cutSizes are the payloads as they are sent.
func cutSizes(sizes []payload.Packet, most int) []payload.Packet {
	fits := true
	for _, q := range sizes {
		fits = fits && q.Length <= most
	}
	if fits {
		return sizes
	}
	var out []payload.Packet
	for _, q := range sizes {
		for left := q.Length; left > 0; left -= most {
			out = append(out, payload.Packet{Up: q.Up, Length: min(left, most)})
		}
	}
	return out
}

func serviceName(c *chosen) string {
	protocol, port := tcp, strconv.Itoa(c.port)
	if c.udp {
		protocol = udp
	}
	if c.port == 0 {
		port = "various"
	}
	return protocol + "/" + port + " " + string(c.kind)
}

// row adds a connection to the table.
func (w *writer) row(c *connection, label string, f flow) {
	protocol, bytes := tcp, 0
	if c.udp {
		protocol = udp
	}
	for _, q := range f.packets {
		bytes += q.Length
	}
	w.table.Write([]string{
		strconv.FormatUint(c.number, 10), label, protocol,
		c.peers[client].Addr.String(), strconv.Itoa(int(c.peers[client].Port)), c.peers[server].Addr.String(), strconv.Itoa(int(c.peers[server].Port)),
		time.Unix(0, c.events[0].at).UTC().Format(time.RFC3339Nano), strconv.Itoa(len(f.packets)), strconv.Itoa(bytes),
	})
}

// send writes the packets of all connections before the time.
func (w *writer) send(before int64) error {
	end := int64(1<<63 - 1)
	if w.profile.Cut {
		end = w.begin + int64(w.profile.Duration)
	}
	for n := 0; len(w.open) > 0; n++ {
		c := w.open[0]
		e := c.events[c.next]
		if e.at >= before {
			return nil
		}
		if e.at >= end {
			w.open = nil
			return nil
		}
		if n%4096 == 4095 {
			if err := w.ctx.Err(); err != nil {
				return err
			}
		}
		if frame := c.emit(&w.maker, w.buf); frame != nil {
			if err := w.out.Write(e.at, frame); err != nil {
				return fmt.Errorf("connections: %w", err)
			}
			if w.summary.Packets++; w.summary.Packets == 1 {
				w.first = e.at
			}
			w.last = e.at
			if e.action == againAction {
				w.summary.SentAgain++
			} else if e.action == dataAction {
				w.summary.Bytes += int64(e.size)
			}
		}
		if c.next == len(c.events) {
			heap.Pop(&w.open)
		} else {
			heap.Fix(&w.open, 0)
		}
	}
	return nil
}

func (w *writer) summarize() {
	w.summary.Span = time.Duration(w.last - w.first)
	for i, c := range w.plans {
		if w.counts[i] == 0 {
			continue
		}
		s := ClassSummary{Label: c.label, Connections: w.counts[i], Source: c.source}
		s.Services = append(s.Services, byCount(w.used[i])...)
		w.summary.Classes = append(w.summary.Classes, s)
	}
}

// connectionHeap is the open connections, the one with the next packet first.
type connectionHeap []*connection

func (h connectionHeap) Len() int { return len(h) }
func (h connectionHeap) Less(i, j int) bool {
	a, b := h[i].events[h[i].next].at, h[j].events[h[j].next].at
	return a < b || a == b && h[i].number < h[j].number
}
func (h connectionHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *connectionHeap) Push(x any)   { *h = append(*h, x.(*connection)) }
func (h *connectionHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
