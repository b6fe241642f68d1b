package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// Titles are videos that a player streams: a class each, told by the server's port.
// Time runs twenty times as fast as in a living room, and a byte stands for ten: a
// segment of 4 seconds of video lasts 200 ms.
const (
	titles       = 12
	firstTitle   = 9001 // port of the first one's server
	segmentTime  = 200 * time.Millisecond
	segments     = 40              // of a title: 160 seconds of video
	playTime     = 5 * time.Second // of a session
	bufferTarget = 6               // segments that the player keeps ahead
)

// What the sample file holds of a session.
const (
	titleBin  = 75 * time.Millisecond
	titleBins = 64
)

// ladder is the bytes of a segment of average complexity, by quality.
var ladder = []float64{6_000, 14_000, 32_000}

// titleScenarios are the titles' servers and players.
func titleScenarios() (all []scenario) {
	for i := range titles {
		all = append(all, scenario{fmt.Sprintf("title-%02d", i+1), uint16(firstTitle + i), serveTitle, titleSession})
	}
	return all
}

// complexities are how many bytes each of a title's segments takes, as a share of the
// average: scenes of a level of their own, and frames that differ more or less within
// them. They are the title's, whoever streams it.
func complexities(seed uint64, name string) []float64 {
	d := newDice(seed, "video "+name, 0)
	out := make([]float64, 0, segments)
	whole := 0.35 * d.NormFloat64() // drawn films take less than sports
	for len(out) < segments {
		level := whole + 0.8*d.NormFloat64()
		within, drift := 0.08+0.25*d.Float64(), 0.0
		for range d.between(2, 9) { // a scene
			drift = 0.6*drift + within*d.NormFloat64()
			out = append(out, min(4, max(0.15, math.Exp(level+drift))))
		}
	}
	return out[:segments]
}

// segmentBytes is the size of a segment in a quality. Encoders hold the better
// qualities closer to their rate.
func segmentBytes(complexity float64, quality int) int {
	return int(ladder[quality] * math.Pow(complexity, []float64{0.85, 1, 1.1}[quality]))
}

// serveTitle answers requests, whose first line is "SEGMENT QUALITY", with an
// eight-digit length and the segment.
func serveTitle(s *site) error {
	shape := complexities(s.seed, s.name)
	return s.serveEach(func(c net.Conn, d dice) {
		request := make([]byte, 400)
		for {
			n, err := c.Read(request)
			if err != nil {
				return // the player has gone
			}
			var segment, quality int
			if _, err := fmt.Sscanf(string(request[:n]), "%d %d", &segment, &quality); err != nil || segment < 0 || segment >= segments || quality < 0 || quality >= len(ladder) {
				return
			}
			wait(context.Background(), time.Duration(1+d.IntN(4))*time.Millisecond)
			body := segmentBytes(shape[segment], quality) + d.between(-60, 60)
			if _, err := c.Write(append([]byte(fmt.Sprintf("%08d", body)), d.bytes(body)...)); err != nil {
				return
			}
		}
	})
}

// titleSession is a player: it asks for a segment in the quality that the last ones'
// throughput allows, while its buffer has room, and then waits until a segment has
// been played. It begins at the title's start, or a segment after it.
func titleSession(ctx context.Context, c *client) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	start := time.Now()
	first := c.between(0, 1)
	quality, rate := 0, 0.0 // bytes a second
	safety := 0.6 + 0.3*c.Float64()
	for segment := first; segment < segments && time.Since(start) < playTime; segment++ {
		// What is fetched is played from the start on: wait until there is room.
		if room := time.Duration(segment-first-bufferTarget+1)*segmentTime - time.Since(start); room > 0 {
			wait(ctx, room+time.Duration(c.IntN(8))*time.Millisecond)
		}
		asked := time.Now()
		request := strconv.Itoa(segment) + " " + strconv.Itoa(quality) + "\n" + c.word(c.between(60, 260))
		if _, err := io.WriteString(conn, request); err != nil {
			return err
		}
		n, err := readSegment(conn)
		if err != nil {
			return err
		}
		took := max(time.Since(asked), time.Millisecond).Seconds()
		if now := float64(n) / took; rate == 0 {
			rate = now
		} else {
			rate = 0.7*rate + 0.3*now
		}
		quality = 0
		for q := range ladder {
			if ladder[q]/segmentTime.Seconds() < safety*rate {
				quality = q
			}
		}
	}
	return nil
}

// readSegment reads an answer and returns its bytes.
func readSegment(conn net.Conn) (int, error) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(string(head))
	if err != nil {
		return 0, err
	}
	_, err = io.CopyN(io.Discard, conn, int64(n))
	return n, err
}

// link is what lies between a player and its server.
type link struct {
	delay  time.Duration // one way
	jitter time.Duration // of the delay, one standard deviation
	loss   float64       // share of packets
	rate   float64       // bytes a second, of each way
}

// linkOf is the link of the connection from a client's port.
func linkOf(seed uint64, port uint16) link {
	d := newDice(seed, "link", int(port))
	return link{
		delay:  time.Duration((1 + 5*d.Float64()) * float64(time.Millisecond)),
		jitter: time.Duration((0.1 + d.Float64()) * float64(time.Millisecond)),
		loss:   pick(d, 0, 0, 0.0005, 0.002, 0.006),
		rate:   pick(d, 150_000.0, 400_000, 900_000, 1_600_000),
	}
}

// writeTitles makes the sample file of captures, dir/LABEL.pcap.
func writeTitles(dir, out string, report io.Writer) error {
	var all []series.Series
	counts := map[string]int{}
	for _, s := range titleScenarios() {
		b := series.Binner{Bin: titleBin, Values: []string{"bytes_down", "bytes_up"}}
		b.Reader.Label = "{file}"
		w := series.Window{Length: titleBins, Most: 1, MinBins: titleBins / 2}
		of, err := series.Collect(w.Windows(b.Read(filepath.Join(dir, s.name+".pcap"))))
		if err != nil {
			return err
		}
		for i := range of {
			of[i].Start = time.Time{} // of no use, and different each time
		}
		counts[s.name] = len(of)
		all = append(all, of...)
	}
	for _, s := range titleScenarios() {
		fmt.Fprintf(report, "%s: %d sessions\n", s.name, counts[s.name])
	}
	return series.Write(out, series.All(all))
}
