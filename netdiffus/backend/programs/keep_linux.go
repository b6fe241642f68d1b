//go:build cgo

package programs

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "keep_linux.h"
*/
import "C"

import (
	"fmt"
	"log/slog"
	"sync"
	"unsafe"
)

// keeping is what Keep was called with. C calls back without a context of ours, and a
// process has one device, so it is one for the process.
var keeping struct {
	sync.Mutex
	store   Store
	machine []byte // what a program depends on beside its text
}

// Keep keeps the programs that the plugin at path compiles from now on in store. It
// must be called before the plugin is opened, with the path it will be opened by. It
// fails, and changes nothing, where the plugin's table has another form or cannot
// serialise programs, or where another plugin's programs are kept.
func Keep(path string, store Store) error {
	if err := store.prepare(); err != nil {
		return fmt.Errorf("programs: %w", err)
	}
	machine, err := machineKey(path)
	if err != nil {
		return fmt.Errorf("programs: %w", err)
	}
	keeping.Lock()
	defer keeping.Unlock()
	keeping.store, keeping.machine = store, machine
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if problem := C.keep_programs(name); problem != nil {
		return fmt.Errorf("programs: %s: %s", path, C.GoString(problem))
	}
	return nil
}

// kept returns what Keep was called with.
func kept() (Store, []byte) {
	keeping.Lock()
	defer keeping.Unlock()
	return keeping.store, keeping.machine
}

// findProgram returns the key of a program, which C frees, and in data and size the
// program itself, which C frees too, where it is kept.
//
//export findProgram
func findProgram(code unsafe.Pointer, codeSize C.size_t, options unsafe.Pointer, optionsSize C.size_t, data *unsafe.Pointer, size *C.size_t) *C.char {
	store, machine := kept()
	key := Key(machine, bytesAt(options, optionsSize), bytesAt(code, codeSize))
	if program := store.Get(key); program != nil {
		*data, *size = C.CBytes(program), C.size_t(len(program))
	}
	slog.Debug("programs: looked up", "key", key[:16], "text", int(codeSize), "found", *data != nil)
	return C.CString(key)
}

// storeProgram keeps a program that was compiled.
//
//export storeProgram
func storeProgram(key *C.char, data unsafe.Pointer, size C.size_t) {
	store, _ := kept()
	if err := store.Put(C.GoString(key), bytesAt(data, size)); err != nil {
		slog.Debug("programs: not kept", "err", err)
	}
}

// refuseProgram says that a program could not be loaded, or not be serialised.
//
//export refuseProgram
func refuseProgram(key *C.char, message unsafe.Pointer, size C.size_t) {
	store, _ := kept()
	store.Drop(C.GoString(key))
	slog.Debug("programs: refused by the plugin", "err", string(bytesAt(message, size)))
}

// bytesAt is n bytes at p, which are C's: valid until the call returns.
func bytesAt(p unsafe.Pointer, n C.size_t) []byte {
	if p == nil {
		return nil
	}
	return unsafe.Slice((*byte)(p), int(n))
}
