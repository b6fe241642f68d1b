package setup

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

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// checkGo examines the Go that builds cells: the one that the kernel was installed
// with, which may be another than the one on the PATH.
func (e *exam) checkGo(ctx context.Context) {
	g, err := findGo(ctx, e.argument("--go"))
	if err != nil {
		cure := ""
		if errors.Is(err, errNoGo) {
			cure = "install Go as described, then " + e.installAgain()
		}
		e.note("go", Broken, err.Error(), cure)
		return
	}
	e.goCmd = g
	e.note("go", OK, g.Version+", "+g.Path, "")
}

// checkCompiler examines the C compiler, which the interface to XLA is built with.
func (e *exam) checkCompiler(context.Context) {
	switch {
	case e.goCmd.Path == "":
		e.note("c compiler", Skipped, "only Go can name it", "")
	case e.goCmd.Cgo:
		e.note("c compiler", OK, e.goCmd.Compiler, "")
	default:
		e.note("c compiler", Broken, "Go does not build with C: CGO_ENABLED is 0, or there is no "+e.goCmd.Compiler+"; the interface to XLA needs it",
			"install a C compiler (on Debian and Ubuntu: apt install gcc libc6-dev; on macOS: xcode-select --install) and leave CGO_ENABLED unset")
	}
}

// What a kernel takes on a disk, bytes: a cell is built in the temporary folder
// (30 MB each), and Go's build cache grows to some 300 MB.
const (
	roomNeeded = 200e6
	roomWanted = 1e9
)

// checkDisk examines how much space is free.
func (e *exam) checkDisk(ctx context.Context) {
	worst, detail, cure := OK, "", ""
	for _, dir := range []string{os.TempDir(), e.goCache(ctx)} {
		free := atomicfile.FreeSpace(dir)
		if dir == "" || free == 0 && runtime.GOOS == "windows" {
			continue
		}
		detail += fmt.Sprintf("%.1f GB free in %s, ", float64(free)/1e9, dir)
		switch {
		case free < roomNeeded:
			worst, cure = Broken, "free some space in "+dir+": 'go clean -cache' empties Go's build cache"
		case free < roomWanted && worst == OK:
			worst, cure = Warning, "free some space in "+dir
		}
	}
	e.note("disk", worst, strings.TrimSuffix(detail, ", "), cure)
}

// goCache returns the folder of Go's build cache, or "".
func (e *exam) goCache(ctx context.Context) string {
	if e.goCmd.Path == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, e.goCmd.Path, "env", "GOCACHE").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// checkFolders writes a file, and runs a program, where a kernel does.
func (e *exam) checkFolders(ctx context.Context) {
	if err := atomicfile.CheckWritable(os.TempDir()); err != nil {
		e.note("folders", Broken, "cells are built in the temporary folder: "+err.Error(), "set TMPDIR to a writable folder")
		return
	}
	if err := tryRunning(ctx, os.TempDir()); err != nil {
		e.note("folders", Broken, "cells run in the temporary folder, which does not allow that: "+err.Error(), "set TMPDIR to a folder whose file system is not mounted noexec")
		return
	}
	if dir := e.goCache(ctx); dir != "" {
		if err := atomicfile.CheckWritable(dir); err != nil {
			e.note("folders", Warning, "every kernel builds the library again, because Go's build cache is not writable: "+err.Error(), "set GOCACHE to a writable folder")
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
