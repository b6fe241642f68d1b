// Package provenance records which files a result was made from: where they lay,
// how long they were and their SHA-256.
package provenance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Digest is the length of some bytes and their SHA-256. Two digests are equal
// where the bytes are.
type Digest struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // in hexadecimal
}

// File is a file, or a folder with all regular files below it.
type File struct {
	Path string `json:"path"` // as it was given
	// Digest of a folder is the sum of its files' lengths, and a hash over their
	// names and hashes.
	Digest
}

// Hash reads the file or folder at path and describes it. It stops with ctx's
// error when ctx ends.
func Hash(ctx context.Context, path string) (File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return File{}, fmt.Errorf("provenance: %w", err)
	}
	sum := sumFile
	if info.IsDir() {
		sum = sumFolder
	}
	digest, err := sum(ctx, path)
	if err != nil {
		return File{}, fmt.Errorf("provenance: %w", err)
	}
	return File{path, digest}, nil
}

func sumFolder(ctx context.Context, dir string) (Digest, error) {
	dir, err := filepath.EvalSymlinks(dir) // WalkDir does not follow its root
	if err != nil {
		return Digest{}, err
	}
	all := sha256.New()
	var bytes int64
	err = filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		d, err := sumFile(ctx, file)
		bytes += d.Bytes
		fmt.Fprintf(all, "%s  %q\n", d.SHA256, filepath.ToSlash(name))
		return err
	})
	return Digest{bytes, hex.EncodeToString(all.Sum(nil))}, err
}

func sumFile(ctx context.Context, path string) (Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return Digest{}, err
	}
	defer f.Close()
	h := NewHasher()
	if _, err := io.Copy(h, contextReader{ctx, f}); err != nil {
		return Digest{}, fmt.Errorf("%s: %w", path, err)
	}
	return h.Digest(), nil
}

// contextReader is a reader that fails when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// Hasher digests what is written to it.
type Hasher struct {
	hash  hash.Hash
	bytes int64
}

// NewHasher returns a Hasher to which nothing has been written.
func NewHasher() *Hasher { return &Hasher{hash: sha256.New()} }

// Write adds b to what is digested. It never fails.
func (h *Hasher) Write(b []byte) (int, error) {
	h.bytes += int64(len(b))
	return h.hash.Write(b)
}

// Digest returns the digest of everything written so far.
func (h *Hasher) Digest() Digest { return Digest{h.bytes, hex.EncodeToString(h.hash.Sum(nil))} }
