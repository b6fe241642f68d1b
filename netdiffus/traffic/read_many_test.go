package traffic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// splitCapture writes a capture of flows and cuts it into n files of about the same
// number of packets, named by name(i).
func splitCapture(t *testing.T, dir string, flows []Flow, n int, name func(i int) string) {
	t.Helper()
	whole := filepath.Join(t.TempDir(), "whole.pcap")
	if err := Write(whole, All(flows)); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for rest := file[24:]; len(rest) > 0; {
		n := 16 + int(binary.LittleEndian.Uint32(rest[8:]))
		packets, rest = append(packets, rest[:n]), rest[n:]
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		part := slices.Concat(packets[i*len(packets)/n : (i+1)*len(packets)/n]...)
		if err := os.WriteFile(filepath.Join(dir, name(i)), append(slices.Clone(file[:24]), part...), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// Sets of captures give the flows of the capture that they were cut from, whatever
// the program has called the files; without Join they do not.
func TestJoinSets(t *testing.T) {
	var flows []Flow
	for i := range 7 {
		flows = append(flows, Flow{Label: "chat", Timed: true, Packets: []Packet{{100 + i, Up, 0}, {200, Down, 1000}, {300, Down, 1}, {10, Up, 5e6}}})
	}
	for name, of := range map[string]func(i int) string{
		"tcpdump -C":   func(i int) string { return "cap.pcap" + strings.TrimPrefix(fmt.Sprint(i), "0") },
		"tcpdump -W":   func(i int) string { return fmt.Sprintf("cap.pcap%02d", i) },
		"logrotate":    func(i int) string { return fmt.Sprintf("cap.pcap.%d", 11-i) }, // the latest is 0
		"dumpcap":      func(i int) string { return fmt.Sprintf("cap_%05d_20260101%06d.pcapng", i+1, i) },
		"time as name": func(i int) string { return fmt.Sprintf("1700000%03d.CAP", i) },
	} {
		dir := filepath.Join(t.TempDir(), "captures")
		splitCapture(t, filepath.Join(dir, "chat"), flows, 12, of)
		splitCapture(t, filepath.Join(dir, "mail"), flows[:1], 2, of)
		var counts []CaptureCounts
		r := Reader{Join: true, Counted: func(_ string, c CaptureCounts) { counts = append(counts, c) }}
		got, err := Collect(r.Read(dir))
		want := append(slices.Clone(flows), flows[0])
		want[len(flows)].Label = "mail"
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if len(counts) != 2 || counts[0].Captures != 12 || counts[1].Captures != 2 {
			t.Errorf("%s: %+v", name, counts)
		}
		var warnings []error
		apart, err := Collect(Reader{Warn: func(err error) { warnings = append(warnings, err) }}.Read(dir))
		if err != nil || len(apart) <= len(want) {
			t.Errorf("%s: without Join %d flows, %v", name, len(apart), err)
		}
		var sets []CaptureSet
		for _, warning := range warnings {
			if s, ok := errors.AsType[*CaptureSet](warning); ok {
				sets = append(sets, *s)
			}
		}
		if seen := name != "time as name"; seen != (len(sets) == 2) || seen && (sets[0].Files != 12 || sets[1].Files != 2) || len(warnings) != len(sets) {
			t.Errorf("%s: without Join warned %v", name, warnings)
		}
		if name == "dumpcap" || strings.HasPrefix(name, "tcpdump") {
			r.Label = "{file}"
			if got, err := Collect(r.Read(filepath.Join(dir, "chat"))); err != nil || len(got) != len(flows) || got[0].Label != "cap" {
				t.Errorf("%s, labelled by file: %+v, %v", name, got, err)
			}
		}
	}
}

// A set with a file that is cut off goes on after it; one that is no capture is an
// error that names it once; tables beside the captures are read as ever.
func TestJoinDamage(t *testing.T) {
	dir := t.TempDir()
	flows := []Flow{{Label: "x", Timed: true, Packets: []Packet{{1, Up, 0}, {2, Down, 10}, {3, Up, 10}, {4, Down, 10}}}}
	splitCapture(t, dir, flows, 3, func(i int) string { return fmt.Sprintf("%d.pcap", i) })
	middle := filepath.Join(dir, "1.pcap")
	file, err := os.ReadFile(middle)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(middle, file[:len(file)-1])
	write(filepath.Join(dir, "a.csv"), []byte("PL,LABEL\n\"-5,6\",table\n"))
	var warnings []error
	r := Reader{Join: true, Label: "x", Warn: func(err error) { warnings = append(warnings, err) }}
	got, err := Collect(r.Read(dir))
	var damage *Damage
	if err != nil || len(got) != 2 || len(warnings) != 1 || !errors.As(warnings[0], &damage) || damage.Path != middle {
		t.Errorf("%+v, %v, %v", got, warnings, err)
	}
	write(middle, file[:20])
	if _, err := Collect(r.Read(dir)); err == nil || strings.Count(err.Error(), middle) != 1 || !strings.Contains(err.Error(), "within its header") {
		t.Errorf("%v", err)
	}
}

// manyFiles writes files of flows of different sizes, captures and tables.
func manyFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 12 {
		var flows []Flow
		for k := range 1 + 97*i%400 {
			flows = append(flows, Flow{Label: "all", Timed: true, Packets: []Packet{{1 + k%1400, Up, 0}, {1 + i, Down, 10}}})
		}
		name := fmt.Sprintf("%02d.%s", i, []string{"pcap", "parquet", "csv"}[i%3])
		if err := Write(filepath.Join(dir, name), All(flows)); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 { // cut off within the last packet
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			if err == nil {
				err = os.Truncate(path, info.Size()-1)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// Flows, warnings and counts come in the same order however many files are read at
// once, and nothing goes on once nobody takes any more.
func TestWorkers(t *testing.T) {
	dir := manyFiles(t)
	read := func(workers, stopAfter int) (log []string) {
		r := Reader{Workers: workers, Label: "{file}"}
		r.Warn = func(err error) { log = append(log, err.Error()) }
		r.Counted = func(path string, c CaptureCounts) { log = append(log, fmt.Sprint(path, c)) }
		for f, err := range r.Read(dir) {
			if err != nil {
				t.Fatal(err)
			}
			if log = append(log, fmt.Sprint(f)); len(log) == stopAfter {
				break
			}
		}
		return log
	}
	want := read(1, 0)
	if len(want) < 1000 || !strings.Contains(want[1], "00") {
		t.Fatalf("%d lines, %.200q", len(want), want)
	}
	before := runtime.NumGoroutine()
	for _, workers := range []int{2, 3, 16} {
		if got := read(workers, 0); !slices.Equal(got, want) {
			t.Errorf("%d workers: other flows or another order", workers)
		}
		for _, stop := range []int{1, 700} {
			if got := read(workers, stop); !slices.Equal(got, want[:stop]) {
				t.Errorf("%d workers, stopped after %d: other flows", workers, stop)
			}
		}
	}
	for range 100 { // what ended may be counted for a moment
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines are left over", n-before)
	}
}

// An error comes at its place, after all flows before it, and ends the reading.
func TestWorkersError(t *testing.T) {
	dir := manyFiles(t)
	if err := os.WriteFile(filepath.Join(dir, "05.csv"), []byte("PL\nx\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, paths := range [][]string{{dir}, {filepath.Join(dir, "01.parquet"), filepath.Join(dir, "none"), filepath.Join(dir, "02.csv")}} {
		var want, got []string
		for workers, log := range map[int]*[]string{1: &want, 4: &got} {
			r := Reader{Workers: workers, Warn: func(error) {}}
			for f, err := range r.ReadAll(paths...) {
				*log = append(*log, fmt.Sprint(f, err))
			}
		}
		if !slices.Equal(got, want) || len(want) < 2 || strings.HasSuffix(want[len(want)-1], "<nil>") {
			t.Errorf("%v: %d flows with one worker, %d with four; the last is %q", paths, len(want), len(got), want[len(want)-1])
		}
	}
}

// What waits for its turn is bounded: a worker that is ahead stops until it is taken.
func TestQueueBound(t *testing.T) {
	q := &queue{waiting: make([][]batch, 2), done: make([]bool, 2)}
	q.changed.L = &q.lock
	half := batch{items: make([]item, 1), size: maxAhead/2 + 1}
	if !q.put(1, half) {
		t.Fatal("the first was not taken")
	}
	second := make(chan bool)
	go func() { second <- q.put(1, half) }()
	if !q.put(0, half) { // whose turn it is: never waits while nothing of it is there
		t.Fatal("the unit in turn was not taken")
	}
	select {
	case <-second:
		t.Fatal("more was taken than may wait")
	case <-time.After(20 * time.Millisecond):
	}
	q.end(0)
	for range q.take(0) {
	}
	for range q.take(1) {
		break
	}
	if !<-second {
		t.Error("the second was not taken once there was room")
	}
	q.stop()
	if q.put(1, half) {
		t.Error("taken after the end")
	}
}

// Captures in formats that are not read are named, with the cure.
func TestOtherCaptures(t *testing.T) {
	erf := binary.LittleEndian.AppendUint64(nil, 1_700_000_000<<32|5)
	erf = append(erf, 2, 4, 0, 80, 0, 0, 0, 60)
	for name, file := range map[string][]byte{
		"Network Monitor":   append([]byte("GMBU"), make([]byte, 100)...),
		"Network Monitor 1": append([]byte("RTSS"), make([]byte, 100)...),
		"ERF":               append(erf, make([]byte, 64)...),
		"Sniffer":           append([]byte("TRSNIFF data    \x1a"), make([]byte, 64)...),
		"iptrace":           append([]byte("iptrace 2.0"), make([]byte, 64)...),
	} {
		path := filepath.Join(t.TempDir(), "a.cap")
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Collect(Read(path)); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "editcap -F pcapng") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"PL,LABEL\n1,x\n", "1,2,3,4,5,6,7,8,9,10\n11,12\n"} {
		if isERF([]byte(text)) {
			t.Errorf("%q is taken for ERF", text)
		}
	}
	if isERF(bytes.Repeat([]byte{0}, 64)) {
		t.Error("zeros are taken for ERF")
	}
}
