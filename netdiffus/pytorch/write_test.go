package pytorch

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// encoded is value as a file.
func encoded(t testing.TB, value any) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, value); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func reopen(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := newFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sample is a state dict with a tensor of every type that is written.
func sample() []Named {
	list := []Named{
		{"out.2.weight", Float32([]float32{1, -2, 3, 4.5, float32(math.Inf(1)), 0}, 2, 3)},
		{"scalar", Float32([]float32{7})},
		{"empty", Float32(nil, 0, 4)},
	}
	list[1].Shape = []int{}
	for dtype := range storageClasses {
		list = append(list, Named{"of." + dtype, Tensor{DType: dtype, Shape: []int{3}, Data: make([]byte, 3*dtypeBytes[dtype])}})
	}
	return list
}

func ExampleWrite() {
	path := filepath.Join(os.TempDir(), "netdiffus-example.pt")
	defer os.Remove(path)
	weights := []Named{{"out.2.bias", Float32([]float32{0.5, -1}, 2)}}
	if err := Write(path, State(weights)); err != nil {
		fmt.Println(err)
		return
	}
	f, err := Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	read, err := f.StateDict()
	if err != nil {
		fmt.Println(err)
		return
	}
	values, _ := read[0].Float32s()
	fmt.Println(read[0].Name, read[0].DType, read[0].Shape, values)
	// Output: out.2.bias F32 [2] [0.5 -1]
}

func TestWrittenStateDictComesBack(t *testing.T) {
	want := sample()
	data := encoded(t, State(want))
	if !bytes.Equal(data, encoded(t, State(want))) {
		t.Error("the same tensors gave another file")
	}
	got := stateDict(t, reopen(t, data))
	if len(got) != len(want) {
		t.Fatalf("%d tensors, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Name != want[i].Name || got[i].DType != want[i].DType || !bytes.Equal(got[i].Data, want[i].Data) ||
			fmt.Sprint(got[i].Shape) != fmt.Sprint(want[i].Shape) {
			t.Errorf("tensor %d = %v, want %v", i, got[i], want[i])
		}
	}
}

func TestWrittenContainersComeBack(t *testing.T) {
	d := &Dict{}
	d.Set("list", &List{Items: []any{int64(1), int64(-1 << 40), 0.25, "é", nil, true, false}})
	d.Set(int64(3), Tuple{"a", Tuple(nil)})
	got := reopen(t, encoded(t, d)).Root
	if !reflect.DeepEqual(got, any(d)) {
		t.Errorf("Root = %v, want %v", got, d)
	}
}

func TestEncodeRefuses(t *testing.T) {
	loop := &List{}
	loop.Items = []any{loop}
	for name, value := range map[string]any{
		"a value that holds itself": loop,
		"an unknown type":           struct{}{},
		"too little data":           Tensor{DType: "F32", Shape: []int{2}, Data: make([]byte, 4)},
		"a type without a class":    Tensor{DType: "U16", Shape: []int{1}, Data: make([]byte, 2)},
	} {
		if err := encode(&bytes.Buffer{}, value); err == nil {
			t.Errorf("Encode of %s passed", name)
		}
	}
}

// TestTorchReadsOurs loads a file of ours with PyTorch itself, in its safest
// mode and mapped to memory.
func TestTorchReadsOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ours.pt")
	if err := Write(path, State(sample())); err != nil {
		t.Fatal(err)
	}
	out := python(t, `
import sys, torch
for mmap in (False, True):
    d = torch.load(sys.argv[1], weights_only=True, mmap=mmap)
    print(type(d).__name__, d["out.2.weight"].tolist(), d["scalar"].item(), tuple(d["empty"].shape), d["of.BF16"].dtype, len(d))
`, path)
	want := strings.Repeat("OrderedDict [[1.0, -2.0, 3.0], [4.5, inf, 0.0]] 7.0 (0, 4) torch.bfloat16 13\n", 2)
	if out != want {
		t.Errorf("torch.load gave\n%swant\n%s", out, want)
	}
}

// python runs a program with the interpreter that NETDIFFUS_PYTHON names, if
// that has PyTorch; the test is skipped where not.
func python(t *testing.T, program string, args ...string) string {
	t.Helper()
	interpreter := os.Getenv("NETDIFFUS_PYTHON")
	if interpreter == "" {
		t.Skip("NETDIFFUS_PYTHON names no Python with PyTorch")
	}
	if err := exec.Command(interpreter, "-c", "import torch").Run(); err != nil {
		t.Skipf("%s has no PyTorch: %v", interpreter, err)
	}
	out, err := exec.Command(interpreter, append([]string{"-c", program}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
