package npz

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRows: rows read in any order are those of the whole array.
func TestRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npz")
	values := make([]float32, 7*2*3)
	for i := range values {
		values[i] = float32(i) / 4
	}
	if err := Write(path, Named{"other", New([]int64{1, 2})}, Named{"images", New(values, 7, 2, 3)}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.Rows("images.npy")
	if err != nil {
		t.Fatal(err)
	}
	if rows.Len() != 7 || !slices.Equal(rows.Shape(), []int{7, 2, 3}) || rows.DType() != "f4" {
		t.Errorf("%d rows, shape %v of %s", rows.Len(), rows.Shape(), rows.DType())
	}
	for _, at := range [][2]int{{5, 2}, {0, 1}, {3, 0}, {0, 7}, {7, 0}} {
		a, err := rows.Read(at[0], at[1])
		if err != nil {
			t.Fatal(err)
		}
		if got, want := a.Float32s(), values[at[0]*6:(at[0]+at[1])*6]; !slices.Equal(got, want) || !slices.Equal(a.Shape, []int{at[1], 2, 3}) {
			t.Errorf("rows %v: %v of shape %v, want %v", at, got, a.Shape, want)
		}
	}
	for _, at := range [][2]int{{6, 2}, {-1, 1}, {0, -1}, {8, 0}} {
		if _, err := rows.Read(at[0], at[1]); err == nil || !strings.Contains(err.Error(), "rows from") {
			t.Errorf("rows %v: error %v", at, err)
		}
	}
}

func TestRowsRefused(t *testing.T) {
	var compressed bytes.Buffer
	z := zip.NewWriter(&compressed)
	entry, err := z.Create("x.npy") // deflated
	if err != nil {
		t.Fatal(err)
	}
	entry.Write(appendBody(appendHeader(nil, "f8", []int{2, 1}), []float64{1, 2}))
	z.Close()
	columns := bytes.Replace(appendHeader(nil, "f8", []int{2, 2}), []byte("False"), []byte("True "), 1)
	for name, c := range map[string]struct {
		data []byte
		key  string
		want string
	}{
		"compressed":   {compressed.Bytes(), "x", "compressed"},
		"column-major": {appendBody(columns, []float64{1, 2, 3, 4}), "arr_0", "column-major"},
		"one number":   {appendBody(appendHeader(nil, "f8", []int{}), []float64{1}), "arr_0", "single number"},
		"cut off":      {appendBody(appendHeader(nil, "f8", []int{3}), []float64{1, 2}), "arr_0", "cut off"},
		"missing":      {appendBody(appendHeader(nil, "f8", []int{1}), []float64{1}), "y", "no such array"},
	} {
		path := filepath.Join(t.TempDir(), "a.npz")
		if err := os.WriteFile(path, c.data, 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := f.Rows(c.key); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		f.Close()
	}
}
