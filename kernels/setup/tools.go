package setup

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// The pins of the tools. They are copies of kernels/tools/go.mod and go.sum, because
// a module cannot embed files of a module inside it; a test compares them.
//
//go:generate cp ../tools/go.mod pins/go.mod.txt
//go:generate cp ../tools/go.sum pins/go.sum.txt
var (
	//go:embed pins/go.mod.txt
	goMod []byte
	//go:embed pins/go.sum.txt
	goSum []byte
)

// tool is one of the Go programs that the kernel works with.
type tool struct {
	name   string // of the executable, without ".exe"
	pkg    string // the package that it is built from
	module string // of that package
}

// allTools are GoNB, which runs the cells, goimports, which GoNB calls for every
// cell, and gopls, which completes and explains. They are built in this order; gopls
// takes longest, and the kernel runs cells without it.
var allTools = []tool{
	{"gonb", "github.com/janpfeifer/gonb", "github.com/janpfeifer/gonb"},
	{"goimports", "golang.org/x/tools/cmd/goimports", "golang.org/x/tools"},
	{"gopls", "golang.org/x/tools/gopls", "golang.org/x/tools/gopls"},
}

// path returns the tool's path in the folder that Tools.Build returned.
func (t tool) path(dir string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(dir, t.name+".exe")
	}
	return filepath.Join(dir, t.name)
}

// Tools builds the Go programs that the kernel works with: GoNB, goimports and
// gopls, at the versions that the module kernels/tools pins. The zero value works.
type Tools struct {
	Log      *slog.Logger // of the builds; nil means slog.Default()
	CacheDir string       // where the tools are kept; "" means netdiffus/tools in os.UserCacheDir
	Go       string       // the go command; "" means the one that command.FindGo finds

	tools        []tool // nil means allTools
	goMod, goSum []byte // nil means the pinned ones
}

// Build returns the folder that holds the tools. It builds them first if they are
// missing, damaged, or built by another version of Go, which takes two minutes on
// two cores. Several processes may call it at the same time; one builds.
func (o Tools) Build(ctx context.Context) (dir string, err error) {
	dir, err = o.withDefaults().open(ctx)
	if err != nil {
		return "", fmt.Errorf("setup: %w", err)
	}
	return dir, nil
}

// withDefaults fills in the defaults of o.
func (o Tools) withDefaults() Tools {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.tools == nil {
		o.tools = allTools
	}
	if o.goMod == nil {
		o.goMod, o.goSum = goMod, goSum
	}
	return o
}

func (o Tools) open(ctx context.Context) (string, error) {
	g, err := findGo(ctx, o.Go)
	if err != nil {
		return "", err
	}
	dir, err := o.folder(g)
	if err != nil {
		return "", err
	}
	if checkTools(dir) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("%w; make the folder writable, or set XDG_CACHE_HOME to one that is", err)
	}
	unlock, err := atomicfile.Lock(ctx, filepath.Join(filepath.Dir(dir), ".lock"), func() {
		o.Log.Info("waiting for another process to build the kernel's tools")
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if checkTools(dir) == nil {
		return dir, nil // another process built them while this one waited
	}
	removeLeftovers(filepath.Dir(dir))
	if err := o.build(ctx, g, dir); err != nil {
		return "", err
	}
	// Once more: the go command of a process that was killed may have gone on writing.
	removeLeftovers(filepath.Dir(dir))
	return dir, nil
}

// folder is where the tools of these pins and this Go lie: gopls must not be
// older than the Go whose programs it reads.
func (o Tools) folder(g goCommand) (string, error) {
	cache := o.CacheDir
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no cache directory: %w; set HOME or XDG_CACHE_HOME", err)
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

// build builds the tools in a temporary folder, which gets the name dir when it is
// complete.
func (o Tools) build(ctx context.Context, g goCommand, dir string) error {
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
	for i, t := range o.tools {
		begun := time.Now()
		o.Log.Info(fmt.Sprintf("building %s (%d of %d)", t.name, i+1, len(o.tools)))
		if err := g.build(ctx, module, t.pkg, t.path(staged.Path())); err != nil {
			return fmt.Errorf("build %s: %w", t.name, err)
		}
		o.Log.Debug("built", "tool", t.name, "seconds", time.Since(begun).Seconds())
	}
	if err := os.RemoveAll(module); err != nil {
		return err
	}
	if err := o.writeReceipt(staged.Path()); err != nil {
		return err
	}
	return staged.Replace()
}

// removeLeftovers removes the temporary folders of processes that died while they
// built. The caller holds the lock, so no other process is building.
func removeLeftovers(cache string) {
	entries, _ := os.ReadDir(cache)
	for _, e := range entries {
		if _, _, staged := atomicfile.StagedFor(e.Name()); staged {
			os.RemoveAll(filepath.Join(cache, e.Name()))
		}
	}
}
