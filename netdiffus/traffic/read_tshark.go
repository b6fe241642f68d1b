package traffic

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// tsharkSchema is the schema of tables of one row a packet that tshark -T fields
// writes with -E header=y.
var tsharkSchema = schema{name: "tshark's fields, one row a packet", Columns: Columns{Length: "tcp.len", IAT: "frame.time_epoch", Label: "LABEL", IATUnit: time.Microsecond}}

// tsharkColumns are the indices of tshark's fields; -1: none.
type tsharkColumns struct {
	epoch, relative      int
	ends                 [2][]int // of addresses: source, destination
	tcp, udp             [2]int   // ports: source, destination
	tcpLength, udpLength int
	tcpStream, udpStream int
	syn, ack, tcpFlags   int
}

// findTshark finds tshark's fields by their names, which hold a dot.
func findTshark(header []string) (tsharkColumns, bool) {
	at := func(name string) int { return tables.Column(header, name) }
	t := tsharkColumns{
		epoch: at("frame.time_epoch"), relative: at("frame.time_relative"),
		tcp: [2]int{at("tcp.srcport"), at("tcp.dstport")}, udp: [2]int{at("udp.srcport"), at("udp.dstport")},
		tcpLength: at("tcp.len"), udpLength: at("udp.length"), tcpStream: at("tcp.stream"), udpStream: at("udp.stream"),
		syn: at("tcp.flags.syn"), ack: at("tcp.flags.ack"), tcpFlags: at("tcp.flags"),
	}
	for i, names := range [2][]string{{"ip.src", "ipv6.src"}, {"ip.dst", "ipv6.dst"}} {
		for _, name := range names {
			if c := at(name); c >= 0 {
				t.ends[i] = append(t.ends[i], c)
			}
		}
	}
	found := t.epoch >= 0 || t.relative >= 0 || len(t.ends[0]) > 0 || t.tcpLength >= 0 || t.udpLength >= 0
	return t, found
}

// check returns an error if fields are missing that flows need.
func (t tsharkColumns) check() error {
	var missing []string
	need := func(there bool, fields string) {
		if !there {
			missing = append(missing, fields)
		}
	}
	need(len(t.ends[0]) > 0 && len(t.ends[1]) > 0, "ip.src and ip.dst (or ipv6.src and ipv6.dst)")
	hasTCP, hasUDP := t.tcp[0] >= 0 && t.tcp[1] >= 0, t.udp[0] >= 0 && t.udp[1] >= 0
	need(hasTCP || hasUDP, "tcp.srcport and tcp.dstport, or udp.srcport and udp.dstport")
	need(!hasTCP || t.tcpLength >= 0, "tcp.len")
	need(!hasUDP || t.udpLength >= 0, "udp.length")
	if missing != nil {
		return fmt.Errorf("a table of tshark's fields without %s: give tshark -e for them", strings.Join(missing, "; "))
	}
	return nil
}

// tsharkPacket is one row's packet.
type tsharkPacket struct {
	source, target netip.AddrPort
	protocol       byte   // 6 TCP, 17 UDP
	stream         string // tshark's number of the connection, or ""
	length         int    // payload, bytes
	time           int64  // nanoseconds
	timed          bool
	syn            bool // TCP's SYN, without ACK
}

