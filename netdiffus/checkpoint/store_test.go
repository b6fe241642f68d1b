package checkpoint

import (
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

func testStore(t *testing.T, values map[string]any) *model.Store {
	t.Helper()
	store := model.NewStore()
	for path, v := range values {
		if _, err := store.CreateVariable(path, tensors.MustFromAnyValue(v)); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

func TestStoreRoundTrip(t *testing.T) {
	values := map[string]any{
		"/model/out/2/weight":      [][]float32{{1, 2}, {3, 4}},
		"/model/scalar":            float32(0.5),
		"/ema/0.9999/out/2/weight": [][]float32{{5, 6}, {7, 8}},
		"/optim/count":             int64(1 << 40),
	}
	store := testStore(t, values)
	weights, err := FromStore(store, "/model")
	if err != nil {
		t.Fatal(err)
	}
	if got := weights["out.2.weight"]; got.DType != "F32" || !reflect.DeepEqual(got.Shape, []int{2, 2}) || len(weights) != 2 {
		t.Fatalf("FromStore = %v", weights)
	}
	ema, err := FromStore(store, "/ema/0.9999")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := ema["out.2.weight"].Float32s(); err != nil || v[3] != 8 {
		t.Errorf("the average is %v, %v", v, err)
	}
	all, err := FromStore(store, "/")
	if err != nil || len(all) != len(values) {
		t.Fatalf("FromStore of everything = %v, %v", all, err)
	}
	other := testStore(t, map[string]any{
		"/model/out/2/weight":      [][]float32{{0, 0}, {0, 0}},
		"/model/scalar":            float32(0),
		"/ema/0.9999/out/2/weight": [][]float32{{0, 0}, {0, 0}},
		"/optim/count":             int64(0),
	})
	if err := ToStore(other, "/", all); err != nil {
		t.Fatal(err)
	}
	for path, want := range values {
		if got := other.GetVariable(path).MustValue().Value(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
}

func TestToStoreRefuses(t *testing.T) {
	two := mustFloat32(t, []float32{1, 2}, 2)
	for want, c := range map[string]Tensors{
		`lacks ["b"]`:               {"a": two},
		`has no ["c"]`:              {"a": two, "b": two, "c": two},
		"the model needs (Float32)": {"a": two, "b": mustFloat32(t, []float32{1, 2}, 2, 1)},
		"takes 8 bytes":             {"a": two, "b": {DType: "F32", Shape: []int{2}}},
	} {
		store := testStore(t, map[string]any{"/m/a": []float32{0, 0}, "/m/b": []float32{0, 0}})
		err := ToStore(store, "/m", c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ToStore = %v, want %q", err, want)
		}
		if got := store.GetVariable("/m/a").MustValue().Value(); !reflect.DeepEqual(got, []float32{0, 0}) {
			t.Errorf("a refused checkpoint changed a variable to %v", got)
		}
	}
}
