package capture

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// Writer writes Ethernet frames as a pcap file, little-endian, with time stamps
// in nanoseconds.
type Writer struct {
	out    io.Writer
	record [16]byte
}

// NewWriter writes the file's header to out.
func NewWriter(out io.Writer) (*Writer, error) {
	header := binary.LittleEndian.AppendUint32(nil, magicNano)
	for _, v := range []uint16{2, 4, 0, 0, 0, 0} { // version, time zone, accuracy
		header = binary.LittleEndian.AppendUint16(header, v)
	}
	header = binary.LittleEndian.AppendUint32(header, maxFrame)
	header = binary.LittleEndian.AppendUint32(header, linkEthernet)
	_, err := out.Write(header)
	return &Writer{out: out}, err
}

// Write writes a whole frame, captured at the time, nanoseconds since 1970. It
// fails for times past 2106, which the format cannot hold.
func (w *Writer) Write(time int64, frame []byte) error {
	seconds := time / 1e9
	if seconds > math.MaxUint32 {
		return errors.New("the capture's time runs past 2106: start it earlier")
	}
	binary.LittleEndian.PutUint32(w.record[0:], uint32(seconds))
	binary.LittleEndian.PutUint32(w.record[4:], uint32(time%1e9))
	binary.LittleEndian.PutUint32(w.record[8:], uint32(len(frame)))
	binary.LittleEndian.PutUint32(w.record[12:], uint32(len(frame)))
	if _, err := w.out.Write(w.record[:]); err != nil {
		return err
	}
	_, err := w.out.Write(frame)
	return err
}
