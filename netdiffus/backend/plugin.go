package backend

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// PluginError is the error of a file that is not a plugin for this machine.
type PluginError struct {
	Path string
	Why  string
}

func (e *PluginError) Error() string { return fmt.Sprintf("plugin %s %s", e.Path, e.Why) }

// checkPlugin reports why the file at path cannot be XLA's plugin: missing,
// empty, a web page, cut short, for another machine, another library. It reads
// headers and tables only. Loading a library cut short would kill the process
// (SIGBUS), so this comes before.
func checkPlugin(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	refuse := func(why string, args ...any) error {
		return &PluginError{Path: path, Why: fmt.Sprintf(why, args...)}
	}
	switch {
	case !info.Mode().IsRegular():
		return refuse("is not a regular file")
	case info.Size() == 0:
		return refuse("is empty")
	}
	head := make([]byte, 512)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	head = head[:n]
	if text := bytes.ToLower(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n")); bytes.HasPrefix(text, []byte("<!doctype")) ||
		bytes.HasPrefix(text, []byte("<html")) || bytes.HasPrefix(text, []byte("<?xml")) {
		return refuse("is a web page, not a library: a proxy or an error page answered the download")
	}
	switch goos {
	case "darwin":
		err = checkMachO(f)
	case "windows":
		err = checkPE(f)
	default:
		err = checkELF(f, info.Size())
	}
	if err != nil {
		return refuse("%v", err)
	}
	return nil
}

// pluginSymbol is what every PJRT plugin exports.
const pluginSymbol = "GetPjrtApi"

func checkELF(r io.ReaderAt, size int64) error {
	f, err := elf.NewFile(r)
	if err != nil {
		return fmt.Errorf("is not a whole ELF library (%d bytes): %w", size, err)
	}
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "riscv64": elf.EM_RISCV}
	if want, known := machines[runtime.GOARCH]; known && f.Machine != want {
		return fmt.Errorf("is built for %v, this machine is %s", f.Machine, runtime.GOARCH)
	}
	if f.Type != elf.ET_DYN {
		return fmt.Errorf("is %v, not a shared library", f.Type)
	}
	for _, p := range f.Progs {
		if end := p.Off + p.Filesz; end < p.Off || end > uint64(size) {
			return fmt.Errorf("is cut short: a segment ends at byte %d, the file at %d", end, size)
		}
	}
	for _, s := range f.Sections {
		if end := s.Offset + s.FileSize; s.Type != elf.SHT_NOBITS && (end < s.Offset || end > uint64(size)) {
			return fmt.Errorf("is cut short: section %s ends at byte %d, the file at %d", s.Name, end, size)
		}
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("has no readable symbol table: %w", err)
	}
	for _, s := range symbols {
		if s.Name == pluginSymbol && s.Section != elf.SHN_UNDEF {
			return nil
		}
	}
	return errors.New("is a library, but not a PJRT plugin: it has no " + pluginSymbol)
}

func checkMachO(r io.ReaderAt) error {
	if fat, err := macho.NewFatFile(r); err == nil {
		return fat.Close()
	}
	f, err := macho.NewFile(r)
	if err != nil {
		return fmt.Errorf("is not a Mach-O library: %w", err)
	}
	return f.Close()
}

func checkPE(r io.ReaderAt) error {
	f, err := pe.NewFile(r)
	if err != nil {
		return fmt.Errorf("is not a Windows library: %w", err)
	}
	return f.Close()
}
