package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"golang.org/x/sys/unix"
)

// sniffer captures the IPv4 packets of the cable, both ways.
type sniffer struct {
	socket int
	frames []frame
	stop   atomic.Bool
	done   chan error
}

type frame struct {
	info gopacket.CaptureInfo
	data []byte
}

func startSniffer(device string) (*sniffer, error) {
	dev, err := net.InterfaceByName(device)
	if err != nil {
		return nil, err
	}
	// Only a socket for every protocol sees what this side sends.
	everything := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL}) // in network byte order
	s := &sniffer{done: make(chan error, 1)}
	if s.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	for _, set := range []func() error{
		func() error { return unix.SetsockoptInt(s.socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20) },
		func() error { return unix.SetsockoptInt(s.socket, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) },
		func() error {
			return unix.SetsockoptTimeval(s.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
		},
		func() error {
			return unix.Bind(s.socket, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: dev.Index})
		},
	} {
		if err := set(); err != nil {
			unix.Close(s.socket)
			return nil, fmt.Errorf("capture socket: %w", err)
		}
	}
	go func() { s.done <- s.run() }()
	return s, nil
}

func (s *sniffer) run() error {
	buffer, control := make([]byte, 1<<16), make([]byte, 256)
	for !s.stop.Load() {
		n, nc, flags, _, err := unix.Recvmsg(s.socket, buffer, control, unix.MSG_TRUNC)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("recvmsg", err)
		}
		if flags&unix.MSG_TRUNC != 0 || n > wireMTU+14 {
			return fmt.Errorf("a frame of %d bytes on a wire of MTU %d: is segmentation offload on?", n, wireMTU)
		}
		if n < 34 || binary.BigEndian.Uint16(buffer[12:]) != unix.ETH_P_IP {
			continue
		}
		at, err := stamped(control[:nc])
		if err != nil {
			return err
		}
		info := gopacket.CaptureInfo{Timestamp: at, Length: n, CaptureLength: n}
		if buffer[23] == unix.IPPROTO_TCP {
			info.CaptureLength = min(n, maxCapture)
		}
		s.frames = append(s.frames, frame{info, bytes.Clone(buffer[:info.CaptureLength])})
	}
	return nil
}

// stamped finds the kernel's time of the packet.
func stamped(control []byte) (time.Time, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}, err
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			return time.Unix((*unix.Timespec)(unsafe.Pointer(&m.Data[0])).Unix()), nil
		}
	}
	return time.Time{}, errors.New("the kernel gave a packet no time")
}

// finish ends the capture and writes it into a pcap file, in order of time:
// two processors do not always hand packets over in the order in which they
// stamped them. It fails if the kernel had to drop packets.
func (s *sniffer) finish(path string) error {
	time.Sleep(200 * time.Millisecond) // what is under way still arrives
	stats, err := unix.GetsockoptTpacketStats(s.socket, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	s.stop.Store(true)
	if err := errors.Join(err, <-s.done, unix.Close(s.socket)); err != nil {
		return err
	}
	if stats.Drops > 0 {
		return fmt.Errorf("the capture missed %d packets: the machine is too busy", stats.Drops)
	}
	slices.SortStableFunc(s.frames, func(f, g frame) int { return f.info.Timestamp.Compare(g.info.Timestamp) })
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(file)
	w := pcapgo.NewWriterNanos(buffered)
	err = w.WriteFileHeader(1<<16, layers.LinkTypeEthernet)
	for _, f := range s.frames {
		err = cmp.Or(err, w.WritePacket(f.info, f.data))
	}
	return errors.Join(err, buffered.Flush(), file.Close())
}
