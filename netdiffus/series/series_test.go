package series

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// quiet leaves out what files are read as.
func quiet(r Reader) Reader {
	r.Recognized = func(string, string) {}
	return r
}

func someSeries() []Series {
	var all []Series
	for i := range 7 {
		s := Series{
			Label: []string{"music", "news, \"late\""}[i%2], Trace: fmt.Sprintf("t%d", i/2), Channels: []string{"bytes_down", "drift"}, Units: []string{"bytes", ""},
			Values: [][]float64{{0, 1500, 2.25, 1e-17}, {-3, math.Pi, 1e300, float64(i)}}, Step: 375 * time.Millisecond,
			Start: time.Date(2026, 11, 29, 12, 0, i, 5000, time.UTC),
		}
		all = append(all, s)
	}
	return all
}

func TestWriteAndRead(t *testing.T) {
	for _, name := range []string{"a.csv", "a.tsv", "a.parquet", "a.npz", "a.jsonl"} {
		for _, full := range []bool{true, false} {
			all := someSeries()
			for i := range all {
				if !full {
					all[i].Trace, all[i].Step, all[i].Start = "", 0, time.Time{}
				} else if name == "a.npz" {
					all[i].Start = time.Time{}
				}
			}
			path := filepath.Join(t.TempDir(), name)
			if err := Write(path, All(all)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for range 2 { // a sequence can be ranged over again
				got, err := Collect(quiet(Reader{}).Read(path))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if !reflect.DeepEqual(got, all) {
					t.Errorf("%s, full %t: got\n%+v, want\n%+v", name, full, got, all)
				}
			}
		}
	}
}

func TestWriteFolder(t *testing.T) {
	all := someSeries()
	dir := filepath.Join(t.TempDir(), "out")
	if err := WriteFolder(dir, All(all), func(label string) string { return label[:4] }); err != nil {
		t.Fatal(err)
	}
	got, err := Collect(quiet(Reader{}).Read(dir))
	if err != nil || len(got) != len(all) {
		t.Fatalf("%d series, %v", len(got), err)
	}
	first := got[0]
	if first.Label != "musi" || first.Step != all[0].Step || !reflect.DeepEqual(first.Values, all[0].Values) || first.Trace != "musi_0" {
		t.Errorf("%+v", first)
	}
	if err := WriteFolder(dir, All(all), func(string) string { return "a" }); err == nil {
		t.Error("a folder that was there was written over")
	}
	for _, name := range []string{"../x", "a/b", "..", ""} {
		if err := WriteFolder(filepath.Join(t.TempDir(), "o"), All(all), func(string) string { return name }); err == nil {
			t.Errorf("a folder called %q was written", name)
		}
	}
}

// write writes a file into a folder of folders and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTables(t *testing.T) {
	one := func(label, trace string, step time.Duration, channel string, values ...float64) Series {
		return Series{Label: label, Trace: trace, Channels: []string{channel}, Units: unitsOf([]string{channel}), Values: [][]float64{values}, Step: step}
	}
	two := []Series{one("x", "", 0, "b", 1, 2), one("y", "", 0, "b", 3, 4)}
	for name, c := range map[string]struct {
		file, text string
		reader     Reader
		want       []Series
	}{
		"wide":                      {"a.csv", "label,b_0,b_1\nx,1,2\ny,3,4\n", Reader{}, two},
		"from 1, class, mark":       {"a.csv", "\ufeffb1;b2;Class\r\n1;2;x\r\n3;4;y\r\n", Reader{}, two},
		"decimal commas":            {"a.csv", "label;b_0;b_1\nx;1,5;2\n", Reader{}, []Series{one("x", "", 0, "b", 1.5, 2)}},
		"columns out of order":      {"a.csv", "b_1,b_0,label\n2,1,x\n4,3,y\n", Reader{}, two},
		"other columns":             {"a.csv", "id,label,b_0,b_1,other\n7,x,1,2,q\n8,y,3,4,r\n", Reader{}, two},
		"named":                     {"a.csv", "kind,b_0,b_1,c_0,c_1\nx,1,2,9,9\ny,3,4,9,9\n", Reader{Columns: Columns{Series: []string{"b_*"}, Label: "kind"}}, two},
		"without numbers":           {"a.csv", "label,mon,tue,wed\nx,1,2,3\n", Reader{Columns: Columns{Series: []string{"*"}}}, []Series{one("x", "", 0, "value", 1, 2, 3)}},
		"lists":                     {"a.csv", "label,b\nx,\"[1, 2]\"\ny,\"[3 4]\"\n", Reader{}, two},
		"no header":                 {"class/a.csv", "1,2,3\n4,5,6\n", Reader{}, []Series{one("class", "", 0, "value", 1, 2, 3), one("class", "", 0, "value", 4, 5, 6)}},
		"a column of numbers":       {"class/a.csv", "1\n2\n3\n", Reader{}, []Series{one("class", "a", 0, "value", 1, 2, 3)}},
		"times and values":          {"class/a.csv", "0,5\n0.25,6\n0.5,7\n", Reader{}, []Series{one("class", "a", 250*time.Millisecond, "value", 5, 6, 7)}},
		"a column with its name":    {"class/a.csv", "bytes\n1\n2\n", Reader{}, []Series{one("class", "a", 0, "bytes", 1, 2)}},
		"long":                      {"a.csv", "label,trace,time,b\nx,p,0,1\nx,p,0.1,2\ny,q,5,3\ny,q,5.1,4\n", Reader{}, []Series{one("x", "p", 100*time.Millisecond, "b", 1, 2), one("y", "q", 100*time.Millisecond, "b", 3, 4)}},
		"long in milliseconds":      {"a.csv", "label,t,b\nx,0,1\nx,100,2\n", Reader{Columns: Columns{TimeUnit: time.Millisecond}}, []Series{one("x", "a", 100*time.Millisecond, "b", 1, 2)}},
		"long by numbers of bins":   {"a.csv", "label,bin,b\nx,0,1\nx,2,3\n", Reader{Fill: FillHold}, []Series{one("x", "a", 0, "b", 1, 3)}},
		"a bin left out, held":      {"a.csv", "label,time,b\nx,0,1\nx,1,2\nx,3,4\n", Reader{Fill: FillHold}, []Series{one("x", "a", time.Second, "b", 1, 2, 2, 4)}},
		"a bin left out, 0":         {"a.csv", "label,time,b\nx,0,1\nx,1,2\nx,3,4\n", Reader{Fill: FillZero}, []Series{one("x", "a", time.Second, "b", 1, 2, 0, 4)}},
		"filled":                    {"a.csv", "label,b_0,b_1,b_2\nx,,2,nan\n", Reader{Fill: FillHold}, []Series{one("x", "", 0, "b", 2, 2, 2)}},
		"short ones filled":         {"a.csv", "label,b\nx,\"[1, 2]\"\ny,\"[3]\"\n", Reader{Fill: FillZero}, []Series{one("x", "", 0, "b", 1, 2), one("y", "", 0, "b", 3, 0)}},
		"cut":                       {"a.csv", "label,b_0,b_1,b_2\nx,1,2,3\ny,3,4,5\n", Reader{Length: 2}, two},
		"a step given":              {"a.csv", "label,b_0,b_1\nx,1,2\n", Reader{Step: time.Second}, []Series{one("x", "", time.Second, "b", 1, 2)}},
		"JSON Lines":                {"a.jsonl", `{"label":"x","b":[1,2]}` + "\n" + `{"b":[3,4],"label":"y","note":{"a":[1]}}`, Reader{}, two},
		"JSON array, numbers":       {"a.json", ` [{"label":7,"b":[1,null]}]`, Reader{Fill: FillHold}, []Series{one("7", "", 0, "b", 1, 1)}},
		"labels by the rule":        {"Youtube/vid1/vid1_1.csv", "b_0,b_1\n1,2\n", Reader{Label: "{leaf}/{file}"}, []Series{one("vid1/vid1_1", "", 0, "b", 1, 2)}},
		"label from the own folder": {"Youtube/vid1/vid1_1.csv", "b_0,b_1\n1,2\n", Reader{}, []Series{one("vid1", "", 0, "b", 1, 2)}},
	} {
		got, err := Collect(quiet(c.reader).Read(write(t, c.file, c.text)))
		if name == "long by numbers of bins" { // the smallest difference is the step: two bins
			c.want[0].Values[0] = []float64{1, 3}
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got\n%+v, %v, want\n%+v", name, got, err, c.want)
		}
	}
}

