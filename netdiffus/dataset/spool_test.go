package dataset

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// TestSpool: numbers come out as they went in, few or many, in the bytes of an array that
// was in memory, and no file is left.
func TestSpool(t *testing.T) {
	for _, n := range []int{0, 1, fewNumbers, fewNumbers + 1, 3 * fewNumbers} {
		dir := t.TempDir()
		s, want := spool{path: filepath.Join(dir, "numbers")}, make([]int64, n)
		for i := range want {
			want[i] = int64(i*i) - 7
			if err := s.add(want[i]); err != nil {
				t.Fatal(err)
			}
		}
		var got, whole bytes.Buffer
		archive := npz.NewWriter(&got)
		if err := s.write(archive, "rows"); err != nil {
			t.Fatal(err)
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		if err := npz.Encode(&whole, npz.Named{Name: "rows", Array: npz.New(want)}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), whole.Bytes()) {
			t.Errorf("%d numbers: another file than of an array in memory", n)
		}
		if err := s.drop(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%d numbers leave %v (%v)", n, left, err)
		}
	}
}
