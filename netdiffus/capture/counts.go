package capture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Counts holds what the packets of a capture were.
type Counts struct {
	Captures int64 // files

	Packets   int64 // all of them: the sum of the next five
	Segments  int64 // TCP and UDP packets, first fragments included: what biflows are made of
	Fragments int64 // later IP fragments, which have no ports: in no biflow
	OtherIP   int64 // IP of other protocols (ICMP, ESP, …)
	NotIP     int64 // ARP and the like, and link layers that are not read
	Short     int64 // headers cut off, or self-contradictory

	// CutOff counts the packets of Short whose headers were cut off as the
	// packet was captured, and CutTo is the most bytes that one of them has:
	// the snapshot length of the capture.
	CutOff int64
	CutTo  int

	// Unsorted counts the packets that have an earlier time than the packet before
	// them in the file, and UnsortedBy is the longest such step back.
	Unsorted   int64
	UnsortedBy time.Duration

	// Tunnels counts packets by the tunnels and encapsulations they came in,
	// such as "VXLAN", "GRE" or "MPLS"; VLAN tags are not counted. A packet in
	// two tunnels, one in the other, counts for both. It is nil where there
	// are none.
	Tunnels map[string]int64

	// Unread counts the packets of OtherIP and NotIP by what they are, such as
	// "IP protocol 1 (ICMP)" or "EtherType 0x88cc (LLDP)". Its sum is OtherIP
	// and NotIP together. It is nil where there are none.
	Unread map[string]int64

	Assembled // what became of the Segments

	// Crowded is not 0 where more than so many biflows were open at once: then
	// the quietest were ended early, see Assembly.MaxOpen.
	Crowded int

	// Remarks say what is out of the ordinary about the files, such as times in
	// another unit than the header states. It is nil where nothing is.
	Remarks []string
}

// Add adds the packets of another capture.
func (c *Counts) Add(other Counts) {
	c.Captures += other.Captures
	c.Packets += other.Packets
	c.Segments += other.Segments
	c.Fragments += other.Fragments
	c.OtherIP += other.OtherIP
	c.NotIP += other.NotIP
	c.Short += other.Short
	c.CutOff += other.CutOff
	c.CutTo = max(c.CutTo, other.CutTo)
	c.Unsorted += other.Unsorted
	c.UnsortedBy = max(c.UnsortedBy, other.UnsortedBy)
	c.Tunnels = sumOf(c.Tunnels, other.Tunnels)
	c.Unread = sumOf(c.Unread, other.Unread)
	c.Assembled.add(other.Assembled)
	c.Crowded = max(c.Crowded, other.Crowded)
	c.Remarks = append(c.Remarks, other.Remarks...)
}

// LeftOut describes the packets that are in no biflow, the most frequent first:
// "5 frames of EtherType 0x88cc (LLDP)", "1 packet of IP protocol 1 (ICMP)",
// "3 packets with headers cut off (captured with a snapshot length of 40)".
func (c *Counts) LeftOut() []string {
	type line struct {
		n    int64
		text string
	}
	var lines []line
	add := func(n int64, noun, text string) {
		if n == 1 {
			lines = append(lines, line{n, fmt.Sprintf("1 %s %s", noun, text)})
		} else if n > 0 {
			lines = append(lines, line{n, fmt.Sprintf("%d %ss %s", n, noun, text)})
		}
	}
	for name, n := range c.Unread {
		noun := "frame"
		if strings.HasPrefix(name, "IP protocol") {
			noun = "packet"
		}
		add(n, noun, "of "+name)
	}
	add(c.CutOff, "packet", fmt.Sprintf("with headers cut off (captured with a snapshot length of %d)", c.CutTo))
	add(c.Short-c.CutOff, "packet", "with headers that are damaged")
	add(c.Fragments, "later fragment", "of IP packets")
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.text, b.text))
	})
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.text
	}
	return texts
}

// sumOf adds the counts of b to a copy of a.
func sumOf(a, b map[string]int64) map[string]int64 {
	if len(b) == 0 {
		return a
	}
	sum := maps.Clone(a)
	if sum == nil {
		sum = map[string]int64{}
	}
	for name, n := range b {
		sum[name] += n
	}
	return sum
}

// tally counts verdicts in a form that is cheap to add to.
type tally struct {
	counts  Counts
	tunnels [tunnelKinds]int64
	unread  map[unread]int64
}

// maxUnread bounds the kinds that are told apart, since a hostile capture has
// millions.
const maxUnread = 1000

// count takes in a frame that d has decoded.
func (t *tally) count(f *Frame, v verdict, d *decoder) {
	c := &t.counts
	c.Packets++
	switch v {
	case isSegment:
		c.Segments++
	case isFragment:
		c.Fragments++
	case isShort:
		c.Short++
		if len(f.Data) < f.Length {
			c.CutOff++
			c.CutTo = max(c.CutTo, len(f.Data))
		}
	case isOtherIP, isOther:
		if v == isOtherIP {
			c.OtherIP++
		} else {
			c.NotIP++
		}
		if t.unread == nil {
			t.unread = map[unread]int64{}
		}
		if _, known := t.unread[d.unread]; !known && len(t.unread) >= maxUnread {
			d.unread = unread{layerOther, otherFurther}
		}
		t.unread[d.unread]++
	}
	for kinds, k := d.tunnels, 0; kinds != 0; kinds, k = kinds>>1, k+1 {
		if kinds&1 != 0 {
			t.tunnels[k]++
		}
	}
}

// sum returns the counts so far.
func (t *tally) sum() Counts {
	c := t.counts
	for k, n := range t.tunnels {
		if n > 0 {
			if c.Tunnels == nil {
				c.Tunnels = map[string]int64{}
			}
			c.Tunnels[tunnel(k).String()] = n
		}
	}
	if t.unread != nil {
		c.Unread = map[string]int64{}
	}
	for what, n := range t.unread {
		c.Unread[what.String()] += n // several numbers may have one name
	}
	return c
}