// packet reads a row; ok is false for rows that are no TCP or UDP.
func (t tsharkColumns) packet(row []string) (p tsharkPacket, ok bool, err error) {
	cell := func(i int) string {
		if i < 0 || i >= len(row) {
			return ""
		}
		return lastOf(row[i])
	}
	ports, length, stream := t.tcp, t.tcpLength, t.tcpStream
	p.protocol = 6
	if cell(ports[0]) == "" {
		ports, length, stream = t.udp, t.udpLength, t.udpStream
		p.protocol = 17
	}
	if cell(ports[0]) == "" || cell(length) == "" {
		return p, false, nil
	}
	p.stream = cell(stream)
	for i, end := range []*netip.AddrPort{&p.source, &p.target} {
		text := ""
		for _, c := range t.ends[i] {
			if text == "" {
				text = cell(c)
			}
		}
		address, err := netip.ParseAddr(text)
		if err != nil {
			return p, false, fmt.Errorf("address %.60q: want one of IPv4 or IPv6", text)
		}
		port, err := strconv.ParseUint(cell(ports[i]), 10, 16)
		if err != nil {
			return p, false, fmt.Errorf("port %.20q: want a number up to 65535", cell(ports[i]))
		}
		*end = netip.AddrPortFrom(address, uint16(port))
	}
	bytes, err := strconv.Atoi(cell(length))
	if p.protocol == 17 {
		bytes -= 8 // udp.length counts the header
	}
	if err != nil || bytes < 0 || bytes > MaxLength {
		return p, false, fmt.Errorf("length %.20q: want bytes up to %d", cell(length), MaxLength)
	}
	p.length = bytes
	p.syn = isSyn(cell(t.syn), cell(t.ack), cell(t.tcpFlags))
	clock := cell(t.epoch)
	if clock == "" {
		clock = cell(t.relative)
	}
	if clock != "" {
		p.timed = true
		p.time, err = parseSeconds(clock)
	}
	return p, err == nil, err
}

// lastOf returns the last of several values that tshark joins by commas: of the
// headers in tunnels, the innermost.
func lastOf(cell string) string {
	return strings.TrimSpace(cell[strings.LastIndexByte(cell, ',')+1:])
}

// isSyn reports whether TCP's flags, as fields of their own or as a number, are
// those of a connection's first packet.
func isSyn(syn, ack, flags string) bool {
	if n, err := strconv.ParseUint(strings.TrimPrefix(flags, "0x"), 16, 16); err == nil {
		return n&0x12 == 0x02
	}
	isSet := func(s string) bool { return s == "1" || strings.EqualFold(s, "true") }
	return isSet(syn) && !isSet(ack)
}

// parseSeconds reads seconds with up to nine decimals, exactly, or a time of RFC
// 3339, as newer versions of tshark print, in nanoseconds.
func parseSeconds(text string) (int64, error) {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at.UnixNano(), nil
	}
	whole, fraction, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 34)
	if err != nil || len(fraction) > 9 {
		return 0, fmt.Errorf("time %.40q: want seconds since 1970", text)
	}
	nanos, err := strconv.ParseUint("0"+fraction+"000000000"[len(fraction):], 10, 63)
	if err != nil {
		return 0, fmt.Errorf("time %.40q: want seconds since 1970", text)
	}
	if strings.HasPrefix(whole, "-") {
		return seconds*1e9 - int64(nanos), nil
	}
	return seconds*1e9 + int64(nanos), nil
}

// tsharkRows reads a table of tshark's. Packets of one connection, by tshark's
// stream or by addresses and ports, form a flow, until silence of
// Reader.Capture.Idle. The client is the sender of the SYN, or of the first packet.
func (c *csvFile) tsharkRows(yield func(Flow) bool) error {
	g := tsharkGatherer{csvFile: c, open: map[tsharkKey]*tsharkFlow{}}
	onDisk, _, err := c.file.Size()
	if err != nil {
		return err
	}
	g.room = 24<<20 + 4*16*onDisk
	if !c.compressed() {
		g.room = 24<<20 + 4*onDisk
	}
	for {
		row, err := c.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := g.add(row); err != nil {
			return err
		}
	}
	if g.left > 0 {
		c.reader.warn(fmt.Errorf("traffic: %s: left out %d rows without a port and a length of TCP or UDP", c.path, g.left))
	}
	for i, flow := range g.order {
		g.order[i] = nil
		if f, kept := flow.flow(c.reader); kept && !yield(f) {
			return errStopped
		}
	}
	return nil
}

func (c *csvFile) compressed() bool { return c.file.Compressed() }