func TestOutermostFolder(t *testing.T) {
	path := write(t, "root/Youtube/vid1/vid1_1.csv", "b_0,b_1\n1,2\n")
	root := filepath.Dir(filepath.Dir(filepath.Dir(path)))
	got, err := Collect(quiet(Reader{Label: "{folder}"}).Read(root))
	if err != nil || len(got) != 1 || got[0].Label != "Youtube" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTablesThatAreRefused(t *testing.T) {
	for want, c := range map[string]struct {
		file, text string
		reader     Reader
	}{
		"line 3: channel b has no value at bin 1":             {"a.csv", "label,b_0,b_1\nx,1,2\nx,1,\n", Reader{}},
		"line 2: channel b has no value at bin 0":             {"a.csv", "label,b_0,b_1\nx,NaN,2\n", Reader{}},
		"line 2, column 3 (b_1): Inf is beyond what a number": {"a.csv", "label,b_0,b_1\nx,1,Inf\n", Reader{}},
		"1e999 is beyond":                                     {"a.csv", "label,b_0,b_1\nx,1,1e999\n", Reader{}},
		`(b_1): "two" is not a number`:                        {"a.csv", "label,b_0,b_1\nx,1,two\n", Reader{}},
		"4 cells, where the first row has 3":                  {"a.csv", "label,b_0,b_1\nx,1,2,3\n", Reader{}},
		"line 3: channel b has no value at bin 1 (a gap":      {"a.csv", "label,b_0,b_1\nx,1,2\ny,3\n", Reader{}},
		"line 3: 1 bins, want 2: series of several lengths":   {"a.csv", "label,b\nx,\"[1, 2]\"\ny,\"[3]\"\n", Reader{}},
		"line 3, column 2 (time): the time 0.1 does not come": {"a.csv", "label,time,b\nx,0.2,1\nx,0.1,2\n", Reader{}},
		"a time of -1, want 0 or more":                        {"a.csv", "label,time,b\nx,-1,1\nx,0,2\n", Reader{}},
		"uneven times":                                        {"a.csv", "label,time,b\nx,0,1\nx,1,2\nx,2.5,3\nx,3.5,3\n", Reader{}},
		"steps of 2s, where the series before have 1s":        {"a.csv", "label,trace,time,b\nx,p,0,1\nx,p,1,1\nx,q,0,1\nx,q,2,2\n", Reader{}},
		"line 3: steps of 2s, where":                          {"a.csv", "label,step,b_0,b_1\nx,1,1,2\nx,2,1,2\n", Reader{}},
		"steps of 1s, want 2s":                                {"a.csv", "label,step,b_0,b_1\nx,1,1,2\n", Reader{Step: 2 * time.Second}},
		"a step of -1 seconds":                                {"a.csv", "label,step,b_0,b_1\nx,-1,1,2\n", Reader{}},
		"a gap: 1e+15 steps of 1e-06 s":                       {"a.csv", "label,time,b\nx,0,1\nx,0.000001,1\nx,1000000000,1\n", Reader{}},
		`trace "p" comes back after another one`:              {"a.csv", "label,trace,bin,b\nx,p,0,1\nx,q,0,1\nx,p,1,1\n", Reader{}},
		"no column of numbers, such as bytes_0":               {"a.csv", "label,b\nx,hello\n", Reader{}},
		"no column d: there are":                              {"a.csv", "label,b_0,b_1\nx,1,2\n", Reader{Columns: Columns{Series: []string{"d"}}}},
		"2 columns of b, 3 of c":                              {"a.csv", "b_0,b_1,c_0,c_1,c_2\n1,2,3,4,5\n", Reader{}},
		"no row but that of the columns' names":               {"a.csv", "label,b_0,b_1\n", Reader{}},
		"the file is empty":                                   {"a.csv", "", Reader{}},
		"series 1: channel b has no value at bin 0":           {"a.jsonl", `{"label":"x","b":[1]}` + "\n" + `{"label":"x","b":[null]}`, Reader{}},
		"series 0: b: want an array of numbers":               {"a.jsonl", `{"label":"x","b":["1"]}`, Reader{}},
		"series 1: unexpected":                                {"a.jsonl", `{"label":"x","b":[1]}` + "\n" + `{"label":`, Reader{}},
		"an object of more than":                              {"a.jsonl", `{"label":"x","b":[` + strings.Repeat("1,", maxObject/2) + "1]}", Reader{}},
		"a row of more than 262144 cells":                     {"a.csv", "label," + strings.Repeat("b_0,", 300000) + "\n", Reader{}},
		"want at most 4096 bins":                              {"a.csv", wideHeader(5000) + "\n" + strings.Repeat("1,", 4999) + "1\n", Reader{}},
		`fill "often": want zero or hold`:                     {"a.csv", "label,b_0,b_1\nx,1,\n", Reader{Fill: "often"}},
		"not a file of series (starts with":                   {"a.pcap", "\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00", Reader{}},
		`"yesterday" is neither a number nor a time`:          {"a.csv", "label,time,b\nx,yesterday,1\n", Reader{}},
	} {
		_, err := Collect(quiet(c.reader).Read(write(t, c.file, c.text)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want an error with %q", c.text, err, want)
		}
	}
}

func wideHeader(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "b_%d", i)
	}
	return b.String()
}

