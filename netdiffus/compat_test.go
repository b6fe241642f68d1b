package netdiffus_test

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// v1 holds files that an earlier version of the program wrote (its README says
// how). They must open as they did then.
const v1 = "testdata/v1"

func collect(t *testing.T, flows iter.Seq2[traffic.Flow, error]) []traffic.Flow {
	t.Helper()
	var all []traffic.Flow
	for f, err := range flows {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

func TestOldDataSetsOpen(t *testing.T) {
	for _, name := range []string{"atoms", "times", "minmax", "direction", "pictures", "syn-atoms"} {
		t.Run(name, func(t *testing.T) {
			set, err := dataset.Open(filepath.Join(v1, name), nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []traffic.Flow
			for f, err := range set.Flows() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, f.Flow)
			}
			want := collect(t, traffic.Read(filepath.Join(v1, name+".jsonl")))
			if len(got) != len(want) {
				t.Fatalf("%d flows, want %d", len(got), len(want))
			}
			for i := range want {
				if !reflect.DeepEqual(got[i], want[i]) {
					t.Errorf("flow %d = %v, want %v", i, got[i], want[i])
				}
			}
		})
	}
}

// What is saved anew opens anew, whatever today's form of a manifest is.
func TestOldDataSetsSave(t *testing.T) {
	for _, name := range []string{"atoms", "times", "minmax", "direction", "pictures"} {
		set, err := dataset.Open(filepath.Join(v1, name), nil)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), name)
		if err := set.Save(dir, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := dataset.Open(dir, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(again.Images, set.Images) || !reflect.DeepEqual(again.Encoding, set.Encoding) {
			t.Errorf("%s: what was saved anew is another set", name)
		}
	}
}

func TestOldConfigsBuild(t *testing.T) {
	for _, name := range []string{"run-atoms", "run-pixels"} {
		var c netdiffus.Config
		if err := track.ReadConfig(filepath.Join(v1, name), &c); err != nil {
			t.Fatal(err)
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		m, err := c.Model()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := len(m.Params()); n < 10 {
			t.Errorf("%s: %d weights", name, n)
		}
	}
}

func TestOldRunDraws(t *testing.T) {
	b := backendtest.Open(t)
	g, err := sample.Open(b, filepath.Join(v1, "run-atoms"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := g.Draw(context.Background(), sample.Request{N: 6})
	if err != nil {
		t.Fatal(err)
	}
	got, want := collect(t, set.Traffic()), collect(t, traffic.Read(filepath.Join(v1, "syn-atoms.jsonl")))
	if len(got) != len(want) {
		t.Fatalf("%d flows, want %d", len(got), len(want))
	}
	same := 0
	for i := range want {
		if got[i].Label == want[i].Label && reflect.DeepEqual(lengths(got[i]), lengths(want[i])) {
			same++
		}
	}
	// Another processor may round another way, and a flow in many then turns out another.
	if same < len(want)-2 {
		t.Errorf("%d of %d flows are drawn as before", same, len(want))
	}
}

func lengths(f traffic.Flow) []float64 { return traffic.SignedLength{}.Values(f.Packets) }

func TestOldRunGoesOn(t *testing.T) {
	b := backendtest.Open(t)
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(v1, "run-atoms"))); err != nil {
		t.Fatal(err)
	}
	set, err := dataset.Open(filepath.Join(v1, "times"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var c netdiffus.Config
	if err := track.ReadConfig(dir, &c); err != nil {
		t.Fatal(err)
	}
	last := 0
	for report, err := range train.Run(context.Background(), b, c, set, train.Options{Dir: dir, Steps: 6}) {
		if err != nil {
			t.Fatal(err)
		}
		last = report.Step
	}
	if last != 6 {
		t.Errorf("training ended at step %d, want 6", last)
	}
}
