package traffic

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
)

// ErrOverMTU is wrapped by the error of a payload that is too long for a packet.
var ErrOverMTU = errors.New("more than fits the MTU")

// Pcap describes how flows become the packets of a capture: Ethernet frames in a
// pcap file with time stamps in nanoseconds. Each flow is a connection of its
// own between addresses of the documentation ranges (192.0.2.0/24 the clients,
// 198.51.100.0/24 the servers; 2001:db8::/32), with handshake, running sequence
// and acknowledgement numbers, acknowledgements, an orderly end and valid
// checksums, one flow after another. Payloads are zeros.
//
// Reading the capture gives back the same flows in the same order, with times
// to the nanosecond. What does not come back are packets of 0 bytes, for which
// the time before them is kept, and flows of nothing else. Flows that are not
// Timed come back timed.
type Pcap struct {
	UDP  bool // UDP datagrams; false means TCP
	IPv6 bool // false means IPv4

	// MTU is the longest IP packet, bytes; 0 means 1500, the largest is 65535.
	// The payload of a packet may have up to 40 bytes less with TCP over IPv4,
	// 28 with UDP, and 20 less again over IPv6.
	MTU int

	// Segment cuts payloads that are too long for the MTU into several
	// packets, a microsecond apart, which then do not read back as one. False
	// makes such a payload an error.
	Segment bool

	// Port is the servers' port; 0 means 9 (discard), of which no program
	// expects any form of payload.
	Port uint16

	// Start is the time of the first packet. The zero time means the start of
	// 2024, UTC.
	Start time.Time

	// Times are inter-arrival times in microseconds, for flows that are not
	// Timed: each packet's is drawn from them. None means 1 millisecond
	// between packets.
	Times []float64
	Seed  uint64 // of the drawing
}

// Waits around the packets of a flow, nanoseconds.
const (
	halfRound  = 500_000        // from a SYN to its answer
	betweenMin = 1_000_000      // from one flow's end to the next one's start
	ackWait    = 100_000        // until an acknowledgement, at most
	aliveEvery = 60_000_000_000 // between signs of life in a quiet flow, well below DefaultIdle
	longestGap = 24 * 3600 * 1_000_000_000
)

// pcapWriter writes flows as packets.
type pcapWriter struct {
	Pcap
	packets capture.PacketMaker
	out     *capture.Writer
	mss     int   // longest payload, bytes
	now     int64 // nanoseconds since 1970
	flows   uint64
	random  *rand.Rand
}

