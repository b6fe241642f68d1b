package provenance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// sumABC is the SHA-256 of "abc", FIPS 180-2 appendix B.1.
const sumABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func ExampleHash() {
	dir, _ := os.MkdirTemp("", "flows")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "flows.csv")
	os.WriteFile(path, []byte("abc"), 0o666)
	file, err := provenance.Hash(context.Background(), path)
	fmt.Printf("%s %d %.8s… %v\n", filepath.Base(file.Path), file.Bytes, file.SHA256, err)
	// Output: flows.csv 3 ba7816bf… <nil>
}

func TestHashOfFolder(t *testing.T) {
	dir := t.TempDir()
	class := filepath.Join(dir, "set", "class")
	check(t, os.MkdirAll(class, 0o777))
	check(t, os.WriteFile(filepath.Join(class, "a.npz"), []byte("abc"), 0o666))
	folder := hash(t, filepath.Join(dir, "set"))
	// From `printf '%s  "class/a.npz"\n' SUM | sha256sum`.
	if want := "cf2a787c3f1533bbf99593ce678e17ff"; folder.Bytes != 3 || folder.SHA256[:32] != want {
		t.Errorf("Hash of a folder = %d bytes, %.32s, want 3, %s", folder.Bytes, folder.SHA256, want)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("set", link); err == nil { // needs rights on Windows
		if got := hash(t, link); got.Digest != folder.Digest || got.Path != link {
			t.Errorf("Hash of a link to a folder = %+v, want the folder's %+v", got, folder)
		}
	}
	check(t, os.Rename(filepath.Join(class, "a.npz"), filepath.Join(class, "b.npz")))
	if renamed := hash(t, filepath.Join(dir, "set")); renamed.SHA256 == folder.SHA256 {
		t.Errorf("a folder's hash %s does not change with a name", folder.SHA256)
	}
}

func TestHashFails(t *testing.T) {
	dir := t.TempDir()
	if _, err := provenance.Hash(t.Context(), filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Hash of nothing = %v", err)
	}
	check(t, os.WriteFile(filepath.Join(dir, "a"), []byte("abc"), 0o666))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{dir, filepath.Join(dir, "a")} {
		if _, err := provenance.Hash(ctx, path); !errors.Is(err, context.Canceled) {
			t.Errorf("Hash of %s after cancel = %v", path, err)
		}
	}
}

// TestJSON holds the keys that manifests on disk have.
func TestJSON(t *testing.T) {
	h := provenance.NewHasher()
	h.Write([]byte("a"))
	h.Write([]byte("bc"))
	text, err := json.Marshal(provenance.File{Path: "x", Digest: h.Digest()})
	if want := `{"path":"x","bytes":3,"sha256":"` + sumABC + `"}`; err != nil || string(text) != want {
		t.Errorf("Marshal = %s, %v, want %s", text, err, want)
	}
}

func hash(t *testing.T, path string) provenance.File {
	t.Helper()
	f, err := provenance.Hash(t.Context(), path)
	check(t, err)
	return f
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
