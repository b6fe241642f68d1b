package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// capturesSeen adds up what the packets of captures were.
type capturesSeen struct {
	paths  map[string]bool
	counts traffic.CaptureCounts
}

// add is a traffic.Reader's Counted. A file that is read again counts once.
func (s *capturesSeen) add(path string, c traffic.CaptureCounts) {
	if s.paths[path] {
		return
	}
	if s.paths == nil {
		s.paths = map[string]bool{}
	}
	s.paths[path] = true
	s.counts.Add(c)
}

// some joins the first texts, and says how many others there are.
func some(texts []string, most int) string {
	if len(texts) > most {
		texts = append(slices.Clone(texts[:most]), fmt.Sprintf("%d kinds more", len(texts)-most))
	}
	return strings.Join(texts, "; ")
}

// print writes the summary: a line for each thing that there was, so that a plain
// capture has three.
func (s *capturesSeen) print(w io.Writer, read traffic.Assembly) {
	if len(s.paths) == 0 {
		return
	}
	c := &s.counts
	joined := ""
	if int64(len(s.paths)) < c.Captures {
		joined = fmt.Sprintf(", joined to %d", len(s.paths))
	}
	fmt.Fprintf(w, "%s%s: %s, %d of them TCP or UDP\n", plural(c.Captures, "capture"), joined, plural(c.Packets, "packet"), c.Segments)
	line := func(name, format string, values ...any) {
		fmt.Fprintf(w, "  %-12s%s\n", name, fmt.Sprintf(format, values...))
	}
	if len(c.Tunnels) > 0 {
		kinds := slices.SortedFunc(maps.Keys(c.Tunnels), func(a, b string) int {
			return cmp.Or(cmp.Compare(c.Tunnels[b], c.Tunnels[a]), cmp.Compare(a, b))
		})
		for i, k := range kinds {
			kinds[i] = fmt.Sprintf("%d in %s", c.Tunnels[k], k)
		}
		line("tunnels", "%s", some(kinds, 6))
	}
	if texts := c.LeftOut(); len(texts) > 0 {
		line("in no flow", "%s", some(texts, 6))
	}
	if c.Unsorted > 0 {
		line("unsorted", "%s earlier than the one before in the file, by up to %s: sorted within flows", plural(c.Unsorted, "packet"), c.UnsortedBy.Round(time.Microsecond))
	}
	if c.Duplicates > 0 {
		kept := "kept (--drop-duplicates leaves them out)"
		if read.DropDuplicates {
			kept = "left out"
		}
		line("duplicates", "%s captured twice, %.2g%% of TCP and UDP: %s", plural(c.Duplicates, "packet"), 100*float64(c.Duplicates)/float64(c.Segments), kept)
	}
	if c.Retransmissions > 0 {
		kept := "kept (--drop-retransmissions leaves them out)"
		if read.DropRetransmissions {
			kept = "left out"
		}
		line("sent again", "%s, %d of them after their acknowledgement: %s", plural(c.Retransmissions, "packet"), c.Spurious, kept)
	}
	if c.OutOfOrder > 0 {
		line("disordered", "%s after what follows them: kept", plural(c.OutOfOrder, "packet"))
	}
	if c.Late > 0 {
		line("late", "%s of connections whose ports were in use again: left out", plural(c.Late, "packet"))
	}
	line("connections", "%d%s", c.Biflows, endings(c))
}

// endings describes why connections ended before the end of the capture.
func endings(c *traffic.CaptureCounts) string {
	var texts []string
	for _, e := range []struct {
		n    int64
		text string
	}{
		{c.Reused, "by another one between the same ports"},
		{c.Idle, "by silence"},
		{c.Active, "cut by the active time-out"},
		{c.Evicted, "early, as too many were open"},
	} {
		if e.n > 0 {
			texts = append(texts, fmt.Sprintf("%d %s", e.n, e.text))
		}
	}
	if texts == nil {
		return ""
	}
	return "; ended before the end of their capture: " + strings.Join(texts, ", ")
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// noFlows returns an error that states why the input has no flows.
func (s *capturesSeen) noFlows() error {
	switch {
	case len(s.paths) == 0:
		return errors.New("there are no flows in the input, or none as long as --min-packets")
	case s.counts.Packets == 0:
		return fmt.Errorf("there are no flows in the input: no packets in %s", plural(s.counts.Captures, "capture"))
	case s.counts.Segments == 0:
		return fmt.Errorf("there are no flows in the input: none of its %s could be read as TCP or UDP: %s", plural(s.counts.Packets, "packet"), some(s.counts.LeftOut(), 5))
	default:
		return errors.New("there are no flows in the input with so many packets with payload: see --min-packets and --keep-empty")
	}
}

// capturesJSON is the summary for programs.
type capturesJSON struct {
	Captures  int64            `json:"captures"`
	Joined    int              `json:"joined_to"`
	Packets   int64            `json:"packets"`
	TCPOrUDP  int64            `json:"tcp_or_udp"`
	Fragments int64            `json:"later_fragments"`
	OtherIP   int64            `json:"other_ip"`
	NotIP     int64            `json:"not_ip"`
	Short     int64            `json:"cut_short_or_damaged"`
	CutTo     int              `json:"snapshot_length,omitempty"` // where headers were cut off
	Tunnels   map[string]int64 `json:"tunnels"`
	Unread    map[string]int64 `json:"unread"`

	Duplicates             int64 `json:"duplicates"`
	DuplicatesDropped      bool  `json:"duplicates_dropped"`
	Retransmissions        int64 `json:"retransmissions"`
	Spurious               int64 `json:"spurious_retransmissions"`
	RetransmissionsDropped bool  `json:"retransmissions_dropped"`
	Unsorted               int64 `json:"unsorted"`
	OutOfOrder             int64 `json:"out_of_order"`
	Late                   int64 `json:"late"`

	Connections   int64 `json:"connections"`
	EndedByReuse  int64 `json:"ended_by_reuse"`
	EndedByIdle   int64 `json:"ended_by_idle_timeout"`
	EndedByActive int64 `json:"ended_by_active_timeout"`
	Evicted       int64 `json:"ended_as_too_many_were_open"`
}

// json returns the summary for programs, nil where there were no captures.
func (s *capturesSeen) json(read traffic.Assembly) *capturesJSON {
	if len(s.paths) == 0 {
		return nil
	}
	c := &s.counts
	j := &capturesJSON{
		Captures: c.Captures, Packets: c.Packets, TCPOrUDP: c.Segments, Fragments: c.Fragments,
		OtherIP: c.OtherIP, NotIP: c.NotIP, Short: c.Short, CutTo: c.CutTo, Joined: len(s.paths), Unsorted: c.Unsorted, Tunnels: c.Tunnels, Unread: c.Unread,
		Duplicates: c.Duplicates, DuplicatesDropped: read.DropDuplicates,
		Retransmissions: c.Retransmissions, Spurious: c.Spurious, RetransmissionsDropped: read.DropRetransmissions,
		OutOfOrder: c.OutOfOrder, Late: c.Late, Connections: c.Biflows,
		EndedByReuse: c.Reused, EndedByIdle: c.Idle, EndedByActive: c.Active, Evicted: c.Evicted,
	}
	if j.Tunnels == nil {
		j.Tunnels = map[string]int64{}
	}
	if j.Unread == nil {
		j.Unread = map[string]int64{}
	}
	return j
}

// printJSON writes one JSON object.
func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}