// start checks the options and writes the file's header.
func (p Pcap) start(out io.Writer) (*pcapWriter, error) {
	w := &pcapWriter{Pcap: p}
	if w.MTU == 0 {
		w.MTU = 1500
	}
	head := capture.IPv4Head
	if p.IPv6 {
		head = capture.IPv6Head
	}
	if p.UDP {
		head += capture.UDPHead
	} else {
		head += capture.TCPHead
	}
	if w.MTU < head+16 || w.MTU > MaxLength {
		return nil, fmt.Errorf("MTU %d: want %d to %d bytes", w.MTU, head+16, MaxLength)
	}
	w.mss = w.MTU - head
	if w.Port == 0 {
		w.Port = 9
	}
	start := p.Start
	if start.IsZero() {
		start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if s := start.Unix(); s < 0 || s > math.MaxUint32 {
		return nil, fmt.Errorf("start %v: want a time from 1970 to 2106", start)
	}
	w.now = start.UnixNano()
	for i, v := range p.Times {
		if _, err := gap(v); err != nil {
			return nil, fmt.Errorf("time %d to draw from: %w", i, err)
		}
	}
	w.random = rand.New(rand.NewPCG(p.Seed, 0x7ca9)) // any stream of its own
	var err error
	w.out, err = capture.NewWriter(out)
	return w, err
}

// gap turns an inter-arrival time in microseconds into nanoseconds.
func gap(iat float64) (int64, error) {
	ns := math.Round(iat * 1e3)
	if !(ns >= 0 && ns <= longestGap) {
		return 0, fmt.Errorf("inter-arrival time %v, want microseconds from 0 to a day", iat)
	}
	return int64(ns), nil
}

// put writes a frame captured now.
func (w *pcapWriter) put(frame []byte) error { return w.out.Write(w.now, frame) }

// flow writes a flow.
func (w *pcapWriter) flow(f Flow) error {
	client, server := w.peers()
	n := 0
	waited := int64(0) // since the packet before, in this flow
	for i, p := range f.Packets {
		iat := 1000.0
		switch {
		case i == 0:
			iat = 0
		case f.Timed:
			iat = p.IAT
		case len(w.Times) > 0:
			iat = w.Times[w.random.IntN(len(w.Times))]
		}
		wait, err := gap(iat)
		if err != nil {
			return fmt.Errorf("packet %d: %w", i, err)
		}
		if p.Length == 0 {
			waited += wait
			continue
		}
		if p.Length > w.mss && !w.Segment {
			return fmt.Errorf("packet %d has %d bytes of payload, %w: one of %d carries %d: raise it (up to 65535) or cut payloads into segments", i, p.Length, ErrOverMTU, w.MTU, w.mss)
		}
		if n == 0 {
			if err := w.open(client, server, p.Dir); err != nil {
				return err
			}
			waited, wait = 0, 0
		}
		if err := w.pause(client, server, waited+wait); err != nil {
			return err
		}
		waited = 0
		from, to := client, server
		if p.Dir == Down {
			from, to = server, client
		}
		if err := w.payload(from, to, p.Length); err != nil {
			return err
		}
		n++
	}
	if n == 0 {
		if err := w.open(client, server, Down); err != nil {
			return err
		}
	}
	return w.close(client, server)
}

// MAC addresses of the documentation range (RFC 7042, 2.1.2).
var clientMAC, serverMAC = [6]byte{0, 0, 0x5e, 0, 0x53, 0x01}, [6]byte{0, 0, 0x5e, 0, 0x53, 0x02}

// peers makes the two ends of the next flow: no two flows have the same.
func (w *pcapWriter) peers() (client, server *capture.Peer) {
	const hosts, ports, firstPort = 254, 16384, 49152 // of a /24; the dynamic range
	n := w.flows
	w.flows++
	c, s, port := byte(1+n%hosts), byte(1+n/hosts%hosts), uint16(firstPort+n/(hosts*hosts)%ports)
	client = &capture.Peer{Addr: netip.AddrFrom4([4]byte{192, 0, 2, c}), Port: port, MAC: clientMAC, Seq: w.random.Uint32()}
	server = &capture.Peer{Addr: netip.AddrFrom4([4]byte{198, 51, 100, s}), Port: w.Port, MAC: serverMAC, Seq: w.random.Uint32()}
	if w.IPv6 {
		client.Addr = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 7: 1, 15: c})
		server.Addr = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 7: 2, 15: s})
	}
	return client, server
}

// open makes the client known: by the handshake, or in UDP, where the first
// payload goes downstream, by an empty datagram.
func (w *pcapWriter) open(client, server *capture.Peer, first Direction) error {
	if w.UDP {
		if first == Up {
			return nil
		}
		err := w.put(w.packets.Datagram(client, server, 0))
		w.now += halfRound
		return err
	}
	err := w.put(w.packets.Segment(client, server, capture.SYN, 0, w.mss))
	w.now += halfRound
	err = errors.Join(err, w.put(w.packets.Segment(server, client, capture.SYN|capture.ACK, 0, w.mss)))
	w.now += halfRound
	err = errors.Join(err, w.put(w.packets.Segment(client, server, capture.ACK, 0, w.mss)))
	w.now += ackWait
	return err
}

// payload writes a payload's packet, or packets.
func (w *pcapWriter) payload(from, to *capture.Peer, n int) error {
	for {
		part := min(n, w.mss)
		frame := w.frameOf(from, to, part)
		if err := w.put(frame); err != nil {
			return err
		}
		if n -= part; n == 0 {
			return nil
		}
		w.now += 1000
	}
}

func (w *pcapWriter) frameOf(from, to *capture.Peer, payload int) []byte {
	if w.UDP {
		return w.packets.Datagram(from, to, payload)
	}
	return w.packets.Segment(from, to, capture.PSH|capture.ACK, payload, w.mss)
}

