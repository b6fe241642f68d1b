package tracker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// field is a field of a protobuf message, read without the library that wrote it.
type field struct {
	number int
	value  uint64 // of a number
	bytes  []byte // of what has a length
}

func fields(t testing.TB, message []byte) (list []field) {
	t.Helper()
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		message = message[n:]
		f := field{number: int(key >> 3)}
		switch key & 7 {
		case 0:
			f.value, n = binary.Uvarint(message)
		case 1:
			f.value, n = binary.LittleEndian.Uint64(message), 8
		case 2:
			size, k := binary.Uvarint(message)
			f.bytes, n = message[k:k+int(size)], k+int(size)
		case 5:
			f.value, n = uint64(binary.LittleEndian.Uint32(message)), 4
		default:
			t.Fatalf("a field of the type %d", key&7)
		}
		message = message[n:]
		list = append(list, f)
	}
	return list
}

func get(list []field, number int) (f field) {
	for _, one := range list {
		if one.number == number {
			return one
		}
	}
	return f
}

// seen is an event as the small reader below sees it.
type seen struct {
	At   float64
	Step int
	Tag  string
	What string
}

// readEvents reads event files, and checks their checksums by the definition: the CRC
// by polynomial, bit for bit, rotated and moved.
func readEvents(t testing.TB, text []byte) (events []seen) {
	t.Helper()
	sum := func(data []byte) uint32 {
		crc := ^uint32(0)
		for _, b := range data {
			crc ^= uint32(b)
			for range 8 {
				crc = crc>>1 ^ 0x82f63b78*(crc&1)
			}
		}
		crc = ^crc
		return (crc>>15 | crc<<17) + 0xa282ead8
	}
	for len(text) > 0 {
		size := binary.LittleEndian.Uint64(text)
		if binary.LittleEndian.Uint32(text[8:]) != sum(text[:8]) {
			t.Fatal("a wrong checksum of a length")
		}
		data := text[12 : 12+size]
		if binary.LittleEndian.Uint32(text[12+size:]) != sum(data) {
			t.Fatal("a wrong checksum of data")
		}
		text = text[16+size:]
		event := fields(t, data)
		e := seen{At: math.Float64frombits(get(event, 1).value), Step: int(get(event, 2).value)}
		if version := get(event, 3).bytes; version != nil {
			e.What = string(version)
			events = append(events, e)
			continue
		}
		for _, v := range fields(t, get(event, 5).bytes) {
			value := fields(t, v.bytes)
			e := e
			e.Tag = string(get(value, 1).bytes)
			for _, f := range value {
				switch f.number {
				case 2:
					e.What = fmt.Sprint(math.Float32frombits(uint32(f.value)))
				case 4:
					image := fields(t, f.bytes)
					size, err := png.DecodeConfig(bytes.NewReader(get(image, 4).bytes))
					e.What = fmt.Sprintf("image %dx%d, PNG %dx%d %v", get(image, 2).value, get(image, 1).value, size.Width, size.Height, err)
				case 5:
					h := fields(t, f.bytes)
					e.What = fmt.Sprintf("histogram of %v in %d bins with %d limits from %v to %v",
						math.Float64frombits(get(h, 3).value), len(get(h, 7).bytes)/8, len(get(h, 6).bytes)/8,
						math.Float64frombits(get(h, 1).value), math.Float64frombits(get(h, 2).value))
				case 8:
					e.What = "text " + string(get(fields(t, f.bytes), 8).bytes)
				}
			}
			events = append(events, e)
		}
	}
	return events
}

// eventsIn reads all event files of a folder, in the order of their names.
func eventsIn(t testing.TB, folder string) (events []seen) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "events.out.tfevents.*"))
	check(t, err)
	slices.Sort(files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		check(t, err)
		events = append(events, readEvents(t, text)...)
	}
	return events
}

