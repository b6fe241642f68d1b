package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/window"
)

// snoopFrames reads the format of Solaris's snoop (RFC 1761), all of it
// big-endian.
type snoopFrames struct {
	w    *window.Window
	link uint32
}

// snoopLinks are the link-layer types of snoop's numbers.
var snoopLinks = map[uint32]uint32{
	0: linkEthernet, // 802.3
	2: linkTokenRing, 4: linkEthernet, 8: linkFDDI, 26: linkIPNet,
}

// openSnoop starts on a file of which the first four bytes are taken.
func openSnoop(w *window.Window) (*snoopFrames, error) {
	head, err := w.Take(12)
	if err != nil || string(head[:4]) != magicSnoop[4:] {
		return nil, errors.New("the snoop file ends within its header")
	}
	if version := binary.BigEndian.Uint32(head[4:]); version != 2 {
		return nil, fmt.Errorf("snoop version %d, want 2: editcap -F pcapng of Wireshark converts it", version)
	}
	number := binary.BigEndian.Uint32(head[8:])
	link, known := snoopLinks[number]
	if !known {
		link = linkSnoop | number&0xffff
	}
	return &snoopFrames{w: w, link: link}, nil
}

func (s *snoopFrames) Next(f *Frame) error {
	const size = 24
	at := s.w.Offset
	head, err := s.w.Take(size)
	if err == io.EOF {
		return err
	}
	if err != nil {
		return cutShort(err, at, "the file ends within a packet's header")
	}
	length, captured, record := binary.BigEndian.Uint32(head), binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint32(head[8:])
	if captured > maxFrame || uint64(record) < size+uint64(captured) || record > maxFrame+1<<16 {
		return &Damage{Offset: at, What: fmt.Sprintf("a packet claims %d captured bytes in a record of %d", captured, record)}
	}
	f.Link, f.Timed = s.link, true
	f.Time = int64(binary.BigEndian.Uint32(head[16:]))*1e9 + int64(binary.BigEndian.Uint32(head[20:]))*1000
	f.Length = int(max(captured, length))
	data, err := s.w.Take(int(record) - size) // padding included
	if err != nil {
		return cutShort(err, at, "the file ends within a packet")
	}
	f.Data = data[:captured]
	return nil
}
