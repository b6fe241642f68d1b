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

// WriterNG writes Ethernet frames as a pcapng file of one section and interface,
// little-endian, with time stamps in nanoseconds.
type WriterNG struct {
	out   io.Writer
	block []byte
}

// NewWriterNG writes the blocks of the section and of the interface to out.
func NewWriterNG(out io.Writer) (*WriterNG, error) {
	le := binary.LittleEndian
	var b []byte
	b = le.AppendUint32(b, 0x0a0d0d0a) // a section's header
	b = le.AppendUint32(b, 28)
	b = le.AppendUint32(b, 0x1a2b3c4d)
	b = le.AppendUint16(b, 1) // version 1.0
	b = le.AppendUint16(b, 0)
	b = le.AppendUint64(b, math.MaxUint64) // of unknown length
	b = le.AppendUint32(b, 28)
	b = le.AppendUint32(b, 1) // an interface
	b = le.AppendUint32(b, 32)
	b = le.AppendUint32(b, linkEthernet)
	b = le.AppendUint32(b, maxFrame)
	b = le.AppendUint16(b, 9) // if_tsresol
	b = le.AppendUint16(b, 1)
	b = append(b, 9, 0, 0, 0) // nanoseconds
	b = le.AppendUint32(b, 0) // the end of the options
	b = le.AppendUint32(b, 32)
	_, err := out.Write(b)
	return &WriterNG{out: out}, err
}

// Write writes a whole frame, captured at the time, nanoseconds since 1970.
func (w *WriterNG) Write(time int64, frame []byte) error {
	le := binary.LittleEndian
	size := 32 + (len(frame)+3)&^3
	b := le.AppendUint32(w.block[:0], 6) // a packet
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, 0) // of the interface 0
	b = le.AppendUint32(b, uint32(uint64(time)>>32))
	b = le.AppendUint32(b, uint32(time))
	b = le.AppendUint32(b, uint32(len(frame)))
	b = le.AppendUint32(b, uint32(len(frame)))
	b = append(b, frame...)
	for len(b) < size-4 {
		b = append(b, 0)
	}
	b = le.AppendUint32(b, uint32(size))
	w.block = b
	_, err := w.out.Write(b)
	return err
}
