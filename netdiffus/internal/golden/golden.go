// Package golden gives tests the numbers recorded from the reference
// implementations (guided-diffusion, pyts, scipy, scikit-learn) and the
// developers' shared data.
//
// The arrays lie in testdata beside this file. A developer's checkout has the
// full set, and its description, in ../shared/golden beside the repository;
// where that folder is present it is read instead.
package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// File is one file of recorded arrays.
type File struct {
	name   string
	arrays map[string]npz.Array
	keys   []string
}

// Open reads a file such as "schedules.npz". The test fails when it cannot.
func Open(t testing.TB, name string) *File {
	t.Helper()
	path := filepath.Join(shared(t), "golden", name)
	if _, err := os.Stat(path); err != nil {
		path = filepath.Join(Root(t), "netdiffus", "internal", "golden", "testdata", name)
	}
	f, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file := &File{name: name, keys: f.Keys(), arrays: map[string]npz.Array{}}
	for _, key := range file.keys {
		if file.arrays[key], err = f.Read(key); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// Keys returns the arrays' names.
func (f *File) Keys() []string { return f.keys }

// Has reports whether there is an array of that name.
func (f *File) Has(key string) bool { _, ok := f.arrays[key]; return ok }

// Array returns an array. The test fails when there is none of that name.
func (f *File) Array(t testing.TB, key string) npz.Array {
	t.Helper()
	a, ok := f.arrays[key]
	if !ok {
		t.Fatalf("golden: %s has no array %q", f.name, key)
	}
	return a
}

// Floats returns an array's elements as float64, row-major.
func (f *File) Floats(t testing.TB, key string) []float64 {
	t.Helper()
	return f.Array(t, key).Floats()
}

// Float32s returns an array's elements as float32, row-major.
func (f *File) Float32s(t testing.TB, key string) []float32 {
	t.Helper()
	return f.Array(t, key).Float32s()
}

// Ints returns an array of whole numbers, row-major.
func (f *File) Ints(t testing.TB, key string) []int64 {
	t.Helper()
	ints, err := f.Array(t, key).Ints()
	if err != nil {
		t.Fatalf("golden: %s: %s: %v", f.name, key, err)
	}
	return ints
}

// Shared returns the path of a file or folder of the developers' shared data,
// such as "data/mirage-appxact/Mirage-AppxAct.parquet". That is third-party
// data which is not part of the repository: where it is absent the test is
// skipped.
func Shared(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(shared(t), filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs the developers' data, which the repository does not hold: %v", err)
	}
	return path
}

// shared is the developers' folder beside the repository.
func shared(t testing.TB) string { return filepath.Join(filepath.Dir(Root(t)), "shared") }

// Root returns the repository's root: the folder with go.mod above the test's.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for from := dir; ; {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(data), "module github.com/netdiffus/netdiffus-go\n") {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatalf("golden: no go.mod of the module above %s", from)
		}
		dir = parent
	}
}
