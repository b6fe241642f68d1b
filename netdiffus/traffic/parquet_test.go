package traffic

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
)

// The flows that testdata/make_parquet.py puts into every good-* file.
func storedFlows() []Flow {
	flow := func(label string, pl, dir []int, iat []float64) Flow {
		f := Flow{Label: label, Timed: true}
		for i := range pl {
			f.Packets = append(f.Packets, Packet{pl[i], Direction(dir[i]), iat[i]})
		}
		return f
	}
	return []Flow{
		flow("Zoom", []int{517, 1460, 93}, []int{0, 1, 0}, []float64{0, 1234.5, 2}),
		flow("a b/../c", []int{1}, []int{0}, []float64{0}),
		flow("Zoom", []int{49258, 65535}, []int{1, 1}, []float64{0, .25}),
		flow("Ünïcødé", []int{120, 0, 120, 7}, []int{0, 1, 1, 0}, []float64{0, 1e6, 3, 4}),
	}
}

func untimed(flows []Flow) []Flow {
	for i := range flows {
		flows[i].Timed = false
		for j := range flows[i].Packets {
			flows[i].Packets[j].IAT = 0
		}
	}
	return flows
}

// pagedFlows are the flows of good-pages.parquet.
func pagedFlows() []Flow {
	flows := make([]Flow, 300)
	for i := range flows {
		flows[i].Label = fmt.Sprintf("class %d", i%3)
		for range i%7 + 1 {
			flows[i].Packets = append(flows[i].Packets, Packet{Length: i%1400 + 1, Dir: Direction(i % 2)})
		}
	}
	return flows
}

func TestReadParquetVariants(t *testing.T) {
	files, err := filepath.Glob("testdata/parquet/good-*.parquet")
	if err != nil || len(files) < 20 {
		t.Fatalf("testdata/parquet holds %d good files (%v), make them with make_parquet.py", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "good-"), ".parquet")
		t.Run(name, func(t *testing.T) {
			want := storedFlows()
			switch name {
			case "untimed":
				want = untimed(want)
			case "pages":
				want = pagedFlows()
			case "padded":
				want = want[:3]
			}
			flows := Read(path)
			for range 2 { // a sequence can be ranged over again
				got, err := Collect(flows)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("Read(%s) = %v, want %v", path, got, want)
				}
			}
			info, err := Stat(path)
			if err != nil || info.Rows != int64(len(want)) || info.Timed != want[0].Timed {
				t.Errorf("Stat(%s) = %v, %v; want %d rows, timed %v", path, info, err, len(want), want[0].Timed)
			}
		})
	}
}

func TestReadParquetRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"lengths":     "row 2: PL has 2 values, DIR 1",
		"iat-lengths": "row 0: PL has 3 values, IAT 2",
		"negative":    "row 2: PL[1] is -5, want a whole number of bytes in [0, 65535]",
		"too-long":    "row 2: PL[1] is 65536, want",
		"fraction":    "row 2: PL[1] is 1.5, want",
		"nan":         "row 2: PL[1] is NaN, want",
		"infinite":    "row 2: PL[1] is +Inf, want",
		"iat-nan":     "row 2: IAT[1] is NaN, want microseconds",
		"dir-2":       "row 2: DIR[1] is 2, want 0 (upstream) or 1 (downstream)",
		"dir-half":    "row 2: DIR[1] is 0.5, want",
		"empty-row":   "row 2: no packets",
		"null-list":   "row 2: PL: null instead of a list",
		"null-value":  "row 2: PL: null at place 1 of the list",
		"null-label":  "row 2: LABEL: null, want a string",
		"empty-label": "row 2: LABEL: the label is empty",
		"label-bytes": "row 2: LABEL: the label is not UTF-8: \"\\xff\\xfe\"",
		"label-list":  "column LABEL holds lists of STRING, want a string or a whole number a row",
		"scalar":      "column PL holds one INT64 a row, want a list of numbers a row; tables of a row a packet or a column a packet are read from CSV",
		"strings":     "column PL holds lists of STRING, want",
		"nested":      "column PL holds nested lists of INT64, want",
		"struct":      "column PL is a group of 2 columns, want",
		"decimal":     "row 0: PL[0] is 1.5, want a whole number",
		"time":        "column PL holds lists of TIMESTAMP",
		"all-null":    "column PL holds lists of NULL, want",
		"prefixes":    "values encoded with DELTA_BYTE_ARRAY, which is not read",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "parquet", "bad-"+name+".parquet")
			flows, err := Collect(Read(path))
			if err == nil || !strings.HasPrefix(err.Error(), "traffic: "+path+": ") || !strings.Contains(err.Error(), want) {
				t.Fatalf("Read: error %v, want one that names %s and says %q", err, path, want)
			}
			if row := strings.Contains(want, "row 2"); row && len(flows) != 2 {
				t.Errorf("Read gave %d flows before row 2's error", len(flows))
			}
		})
	}
}

func TestReadRefusesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ content, want string }{
		"empty":    {"", "the file is empty"},
		"binary":   {"\x00\x01\x02\x03nonsense", `starts with "\x00\x01\x02\x03"`},
		"gzip":     {"\x1f\x8b\x08\x00", "the gzip data end too early"},
		"zip":      {"PK\x03\x04\x14\x00", "a ZIP archive"},
		"hdf5":     {"\x89HDF\r\n\x1a\n\x00", "an HDF5 file"},
		"short":    {"PAR1", "too short for a Parquet file"},
		"cut":      {"PAR1" + strings.Repeat("x", 100), "cut short or damaged"},
		"footer":   {"PAR1\xff\xff\xff\x7fPAR1", "a footer of 2147483647 bytes"},
		"lists":    {"PAR1" + "\x29\xfc\xff\xff\xff\xff\x07" + "\x07\x00\x00\x00PAR1", "a schema of 2147483647 columns"},
		"lists 2":  {"PAR1" + "\x49\xfc\xff\xff\xff\xff\x07" + "\x07\x00\x00\x00PAR1", "a list of 2147483647 in 0 bytes"},
		"no field": {"PAR1" + "\x00" + "\x01\x00\x00\x00PAR1", "missing required field"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.content), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Collect(Read(path))
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want the path and %q", name, err, c.want)
		}
		if _, err := Stat(path); err == nil {
			t.Errorf("%s: Stat found nothing wrong", name)
		}
	}
	if _, err := Collect(Read(filepath.Join(dir, "none"))); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || os.IsNotExist(err) {
			return err
		}
		err = u.Unwrap()
	}
}

// A panic in the loop's body is the caller's own and must come through.
func TestReadLeavesCallersPanic(t *testing.T) {
	defer func() {
		if r := recover(); r != "mine" {
			t.Errorf("recovered %v, want the caller's panic", r)
		}
	}()
	for range Read("testdata/parquet/good-snappy.parquet") {
		panic("mine")
	}
}

func TestReadStops(t *testing.T) {
	n := 0
	for _, err := range Read("testdata/parquet/good-groups.parquet") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("read %d flows, want 2", n)
	}
}

func TestAllowEmpty(t *testing.T) {
	flows, err := Collect(Reader{AllowEmpty: true}.Read("testdata/parquet/bad-empty-row.parquet"))
	if err != nil || len(flows) != 4 || len(flows[2].Packets) != 0 {
		t.Errorf("AllowEmpty: %v, %v; want 4 flows, the third of no packets", flows, err)
	}
}

func TestKeepPadding(t *testing.T) {
	flows, err := Collect(Reader{KeepPadding: true}.Read("testdata/parquet/good-padded.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range flows {
		if len(f.Packets) != 4 {
			t.Errorf("flow %d has %d packets, want 4 with its padding", i, len(f.Packets))
		}
	}
}

// Which files count as padded, by their rows of (length, direction).
func TestPadded(t *testing.T) {
	type row = []Packet
	up, down, pad := Packet{Length: 5, Dir: Up}, Packet{Length: 5, Dir: Down}, Packet{}
	for _, c := range []struct {
		name string
		rows []row
		want []int // packets a row after Read
	}{
		{"padded", []row{{up, pad, pad}, {up, down, pad}, {up, down, up}}, []int{1, 2, 3}},
		{"ragged", []row{{up, pad, pad}, {up, down}}, []int{3, 2}},
		{"single packets", []row{{up}, {pad}}, []int{1, 1}},
		{"a length of 0 between others", []row{{up, pad, pad}, {up, pad, down}}, []int{3, 3}},
		{"a downstream 0", []row{{up, pad, pad}, {up, down, {Dir: Down}}}, []int{3, 3}},
		{"nothing but zeros", []row{{up, down, pad}, {pad, pad, pad}}, []int{3, 3}},
	} {
		var flows []Flow
		for _, r := range c.rows {
			flows = append(flows, Flow{Label: "a", Packets: r})
		}
		path := filepath.Join(t.TempDir(), "f.parquet")
		if err := WriteParquet(path, All(flows)); err != nil {
			t.Fatal(err)
		}
		got, err := Collect(Read(path))
		if err != nil {
			t.Fatal(err)
		}
		var lengths []int
		for _, f := range got {
			lengths = append(lengths, len(f.Packets))
		}
		if !reflect.DeepEqual(lengths, c.want) {
			t.Errorf("%s: Read gives flows of %v packets, want %v", c.name, lengths, c.want)
		}
	}
}

// The seed's data: counts as the data's README gives them; its training file
// is padded, and is a subset of the ragged file's flows.
func TestReadRealFlows(t *testing.T) {
	ragged := readShared(t, "data/mirage-appxact/Mirage-AppxAct.parquet")
	train := readShared(t, "data/mirage-appxact/trainSetOriginale.parquet")
	test := readShared(t, "data/mirage-appxact/testSetOriginale.parquet")
	iot := readShared(t, "data/iot-sentinel/flows.parquet")
	for _, c := range []struct{ got, want int }{
		{len(ragged), 16310}, {len(train), 13043}, {len(test), 3267}, {len(iot), 3129},
	} {
		if c.got != c.want {
			t.Errorf("read %d flows, want %d", c.got, c.want)
		}
	}
	key := func(f Flow) string { return fmt.Sprint(f.Label, SignedLength{}.Values(f.Packets)) }
	left := map[string]int{}
	for _, f := range ragged {
		left[key(f)]++
	}
	for _, f := range append(train, test...) {
		left[key(f)]--
	}
	for k, n := range left {
		if n != 0 {
			t.Fatalf("the padded files hold %s %d times less than the ragged one", k, n)
		}
	}
}

func readShared(t *testing.T, name string) []Flow {
	t.Helper()
	flows, err := Collect(Read(golden.Shared(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	return flows
}
