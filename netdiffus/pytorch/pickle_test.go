package pytorch

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestPickles runs programs of the opcodes that PyTorch's own files lack: text
// forms, Python 2's strings, sets, big numbers.
func TestPickles(t *testing.T) {
	list := func(items ...any) any { return &List{Items: items} }
	dict := func(items ...any) any {
		d := &Dict{}
		for i := 0; i < len(items); i += 2 {
			d.Set(items[i], items[i+1])
		}
		return d
	}
	for program, want := range map[string]any{
		"(lp0\nI01\naI00\naI-7\naL12L\naF0.5\naVé\nap1\n.":               list(true, false, int64(-7), int64(12), 0.5, "é"),
		"\x80\x02](U\x01aT\x01\x00\x00\x00bC\x01cNe.":                    list("a", "b", []byte("c"), nil),
		"\x80\x02(K\x01K\x02d.":                                          dict(int64(1), int64(2)),
		"\x80\x02}K\x01K\x02sK\x01K\x03s.":                               dict(int64(1), int64(3)),
		"\x80\x02\x8a\x00.":                                              int64(0),
		"\x80\x02\x8a\x02\x00\xff.":                                      int64(-256),
		"\x80\x02\x8a\x08\xff\xff\xff\xff\xff\xff\xff\xff.":              int64(-1),
		"\x80\x02\x8b\x01\x00\x00\x00\x07.":                              int64(7),
		"\x80\x02J\xfe\xff\xff\xff.":                                     int64(-2),
		"\x80\x02M\x00\x01.":                                             int64(256),
		"\x80\x02K\x012\x86.":                                            Tuple{int64(1), int64(1)},
		"\x80\x02K\x01(K\x02K\x031K\x04\x86.":                            Tuple{int64(1), int64(4)},
		"\x80\x02K\x01K\x020.":                                           int64(1),
		"\x80\x02K\x01(0.":                                               int64(1),
		"\x80\x04\x8f(K\x01\x90.":                                        list(int64(1)),
		"\x80\x04(K\x01\x91.":                                            list(int64(1)),
		"\x80\x02c__builtin__\nset\n](K\x01e\x85R.":                      list(int64(1)),
		"\x80\x02ccollections\nOrderedDict\n](](K\x01K\x02ee\x85R.":      dict(int64(1), int64(2)),
		"\x80\x04\x8c\x05torch\x8c\x04Size\x93(K\x01K\x02t\x85R.":        Tuple{int64(1), int64(2)},
		"\x80\x02cargparse\nNamespace\n)\x81}X\x01\x00\x00\x00aK\x01sb.": dict("a", int64(1)),
		"\x80\x02K\x05r\x09\x00\x00\x000j\x09\x00\x00\x00.":              int64(5),
		"\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00x.":                 []byte("x"),
	} {
		m := machine{data: []byte(program), mem: newBudget(int64(len(program)))}
		got, err := m.run()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q = %v, %v, want %v", program, got, err, want)
		}
	}
}

func TestBadPickles(t *testing.T) {
	for program, want := range map[string]string{
		"\x80\x06N.": "protocol 6",
		"\x80\x02K":  "ends too soon",
		"\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\xff.": "ends too soon",
		"I12":                       "ends too soon",
		"Ix\n.":                     "no whole number",
		"gx\n.":                     "memo",
		"\x80\x02(K\x01u.":          "empty stack",
		"\x80\x02}(K\x01u.":         "key without a value",
		"\x80\x02K\x01K\x02a.":      "for a int",
		"\x80\x02NK\x01K\x02s.":     "for a None",
		"\x80\x02NNb.":              "fields for a None",
		"\x80\x02}Nb.":              "fields that are a None",
		"\x80\x02NN\x93.":           "not named by strings",
		"\x80\x02NQ.":               "persistent id",
		"\x80\x02ctorch\nSize\nNR.": "called with a None",
		"\x80\x02ccollections\nOrderedDict\n](Ne\x85R.":           "pairs",
		"\x80\x02c__builtin__\nset\nN\x85R.":                      "of a None",
		"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.":          "0 arguments",
		"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR.":     "want a storage",
		"\x80\x02ctorch._utils\n_rebuild_parameter\nN\x85R.":      "want a tensor",
		"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(NN)NtR.": "made by a None",
		"\x80\x02ctorch._utils\n_rebuild_tensor_v3\n(NNNNNNNtR.":  "want a storage and a type",
	} {
		m := machine{data: []byte(program), mem: newBudget(int64(len(program)))}
		if got, err := m.run(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q = %v, %v, want an error with %q", program, got, err, want)
		}
	}
}