func TestWriteRefuses(t *testing.T) {
	change := func(f func(s *Series)) []Series {
		all := someSeries()
		f(&all[3])
		return all
	}
	for want, all := range map[string][]Series{
		"series 3: channels [\"a\" \"b\"], the first":   change(func(s *Series) { s.Channels = []string{"a", "b"} }),
		"series 3: 1 bins, the first has 4":             change(func(s *Series) { s.Values = [][]float64{{1}, {2}} }),
		"series 3: steps of 1s, the first has":          change(func(s *Series) { s.Step = time.Second }),
		"series 3: channel drift is NaN at bin 2":       change(func(s *Series) { s.Values[1][2] = math.NaN() }),
		"series 3: the label is empty":                  change(func(s *Series) { s.Label = "" }),
		"series 0: a channel called \"Step\" cannot be": {{Label: "a", Channels: []string{"Step"}, Values: [][]float64{{1}}}},
		"no series": nil,
	} {
		for _, name := range []string{"a.csv", "a.parquet", "a.npz", "a.jsonl"} {
			path := filepath.Join(t.TempDir(), name)
			if err := Write(path, All(all)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want an error with %q", name, err, want)
			}
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s was left behind", name)
			}
		}
	}
	if err := Write("a.xlsx", All(someSeries())); err == nil || !strings.Contains(err.Error(), ".parquet") {
		t.Errorf("an unknown ending: %v", err)
	}
}
