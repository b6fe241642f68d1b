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

// TestRowReader: rows that are read so many at a time are those of the whole array, however
// the file holds it, and two arrays are read in turn.
func TestRowReader(t *testing.T) {
	values := make([]float64, 7*3)
	for i := range values {
		values[i] = float64(i) / 4
	}
	var deflated bytes.Buffer
	z := zip.NewWriter(&deflated)
	for _, name := range []string{"x.npy", "y.npy"} {
		entry, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		entry.Write(appendBody(appendHeader(nil, "f8", []int{7, 3}), values))
	}
	z.Close()
	var stored bytes.Buffer
	if err := Encode(&stored, Named{"x", New(values, 7, 3)}, Named{"y", New(values, 7, 3)}); err != nil {
		t.Fatal(err)
	}
	row := appendBody(appendHeader(nil, "f8", []int{7, 3}), values)
	column := bytes.Replace(row, []byte("False"), []byte("True "), 1)
	for name, c := range map[string]struct {
		data []byte
		keys []string
	}{
		"stored":       {stored.Bytes(), []string{"x", "y"}},
		"deflated":     {deflated.Bytes(), []string{"x", "y"}},
		"plain":        {row, []string{"arr_0", "arr_0"}},
		"column-major": {column, []string{"arr_0", "arr_0"}},
	} {
		f, err := newFile(bytes.NewReader(c.data), int64(len(c.data)))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := f.Read(c.keys[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 2, 7, 100} {
			var readers [2]*RowReader
			for i, key := range c.keys {
				if readers[i], err = f.RowReader(key); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(readers[i].Shape(), []int{7, 3}) || readers[i].DType() != "f8" || readers[i].Left() != 7 {
					t.Errorf("%s: shape %v of %s, %d rows", name, readers[i].Shape(), readers[i].DType(), readers[i].Left())
				}
			}
			var got [2][]float64
			for readers[0].Left() > 0 {
				for i, r := range readers {
					want := []int{min(n, r.Left()), 3}
					a, err := r.Next(n)
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(a.Shape, want) {
						t.Errorf("%s: shape %v, want %v", name, a.Shape, want)
					}
					got[i] = append(got[i], a.Floats()...)
				}
			}
			for i, r := range readers {
				if a, err := r.Next(n); err != nil || a.Shape[0] != 0 {
					t.Errorf("%s: behind the end %v, %v", name, a.Shape, err)
				}
				if !slices.Equal(got[i], whole.Floats()) {
					t.Errorf("%s, %d rows at a time: %v, want %v", name, n, got[i], whole.Floats())
				}
				r.Close()
			}
		}
	}
}

// TestRowReaderRefuses: a checksum that differs shows with the last row, and more rows at
// once than may be held are refused.
func TestRowReaderRefuses(t *testing.T) {
	var b bytes.Buffer
	if err := Encode(&b, Named{"x", New(make([]float64, 100), 50, 2)}); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	data[len(data)/3] ^= 1
	f, err := newFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.RowReader("x")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Next(49); err != nil {
		t.Error(err)
	}
	if _, err := r.Next(1); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("the last row: %v", err)
	}
	f.Limit = 20 * 16
	if r, err = f.RowReader("x"); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Check(20); err != nil {
		t.Error(err)
	}
	if _, err := r.Next(21); err == nil || !strings.Contains(err.Error(), "beyond the limit") {
		t.Errorf("21 rows: %v", err)
	}
}
