// Package toolchain builds the Go programs that a Jupyter kernel works with:
// GoNB, which runs the cells, goimports, which it calls for every cell, and
// gopls, which completes and explains. Versions and checksums are pinned by the
// module kernels/tools; what is built stays in the user's cache directory.
package toolchain

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// A module cannot embed the files of a module inside it, so these are copies of
// kernels/tools/go.mod and go.sum; a test holds them to be the same.
//
//go:generate cp ../tools/go.mod pins/go.mod.txt
//go:generate cp ../tools/go.sum pins/go.sum.txt
var (
	//go:embed pins/go.mod.txt
	goMod []byte
	//go:embed pins/go.sum.txt
	goSum []byte
)

// A Program is one of the tools.
type Program struct {
	Name    string // of the executable, without ".exe"
	Package string // what it is built from
	Module  string // which module of the pins that is in
}

// Programs are the tools, in the order in which they are built. The kernel works
// without the last one, which takes longest: cells run, but nothing completes.
var Programs = []Program{
	{"gonb", "github.com/janpfeifer/gonb", "github.com/janpfeifer/gonb"},
	{"goimports", "golang.org/x/tools/cmd/goimports", "golang.org/x/tools"},
	{"gopls", "golang.org/x/tools/gopls", "golang.org/x/tools/gopls"},
}

// Path returns the program's path in the folder that Open returned.
func (p Program) Path(dir string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(dir, p.Name+".exe")
	}
	return filepath.Join(dir, p.Name)
}

// ErrNoGo means that there is no Go that can build the tools; the error around
// it says what to do.
var ErrNoGo = errors.New("no Go to build with")

// Open returns the folder that holds the tools, building them first where they
// are missing, damaged, or built by another version of Go: two minutes on two
// cores. Any number of processes may call it at once: one builds.
func Open(ctx context.Context) (dir string, err error) { return Opener{}.Open(ctx) }

// Opener is Open with its choices as fields. Its zero value works.
type Opener struct {
	Log      *slog.Logger // what is being built; nil means slog.Default()
	CacheDir string       // where the tools are kept; "" means netdiffus/tools in os.UserCacheDir
	Go       string       // the go command; "" means the one on the PATH

	programs     []Program // nil means Programs
	goMod, goSum []byte    // nil means the pinned ones
}

// Open is the function Open with o's choices.
func (o Opener) Open(ctx context.Context) (dir string, err error) {
	o.fill()
	dir, err = o.open(ctx)
	if err != nil {
		return "", fmt.Errorf("toolchain: %w", err)
	}
	return dir, nil
}

// fill puts defaults where a choice was left open.
func (o *Opener) fill() {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.programs == nil {
		o.programs = Programs
	}
	if o.goMod == nil {
		o.goMod, o.goSum = goMod, goSum
	}
}

func (o Opener) open(ctx context.Context) (string, error) {
	g, err := FindGo(ctx, o.Go)
	if err != nil {
		return "", err
	}
	dir, err := o.folder(g)
	if err != nil {
		return "", err
	}
	if Check(dir) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("%w; make the folder writable, or set XDG_CACHE_HOME to one that is", err)
	}
	unlock, err := atomicfile.Lock(ctx, filepath.Join(filepath.Dir(dir), ".lock"), func() {
		o.Log.Info("waiting for another process that builds the kernel's tools")
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if Check(dir) == nil {
		return dir, nil // another process built them while this one waited
	}
	removeLeftovers(filepath.Dir(dir))
	if err := o.build(ctx, g, dir); err != nil {
		return "", err
	}
	// Once more: the Go tool outlives a process that was killed, and writes on.
	removeLeftovers(filepath.Dir(dir))
	return dir, nil
}

// folder is where the tools of these pins and this Go lie: gopls must not be
// older than the Go whose programs it reads.
func (o Opener) folder(g Go) (string, error) {
	cache := o.CacheDir
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no folder to keep the tools in: %w; set HOME or XDG_CACHE_HOME", err)
		}
		cache = filepath.Join(dir, "netdiffus", "tools")
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	hash.Write(o.goMod)
	hash.Write(o.goSum)
	return filepath.Join(cache, g.Version+"-"+hex.EncodeToString(hash.Sum(nil)[:6])), nil
}

// build builds the tools aside and gives their folder its name when they are
// complete.
func (o Opener) build(ctx context.Context, g Go, dir string) error {
	staged, err := atomicfile.CreateDir(dir)
	if err != nil {
		return err
	}
	defer staged.Abort()
	module := filepath.Join(staged.Path(), "module")
	if err := os.Mkdir(module, 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"go.mod": o.goMod, "go.sum": o.goSum} {
		if err := os.WriteFile(filepath.Join(module, name), content, 0o644); err != nil {
			return err
		}
	}
	for i, p := range o.programs {
		begun := time.Now()
		o.Log.Info(fmt.Sprintf("building %s (%d of %d)", p.Name, i+1, len(o.programs)))
		if err := g.build(ctx, module, p.Package, p.Path(staged.Path())); err != nil {
			return fmt.Errorf("build %s: %w", p.Name, err)
		}
		o.Log.Debug("built", "program", p.Name, "seconds", time.Since(begun).Seconds())
	}
	if err := os.RemoveAll(module); err != nil {
		return err
	}
	if err := o.seal(staged.Path()); err != nil {
		return err
	}
	return staged.Replace()
}

// removeLeftovers removes what a process that died while building left. The
// lock is ours, so nobody is writing.
func removeLeftovers(cache string) {
	entries, _ := os.ReadDir(cache)
	for _, e := range entries {
		if _, _, staged := atomicfile.StagedFor(e.Name()); staged {
			os.RemoveAll(filepath.Join(cache, e.Name()))
		}
	}
}
