package traffic

import (
	"encoding/json"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

func TestWriteParquetRoundTrip(t *testing.T) {
	for name, flows := range map[string][]Flow{
		"timed":   storedFlows(),
		"untimed": untimed(storedFlows()),
		"groups":  randomFlows(groupRows+1000, 3),
		"long":    {{Label: "a", Packets: make([]Packet, groupPackets+1)}, {Label: "b", Packets: make([]Packet, 2)}},
	} {
		path := filepath.Join(t.TempDir(), "f.parquet")
		if err := WriteParquet(path, All(flows)); err != nil {
			t.Fatal(err)
		}
		got, err := Collect(Reader{KeepPadding: true}.Read(path))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, flows) {
			t.Errorf("%s: the flows read are not the flows written", name)
		}
	}
}

// randomFlows makes timed flows of 1 to 2·mean−1 packets.
func randomFlows(n, mean int) []Flow {
	r := rand.New(rand.NewPCG(1, 2))
	flows := make([]Flow, n)
	for i := range flows {
		p := make([]Packet, 1+r.IntN(2*mean-1))
		for j := range p {
			p[j] = Packet{1 + r.IntN(1460), Direction(r.IntN(2)), r.ExpFloat64() * 1e4}
		}
		p[0].IAT = 0
		flows[i] = Flow{Label: "class " + string(rune('a'+i%14)), Packets: p, Timed: true}
	}
	return flows
}

func TestWriteParquetBoundsGroups(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.parquet")
	if err := WriteParquet(path, All(randomFlows(2*groupRows+1, 1))); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(file.RowGroups()); n != 3 {
		t.Errorf("%d rows in %d row groups, want 3", file.NumRows(), n)
	}
}

func TestWriteParquetOfNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.parquet")
	if err := WriteParquet(path, All(nil)); err != nil {
		t.Fatal(err)
	}
	if flows, err := Collect(Read(path)); err != nil || len(flows) != 0 {
		t.Errorf("read %v, %v; want no flows", flows, err)
	}
}

func TestWriteParquetRefuses(t *testing.T) {
	ok := Flow{Label: "a", Packets: []Packet{{Length: 1}}}
	one := func(p Packet) []Flow { return []Flow{ok, {Label: "a", Packets: []Packet{p}}} }
	for _, c := range []struct {
		flows []Flow
		want  string
	}{
		{one(Packet{Length: -1}), "flow 1: packet 0 has -1 bytes"},
		{one(Packet{Length: 65536}), "flow 1: packet 0 has 65536 bytes"},
		{one(Packet{Dir: 2}), "flow 1: packet 0 has direction 2"},
		{one(Packet{IAT: math.NaN()}), "flow 1: packet 0 has inter-arrival time NaN"},
		{[]Flow{ok, {Label: "a"}}, "flow 1: no packets"},
		{[]Flow{ok, {Packets: ok.Packets}}, "flow 1: the label is empty"},
		{[]Flow{ok, {Label: "\xff", Packets: ok.Packets}}, "flow 1: the label is not UTF-8"},
		{[]Flow{ok, {Label: strings.Repeat("x", tables.MaxLabel+1), Packets: ok.Packets}}, "flow 1: the label has 65537 bytes"},
		{[]Flow{ok, {Label: "a", Packets: ok.Packets, Timed: true}}, "flow 1: flows with inter-arrival times cannot be mixed"},
	} {
		checkNothingLeft(t, All(c.flows), c.want)
	}
	checkNothingLeft(t, func(yield func(Flow, error) bool) {
		_ = yield(ok, nil) && yield(Flow{}, errors.New("source broke"))
	}, "source broke")
	checkNothingLeft(t, func(yield func(Flow, error) bool) { yield(Flow{}, errors.New("no source")) }, "no source")
}

// checkNothingLeft writes over a file and wants an error, the old content, and
// no other file.
func checkNothingLeft(t *testing.T, flows iter.Seq2[Flow, error], want string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "f.parquet")
	if err := os.WriteFile(path, []byte("before"), 0o666); err != nil {
		t.Fatal(err)
	}
	err := WriteParquet(path, flows)
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
		t.Errorf("WriteParquet: error %v, want the path and %q", err, want)
	}
	entries, _ := os.ReadDir(dir)
	if content, _ := os.ReadFile(path); string(content) != "before" || len(entries) != 1 {
		t.Errorf("%s: the folder holds %v, the file %.20q", want, entries, content)
	}
}

func TestWriteParquetIntoNoFolder(t *testing.T) {
	if err := WriteParquet(filepath.Join(t.TempDir(), "none", "f.parquet"), All(storedFlows())); err == nil {
		t.Error("no error")
	}
}

// pandas and pyarrow must read what is written as lists of the same numbers.
func TestParquetInPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to read the file with")
	}
	if out, err := exec.Command(python, "-c", "import pandas, pyarrow").CombinedOutput(); err != nil {
		t.Skipf("python3 has no pandas and pyarrow: %s", out[max(0, len(out)-80):])
	}
	path := filepath.Join(t.TempDir(), "f.parquet")
	for _, flows := range [][]Flow{storedFlows(), untimed(storedFlows())} {
		if err := WriteParquet(path, All(flows)); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(python, "-c", `
import json, sys, pandas, pyarrow.parquet
frame = pandas.read_parquet(sys.argv[1])
table = pyarrow.parquet.read_table(sys.argv[1]).to_pydict()
for c in frame.columns:
    assert [v if isinstance(v, str) else v.tolist() for v in frame[c]] == table[c], c
print(json.dumps(table))`, path).Output()
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			PL, DIR [][]int
			IAT     [][]float64
			LABEL   []string
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		for i, f := range flows {
			for j, p := range f.Packets {
				if got.PL[i][j] != p.Length || got.DIR[i][j] != int(p.Dir) || f.Timed && got.IAT[i][j] != p.IAT {
					t.Errorf("row %d, packet %d differs: %v", i, j, p)
				}
			}
			if got.LABEL[i] != f.Label || len(got.PL[i]) != len(f.Packets) {
				t.Errorf("row %d differs", i)
			}
		}
		if (got.IAT != nil) != flows[0].Timed {
			t.Errorf("column IAT: %v", got.IAT)
		}
	}
}
