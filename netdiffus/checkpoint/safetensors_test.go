package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func mustFloat32(t testing.TB, values []float32, shape ...int) Tensor {
	t.Helper()
	tensor, err := Float32(values, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return tensor
}

// TestReadReference reads what Python's safetensors 0.8.0 wrote:
//
//	save_file({"out.2.weight": arange(6, float32).reshape(2,3)/4, "scalar": float64(-1.5), "empty": zeros((0,4), int32),
//	  "mask": [True,False,True], "step": int64([2**40+1]), "half": float16([1,0.5])}, path, metadata={"format": "np"})
func TestReadReference(t *testing.T) {
	file, err := os.ReadFile("testdata/reference.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	got, metadata, err := ReadTensors(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	want := Tensors{
		"out.2.weight": mustFloat32(t, []float32{0, 0.25, 0.5, 0.75, 1, 1.25}, 2, 3),
		"scalar":       {DType: "F64", Shape: []int{}, Data: []byte{0, 0, 0, 0, 0, 0, 0xf8, 0xbf}},
		"empty":        {DType: "I32", Shape: []int{0, 4}, Data: []byte{}},
		"mask":         {DType: "BOOL", Shape: []int{3}, Data: []byte{1, 0, 1}},
		"step":         {DType: "I64", Shape: []int{1}, Data: []byte{1, 0, 0, 0, 0, 1, 0, 0}},
		"half":         {DType: "F16", Shape: []int{2}, Data: []byte{0, 0x3c, 0, 0x38}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
	if metadata["format"] != "np" {
		t.Errorf("metadata %v", metadata)
	}
	var again bytes.Buffer
	if err := WriteTensors(&again, got, metadata); err != nil {
		t.Fatal(err)
	}
	const same = 24 + 0 + 4 + 3 // bytes from the weights on; of the two wide ones ours writes the other first
	if again.Len() != len(file) || !bytes.HasSuffix(again.Bytes(), file[len(file)-same:]) {
		t.Errorf("written again it has %d bytes or another end, the reference %d", again.Len(), len(file))
	}
}

func ExampleWriteTensors() {
	weight, _ := Float32([]float32{1, 2, 3, 4}, 2, 2)
	var file bytes.Buffer
	WriteTensors(&file, Tensors{"out.weight": weight}, nil)
	back, _, _ := ReadTensors(&file, int64(file.Len()))
	values, _ := back["out.weight"].Float32s()
	fmt.Println(back["out.weight"].DType, back["out.weight"].Shape, values)
	// Output: F32 [2 2] [1 2 3 4]
}

func TestWriteRefusesWhatDoesNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		tensor Tensor
		want   string
	}{
		"a":         {Tensor{DType: "F32", Shape: []int{2}, Data: make([]byte, 7)}, "takes 8 bytes"},
		"b":         {Tensor{DType: "F31", Data: make([]byte, 4)}, "unknown type"},
		"c":         {Tensor{DType: "U8", Shape: []int{-1}}, "negative"},
		metadataKey: {Tensor{DType: "U8", Data: make([]byte, 1)}, "cannot be called"},
	} {
		err := WriteTensors(&bytes.Buffer{}, Tensors{name: c.tensor}, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: WriteTensors = %v, want %q", name, err, c.want)
		}
	}
	if _, err := Float32([]float32{1, 2}, 3); err == nil {
		t.Error("Float32 of 2 values in a shape of 3 passed")
	}
	if _, err := (Tensor{DType: "F64", Data: make([]byte, 8)}).Float32s(); err == nil {
		t.Error("Float32s of F64 passed")
	}
}

// withHeader makes a file of a header and n bytes of data.
func withHeader(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func TestReadHostile(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "too few"},
		{"seven bytes", make([]byte, 7), "too few"},
		{"no header", make([]byte, 8), "want a JSON object"},
		{"giant header", binary.LittleEndian.AppendUint64(nil, 1<<62), "header of"},
		{"negative header", binary.LittleEndian.AppendUint64(nil, 1<<63+5), "header of"},
		{"header beyond the file", binary.LittleEndian.AppendUint64(nil, 100), "header of"},
		{"not an object", withHeader(`[1,2]`, 0), "want a JSON object"},
		{"cut JSON", withHeader(`{"a":{"dtype":"U8"`, 0), "unexpected"},
		{"more after it", withHeader(`{} {}`, 0), "more after"},
		{"hole", withHeader(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "overlap or leave a hole"},
		{"overlap", withHeader(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), "overlap or leave a hole"},
		{"beyond the end", withHeader(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, 3), "bytes 0 to 9 of 3"},
		{"backwards", withHeader(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,-1]}}`, 3), "bytes 0 to -1"},
		{"negative start", withHeader(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-4,3]}}`, 3), "overlap or leave a hole"},
		{"unused data", withHeader(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 3), "accounts for 1"},
		{"shape too large", withHeader(`{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), "too large"},
		{"large times zero", withHeader(`{"a":{"dtype":"F64","shape":[9223372036854775807,0],"data_offsets":[0,0]}}`, 0), "too large"},
		{"shape lies", withHeader(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), "takes 8 bytes"},
		{"negative dimension", withHeader(`{"a":{"dtype":"U8","shape":[-1,-4],"data_offsets":[0,4]}}`, 4), "negative"},
		{"unknown type", withHeader(`{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}`, 8), "unknown type"},
		{"twice", withHeader(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "comes twice"},
		{"metadata of numbers", withHeader(`{"__metadata__":{"a":1}}`, 0), "__metadata__"},
	} {
		_, _, err := ReadTensors(bytes.NewReader(c.file), int64(len(c.file)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: ReadTensors = %v, want %q", c.name, err, c.want)
		}
	}
	// The size may come from a manifest, and lie.
	good := withHeader(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1)
	if _, _, err := ReadTensors(bytes.NewReader(good[:len(good)-1]), int64(len(good))); err == nil {
		t.Error("a file shorter than its size passed")
	}
}

func FuzzReadTensors(f *testing.F) {
	reference, err := os.ReadFile("testdata/reference.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(reference)
	f.Add(withHeader(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Add(withHeader(`{}`, 0))
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, metadata, err := ReadTensors(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := WriteTensors(&again, tensors, metadata); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back, _, err := ReadTensors(bytes.NewReader(again.Bytes()), int64(again.Len()))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if len(back) != len(tensors) {
			t.Fatalf("%d tensors, were %d", len(back), len(tensors))
		}
		for name, tensor := range tensors {
			if b := back[name]; b.DType != tensor.DType || !slices.Equal(b.Shape, tensor.Shape) || !bytes.Equal(b.Data, tensor.Data) {
				t.Fatalf("%q is %v, was %v", name, b, tensor)
			}
		}
	})
}
