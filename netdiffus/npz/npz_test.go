package npz

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio/npz"
)

// numpyValues are the values that testdata/make.py gives an array.
func numpyValues(dtype string, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(i)
		if dtype == "b1" {
			v[i] = float64(i % 2)
		}
	}
	switch {
	case n > 0 && dtype[0] == 'f':
		v[0] = -1.5
	case n > 0 && dtype[0] == 'i':
		v[0] = -1
	}
	return v
}

func checkNumpy(t *testing.T, name string, a Array) {
	t.Helper()
	if want := numpyValues(a.DType(), a.Len()); !slices.Equal(a.Floats(), want) {
		t.Errorf("%s %s %v = %v, want %v", name, a.DType(), a.Shape, a.Floats(), want)
	}
}

// TestReadNumPy reads what NumPy wrote (testdata/make.py): every type in both
// byte orders, column-major, 0-d, empty, stored and deflated.
func TestReadNumPy(t *testing.T) {
	shapes := map[string][]int{
		"fortran2": {3, 4}, "fortran3": {2, 3, 4}, "scalar": {}, "vector": {5},
		"empty": {0, 10, 10, 1}, "deep": {1, 2, 1, 2, 1, 2, 1},
	}
	for _, file := range []string{"numpy.npz", "numpy_compressed.npz"} {
		f, err := Open(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if len(f.Keys()) != 27 {
			t.Errorf("%s holds %q, want 27 arrays", file, f.Keys())
		}
		for _, key := range f.Keys() {
			a, err := f.Read(key)
			if err != nil {
				t.Error(err)
				continue
			}
			want, ok := shapes[key]
			if !ok {
				want = []int{2, 3}
			}
			if !slices.Equal(a.Shape, want) {
				t.Errorf("%s: %s has shape %v, want %v", file, key, a.Shape, want)
			}
			if _, dtype, ok := strings.Cut(key, "_"); ok && a.DType() != dtype {
				t.Errorf("%s: %s has type %s", file, key, a.DType())
			}
			checkNumpy(t, key, a)
		}
	}
}

func TestReadNumPyVersions(t *testing.T) {
	for _, key := range []string{"v1", "v2.npy", "v3"} {
		a, err := readOne(t, "testdata/numpy_versions.npz", key)
		if err != nil {
			t.Fatal(err)
		}
		checkNumpy(t, key, a)
	}
	a, err := readOne(t, "testdata/numpy.npy", "arr_0")
	if err != nil {
		t.Fatal(err)
	}
	checkNumpy(t, "numpy.npy", a)
}

func TestReadNumPyOtherTypes(t *testing.T) {
	f, err := Open("testdata/numpy_other.npz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, key := range f.Keys() {
		if _, err := f.Read(key); err == nil || !strings.Contains(err.Error(), "numpy_other.npz: "+key) {
			t.Errorf("Read(%s) = %v, want an error that names file and array", key, err)
		}
	}
}

// TestWriteAsNumPy holds a header that NumPy wrote, and its archive's form, to
// ours: the same arrays give the same .npy bytes.
func TestWriteAsNumPy(t *testing.T) {
	want, err := os.ReadFile("testdata/numpy.npy")
	if err != nil {
		t.Fatal(err)
	}
	got := appendHeader(nil, "f8", []int{2, 3})
	got = appendBody(got, numpyValues("f8", 6))
	if !bytes.Equal(got, want) {
		t.Errorf("our .npy is\n%q, NumPy's\n%q", got, want)
	}
}

// every returns arrays of every type and some shapes.
func every() []Named {
	long := make([]float64, 3*chunk+5)
	for i := range long {
		long[i] = math.Sqrt(float64(i))
	}
	return []Named{
		{"b1", New([]bool{true, false, true})},
		{"i1", New([]int8{-128, 127}, 2, 1)},
		{"i2", New([]int16{math.MinInt16, math.MaxInt16}, 1, 2)},
		{"i4", New([]int32{math.MinInt32, math.MaxInt32})},
		{"i8", New([]int64{math.MinInt64, math.MaxInt64})},
		{"u1", New([]uint8{0, 255})},
		{"u2", New([]uint16{math.MaxUint16})},
		{"u4", New([]uint32{math.MaxUint32})},
		{"u8", New([]uint64{math.MaxUint64})},
		{"f4", New([]float32{-0.1, float32(math.Inf(1)), math.MaxFloat32, math.SmallestNonzeroFloat32})},
		{"f8", New([]float64{-0.1, math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64}, 2, 1, 2)},
		{"number", New([]float64{42}, []int{}...)},
		{"empty", New([]float32{}, 0, 10, 10, 1)},
		{"long", New(long, 3*chunk+5, 1)},
		{"длинное имя/в папке", New([]int64{1})},
	}
}

func TestWriteRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "all.npz")
	want := every()
	if err := Write(path, want...); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, key := range f.Keys() {
		if key != want[i].Name {
			t.Fatalf("array %d is %q, want the order written: %q", i, key, want[i].Name)
		}
		shape, dtype, err := f.Shape(key)
		if err != nil || !slices.Equal(shape, want[i].Shape) || dtype != want[i].DType() {
			t.Errorf("Shape(%s) = %v, %s, %v, want %v", key, shape, dtype, err, want[i].Shape)
		}
		got, err := f.Read(key)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want[i].Array) {
			t.Errorf("%s = %v, want %v", key, got, want[i].Array)
		}
	}
	again := filepath.Join(t.TempDir(), "again.npz")
	if err := Write(again, want...); err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(path)
	b, _ := os.ReadFile(again)
	if !bytes.Equal(a, b) {
		t.Error("the same arrays gave other bytes the second time")
	}
}

