// Package programs keeps the programs that XLA compiles: a process that needs a
// program which an earlier one compiled loads it in place of compiling it, in a
// fraction of a second where that takes seconds to minutes.
//
// XLA has the functions for it, and its plugins export them (PJRT_Executable_Serialize
// and PJRT_Executable_DeserializeAndLoad); go-xla does not use them. [Keep] therefore
// puts a function of its own in place of PJRT_Client_Compile in the plugin's table,
// before go-xla opens the plugin. Whatever goes wrong there is a miss, and the plugin
// compiles as it does without.
package programs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// Store is a folder of compiled programs. Several processes may use it at once.
type Store struct {
	// Dir is the folder, which is made where it is missing. What is in it is machine code
	// that will be run: where others may write to it, nothing of it is used.
	Dir string
	// MaxBytes is how large the folder may become; the programs that were used least
	// recently go first. 0 means 1 GiB.
	MaxBytes int64
}

const (
	defaultMaxBytes = 1 << 30
	suffix          = ".xla"
	// magic begins each file, before the SHA-256 of what follows. Its number changes
	// with the form of the files and with what makes a key.
	magic      = "netdiffus program 1\n"
	headerSize = len(magic) + sha256.Size
)

// In returns the store in the user's cache folder, as os.UserCacheDir names it.
func In(cacheDir string) Store {
	return Store{Dir: filepath.Join(cacheDir, "netdiffus", "programs")}
}

// ErrUnsafe is the error of a folder that others may write to.
var ErrUnsafe = errors.New("others may write to the folder")

// Key names a program by everything that its machine code depends on.
func Key(parts ...[]byte) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Get returns the program of that key, nil where there is none. A file that is damaged
// is removed.
func (s Store) Get(key string) []byte {
	path := s.path(key)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	program, ok := strings.CutPrefix(string(data[:min(len(data), headerSize)]), magic)
	if sum := sha256.Sum256(data[min(len(data), headerSize):]); !ok || program != string(sum[:]) {
		slog.Debug("programs: a damaged file is removed", "path", path)
		os.Remove(path)
		return nil
	}
	now := time.Now()
	os.Chtimes(path, now, now) // what was used last stays longest; on a read-only disk it fails
	return data[headerSize:]
}

// Put keeps a program and makes room for it.
func (s Store) Put(key string, program []byte) error {
	if int64(len(program)) > s.maxBytes() {
		return fmt.Errorf("programs: %d bytes are more than the folder may hold", len(program))
	}
	if err := s.prepare(); err != nil {
		return fmt.Errorf("programs: %w", err)
	}
	if err := s.trim(int64(headerSize + len(program))); err != nil {
		return fmt.Errorf("programs: %w", err)
	}
	sum := sha256.Sum256(program)
	f, err := atomicfile.Create(s.path(key))
	if err != nil {
		return fmt.Errorf("programs: %w", err)
	}
	defer f.Abort()
	for _, part := range [][]byte{[]byte(magic), sum[:], program} {
		if _, err := f.Write(part); err != nil {
			return fmt.Errorf("programs: %w", err)
		}
	}
	if err := f.Commit(); err != nil {
		return fmt.Errorf("programs: %w", err)
	}
	return nil
}

// Drop removes a program, as one that the plugin refused.
func (s Store) Drop(key string) { os.Remove(s.path(key)) }

// Size returns how many programs there are, and their bytes.
func (s Store) Size() (n int, bytes int64) {
	for _, f := range s.files() {
		n++
		bytes += f.Size()
	}
	return n, bytes
}

// prepare makes the folder and checks that it is the user's own.
func (s Store) prepare() error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(s.Dir)
	if err != nil {
		return err
	}
	if !private(info) {
		return fmt.Errorf("%s: %w: chmod 700 it", s.Dir, ErrUnsafe)
	}
	return nil
}

// trim removes the programs that were used least recently until there is room for n
// bytes more, and what was left by processes that died while writing.
func (s Store) trim(n int64) error {
	files := s.files()
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	total := n
	for _, f := range files {
		total += f.Size()
	}
	for _, f := range files {
		if total <= s.maxBytes() {
			break
		}
		if err := os.Remove(filepath.Join(s.Dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		total -= f.Size()
	}
	return nil
}

// files are the programs. A folder that cannot be read has none.
func (s Store) files() []fs.FileInfo {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return nil
	}
	var files []fs.FileInfo
	for _, e := range entries {
		if name, _, staged := atomicfile.StagedFor(e.Name()); staged && strings.HasSuffix(name, suffix) {
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > time.Hour {
				os.Remove(filepath.Join(s.Dir, e.Name())) // of a process that died
			}
			continue
		}
		if !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, info)
		}
	}
	return files
}

func (s Store) path(key string) string { return filepath.Join(s.Dir, key+suffix) }

func (s Store) maxBytes() int64 {
	if s.MaxBytes > 0 {
		return s.MaxBytes
	}
	return defaultMaxBytes
}
