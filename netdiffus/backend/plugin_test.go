package backend

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// fakePlugin builds the smallest shared library that passes for a plugin: one
// segment, a dynamic symbol table with symbol in it.
func fakePlugin(machine elf.Machine, kind elf.Type, symbol string) []byte {
	names := "\x00.dynsym\x00.dynstr\x00.shstrtab\x00"
	strs := "\x00" + symbol + "\x00"
	const head, progs, sections = 64, 56, 64
	syms := head + progs // offsets of the parts
	dynstr := syms + 2*elf.Sym64Size
	shstr := dynstr + len(strs)
	table := shstr + len(names)
	size := table + 4*sections

	var b bytes.Buffer
	put := func(v any) { binary.Write(&b, binary.LittleEndian, v) }
	h := elf.Header64{Type: uint16(kind), Machine: uint16(machine), Version: 1, Phoff: head, Shoff: uint64(table),
		Ehsize: head, Phentsize: progs, Phnum: 1, Shentsize: sections, Shnum: 4, Shstrndx: 3}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	put(h)
	put(elf.Prog64{Type: uint32(elf.PT_LOAD), Filesz: uint64(size), Memsz: uint64(size)})
	put(elf.Sym64{})
	put(elf.Sym64{Name: 1, Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC), Shndx: 1, Value: 64})
	b.WriteString(strs)
	b.WriteString(names)
	put(elf.Section64{})
	put(elf.Section64{Name: 1, Type: uint32(elf.SHT_DYNSYM), Off: uint64(syms), Size: 2 * elf.Sym64Size, Link: 2, Entsize: elf.Sym64Size})
	put(elf.Section64{Name: 9, Type: uint32(elf.SHT_STRTAB), Off: uint64(dynstr), Size: uint64(len(strs))})
	put(elf.Section64{Name: 17, Type: uint32(elf.SHT_STRTAB), Off: uint64(shstr), Size: uint64(len(names))})
	return b.Bytes()
}

// goodPlugin passes checkPlugin on this machine.
func goodPlugin(t testing.TB) []byte {
	t.Helper()
	if goos != "linux" {
		t.Skip("the fake plugin is an ELF file, for Linux")
	}
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	return fakePlugin(machine, elf.ET_DYN, pluginSymbol)
}

func TestCheckPlugin(t *testing.T) {
	good := goodPlugin(t)
	for _, c := range []struct {
		name string
		file []byte
		want string // in the error; "" means it passes
	}{
		{"good", good, ""},
		{"empty", nil, "is empty"},
		{"web page", []byte("<!DOCTYPE html><html><body>404 Not Found</body></html>"), "web page"},
		{"web page, indented", []byte("\n\t<HTML><head>"), "web page"},
		{"XML", []byte(`<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>`), "web page"},
		{"text", []byte("Not Found"), "not a whole ELF library"},
		{"cut in the header", good[:40], "not a whole ELF library"},
		{"cut in the tables", good[:len(good)-1], "not a whole ELF library"},
		{"another machine", fakePlugin(elf.EM_S390, elf.ET_DYN, pluginSymbol), "is built for EM_S390"},
		{"a program", fakePlugin(elf.Machine(binary.LittleEndian.Uint16(good[18:])), elf.ET_EXEC, pluginSymbol), "not a shared library"},
		{"another library", fakePlugin(elf.Machine(binary.LittleEndian.Uint16(good[18:])), elf.ET_DYN, "sqlite3_open"), "not a PJRT plugin"},
	} {
		path := filepath.Join(t.TempDir(), "pjrt_c_api_cpu_plugin.so")
		if err := os.WriteFile(path, c.file, 0o644); err != nil {
			t.Fatal(err)
		}
		err := checkPlugin(path)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: checkPlugin = %v", c.name, err)
			}
			continue
		}
		var refused *PluginError
		if !errors.As(err, &refused) || refused.Path != path || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: checkPlugin = %v, want a PluginError that names the file and has %q", c.name, err, c.want)
		}
	}
	if err := checkPlugin(filepath.Join(t.TempDir(), "missing.so")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: checkPlugin = %v, want os.ErrNotExist", err)
	}
	if err := checkPlugin(t.TempDir()); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("folder: checkPlugin = %v", err)
	}
}

// TestCheckPluginCut cuts a segment: the tables at the end are there, what they
// point to is not. Loading such a file would kill the process with SIGBUS.
func TestCheckPluginCut(t *testing.T) {
	b := goodPlugin(t)
	binary.LittleEndian.PutUint64(b[64+32:], uint64(len(b))+4096) // Prog64.Filesz
	path := filepath.Join(t.TempDir(), "plugin.so")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := checkPlugin(path); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("checkPlugin = %v, want cut short", err)
	}
}

func FuzzCheckELF(f *testing.F) {
	good := fakePlugin(elf.EM_X86_64, elf.ET_DYN, pluginSymbol)
	f.Add(good)
	f.Add(good[:100])
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := checkELF(bytes.NewReader(b), int64(len(b))); err == nil && !bytes.Contains(b, []byte(pluginSymbol)) {
			t.Error("passed without the plugin's symbol")
		}
	})
}
