package programs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestStore(t *testing.T) {
	s := Store{Dir: filepath.Join(t.TempDir(), "new", "folder")}
	key := Key([]byte("a"), []byte("b"))
	if got := s.Get(key); got != nil {
		t.Fatalf("a store without a folder has %q", got)
	}
	want := bytes.Repeat([]byte("machine code"), 1000)
	if err := s.Put(key, want); err != nil {
		t.Fatal(err)
	}
	if got := s.Get(key); !bytes.Equal(got, want) {
		t.Fatalf("%d bytes come back, want %d", len(got), len(want))
	}
	if n, size := s.Size(); n != 1 || size != int64(headerSize+len(want)) {
		t.Errorf("size is %d programs of %d bytes", n, size)
	}
	s.Drop(key)
	if s.Get(key) != nil {
		t.Error("a dropped program is still there")
	}
}

func TestKeyTakesItsPartsApart(t *testing.T) {
	if Key([]byte("ab"), []byte("c")) == Key([]byte("a"), []byte("bc")) {
		t.Error("other parts give the same key")
	}
}

// Every change of a file, a shorter and a longer one are misses, and take it away.
func TestDamagedFile(t *testing.T) {
	whole := []byte("some machine code")
	for name, damage := range map[string]func([]byte) []byte{
		"empty":          func([]byte) []byte { return nil },
		"header only":    func(b []byte) []byte { return b[:headerSize] },
		"cut":            func(b []byte) []byte { return b[:len(b)-1] },
		"longer":         func(b []byte) []byte { return append(b, 0) },
		"a bit flipped":  func(b []byte) []byte { b[len(b)-3] ^= 4; return b },
		"hash flipped":   func(b []byte) []byte { b[len(magic)] ^= 1; return b },
		"another format": func(b []byte) []byte { return append([]byte("netdiffus program 0\n"), b[len(magic):]...) },
		"something else": func([]byte) []byte { return []byte(strings.Repeat("<html>", 100)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := Store{Dir: t.TempDir()}
			if err := s.Put("key", whole); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(s.path("key"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s.path("key"), damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := s.Get("key"); got != nil {
				t.Fatalf("read %q", got)
			}
			if _, err := os.Stat(s.path("key")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the damaged file is still there: %v", err)
			}
		})
	}
}

func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	s := Store{Dir: t.TempDir(), MaxBytes: 3 * 1000}
	program := make([]byte, 900)
	for i, key := range []string{"a", "b", "c"} {
		if err := s.Put(key, program); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(time.Duration(i-10) * time.Minute)
		if err := os.Chtimes(s.path(key), then, then); err != nil {
			t.Fatal(err)
		}
	}
	s.Get("a") // used now
	if err := s.Put("d", program); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if got := s.Get(key) != nil; got != want {
			t.Errorf("program %s: there is %v, want %v", key, got, want)
		}
	}
	if err := s.Put("large", make([]byte, 4000)); err == nil {
		t.Error("a program larger than the folder may be was kept")
	}
}

func TestFolderOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := (Store{Dir: dir}).Put("key", []byte("code")); !errors.Is(err, ErrUnsafe) {
		t.Errorf("Put in a folder that everybody writes to: %v, want ErrUnsafe", err)
	}
}

// Processes that write and read the same programs at once see whole ones or none.
func TestAtOnce(t *testing.T) {
	s := Store{Dir: t.TempDir(), MaxBytes: 20_000}
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := range 50 {
				key := string(rune('a' + (i+worker)%7))
				want := bytes.Repeat([]byte(key), 3000)
				if got := s.Get(key); got != nil && !bytes.Equal(got, want) {
					t.Errorf("program %s is %d bytes of something else", key, len(got))
				}
				if err := s.Put(key, want); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
}

func TestProcessor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpuinfo")
	text := "processor\t: 0\nmodel name\t: A\ncpu MHz\t\t: 2400.1\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nmodel name\t: A\ncpu MHz\t\t: 1800.0\nflags\t\t: fpu avx2\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := processor(path), "model name\t: A\nflags\t\t: fpu avx2"; got != want {
		t.Errorf("processor is %q, want %q", got, want)
	}
	if got := processor(filepath.Join(t.TempDir(), "none")); got != "" {
		t.Errorf("without the file: %q", got)
	}
}
