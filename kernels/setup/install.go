// Package setup installs the Jupyter kernel "NetDiffus (Go)", and examines an
// installed one.
//
// [Install] collects what the kernel needs, tries it with a cell that computes on
// the device, and only then writes the kernelspec by which Jupyter finds the
// kernel. [Examine] looks at each part of an installed kernel and names a cure for
// each that is broken.
package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
	"github.com/netdiffus/netdiffus-go/kernels/standin"
	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
)

// DefaultName is the kernel's name where none is given.
const DefaultName = "netdiffus"

// Options are those of Install.
type Options struct {
	Place   kernelspec.Place // under which of Jupyter's directories
	Name    string           // of the kernel; "" means DefaultName
	Backend string           // the device, as backend.Open's spec
	NoWarm  bool             // neither build the library nor try a cell
	Module  string           // folder of the library; "" means the clone that the current folder is in, or else Version
	Version string           // of this program, and of the library if there is no folder
	Program string           // the program's file; "" means this program's

	Log      *slog.Logger           // of the steps; nil means slog.Default()
	Progress func(backend.Progress) // of the download of a plugin; nil logs it
}

// withDefaults fills in the defaults of o.
func (o Options) withDefaults() (Options, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Name == "" {
		o.Name = DefaultName
	}
	var err error
	if o.Program == "" {
		o.Program, err = os.Executable()
	}
	return o, err
}

// errNoCompiler means that Go finds no C compiler, without which neither the
// interface to XLA nor a cell that computes can be built.
var errNoCompiler = errors.New("no C compiler, which the interface to XLA is built with")

// Install installs the kernel and returns its kernelspec. It can be repeated: what
// an earlier run built is kept, and the kernelspec is replaced once everything
// works. If Install fails or is killed, the kernelspec that was there before stays.
func Install(ctx context.Context, o Options) (kernelspec.Found, error) {
	o, err := o.withDefaults()
	if err != nil {
		return kernelspec.Found{}, fmt.Errorf("setup: %w", err)
	}
	found, err := o.install(ctx)
	if err != nil && strings.Contains(err.Error(), "no space left on device") { // the go command prints it
		err = fmt.Errorf("%w; free some space on that disk, or move the caches with XDG_CACHE_HOME and GOCACHE", err)
	}
	if err != nil {
		return kernelspec.Found{}, fmt.Errorf("setup: %w", err)
	}
	return found, nil
}

func (o Options) install(ctx context.Context) (kernelspec.Found, error) {
	// Checks that fail at once come before the steps that take minutes.
	dir, err := o.Place.Dir(o.Name)
	if err != nil {
		return kernelspec.Found{}, err
	}
	if err := atomicfile.CheckWritable(filepath.Dir(dir)); err != nil {
		return kernelspec.Found{}, fmt.Errorf("the kernelspec cannot be written: %w; %w", err, kernelspec.ErrPlace)
	}
	library, err := FindLibrary(o.Module, o.Version)
	if err != nil {
		return kernelspec.Found{}, err
	}
	g, err := findGo(ctx, "")
	if err != nil {
		return kernelspec.Found{}, err
	}
	if !g.Cgo {
		return kernelspec.Found{}, noCompiler(g)
	}
	unlock, err := o.lock(ctx, dir)
	if err != nil {
		return kernelspec.Found{}, err
	}
	defer unlock()
	tools, err := Tools{Log: o.Log, Go: g.Path}.Build(ctx)
	if err != nil {
		return kernelspec.Found{}, err
	}
	device, err := o.device(ctx)
	if err != nil {
		return kernelspec.Found{}, err
	}
	s, err := o.spec(ctx, g, tools, library, device)
	if err != nil {
		return kernelspec.Found{}, err
	}
	if !o.NoWarm {
		if err := warm(ctx, o.Log, g, library); err != nil {
			return kernelspec.Found{}, err
		}
		o.Log.Info("trying a cell that computes on the device")
		if err := try(ctx, withProgram(s, o.Program), device.pureGo); err != nil {
			return kernelspec.Found{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return kernelspec.Found{}, err
	}
	if err := s.Write(dir, o.Program); err != nil {
		return kernelspec.Found{}, err
	}
	written, err := kernelspec.Read(dir)
	return kernelspec.Found{Name: o.Name, Dir: dir, Spec: written}, err
}

func noCompiler(g goCommand) error {
	if g.Compiler != "" && os.Getenv("CGO_ENABLED") != "0" {
		return fmt.Errorf("%w: there is no %q on the PATH; install one (on Debian and Ubuntu: apt install gcc libc6-dev; on macOS: xcode-select --install)", errNoCompiler, g.Compiler)
	}
	return fmt.Errorf("%w: CGO_ENABLED is 0; unset it (with 'go env -u CGO_ENABLED' if 'go env' set it) and install gcc if there is none", errNoCompiler)
}

// lock makes two installations into the same place take turns. The lock file is in
// the cache directory, because Jupyter's folders should hold nothing but kernels.
func (o Options) lock(ctx context.Context, dir string) (unlock func(), err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("no cache directory: %w; set HOME or XDG_CACHE_HOME", err)
	}
	locks := filepath.Join(cache, "netdiffus", "locks")
	if err := os.MkdirAll(locks, 0o755); err != nil {
		return nil, fmt.Errorf("%w; make the folder writable, or set XDG_CACHE_HOME to one that is", err)
	}
	sum := sha256.Sum256([]byte(dir))
	return atomicfile.Lock(ctx, filepath.Join(locks, "kernel-"+hex.EncodeToString(sum[:6])), func() {
		o.Log.Info("waiting for another installation into the same place", "folder", dir)
	})
}

// ErrNoClone is wrapped by the error of FindLibrary for a program that was built from
// a clone and cannot find it.
var ErrNoClone = errors.New("name the clone's folder")

// FindLibrary returns where cells import the library from: the folder module, or
// else the clone that contains the current folder, or else the program's own
// version in the module cache.
func FindLibrary(module, version string) (standin.Library, error) {
	if module != "" {
		dir, err := filepath.Abs(module)
		if err != nil {
			return standin.Library{}, err
		}
		if !isLibrary(dir) {
			return standin.Library{}, fmt.Errorf("%s is not a clone of %s: its go.mod is missing or belongs to another module", dir, standin.LibraryPath)
		}
		return standin.Library{Folder: dir}, nil
	}
	here, err := os.Getwd()
	if err != nil {
		return standin.Library{}, err
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if isLibrary(dir) {
			return standin.Library{Folder: dir}, nil
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if version != "" && version != "devel" && !strings.HasSuffix(version, "+dirty") {
		return standin.Library{Version: version}, nil
	}
	return standin.Library{}, fmt.Errorf("this program was built from a clone, and %s is not in one: run it in the clone, or %w", here, ErrNoClone)
}

// isLibrary reports whether dir holds the library's go.mod.
func isLibrary(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && modfile.ModulePath(text) == standin.LibraryPath
}