// tsharkGatherer puts rows together to flows.
type tsharkGatherer struct {
	*csvFile
	open  map[tsharkKey]*tsharkFlow
	order []*tsharkFlow
	left  int   // rows that are no packets of flows
	room  int64 // bytes that flows may still take
}

// tsharkKey identifies a connection: its lower end, its upper end.
type tsharkKey struct {
	low, high netip.AddrPort
	protocol  byte
	stream    string
}

// tsharkFlow is a flow under way. Its packets' Dir is Up for those from first.
type tsharkFlow struct {
	label         string
	first, second netip.AddrPort // who sent the first packet, and to whom
	protocol      byte
	client        netip.AddrPort // who sent the SYN, if it was seen
	packets       []tsharkStamp
	timed         bool
}

type tsharkStamp struct {
	time   int64
	length int32
	back   bool // from second to first
}

func (g *tsharkGatherer) add(row []string) error {
	p, ok, err := g.cols.tshark.packet(row)
	if err != nil {
		return g.errorf(0, "%w", err)
	}
	if !ok {
		g.left++
		return nil
	}
	key := tsharkKey{low: p.source, high: p.target, protocol: p.protocol, stream: p.stream}
	if key.low.Compare(key.high) > 0 {
		key.low, key.high = key.high, key.low
	}
	f := g.open[key]
	if f == nil || g.isOver(f, p) {
		label, err := g.label(row)
		if err != nil {
			return err
		}
		f = &tsharkFlow{label: label, first: p.source, second: p.target, protocol: p.protocol, timed: true}
		key.stream = strings.Clone(key.stream)
		g.open[key] = f
		g.order = append(g.order, f)
		g.room -= 512 + int64(len(label)+len(key.stream))
	}
	if p.syn && !f.client.IsValid() {
		f.client = p.source
	}
	f.timed = f.timed && p.timed
	if len(f.packets) == tables.MaxTextNumbers {
		return g.errorf(0, "more than %d packets in a flow", tables.MaxTextNumbers)
	}
	before := cap(f.packets)
	f.packets = append(f.packets, tsharkStamp{p.time, int32(p.length), p.source != f.first})
	if g.room -= 16 * int64(cap(f.packets)-before); g.room < 0 {
		return g.errorf(0, "more flows than can be held: read the capture itself")
	}
	return nil
}

// isOver reports whether a packet comes so late after the flow's last that it
// begins another.
func (g *tsharkGatherer) isOver(f *tsharkFlow, p tsharkPacket) bool {
	idle := g.reader.Capture.Idle
	if idle == 0 {
		idle = DefaultIdle
	}
	return idle > 0 && p.timed && f.timed && p.time-f.packets[len(f.packets)-1].time > int64(idle)
}

// flow makes the flow of the packets that the reader keeps; kept is false if there
// are none.
func (f *tsharkFlow) flow(r Reader) (flow Flow, kept bool) {
	flow = Flow{Label: f.label, Timed: f.timed}
	client, server := f.first, f.second
	if f.client.IsValid() && f.client == f.second {
		client, server = f.second, f.first
	}
	if f.timed {
		slices.SortStableFunc(f.packets, func(a, b tsharkStamp) int {
			switch {
			case a.time < b.time:
				return -1
			case a.time > b.time:
				return 1
			}
			return 0
		})
	}
	before := int64(0)
	for _, s := range f.packets {
		if s.length == 0 && !r.KeepEmpty {
			continue
		}
		p := Packet{Length: int(s.length), Dir: Up}
		if s.back == (client == f.first) {
			p.Dir = Down
		}
		if f.timed && len(flow.Packets) > 0 {
			p.IAT = float64(s.time-before) / 1e3
		}
		before = s.time
		flow.Packets = append(flow.Packets, p)
	}
	if r.readsKeys() {
		flow.Key = fmt.Sprintf("%s,%d,%s,%d,%d", client.Addr(), client.Port(), server.Addr(), server.Port(), f.protocol)
	}
	return flow, len(flow.Packets) > 0
}
