package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// The committed files, as the README describes them.
func TestLoopback(t *testing.T) {
	checkParquet(t, "../loopback.parquet", 250)
}

func checkParquet(t *testing.T, path string, perClass int) {
	t.Helper()
	info, err := traffic.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"PL", "IAT", "DIR", "LABEL"}; !slices.Equal(info.Columns, want) {
		t.Errorf("columns %v, want %v", info.Columns, want)
	}
	flows, err := traffic.Collect(traffic.Read(path))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	packets := map[int]bool{}
	for i, f := range flows {
		count[f.Label]++
		packets[len(f.Packets)] = true
		if n := len(f.Packets); n < 1 || n > maxPackets || f.Packets[0].IAT != 0 {
			t.Errorf("flow %d: %d packets, the first after %v µs; want 1 to %d and 0", i, n, f.Packets[0].IAT, maxPackets)
		}
		limit := wireMSS
		if f.Label == "dns" || f.Label == "rtp" {
			limit = wireMTU - 20 - 8 // IPv4, UDP
		}
		for j, p := range f.Packets {
			if p.Length < 1 || p.Length > limit || p.IAT < 0 {
				t.Errorf("flow %d (%s), packet %d: %v, want 1 to %d bytes", i, f.Label, j, p, limit)
			}
		}
	}
	if len(count) != len(scenarios) {
		t.Errorf("classes %v, want %d", count, len(scenarios))
	}
	for _, s := range scenarios {
		if count[s.name] < perClass-perClass/20 {
			t.Errorf("%d flows of %s, want %d or a few less", count[s.name], s.name, perClass)
		}
	}
	if perClass >= 100 && len(packets) < 25 {
		t.Errorf("flows have %d different numbers of packets, want variety", len(packets))
	}
}

func TestSamplePcaps(t *testing.T) { checkPcaps(t, "..") }

// checkPcaps looks the pcaps' flows up in the Parquet file.
func checkPcaps(t *testing.T, dir string) {
	t.Helper()
	all, err := traffic.Collect(traffic.Read(filepath.Join(dir, "loopback.parquet")))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, f := range all {
		known[fmt.Sprint(f)] = true
	}
	for _, name := range []string{"dns", "http1"} {
		path := filepath.Join(dir, name+".pcap")
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 200<<10 {
			t.Errorf("%s has %d bytes, want a small file", path, info.Size())
		}
		if err := readFrames(path, func(info gopacket.CaptureInfo, _ []byte) error {
			if info.Length > wireMTU+14 {
				return fmt.Errorf("a frame of %d bytes on a wire of MTU %d", info.Length, wireMTU)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		flows, err := labelled(path, maxPackets, classNames(scenarios))
		if err != nil {
			t.Fatal(err)
		}
		if len(flows) == 0 {
			t.Errorf("%s holds no flows", path)
		}
		for i, f := range flows {
			if !known[fmt.Sprint(f)] {
				t.Errorf("%s: flow %d is not in loopback.parquet", path, i)
			}
		}
		t.Logf("%s: %d flows, %d bytes", path, len(flows), info.Size())
	}
}

// The whole capture, in small. It takes root and some seconds, and builds the
// program first.
func TestCapture(t *testing.T) {
	if os.Getenv("NETDIFFUS_CAPTURE") == "" {
		t.Skip("set NETDIFFUS_CAPTURE=1 to run real traffic between network namespaces (Linux, root, ip)")
	}
	if runtime.GOOS != "linux" {
		t.Fatal("NETDIFFUS_CAPTURE is set, but network namespaces are Linux's")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "capture")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(program, "-sessions", "20", "-out", dir).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	checkParquet(t, filepath.Join(dir, "loopback.parquet"), 20)
	checkPcaps(t, dir)
}