// TestNpyioReads has another reader take our files.
func TestNpyioReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "all.npz")
	arrays := every()
	if err := Write(path, arrays...); err != nil {
		t.Fatal(err)
	}
	f, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, a := range arrays {
		switch want := a.data.(type) {
		case []float64:
			var got []float64
			if err := f.Read(a.Name+".npy", &got); err != nil || !slices.Equal(got, want) {
				t.Errorf("npyio reads %s as %v values, %v", a.Name, len(got), err)
			}
		case []int64:
			var got []int64
			if err := f.Read(a.Name+".npy", &got); err != nil || !slices.Equal(got, want) {
				t.Errorf("npyio reads %s as %v, %v", a.Name, got, err)
			}
		}
	}
}

func TestWriteLeavesNothingOnFailure(t *testing.T) {
	dir := t.TempDir()
	a := Named{"a", New([]float64{1})}
	for _, arrays := range [][]Named{{a, a}, {{"", a.Array}}, {{"b", Array{}}}} {
		if err := Write(filepath.Join(dir, "x.npz"), arrays...); err == nil {
			t.Errorf("Write(%v) passed", arrays)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("%v was left", entries)
	}
}

func TestStreamCounts(t *testing.T) {
	w := NewWriter(&bytes.Buffer{})
	s, err := Begin[float32](w, "a", 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Append([]float32{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "1 values are missing") {
		t.Errorf("Close = %v, want that one value is missing", err)
	}
	w = NewWriter(&bytes.Buffer{})
	if s, err = Begin[float32](w, "a", 2); err != nil {
		t.Fatal(err)
	}
	if err := s.Append([]float32{1, 2, 3}); err == nil {
		t.Error("more values than announced passed")
	}
	if _, err := Begin[float32](w, "b", -1); err == nil {
		t.Error("a negative size passed")
	}
}

func TestInts(t *testing.T) {
	for _, c := range []struct {
		a    Array
		want []int64
	}{
		{New([]float32{-2, 3}), []int64{-2, 3}},
		{New([]bool{true, false}), []int64{1, 0}},
		{New([]uint64{7}), []int64{7}},
		{New([]uint64{math.MaxUint64}), nil},
		{New([]float64{0.5}), nil},
		{New([]float64{math.NaN()}), nil},
		{New([]float64{1 << 63}), nil},
		{New([]float64{-1 << 63}), []int64{math.MinInt64}},
	} {
		got, err := c.a.Ints()
		if (err != nil) != (c.want == nil) || !slices.Equal(got, c.want) {
			t.Errorf("Ints of %v = %v, %v, want %v", c.a.data, got, err, c.want)
		}
	}
}

func ExampleWrite() {
	dir, _ := os.MkdirTemp("", "npz")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "a.npz")

	images := New([]float32{1, 2, 3, 4}, 1, 2, 2) // [N,H,W]
	if err := Write(path, Named{"images", images}); err != nil {
		fmt.Println(err)
		return
	}
	file, err := Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	back, err := file.Read("images")
	fmt.Println(back.DType(), back.Shape, back.Floats(), err)
	// Output: f4 [1 2 2] [1 2 3 4] <nil>
}

// readOne reads one array of the file at path.
func readOne(t *testing.T, path, key string) (Array, error) {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		return Array{}, err
	}
	defer f.Close()
	return f.Read(key)
}
