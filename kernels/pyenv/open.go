package pyenv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// Open is the function Open with o's options.
func (o Opener) Open(ctx context.Context) (Env, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.requirements == "" {
		o.requirements = requirements
	}
	if o.CacheDir == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return Env{}, fmt.Errorf("pyenv: no cache directory: %w; set HOME or XDG_CACHE_HOME", err)
		}
		o.CacheDir = filepath.Join(dir, "netdiffus", "python")
	}
	cache, err := filepath.Abs(o.CacheDir)
	if err != nil {
		return Env{}, fmt.Errorf("pyenv: %w", err)
	}
	sum := sha256.Sum256([]byte(o.requirements))
	env := Env{Dir: filepath.Join(cache, hex.EncodeToString(sum[:6]))}
	if env.check(ctx) == nil {
		return env, nil
	}
	if err := ctx.Err(); err != nil {
		return Env{}, err
	}
	if err := o.make(ctx, env); err != nil {
		return Env{}, fmt.Errorf("pyenv: %w", err)
	}
	return env, nil
}

// make makes env under a lock. A virtual environment contains its own path, so it
// cannot be made elsewhere and renamed. It is made in place, and the receipt that
// check requires is written last.
func (o Opener) make(ctx context.Context, env Env) error {
	if err := os.MkdirAll(filepath.Dir(env.Dir), 0o755); err != nil {
		return fmt.Errorf("%w; make the folder writable, or set XDG_CACHE_HOME to one that is", err)
	}
	unlock, err := atomicfile.Lock(ctx, env.Dir+".lock", func() {
		o.Log.Info("waiting for another process to make the Python environment", "folder", env.Dir)
	})
	if err != nil {
		return err
	}
	defer unlock()
	why := env.check(ctx)
	if why == nil {
		return nil // another process made it while this one waited
	}
	python := o.Python
	if python == "" {
		if python, err = findPython(ctx); err != nil {
			return err
		}
	}
	if _, err := os.Stat(env.Dir); err == nil {
		o.Log.Info("making the Python environment again", "folder", env.Dir, "why", why)
	} else {
		o.Log.Info("making the Python environment (350 MB, once)", "folder", env.Dir, "python", python)
	}
	if err := os.RemoveAll(env.Dir); err != nil {
		return err
	}
	if err := o.build(ctx, python, env); err != nil {
		os.RemoveAll(env.Dir)
		return err
	}
	return nil
}
