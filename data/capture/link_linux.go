package main

import (
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The link's ends of the two cables.
const (
	clientSide = "tocli0"
	serverSide = "tosrv0"
)

// linkRole forwards frames between the client's and the server's cable, with the
// delay, jitter, loss and rate of each connection's link: what Linux' netem does, where
// the kernel has it.
func linkRole(ctx context.Context, o options) error {
	return obey(map[string]func(string) error{
		"cables": func(pids string) error {
			var client, server string
			if _, err := fmt.Sscan(pids, &client, &server); err != nil {
				return err
			}
			for side, pid := range map[string]string{clientSide: client, serverSide: server} {
				if err := ip(ctx, "link add "+side+" type veth peer name "+cable+" netns "+pid); err != nil {
					return err
				}
				if err := ip(ctx, fmt.Sprintf("link set %s mtu %d", side, wireMTU)); err != nil {
					return err
				}
				if err := offloadsOff(side); err != nil {
					return err
				}
				if err := ip(ctx, "link set "+side+" up"); err != nil {
					return err
				}
			}
			return relay(o.seed)
		},
	})
}

// relay forwards, in the background, until the process ends.
func relay(seed uint64) error {
	a, err := frameSocket(clientSide)
	if err != nil {
		return err
	}
	b, err := frameSocket(serverSide)
	if err != nil {
		return err
	}
	go newForwarder(seed, b, true).run(a)
	go newForwarder(seed, a, false).run(b)
	return nil
}

// frameSocket opens a socket of whole frames of a device.
func frameSocket(device string) (int, error) {
	dev, err := net.InterfaceByName(device)
	if err != nil {
		return 0, err
	}
	everything := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL}) // in network byte order
	s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20)
	}
	if err == nil {
		err = unix.Bind(s, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: dev.Index})
	}
	return s, err
}

// queueTime is what a link's queue holds: packets that would wait longer are lost.
const queueTime = 80 * time.Millisecond

// forwarder delays frames of one way and sends them on.
type forwarder struct {
	seed     uint64
	to       int
	fromUser bool
	dice     dice
	flows    map[uint16]*wayState // by the client's port

	mu      sync.Mutex
	waiting frameHeap
	wake    chan struct{}
}

// wayState is one connection's link, one way.
type wayState struct {
	link
	free, last time.Time // when the link is free, and the last packet's arrival
}

type waitingFrame struct {
	at   time.Time
	data []byte
}

type frameHeap []waitingFrame

func (h frameHeap) Len() int           { return len(h) }
func (h frameHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h frameHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *frameHeap) Push(x any)        { *h = append(*h, x.(waitingFrame)) }
func (h *frameHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

func newForwarder(seed uint64, to int, fromUser bool) *forwarder {
	name := "link down"
	if fromUser {
		name = "link up"
	}
	f := &forwarder{seed: seed, to: to, fromUser: fromUser, dice: newDice(seed, name, 0), flows: map[uint16]*wayState{}, wake: make(chan struct{}, 1)}
	go f.send()
	return f
}

// run takes frames from the socket.
func (f *forwarder) run(from int) {
	buffer := make([]byte, 1<<16)
	for {
		n, sender, err := unix.Recvfrom(from, buffer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		if ll, ok := sender.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		at, lost := f.arrival(buffer[:n], time.Now())
		if lost {
			continue
		}
		f.mu.Lock()
		heap.Push(&f.waiting, waitingFrame{at, append([]byte(nil), buffer[:n]...)})
		f.mu.Unlock()
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// arrival is when a frame reaches the other end. Frames but those of TCP go at once.
func (f *forwarder) arrival(frame []byte, now time.Time) (at time.Time, lost bool) {
	if len(frame) < 54 || binary.BigEndian.Uint16(frame[12:]) != unix.ETH_P_IP || frame[23] != unix.IPPROTO_TCP {
		return now, false
	}
	tcp := frame[14+int(frame[14]&15)*4:]
	port := binary.BigEndian.Uint16(tcp[2:])
	if f.fromUser {
		port = binary.BigEndian.Uint16(tcp)
	}
	w := f.flows[port]
	if w == nil {
		w = &wayState{link: linkOf(f.seed, port)}
		f.flows[port] = w
	}
	if f.dice.chance(w.loss) {
		return now, true
	}
	begin := now
	if w.free.After(begin) {
		begin = w.free
	}
	if begin.Sub(now) > queueTime {
		return now, true
	}
	w.free = begin.Add(time.Duration(float64(len(frame)) / w.rate * 1e9))
	at = w.free.Add(w.delay + time.Duration(math.Abs(f.dice.NormFloat64())*float64(w.jitter)))
	if !at.After(w.last) { // a link keeps the order
		at = w.last.Add(time.Microsecond)
	}
	w.last = at
	return at, false
}

// send sends the frames whose time has come.
func (f *forwarder) send() {
	for {
		f.mu.Lock()
		var due []byte
		next := time.Hour
		if len(f.waiting) > 0 {
			if next = time.Until(f.waiting[0].at); next <= 0 {
				due = heap.Pop(&f.waiting).(waitingFrame).data
			}
		}
		f.mu.Unlock()
		if due != nil {
			unix.Write(f.to, due) // what the kernel does not take is lost, as on a wire
			continue
		}
		timer := time.NewTimer(next)
		select {
		case <-f.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}
