package pytorch

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// openZip reads the zip format: PREFIX/data.pkl and a PREFIX/data/KEY for each
// storage.
func (f *File) openZip(r io.ReaderAt, size int64) error {
	archive, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // paths are only names here
		return fmt.Errorf("%w (cut short?)", err)
	}
	var pickle *zip.File
	entries := make(map[string]*zip.File, len(archive.File))
	for _, e := range archive.File {
		if _, twice := entries[e.Name]; twice {
			return fmt.Errorf("duplicate entry %.80q", e.Name)
		}
		entries[e.Name] = e
		if e.Name == "data.pkl" || strings.HasSuffix(e.Name, "/data.pkl") && strings.Count(e.Name, "/") == 1 {
			pickle = e
		}
	}
	if pickle == nil {
		return errors.New("a zip archive without data.pkl, so no checkpoint of PyTorch's")
	}
	prefix := strings.TrimSuffix(pickle.Name, "data.pkl")
	if entries[prefix+"constants.pkl"] != nil {
		return errors.New("a TorchScript program; save model.state_dict() with torch.save")
	}
	if order := entries[prefix+"byteorder"]; order != nil {
		word, err := f.entry(order)
		if err != nil {
			return err
		}
		f.swap = string(word) == "big"
	}
	program, err := f.entry(pickle)
	if err != nil {
		return err
	}
	f.load = func(s *storage) ([]byte, error) {
		e := entries[prefix+"data/"+s.key]
		if e == nil {
			return nil, fmt.Errorf("storage %q is missing", s.key)
		}
		if e.UncompressedSize64 < uint64(s.bytes()) {
			return nil, fmt.Errorf("%s has %d bytes, want %d", e.Name, e.UncompressedSize64, s.bytes())
		}
		return f.entry(e)
	}
	m := machine{data: program, mem: f.mem, persistent: f.resolve}
	if f.Root, err = m.run(); err != nil {
		return fmt.Errorf("%s: %w", pickle.Name, err)
	}
	return nil
}

// entry reads an entry of the archive and checks its checksum.
func (f *File) entry(e *zip.File) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		if offset, oerr := e.DataOffset(); oerr == nil {
			return nil, fmt.Errorf("%.80s, at byte %d: %w", e.Name, offset, err)
		}
		return nil, fmt.Errorf("%.80s: %w", e.Name, err)
	}
	if e.UncompressedSize64 > 1<<62 {
		return fail(errMemory)
	}
	if err := f.mem.spend(int64(e.UncompressedSize64)); err != nil {
		return fail(err)
	}
	data := make([]byte, e.UncompressedSize64)
	if e.Method == zip.Store {
		// Read raw: PyTorch can leave out checksums (set_crc32_options(False)),
		// and writes 0 for them.
		r, err := e.OpenRaw()
		if err == nil {
			_, err = io.ReadFull(r, data)
		}
		if err == nil && e.CRC32 != 0 && crc32.ChecksumIEEE(data) != e.CRC32 {
			err = zip.ErrChecksum
		}
		if err != nil {
			return fail(noEOF(err))
		}
		return data, nil
	}
	r, err := e.Open()
	if err != nil {
		return fail(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, data); err != nil {
		return fail(noEOF(err))
	}
	if _, err := r.Read(make([]byte, 1)); err != io.EOF { // the end is where the checksum is compared
		if err == nil {
			err = errors.New("more bytes than in the directory")
		}
		return fail(err)
	}
	return data, nil
}

// noEOF makes the end of a file where there should be more an error that states
// so.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
