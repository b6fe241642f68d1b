package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

const (
	maxPackets = 32        // of a flow in the Parquet file
	pcapBytes  = 150 << 10 // about the size of a sample pcap
)

// writeFiles makes the data's files from the whole capture.
func writeFiles(raw, out string, report io.Writer) error {
	flows, err := labelled(raw, maxPackets, classNames(scenarios))
	if err != nil {
		return err
	}
	slices.SortStableFunc(flows, func(f, g traffic.Flow) int { return cmp.Compare(f.Label, g.Label) })
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	if err := traffic.WriteParquet(filepath.Join(out, "loopback.parquet"), traffic.All(flows)); err != nil {
		return err
	}
	for _, s := range scenarios {
		if s.name == "dns" || s.name == "http1" {
			if err := writeSample(raw, filepath.Join(out, s.name+".pcap"), s.port); err != nil {
				return err
			}
		}
	}
	describe(report, flows)
	return nil
}

// writeSample copies the first flows to the port, each whole, into a pcap of
// about pcapBytes.
func writeSample(raw, path string, port uint16) (err error) {
	frames := newFrameReader()
	ours := func(frame []byte) (c conversation, ok bool) {
		c, ok = frames.conversation(frame)
		return c, ok && (c.low.port == port || c.high.port == port)
	}
	var order []conversation
	size := map[conversation]int{}
	if err := readFrames(raw, func(info gopacket.CaptureInfo, frame []byte) error {
		if c, ok := ours(frame); ok {
			if size[c] == 0 {
				order = append(order, c)
			}
			size[c] += 16 + info.CaptureLength
		}
		return nil
	}); err != nil {
		return err
	}
	chosen, total := map[conversation]bool{}, 0
	for _, c := range order {
		if n := size[c]; n < pcapBytes/10 && total+n <= pcapBytes {
			chosen[c], total = true, total+n
		}
	}
	staged := path + ".tmp"
	file, err := os.Create(staged)
	if err != nil {
		return err
	}
	defer os.Remove(staged)
	w := pcapgo.NewWriterNanos(file)
	err = w.WriteFileHeader(1<<16, layers.LinkTypeEthernet)
	if err == nil {
		err = readFrames(raw, func(info gopacket.CaptureInfo, frame []byte) error {
			if c, ok := ours(frame); !ok || !chosen[c] {
				return nil
			}
			return w.WritePacket(info, frame)
		})
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(staged, path)
}

// describe prints the table of the README.
func describe(w io.Writer, flows []traffic.Flow) {
	fmt.Fprintln(w, "| class | flows | packets a flow: median | fewest | 32 or more | payload: different lengths | median | longest | upstream |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|")
	for _, s := range scenarios {
		var packets, lengths []int
		full, up := 0, 0
		distinct := map[int]bool{}
		for _, f := range flows {
			if f.Label != s.name {
				continue
			}
			packets = append(packets, len(f.Packets))
			if len(f.Packets) == maxPackets {
				full++
			}
			for _, p := range f.Packets {
				lengths = append(lengths, p.Length)
				distinct[p.Length] = true
				if p.Dir == traffic.Up {
					up++
				}
			}
		}
		if len(packets) == 0 {
			continue
		}
		slices.Sort(packets)
		slices.Sort(lengths)
		fmt.Fprintf(w, "| %s | %d | %d | %d | %d %% | %d | %d | %d | %d %% |\n", s.name, len(packets),
			packets[len(packets)/2], packets[0], 100*full/len(packets),
			len(distinct), lengths[len(lengths)/2], lengths[len(lengths)-1], 100*up/len(lengths))
	}
}

// splitByPort copies the packets to and from each port into a pcap of their own,
// dir/NAME.pcap.
func splitByPort(raw, dir string, names map[uint16]string) (err error) {
	files := map[string]*os.File{}
	writers := map[string]*pcapgo.Writer{}
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
	}()
	frames := newFrameReader()
	return readFrames(raw, func(info gopacket.CaptureInfo, frame []byte) error {
		c, ok := frames.conversation(frame)
		name := cmp.Or(names[c.low.port], names[c.high.port])
		if !ok || name == "" {
			return nil
		}
		if files[name] == nil {
			f, err := os.Create(filepath.Join(dir, name+".pcap"))
			if err != nil {
				return err
			}
			files[name], writers[name] = f, pcapgo.NewWriterNanos(f)
			if err := writers[name].WriteFileHeader(1<<16, layers.LinkTypeEthernet); err != nil {
				return err
			}
		}
		return writers[name].WritePacket(info, frame)
	})
}
