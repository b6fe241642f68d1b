package pytorch

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// openGolden opens a file that PyTorch 2.15 wrote. The small ones lie in
// testdata; their values are in pt_variants.npz and training.npz.
func openGolden(t *testing.T, name string) *File {
	t.Helper()
	path := filepath.Join("testdata", name)
	if _, err := os.Stat(path); err != nil {
		path = golden.Shared(t, "golden/"+name)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func stateDict(t *testing.T, f *File) []Named {
	t.Helper()
	list, err := f.StateDict()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// wantArray compares a tensor with an array, whose floats and integers are
// wider.
func wantArray(t *testing.T, name string, got Tensor, want npz.Array) {
	t.Helper()
	if !slices.Equal(got.Shape, want.Shape) && !(len(got.Shape) == 0 && want.Len() == 1) { // the golden arrays have no 0-d
		t.Errorf("%s has shape %v, want %v", name, got.Shape, want.Shape)
		return
	}
	if values := numbersOf(t, got); !slices.Equal(values, want.Floats()) {
		t.Errorf("%s (%s) = %v, want %v", name, got.DType, values, want.Floats())
	}
}

// numbersOf reads the values of any type.
func numbersOf(t *testing.T, got Tensor) []float64 {
	t.Helper()
	var values []float64
	width := dtypeBytes[got.DType]
	switch got.DType {
	case "F64", "F32", "F16", "BF16":
		floats, err := got.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range floats {
			values = append(values, float64(v))
		}
		if got.DType != "F64" {
			return values
		}
		values = values[:0]
		for i := 0; i < len(got.Data); i += 8 {
			values = append(values, math.Float64frombits(littleEndian(got.Data[i:i+8])))
		}
	default:
		for i := 0; i < len(got.Data); i += width {
			n := littleEndian(got.Data[i : i+width])
			if got.DType[0] == 'I' {
				shift := 64 - 8*width
				values = append(values, float64(int64(n<<shift)>>shift))
			} else {
				values = append(values, float64(n))
			}
		}
	}
	return values
}

// TestVariants reads every form that a small state dict of mixed tensors takes.
func TestVariants(t *testing.T) {
	want := golden.Open(t, "pt_variants.npz")
	for _, name := range []string{
		"pt_zip_plain.pt", "pt_zip_param.pt", "pt_legacy_plain.pt", "pt_legacy_param.pt",
		"pt_zip_proto4.pt", "pt_legacy_proto4.pt", "pt_nested.pt",
	} {
		t.Run(name, func(t *testing.T) {
			seen := 0
			for _, n := range stateDict(t, openGolden(t, name)) {
				if n.Name == "empty" {
					if !slices.Equal(n.Shape, []int{0, 4}) || len(n.Data) != 0 {
						t.Errorf("empty has shape %v and %d bytes", n.Shape, len(n.Data))
					}
					continue
				}
				wantArray(t, n.Name, n.Tensor, want.Array(t, n.Name))
				seen++
			}
			if seen != 13 {
				t.Errorf("%d tensors, want 13", seen)
			}
		})
	}
}

func TestNestedStep(t *testing.T) {
	if step, ok := openGolden(t, "pt_nested.pt").Step(); step != 7 || !ok {
		t.Errorf("Step = %d, %v, want 7", step, ok)
	}
}

// TestUNet reads the reference's checkpoint in both formats.
func TestUNet(t *testing.T) {
	want := golden.Open(t, "unet1_weights.npz")
	for _, name := range []string{"unet1.pt", "unet1_legacy.pt"} {
		list := stateDict(t, openGolden(t, name))
		if len(list) != 129 {
			t.Errorf("%s holds %d tensors, want 129", name, len(list))
		}
		for _, n := range list {
			wantArray(t, n.Name, n.Tensor, want.Array(t, n.Name))
		}
	}
}

// TestAdam reads an AdamW that has seen ten steps of run A of the training.
func TestAdam(t *testing.T) {
	a, err := openGolden(t, "pt_opt.pt").Adam()
	if err != nil {
		t.Fatal(err)
	}
	want := golden.Open(t, "training.npz")
	if a.LR != 1e-4 || a.Beta1 != 0.9 || a.Beta2 != 0.999 || a.Eps != 1e-8 || a.WeightDecay != 0 || len(a.Moments) < 2 {
		t.Errorf("Adam = %v %v %v %v %v with %d parameters", a.LR, a.Beta1, a.Beta2, a.Eps, a.WeightDecay, len(a.Moments))
	}
	for i, m := range a.Moments[:2] {
		name := []string{"A_opt0_", "A_opt1_"}[i]
		if m.Step != 10 {
			t.Errorf("parameter %d has seen %d steps, want 10", i, m.Step)
		}
		wantArray(t, name+"exp_avg", m.ExpAvg, want.Array(t, name+"exp_avg"))
		wantArray(t, name+"exp_avg_sq", m.ExpAvgSq, want.Array(t, name+"exp_avg_sq"))
	}
	if _, err := openGolden(t, "pt_opt.pt").StateDict(); err == nil || !strings.Contains(err.Error(), "optimiser's state") {
		t.Errorf("StateDict of an optimiser = %v", err)
	}
}
