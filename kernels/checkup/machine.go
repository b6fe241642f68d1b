package checkup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/toolchain"
	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// golang looks for the Go that builds cells: the one that the kernel was
// installed with, which may not be the one on the PATH.
func (e *exam) golang(ctx context.Context) {
	e.locate()
	g, err := toolchain.FindGo(ctx, e.argument("--go"))
	if err != nil {
		cure := ""
		if errors.Is(err, toolchain.ErrNoGo) {
			cure = "install Go as it says, then " + e.installAgain()
		}
		e.note("go", Broken, err.Error(), cure)
		return
	}
	e.go_ = g
	e.note("go", OK, g.Version+", "+g.Path, "")
}

// compiler looks for the C compiler, without which the interface to XLA is not
// built.
func (e *exam) compiler(context.Context) {
	switch {
	case e.go_.Path == "":
		e.note("c compiler", Skipped, "Go would name it", "")
	case e.go_.Cgo:
		e.note("c compiler", OK, e.go_.Compiler, "")
	default:
		e.note("c compiler", Broken, "Go does not build with C: CGO_ENABLED is 0, or there is no "+e.go_.Compiler+"; XLA's interface needs it",
			"install a C compiler (on Debian and Ubuntu: apt install gcc libc6-dev; on macOS: xcode-select --install) and leave CGO_ENABLED unset")
	}
}

// What a kernel takes on a disk, bytes: a cell is built in the temporary folder
// (30 MB each), and Go's build cache grows to some 300 MB.
const (
	roomNeeded = 200e6
	roomWanted = 1e9
)

// room looks at how full the disks are.
func (e *exam) room(ctx context.Context) {
	worst, detail, cure := OK, "", ""
	for _, dir := range []string{os.TempDir(), e.goCache(ctx)} {
		free := atomicfile.FreeSpace(dir)
		if dir == "" || free == 0 && runtime.GOOS == "windows" {
			continue
		}
		detail += fmt.Sprintf("%.1f GB free in %s, ", float64(free)/1e9, dir)
		switch {
		case free < roomNeeded:
			worst, cure = Broken, "make room in "+dir+": 'go clean -cache' empties Go's build cache"
		case free < roomWanted && worst == OK:
			worst, cure = Warning, "make room in "+dir
		}
	}
	e.note("disk", worst, strings.TrimSuffix(detail, ", "), cure)
}

// goCache is the folder of Go's build cache, or "".
func (e *exam) goCache(ctx context.Context) string {
	if e.go_.Path == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, e.go_.Path, "env", "GOCACHE").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// folders tries to write, and to run a program, where a kernel does.
func (e *exam) folders(ctx context.Context) {
	if err := atomicfile.CheckWritable(os.TempDir()); err != nil {
		e.note("folders", Broken, "cells are built in the temporary folder: "+err.Error(), "set TMPDIR to a folder that is writable")
		return
	}
	if err := tryRunning(ctx, os.TempDir()); err != nil {
		e.note("folders", Broken, "cells run in the temporary folder, and programs may not: "+err.Error(), "set TMPDIR to a folder whose file system is not mounted noexec")
		return
	}
	if dir := e.goCache(ctx); dir != "" {
		if err := atomicfile.CheckWritable(dir); err != nil {
			e.note("folders", Warning, "every kernel builds the library anew, because Go's build cache cannot be written: "+err.Error(), "set GOCACHE to a folder that is writable")
			return
		}
	}
	e.note("folders", OK, os.TempDir()+" and Go's build cache are writable", "")
}

// tryRunning runs a script in dir.
func tryRunning(ctx context.Context, dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.MkdirTemp(dir, ".netdiffus-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	script := filepath.Join(folder, "try")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		return err
	}
	return exec.CommandContext(ctx, script).Run()
}
