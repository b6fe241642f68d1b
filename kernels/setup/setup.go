// Package setup installs the Jupyter kernel "NetDiffus (Go)": it gets together
// what the kernel needs, tries it with a cell that computes on the device, and
// only then writes the kernelspec by which Jupyter finds it.
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

	"github.com/netdiffus/netdiffus-go/kernels/gotool"
	"github.com/netdiffus/netdiffus-go/kernels/spec"
	"github.com/netdiffus/netdiffus-go/kernels/toolchain"
	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
)

// DefaultName is the kernel's name where none is given.
const DefaultName = "netdiffus"

// Options say what to install, and where.
type Options struct {
	Place   spec.Place // under which of Jupyter's directories
	Name    string     // of the kernel; "" means DefaultName
	Backend string     // the device, as backend.Open's spec
	NoWarm  bool       // leave out building the library and trying a cell
	Module  string     // folder of the library; "" means the module that the current folder is in, or else Version
	Version string     // of this program; of the library where there is no folder
	Program string     // the program's file; "" means this program's

	Log      *slog.Logger           // what goes on; nil means slog.Default()
	Progress func(backend.Progress) // while a plugin comes in; nil logs
}

// Installed is what Install did.
type Installed struct {
	Name string
	Dir  string // of the kernelspec
	Spec spec.Spec
}

// ErrNoCompiler means that Go has no C compiler: XLA's interface is built with
// one, so cells that compute could not be.
var ErrNoCompiler = errors.New("Go has no C compiler, which the interface to XLA is built with")

// Install installs the kernel. It can be repeated: what is there already is kept,
// and the kernelspec is replaced when everything works. Where it fails or is
// killed, the kernelspec that was there stays.
func Install(ctx context.Context, o Options) (Installed, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Name == "" {
		o.Name = DefaultName
	}
	done, err := o.install(ctx)
	if err != nil && strings.Contains(err.Error(), "no space left on device") { // the Go tool says it in words
		err = fmt.Errorf("%w; make room on that disk, or move the cache with XDG_CACHE_HOME and GOCACHE", err)
	}
	if err != nil {
		return Installed{}, fmt.Errorf("setup: %w", err)
	}
	return done, nil
}

func (o Options) install(ctx context.Context) (Installed, error) {
	// What can fail at once comes before what takes minutes.
	dir, err := o.Place.Dir(o.Name)
	if err != nil {
		return Installed{}, err
	}
	if err := atomicfile.CheckWritable(filepath.Dir(dir)); err != nil {
		return Installed{}, fmt.Errorf("the kernelspec cannot be written: %w; choose another place: --user, --prefix, or --sys-prefix in a virtual environment", err)
	}
	if o.Program == "" {
		if o.Program, err = os.Executable(); err != nil {
			return Installed{}, err
		}
	}
	library, err := FindLibrary(o.Module, o.Version)
	if err != nil {
		return Installed{}, err
	}
	g, err := toolchain.FindGo(ctx, "")
	if err != nil {
		return Installed{}, err
	}
	if !g.Cgo {
		return Installed{}, noCompiler(g)
	}
	unlock, err := o.lock(ctx, dir)
	if err != nil {
		return Installed{}, err
	}
	defer unlock()
	tools, err := toolchain.Opener{Log: o.Log, Go: g.Path}.Open(ctx)
	if err != nil {
		return Installed{}, err
	}
	device, err := o.device(ctx)
	if err != nil {
		return Installed{}, err
	}
	s, err := o.spec(g, tools, library, device)
	if err != nil {
		return Installed{}, err
	}
	if !o.NoWarm {
		if err := warm(ctx, o.Log, g, library); err != nil {
			return Installed{}, err
		}
		o.Log.Info("trying a cell that computes on the device")
		if err := Try(ctx, s.at(o.Program), device.pureGo); err != nil {
			return Installed{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return Installed{}, err
	}
	if err := s.Write(dir, o.Program); err != nil {
		return Installed{}, err
	}
	written, err := spec.Read(dir)
	return Installed{Name: o.Name, Dir: dir, Spec: written}, err
}

func noCompiler(g toolchain.Go) error {
	if g.Compiler != "" && os.Getenv("CGO_ENABLED") != "0" {
		return fmt.Errorf("%w: there is no %q on the PATH; install one (on Debian and Ubuntu: apt install gcc libc6-dev; on macOS: xcode-select --install)", ErrNoCompiler, g.Compiler)
	}
	return fmt.Errorf("%w: CGO_ENABLED is 0; unset it ('go env -u CGO_ENABLED' where go env has it) and install gcc if there is none", ErrNoCompiler)
}

// lock makes two installations into one place take turns. Its file lies in the
// cache directory: Jupyter's folders hold nothing but kernels.
func (o Options) lock(ctx context.Context, dir string) (unlock func(), err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("no folder to keep the kernel's tools in: %w; set HOME or XDG_CACHE_HOME", err)
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

// FindLibrary says where cells import the library from: the folder module, or
// else the clone that the current folder is in, or else the module cache with
// the program's own version.
func FindLibrary(module, version string) (gotool.Library, error) {
	if module != "" {
		dir, err := filepath.Abs(module)
		if err != nil {
			return gotool.Library{}, err
		}
		if !isLibrary(dir) {
			return gotool.Library{}, fmt.Errorf("%s is not a clone of %s: its go.mod is missing or another module's", dir, gotool.Module)
		}
		return gotool.Library{Folder: dir}, nil
	}
	here, err := os.Getwd()
	if err != nil {
		return gotool.Library{}, err
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if isLibrary(dir) {
			return gotool.Library{Folder: dir}, nil
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if version != "" && version != "devel" && !strings.HasSuffix(version, "+dirty") {
		return gotool.Library{Version: version}, nil
	}
	return gotool.Library{}, fmt.Errorf("this program was built from a clone, and %s is not in one: run it in the clone, or name the clone with --module", here)
}