// pause lets time pass inside a flow: every second segment is acknowledged,
// and a quiet flow gives signs of life, lest a reader takes it for ended.
func (w *pcapWriter) pause(client, server *capture.Peer, wait int64) error {
	next := w.now + wait
	if !w.UDP {
		for _, ends := range [2][2]*capture.Peer{{client, server}, {server, client}} {
			if ends[0].Owed < 2 {
				continue
			}
			early := min(ackWait, (next-w.now)/2)
			w.now += early
			if err := w.put(w.packets.Segment(ends[0], ends[1], capture.ACK, 0, w.mss)); err != nil {
				return err
			}
		}
	}
	for next-w.now > aliveEvery {
		w.now += aliveEvery
		if w.UDP {
			if err := w.put(w.packets.Datagram(client, server, 0)); err != nil {
				return err
			}
			continue
		}
		// A keep-alive: nothing, from the byte before the next one.
		client.Seq--
		err := w.put(w.packets.Segment(client, server, capture.ACK, 0, w.mss))
		client.Seq++
		if err != nil {
			return err
		}
	}
	w.now = next
	return nil
}

// close ends a flow.
func (w *pcapWriter) close(client, server *capture.Peer) error {
	w.now += ackWait
	if !w.UDP {
		err := w.put(w.packets.Segment(client, server, capture.FIN|capture.ACK, 0, w.mss))
		w.now += halfRound
		err = errors.Join(err, w.put(w.packets.Segment(server, client, capture.FIN|capture.ACK, 0, w.mss)))
		w.now += halfRound
		if err = errors.Join(err, w.put(w.packets.Segment(client, server, capture.ACK, 0, w.mss))); err != nil {
			return err
		}
	}
	w.now += betweenMin
	return nil
}

// write writes flows of one label.
func (p Pcap) write(out *atomicfile.File, flows iter.Seq2[Flow, error]) error {
	w, err := p.start(out)
	if err != nil {
		return err
	}
	label := ""
	return checked(flows, func(n int, f Flow) error {
		if n == 0 {
			label = f.Label
		}
		if f.Label != label {
			return fmt.Errorf("label %q after %q: a capture has no place for labels; write a folder of captures, one a label (a path ending in %q)", f.Label, label, string(os.PathSeparator))
		}
		return w.flow(f)
	})
}

// maxLabels is how many captures writeFolder has open at once.
const maxLabels = 500

// writeFolder writes a folder of captures, LABEL/LABEL.pcap.
func (w Writer) writeFolder(path string, flows iter.Seq2[Flow, error]) error {
	dir, err := atomicfile.CreateDir(path)
	if err != nil {
		return fmt.Errorf("traffic: %w", err)
	}
	defer dir.Abort()
	type capture struct {
		*pcapWriter
		file   *os.File
		buffer *bufio.Writer
	}
	captures := map[string]*capture{}
	closeAll := func() (err error) {
		for label, c := range captures {
			err = errors.Join(err, c.buffer.Flush(), c.file.Close())
			delete(captures, label)
		}
		return err
	}
	defer closeAll()
	err = checked(flows, func(n int, f Flow) error {
		c := captures[f.Label]
		if c == nil {
			if err := checkFolderName(f.Label); err != nil {
				return err
			}
			if len(captures) == maxLabels {
				return fmt.Errorf("more than %d labels", maxLabels)
			}
			folder := filepath.Join(dir.Path(), f.Label)
			if err := os.Mkdir(folder, 0o777); err != nil {
				return err
			}
			file, err := os.Create(filepath.Join(folder, f.Label+".pcap"))
			if err != nil {
				return err
			}
			c = &capture{file: file, buffer: bufio.NewWriterSize(file, 1<<16)}
			captures[f.Label] = c
			if c.pcapWriter, err = w.Pcap.start(c.buffer); err != nil {
				return err
			}
		}
		return c.flow(f)
	})
	if err != nil {
		return fmt.Errorf("traffic: writing %s: %w", path, err)
	}
	if err := closeAll(); err != nil {
		return fmt.Errorf("traffic: writing %s: %w", path, err)
	}
	if err := dir.Commit(); err != nil {
		return fmt.Errorf("traffic: writing %s: %w", path, err)
	}
	return nil
}

// checkFolderName refuses labels that are no folder's name everywhere.
func checkFolderName(label string) error {
	const longest = 200 // bytes: what file systems give a name, less the ending
	if !filepath.IsLocal(label) || strings.ContainsAny(label, `/\:*?"<>|`) || strings.HasPrefix(label, ".") || len(label) > longest {
		return fmt.Errorf("label %.40q cannot be a folder's name: give the flows another, or write another kind of file", label)
	}
	for _, r := range label {
		if r < ' ' {
			return fmt.Errorf("label %.40q cannot be a folder's name: give the flows another, or write another kind of file", label)
		}
	}
	return nil
}
