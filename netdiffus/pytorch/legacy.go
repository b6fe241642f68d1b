package pytorch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// legacyMagic is what a file in the format before PyTorch 1.6 starts with:
// 0x1950a86a20f9469cfc6c (torch/serialization.py, MAGIC_NUMBER).
const legacyMagic = long("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")

const legacyVersion = 1001

// openLegacy reads the old format: pickles of the magic number, the version,
// the machine, what was saved, and the storages' keys; then for each key the
// number of values, 8 bytes, and the values.
func (f *File) openLegacy(r io.ReaderAt, size int64) error {
	data := make([]byte, size)
	if _, err := r.ReadAt(data, 0); err != nil && err != io.EOF {
		return err
	}
	m := machine{data: data, mem: f.mem}
	magic, err := m.run()
	if err != nil {
		return err
	}
	if magic != any(legacyMagic) {
		return errors.New("a pickle, but not one of PyTorch's checkpoints")
	}
	version, err := m.run()
	if err != nil {
		return err
	}
	if version != any(int64(legacyVersion)) {
		return fmt.Errorf("byte %d: want version %d of the format", m.pos, legacyVersion)
	}
	if _, err := m.run(); err != nil { // sizes of C types; values are always little-endian
		return err
	}
	m.persistent = f.resolve
	if f.Root, err = m.run(); err != nil {
		return err
	}
	m.persistent = nil
	list, err := m.run()
	if err != nil {
		return err
	}
	keys, ok := list.(*List)
	if !ok {
		return fmt.Errorf("byte %d: the storages' keys are a %s, want a list", m.pos, kindOf(list))
	}
	f.load = func(s *storage) ([]byte, error) { return nil, fmt.Errorf("storage %q is missing", s.key) }
	return f.cut(&m, keys.Items)
}

// cut finds the storages in what follows the pickles.
func (f *File) cut(m *machine, keys []any) error {
	for _, k := range keys {
		at := m.pos
		key, _ := k.(string)
		s := f.storages[key]
		if s == nil {
			return fmt.Errorf("byte %d: storage %.80q belongs to no tensor", at, key)
		}
		if s.data != nil {
			return fmt.Errorf("byte %d: duplicate storage %.80q", at, key)
		}
		head, err := m.take(8)
		if err == nil && binary.LittleEndian.Uint64(head) != uint64(s.values) {
			err = fmt.Errorf("%d values, want %d", binary.LittleEndian.Uint64(head), s.values)
		}
		if err == nil && s.bytes() > int64(len(m.data)-m.pos) {
			err = fmt.Errorf("%d bytes are left, want %d: %w", len(m.data)-m.pos, s.bytes(), io.ErrUnexpectedEOF)
		}
		if err != nil {
			return fmt.Errorf("byte %d: storage %.80q: %w", at, key, err)
		}
		s.data, _ = m.take(int(s.bytes()))
	}
	return nil
}
