package dataset

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// spool is whole numbers, in memory while they are few, and in a file of its own after
// that: those of ten million flows would be more than all else that a conversion holds.
type spool struct {
	path string // of the file, which is made when it is needed and removed by drop
	n    int
	few  []int64
	file *os.File
	w    *bufio.Writer
}

// fewNumbers stay in memory.
const fewNumbers = 64 << 10

func (s *spool) add(v int64) error {
	s.n++
	if s.file == nil && len(s.few) < fewNumbers {
		s.few = append(s.few, v)
		return nil
	}
	if s.file == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	return s.put(v)
}

// begin moves the numbers into the file.
func (s *spool) begin() (err error) {
	if s.file, err = os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	s.w = bufio.NewWriterSize(s.file, 64<<10)
	for _, v := range s.few {
		if err := s.put(v); err != nil {
			return err
		}
	}
	s.few = nil
	return nil
}

func (s *spool) put(v int64) error {
	if _, err := s.w.Write(binary.LittleEndian.AppendUint64(s.w.AvailableBuffer(), uint64(v))); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}

// write adds the numbers to the archive, under name.
func (s *spool) write(archive *npz.Writer, name string) error {
	if s.file == nil {
		return archive.Add(name, npz.New(s.few))
	}
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	out, err := npz.Begin[int64](archive, name, s.n)
	if err != nil {
		return err
	}
	r, one := bufio.NewReaderSize(s.file, 64<<10), make([]int64, 1)
	var bytes [8]byte
	for range s.n {
		if _, err := io.ReadFull(r, bytes[:]); err != nil {
			return fmt.Errorf("dataset: %s: %w", s.path, err)
		}
		one[0] = int64(binary.LittleEndian.Uint64(bytes[:]))
		if err := out.Append(one); err != nil {
			return err
		}
	}
	return nil
}

// drop removes the file.
func (s *spool) drop() error {
	if s.file == nil {
		return nil
	}
	err := errors.Join(s.file.Close(), os.Remove(s.path))
	s.file = nil
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}
