// Package tshark runs Wireshark's command line in tests.
package tshark

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// Lines returns what tshark prints of a capture, one line a packet, with
// reassembly off so that lengths are of packets. It skips the test where tshark
// is not installed.
func Lines(t *testing.T, path string, args ...string) []string {
	t.Helper()
	program, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed (Debian: apt-get install tshark)")
	}
	c := exec.Command(program, append([]string{"-n", "-r", path,
		"-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE"}, args...)...)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, complaint.String())
	}
	text := strings.TrimSuffix(string(out), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
