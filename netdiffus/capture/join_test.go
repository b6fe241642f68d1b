package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// pcapOf writes UDP packets of a client, a byte of payload more each, at the seconds.
func pcapOf(t testing.TB, seconds ...int) []byte {
	b := classic(t, littleEndian, false)[:24]
	for _, at := range seconds {
		data := datagram(t, at, false)
		for _, v := range []uint32{uint32(at), 0, uint32(len(data)), uint32(len(data))} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		b = append(b, data...)
	}
	return b
}

// counted counts the files that are open.
type counted struct {
	io.Reader
	open *int
}

func (c counted) Close() error { *c.open--; return nil }

func sources(open *int, files ...[]byte) []Source {
	var s []Source
	for i, f := range files {
		s = append(s, Source{fmt.Sprintf("cap%d", i), func() (io.ReadCloser, error) {
			*open++
			return counted{bytes.NewReader(f), open}, nil
		}})
	}
	return s
}

func TestJoin(t *testing.T) {
	empty := pcapOf(t)
	cases := []struct {
		name  string
		files [][]byte
		want  []int // payloads, which are the times
	}{
		{"one after another", [][]byte{pcapOf(t, 1, 2), pcapOf(t, 3), pcapOf(t, 4, 5)}, []int{1, 2, 3, 4, 5}},
		{"given in another order", [][]byte{pcapOf(t, 4, 5), empty, pcapOf(t, 1, 2), pcapOf(t, 3)}, []int{1, 2, 3, 4, 5}},
		{"at the same time", [][]byte{pcapOf(t, 2, 4, 6), pcapOf(t, 1, 3, 5, 7), pcapOf(t, 4, 8)}, []int{1, 2, 3, 4, 4, 5, 6, 7, 8}},
		{"cut off", [][]byte{pcapOf(t, 1, 2)[:24+16+28+1+20], pcapOf(t, 3)}, []int{1, 3}},
		{"none", nil, nil},
		{"empty", [][]byte{empty, empty}, nil},
	}
	for _, c := range cases {
		open := 0
		var damages []*Damage
		frames, err := Join(sources(&open, c.files...), func(d *Damage) { damages = append(damages, d) })
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		counts, err := Assemble(frames, Options{}, func(b *Biflow) bool {
			for i := range b.Len() {
				got = append(got, b.At(i).Length)
			}
			return true
		})
		if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) || counts.Captures != int64(len(c.files)) || counts.Unsorted != 0 {
			t.Errorf("%s: %v, %+v, %v", c.name, got, counts, err)
		}
		if len(c.want) > 0 && counts.Biflows != 1 {
			t.Errorf("%s: %d biflows, want one", c.name, counts.Biflows)
		}
		if cut := c.name == "cut off"; cut != (len(damages) == 1) || cut && damages[0].Path != "cap0" {
			t.Errorf("%s: %v", c.name, damages)
		}
		if open != 0 {
			t.Errorf("%s: %d files left open", c.name, open)
		}
	}
}

// Captures without times follow each other as given; errors name the file; files of
// the same time are bounded; what is open is closed.
func TestJoinOddities(t *testing.T) {
	open := 0
	simple := blocks(t, littleEndian, 9, 0, blockSimple)
	frames, err := Join(sources(&open, simple, pcapOf(t, 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	var f Frame
	for i := range 4 {
		if err := frames.Next(&f); err != nil || (i < 3) != (len(f.Data) == 28+threePayloads[min(i, 2)]) {
			t.Errorf("packet %d: %d bytes, %v", i, len(f.Data), err)
		}
	}
	if err := errors.Join(frames.Next(&f), frames.Close()); !errors.Is(err, io.EOF) || open != 0 {
		t.Errorf("%v, %d open", err, open)
	}

	if _, err := Join(sources(&open, pcapOf(t, 1), []byte("no capture")), nil); err == nil || !strings.HasPrefix(err.Error(), "cap1: not a pcap") || open != 0 {
		t.Errorf("%v, %d open", err, open)
	}

	var many [][]byte
	for range maxTogether + 1 {
		many = append(many, pcapOf(t, 1, 1000))
	}
	if frames, err = Join(sources(&open, many...), nil); err != nil {
		t.Fatal(err)
	}
	if err := frames.Next(&f); err == nil || !strings.Contains(err.Error(), "more than 256 captures at the same time") {
		t.Errorf("too many: %v", err)
	}
	if err := frames.Close(); err != nil || open != 0 {
		t.Errorf("%v, %d open", err, open)
	}

	wrong := variant(t, littleEndian, magicMicro, 4, 1, 0)
	if frames, err = Join(sources(&open, wrong, pcapOf(t, 1)), nil); err != nil {
		t.Fatal(err)
	}
	if counts, err := Assemble(frames, Options{}, func(*Biflow) bool { return true }); err != nil || len(counts.Remarks) != 1 || !strings.HasPrefix(counts.Remarks[0], "cap0: ") {
		t.Errorf("%+v, %v", counts, err)
	}
}