func TestEventFile(t *testing.T) {
	dir := newRun(t, 30)
	addSamples(t, dir)
	sent, err := Export(t.Context(), dir, Target{Name: "tensorboard"}, Options{})
	check(t, err)
	if sent.Points != 3 || sent.Step != 30 || sent.Left != 0 || len(sent.Skipped) > 0 {
		t.Errorf("sent %+v", sent)
	}
	var b strings.Builder
	for _, e := range eventsIn(t, filepath.Join(dir, "tensorboard")) {
		fmt.Fprintf(&b, "%.1f\t%d\t%s\t%s\n", e.At-float64(began.Unix()), e.Step, e.Tag, e.What)
	}
	const golden = "testdata/events.txt"
	if *update {
		check(t, os.MkdirAll("testdata", 0o777))
		check(t, os.WriteFile(golden, []byte(b.String()), 0o666))
	}
	want, err := os.ReadFile(golden)
	check(t, err)
	if b.String() != string(want) {
		t.Errorf("the event file holds\n%swant\n%s(go test -update writes it anew)", b.String(), want)
	}

	// Nothing is written twice, and what comes later is.
	sent, err = Export(t.Context(), dir, Target{Name: "tensorboard"}, Options{})
	if err != nil || sent.Points != 0 || sent.Files != 0 {
		t.Errorf("the second time %+v, %v were sent", sent, err)
	}
	more(t, dir, 20, 50) // from a checkpoint: step 30 is there already
	sent, err = Export(t.Context(), dir, Target{Name: "tensorboard"}, Options{})
	if err != nil || sent.Points != 2 {
		t.Errorf("after two more lines %+v, %v were sent", sent, err)
	}
	var steps []int
	for _, e := range eventsIn(t, filepath.Join(dir, "tensorboard")) {
		if e.Tag == "loss" {
			steps = append(steps, e.Step)
		}
	}
	if want := []int{10, 20, 30, 40, 50}; !slices.Equal(steps, want) {
		t.Errorf("the steps are %v, want %v", steps, want)
	}
	// A folder that its user removed is written again.
	check(t, os.RemoveAll(filepath.Join(dir, "tensorboard")))
	sent, err = Export(t.Context(), dir, Target{Name: "tensorboard"}, Options{})
	if err != nil || sent.Points != 5 {
		t.Errorf("without its folder %+v, %v were sent", sent, err)
	}
}

func TestEventFilesOfRunsOfOneName(t *testing.T) {
	logs := t.TempDir()
	for range 2 {
		_, err := Export(t.Context(), newRun(t, 10), target("tensorboard", logs), Options{})
		check(t, err)
	}
	for _, name := range []string{"first", "first-2"} {
		if len(eventsIn(t, filepath.Join(logs, name))) == 0 {
			t.Errorf("no events in %s", name)
		}
	}
}

// TestEventFileOfAFullDisk checks that a file holds whole records after a failed write.
func TestEventFileOfAFullDisk(t *testing.T) {
	tb := &tensorboard{parent: t.TempDir()}
	_, fresh, err := tb.Open(t.Context(), Run{Name: "r", Started: began}, "")
	if err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	point := func(step int) Batch {
		return Batch{Points: []Point{{Step: step, Time: began, Values: map[string]float64{"loss": 1}}}}
	}
	check(t, tb.Send(t.Context(), point(1)))
	check(t, tb.file.Close()) // every write fails
	if err := tb.Send(t.Context(), point(2)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Send = %v", err)
	}
	tb.file = nil
	check(t, tb.Send(t.Context(), point(3)))
	check(t, tb.Close())
	events := eventsIn(t, tb.folder)
	if len(events) != 4 || events[3].Step != 3 {
		t.Errorf("the files hold %+v", events)
	}
}

func TestMaskedChecksum(t *testing.T) {
	// RFC 3720, B.4: 32 bytes of zeros.
	if sum := crc32.Checksum(make([]byte, 32), castagnoli); sum != 0x8a9136aa {
		t.Fatalf("the checksum of 32 zeros is %x", sum)
	}
}

func TestBinned(t *testing.T) {
	for name, values := range map[string][]float64{
		"none": nil, "no number": {math.NaN(), math.Inf(1)}, "one": {3}, "equal": {3, 3, 3},
		"huge": {-math.MaxFloat64, math.MaxFloat64}, "many": {1, 2, 3, 4, 5.5}, "tiny": {0, math.SmallestNonzeroFloat64},
	} {
		counts, edges := binned(values)
		n := 0.0
		for _, c := range counts {
			n += c
		}
		if int(n) != len(finite(values)) || n > 0 && (len(edges) != len(counts)+1 || !slices.IsSorted(edges) || math.IsInf(edges[0], 0)) {
			t.Errorf("%s: %v counts between %v", name, counts, edges)
		}
	}
}

func TestNoEventsWithoutContent(t *testing.T) {
	tb := &tensorboard{parent: t.TempDir()}
	_, _, err := tb.Open(context.Background(), Run{Name: "r", Started: time.Now()}, "")
	check(t, err)
	check(t, tb.Send(t.Context(), Batch{Files: []File{{"config.json", "nowhere"}}}))
	check(t, tb.Close())
	if events := eventsIn(t, tb.folder); len(events) != 0 {
		t.Errorf("%v", events)
	}
}
