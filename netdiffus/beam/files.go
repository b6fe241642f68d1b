package beam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local" // paths without a scheme
)

// join names something in a folder of any file system.
func join(dir string, names ...string) string {
	return strings.TrimRight(dir, "/") + "/" + path.Join(names...)
}

// isLocal reports whether a path is one of this machine, or of a disk that all machines see.
func isLocal(path string) bool { return !strings.Contains(path, "://") }

// base is the last element of a path of any file system.
func base(dir string) string { return path.Base(strings.TrimRight(filepath.ToSlash(dir), "/")) }

// quote makes a path a pattern that only it matches, for file systems with and without
// backslashes.
var quote = strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace

// renamed is err with a file's own path in place of its copy's.
func renamed(err error, local, path string) error {
	return errors.New(strings.ReplaceAll(err.Error(), local, path))
}

// onStore calls do with the file system of a path.
func onStore(ctx context.Context, path string, do func(filesystem.Interface) error) error {
	store, err := filesystem.New(ctx, path)
	if err != nil {
		return fmt.Errorf("beam: %w", err)
	}
	err = do(store)
	if closed := store.Close(); err == nil && closed != nil {
		err = fmt.Errorf("beam: %s: %w", path, closed)
	}
	return err
}

// files lists the files in dir that match the pattern, whose elements are names. On local
// disks folders match too, and are left out.
func files(ctx context.Context, store filesystem.Interface, dir, pattern string) ([]string, error) {
	found, err := store.List(ctx, strings.TrimRight(quote(dir), "/")+"/"+pattern)
	if err != nil {
		return nil, fmt.Errorf("beam: %s: %w", dir, err)
	}
	if isLocal(dir) {
		found = slices.DeleteFunc(found, func(name string) bool {
			info, err := os.Stat(name)
			return err != nil || info.IsDir()
		})
	}
	slices.Sort(found)
	return found, nil
}

// fetch copies the files in the folder from that match one of the patterns into the local
// folder to, with the folders between.
func fetch(ctx context.Context, from, to string, patterns ...string) error {
	return onStore(ctx, from, func(store filesystem.Interface) error {
		for _, pattern := range patterns {
			found, err := files(ctx, store, from, pattern)
			if err != nil {
				return err
			}
			depth := strings.Count(pattern, "/") + 1
			for _, name := range found {
				parts := strings.Split(filepath.ToSlash(name), "/")
				local := filepath.Join(to, filepath.Join(parts[len(parts)-depth:]...))
				if err := read(ctx, store, name, local); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// read copies one file to the local disk.
func read(ctx context.Context, store filesystem.Interface, name, local string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("beam: reading %s: %w", name, err)
		}
	}()
	in, err := store.OpenRead(ctx, name)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(local), 0o777); err != nil {
		return err
	}
	out, err := os.Create(local)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// write copies one local file to the file system, under a name that nobody reads yet.
func write(ctx context.Context, store filesystem.Interface, local, name string) error {
	in, err := os.Open(local)
	if err != nil {
		return fmt.Errorf("beam: %w", err)
	}
	defer in.Close()
	// An object's writer that is closed commits what it has: only ctx's end keeps half a
	// file from appearing.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out, err := store.OpenWrite(ctx, name)
	if err == nil {
		if _, err = io.Copy(out, in); err != nil {
			cancel()
		}
		err = errors.Join(err, out.Close())
	}
	if err != nil {
		return fmt.Errorf("beam: writing %s: %w", name, err)
	}
	return nil
}

// stagedName is the folder in an output in which files lie before they get their names.
const stagedName = ".staged"

// manifestName is the file of a set that says that all others are there.
const manifestName = "manifest.json"

// publish puts the files of a local folder into the folder name of out. Each is written
// under a name of its own in out/.staged first; when all are, they get their names, the
// manifest last. Where several workers publish the same folder, all bring the same bytes,
// so that it does not matter whose file stays.
func publish(ctx context.Context, local, out, name string) error {
	names, err := filesIn(local)
	if err != nil {
		return err
	}
	return onStore(ctx, out, func(store filesystem.Interface) (err error) {
		staged := join(out, stagedName, fmt.Sprintf("%s-%016x", path.Clean("/" + name)[1:], rand.Uint64()))
		defer func() { err = errors.Join(err, discard(ctx, store, staged)) }()
		for _, file := range names {
			if err := write(ctx, store, filepath.Join(local, filepath.FromSlash(file)), join(staged, file)); err != nil {
				return err
			}
		}
		fault("staged", name)
		for _, file := range names {
			to := join(out, name, file)
			if file == manifestName {
				fault("unfinished", name)
			}
			if isLocal(out) {
				if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
					return fmt.Errorf("beam: %w", err)
				}
			}
			if err := filesystem.Rename(ctx, store, join(staged, file), to); err != nil {
				return fmt.Errorf("beam: naming %s: %w", to, err)
			}
		}
		return nil
	})
}

// filesIn lists the files below a local folder by their paths in it, the manifest last.
func filesIn(local string) (names []string, err error) {
	err = fs.WalkDir(os.DirFS(local), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && name != manifestName {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("beam: %w", err)
	}
	if _, err := os.Stat(filepath.Join(local, manifestName)); err == nil {
		names = append(names, manifestName)
	}
	return names, nil
}

// discard removes what is left of a staged folder, or of all of them.
func discard(ctx context.Context, store filesystem.Interface, staged string) error {
	if isLocal(staged) {
		if err := os.RemoveAll(staged); err != nil {
			return fmt.Errorf("beam: %w", err)
		}
		return nil
	}
	remover, ok := store.(filesystem.Remover)
	if !ok {
		return nil
	}
	for _, pattern := range []string{"*", "*/*", "*/*/*"} {
		left, err := files(ctx, store, staged, pattern)
		if err != nil {
			return err
		}
		for _, name := range left {
			if err := remover.Remove(ctx, name); err != nil {
				return fmt.Errorf("beam: %s: %w", name, err)
			}
		}
	}
	return nil
}

// exists reports whether there is such a file.
func exists(ctx context.Context, name string) (there bool, err error) {
	err = onStore(ctx, name, func(store filesystem.Interface) error {
		found, err := store.List(ctx, quote(name))
		there = len(found) > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("beam: %s: %w", name, err)
	}
	return there, nil
}

// fault is called where tests let workers die.
var fault = func(where, name string) {}