// TestPartsOfStorages reads a storage id as PyTorch wrote it before 0.4: with
// a view's key, its offset and its size.
func TestPartsOfStorages(t *testing.T) {
	f := &File{mem: newBudget(0), storages: map[string]*storage{}}
	id := Tuple{"storage", global{"torch", "ByteStorage"}, "1", "cpu", int64(6), Tuple{"2", int64(2), int64(3)}}
	s, err := f.resolve(id)
	if err != nil {
		t.Fatal(err)
	}
	v, err := newView(s.(*storage), "U8", Tuple{s, int64(1), Tuple{int64(2)}, Tuple{int64(1)}})
	if err != nil {
		t.Fatal(err)
	}
	f.storages["1"].data = []byte{0, 1, 2, 3, 4, 5}
	if got, err := f.Read(v); err != nil || string(got.Data) != "\x03\x04" {
		t.Errorf("Read = %v, %v, want values 3 and 4", got.Data, err)
	}
	id[5] = Tuple{"2", int64(4), int64(3)}
	if _, err := f.resolve(id); err == nil {
		t.Error("a part beyond its storage passed")
	}
}

// TestWeReadTorch reads what PyTorch itself saves now, beside what the golden
// files show: buffers, attributes, unsigned types, no checksums.
func TestWeReadTorch(t *testing.T) {
	dir := t.TempDir()
	python(t, `
import argparse, sys, torch
from torch import nn
dir = sys.argv[1]
model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
torch.save(model.state_dict(), dir + "/buffers.pt")
torch.save({"module." + k: v for k, v in model.state_dict().items()}, dir + "/parallel.pt", _use_new_zipfile_serialization=False)
p = nn.Parameter(torch.ones(2, 2)); p.remark = 1
torch.save({"state_dict": {"p": p, "u": torch.arange(5).to(torch.uint16)}, "args": argparse.Namespace(lr=.1), "dtype": torch.float32,
    "device": torch.device("cpu"), "size": torch.Size([1]), "set": {1}, "epoch": 3}, dir + "/attributes.pt")
torch.serialization.set_crc32_options(False)
torch.save(model.state_dict(), dir + "/unchecked.pt")
torch.save(model, dir + "/module.pt")
torch.save({"z": torch.ones(2, dtype=torch.complex64)}, dir + "/complex.pt")
`, dir)
	sizes := "0.weight [4 3], 0.bias [4], 1.weight [4], 1.bias [4], 1.running_mean [4], 1.running_var [4], 1.num_batches_tracked []"
	for name, want := range map[string]string{
		"buffers.pt": sizes, "parallel.pt": sizes, "unchecked.pt": sizes, "attributes.pt": "p [2 2], u [5]",
	} {
		f, err := Open(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		defer f.Close()
		var got []string
		for _, n := range stateDict(t, f) {
			got = append(got, fmt.Sprint(n.Name, " ", n.Shape))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s holds %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{"module.pt": "Sequential", "complex.pt": "ComplexFloatStorage"} {
		if _, err := Open(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s) = %v, want an error with %q", name, err, want)
		}
	}
	if _, err := Open(dir); err == nil {
		t.Error("a folder passed")
	}
	if _, err := Open(filepath.Join(dir, "none.pt")); !os.IsNotExist(err) && !strings.Contains(fmt.Sprint(err), "no such file") {
		t.Errorf("Open of nothing = %v", err)
	}
}
