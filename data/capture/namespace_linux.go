package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The two ends of the cable: addresses kept for documentation (RFC 5737) and
// locally administered MACs.
const (
	cable      = "cable0" // the interface's name at both ends
	clientIP   = "192.0.2.10"
	serverIP   = "192.0.2.20"
	clientMAC  = "02:00:00:00:00:10"
	serverMAC  = "02:00:00:00:00:20"
	maxCapture = 128 // bytes kept of a TCP packet: its headers and a little more
)

// layCable makes the virtual Ethernet cable from this namespace to the one of
// the process.
func layCable(ctx context.Context, pid string) error {
	return ip(ctx, "link add "+cable+" type veth peer name "+cable+" netns "+pid)
}

// plugIn sets up this namespace's end of the cable.
func plugIn(ctx context.Context, address, mac string) error {
	for _, command := range []string{
		"link set lo up",
		fmt.Sprintf("link set %s address %s mtu %d", cable, mac, wireMTU),
		fmt.Sprintf("addr add %s/24 dev %s", address, cable),
	} {
		if err := ip(ctx, command); err != nil {
			return err
		}
	}
	if err := offloadsOff(cable); err != nil {
		return err
	}
	return ip(ctx, "link set "+cable+" up")
}

func ip(ctx context.Context, command string) error {
	out, err := exec.CommandContext(ctx, "ip", strings.Fields(command)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", command, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// offloadsOff makes the kernel cut, join and sum packets itself, before they
// are captured: with these on, a capture shows packets of up to 64 KiB that no
// wire carries, and checksums yet to be filled in.
func offloadsOff(device string) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(s)
	for _, command := range []uint32{unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_SGRO, unix.ETHTOOL_STXCSUM} {
		value := struct{ command, data uint32 }{command, 0} // ethtool_value
		request := struct {                                 // ifreq
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [16]byte
		}{data: unsafe.Pointer(&value)}
		copy(request.name[:unix.IFNAMSIZ-1], device)
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
			return fmt.Errorf("turning offload %#x of %s off: %w", command, device, errno)
		}
	}
	return nil
}
