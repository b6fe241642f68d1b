package traffic

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// TestCSV reads the same two flows from every form of CSV.
func TestCSV(t *testing.T) {
	timed := []Flow{
		{Label: "x", Packets: []Packet{{517, Up, 0}, {1460, Down, 2.5}, {33, Down, 1000}}, Timed: true},
		{Label: "y", Packets: []Packet{{7, Up, 0}}, Timed: true},
	}
	var plain []Flow
	for _, f := range timed {
		g := Flow{Label: f.Label, Packets: append([]Packet{}, f.Packets...)}
		for i := range g.Packets {
			g.Packets[i].IAT = 0
		}
		plain = append(plain, g)
	}
	cases := []struct {
		name, text string
		reader     Reader
		want       []Flow
	}{
		{"lists", "PL,IAT,DIR,LABEL\n\"[517, 1460, 33]\",\"[0, 2.5, 1e3]\",\"[0, 1, 1]\",x\n[7],[0],[0],y\n", Reader{}, timed},
		{"lists as NumPy prints them", "label\tpl\tdir\nx\t\"[ 517 1460\n 33]\"\t[0 1 1]\ny\t[7]\t[0]\n", Reader{}, plain},
		{"signed lists, semicolons", "LABEL;PL\nx;-517,1460,33\ny;-7\n", Reader{}, plain},
		{"carriage returns, byte-order mark", byteOrderMark + "LABEL;PL\r\nx;-517,1460,33\r\ny;-7\r\n", Reader{}, plain},
		{"a column a packet", "pl_0,pl_1,pl_2,dir_0,dir_1,dir_2,iat_0,iat_1,iat_2,label\n517,1460,33,0,1,1,0,2.5,1000,x\n7,,,0,,,0,,,y\n", Reader{}, timed},
		{"a column a packet, floats and nan", "pl_0,pl_1,pl_2,dir_0,dir_1,dir_2,label\n517.0,1460.0,33.0,0.0,1.0,1.0,x\n7.0,nan,nan,0.0,nan,nan,y\n", Reader{}, plain},
		{"a column a packet, out of order, short row", "label,PL10,PL9,PL8\nx,33,1460,-517\ny,,,-7\n", Reader{}, plain},
		{"a column a packet, padded with zeros", "label,pl.0,pl.1,pl.2\nx,-517,1460,33\ny,-7,0,0\n", Reader{}, plain},
		{"one row a packet", "flow_id,pl,dir,iat,label\n1,517,0,0,x\n1,1460,1,2.5,x\n1,33,1,1000,x\n2,7,0,0,y\n", Reader{}, timed},
		{"one row a packet, flows mixed", "flow|pl|dir|iat|label\n1|517|0|0|x\n2|7|0|0|y\n1|1460|1|2.5|\n1|33|1|1000|x\n", Reader{}, timed},
		{"columns by name", "stream!bytes!way!app!gap\n1!517!0!x!0\n1!1460!1!x!2.5\n1!33!1!x!1000\n2!7!0!y!0\n",
			Reader{Delimiter: '!', Columns: Columns{Flow: "stream", Length: "bytes", Dir: "way", IAT: "gap", Label: "app"}}, timed},
	}
	for _, c := range cases {
		if got := readBytes(t, c.reader, []byte(c.text)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if got := readBytes(t, Reader{}, []byte("PL\n-5 6\n")); got[0].Label != "class" {
		t.Errorf("without a label column: label %q, want the folder's name", got[0].Label)
	}
}

func TestCSVWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"LABEL,PL\nx,7\nx,-8\n":           "every row was read as a flow of one packet",
		"LABEL,pl_0,pl_1\nx,7,8\nx,9,9\n": "every packet was read as downstream",
	} {
		var warnings []string
		readBytes(t, Reader{Warn: func(err error) { warnings = append(warnings, err.Error()) }}, []byte(text))
		if len(warnings) != 1 || !strings.Contains(warnings[0], want) {
			t.Errorf("%q: warnings %q, want %q", text, warnings, want)
		}
	}
}

func TestBadCSV(t *testing.T) {
	for text, want := range map[string]string{
		"a,b\n1,2\n":                                         `no column PL or PL_0, PL_1, …: the first row is "a", "b"; name`,
		"c0,c1,c2,c3,c4,c5,c6\n0,1,2,3,4,5,6\n":              `the first row is "c0", "c1", "c2", "c3", "c4" and 2 more; name`,
		"PL,DIR,LABEL\n[1],[0],x\n\"[1, a]\",[0],x\n":        `line 3, column 1 (PL): "a" is not a number`,
		"PL,DIR,LABEL\n[1],\"[0,1]\",x\n":                    "line 2, column 5 (DIR): more than the 1 values",
		"PL,DIR,LABEL\n\"[1,1]\",[0],x\n":                    "1 values, where the packets' lengths are 2",
		"PL,DIR,LABEL\n[1],[2],x\n":                          "line 2, column 5 (DIR): direction is 2",
		"PL,DIR,LABEL\n[70000],[0],x\n":                      "payload length is 70000",
		"PL,DIR,LABEL\n[-1],[0],x\n":                         "beside a column of directions",
		"PL,DIR,LABEL\n[1],[0],x,7\n":                        "4 cells, where the first row has 3",
		"PL,DIR,LABEL\n[],[],x\n":                            "no packets",
		"LABEL,PL_0,PL_1\nx,,7\n":                            "line 2, column 4 (PL_1): a number after an empty cell",
		"LABEL,PL_0,PL_1,DIR_0\nx,1,7,0\n":                   "2 columns of PL, 1 of DIR",
		"FLOW,PL,DIR,LABEL\n1,5,0,x\n1,6,0,y\n":              `line 3, column 7 (LABEL): label "y" in a flow of label "x"`,
		"FLOW,PL,DIR,LABEL\n1,5,0,x\n1\n":                    "line 3, column 1 (FLOW): 1 cells",
		"PL,DIR,LABEL\n[1],[0],\xff\n":                       "the label is not UTF-8",
		"PL,DIR\n\"" + strings.Repeat("1,", tables.MaxRow/2): "line 2: a row of more than 4194304 bytes: is a quotation mark left open?",
		"FLOW,PL,DIR,LABEL\n" + mixed(1000) + "0,b,0,x\n":    "line 1002, column 3 (PL): \"b\" is not a number",
	} {
		path := filepath.Join(t.TempDir(), "a.csv")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Collect(Read(path))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.60q: error %v, want the path and %q", text, err, want)
		}
	}
	wide := filepath.Join(t.TempDir(), "wide.csv")
	if err := os.WriteFile(wide, []byte("PL"+strings.Repeat(",", tables.MaxCells)), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Collect(Reader{Delimiter: ','}.Read(wide)); err == nil || !strings.Contains(err.Error(), "line 1: a row of more than 262144 cells") {
		t.Errorf("a row of very many cells: error %v", err)
	}
	for column, c := range map[string]Columns{"gap": {IAT: "gap"}, "way": {Dir: "way"}, "app": {Label: "app"}, "stream": {Flow: "stream"}, "bytes": {Length: "bytes"}} {
		path := filepath.Join(t.TempDir(), "a.csv")
		if err := os.WriteFile(path, []byte("PL,DIR,LABEL\n[1],[0],x\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Collect(Reader{Columns: c}.Read(path)); err == nil || !strings.Contains(err.Error(), "no column "+column) {
			t.Errorf("column %s asked for: error %v", column, err)
		}
	}
}

// mixed writes rows of two flows by turns.
func mixed(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d,1,0,x\n", i%2)
	}
	return b.String()
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("PL,IAT,DIR,LABEL\n\"[517, 1460, 33]\",\"[0, 2.5, 1e3]\",\"[0, 1, 1]\",x\n"))
	f.Add([]byte("PL,LABEL,KEY\n[517],x,\"192.0.2.1,50000,198.51.100.7,443,6\"\n"))
	f.Add([]byte("flow;pl;dir;label\n1;517;0;x\n2;7;0;y\n1;1460;1;\n"))
	f.Add([]byte("label,pl.0,pl.1,pl.2\nx,-517,1460,33\ny,-7,0,0\n"))
	f.Add([]byte("id,application_name,splt_direction,splt_ps,splt_piat_ms\n0,chat,\"[0, 1, -1]\",\"[5, 6, -1]\",\"[0, 2, -1]\"\n"))
	f.Add([]byte("PPI,APP\n\"[[0, 2], [1, -1], [5, 6], [1, 0]]\",chat\n"))
	f.Add([]byte("app\tpkts_size\tpkts_dir\ttimetofirst\nchat\t[5 6]\t[1 -1]\t[0 0.5]\n"))
	f.Add([]byte(tsharkTable("\t")))
	f.Add(utf16Text("LABEL;PL\r\nx;-5 6\r\n"))
	f.Add(gzipped(f, []byte("LABEL,PL\nx,-5 6\n")))
	f.Fuzz(func(t *testing.T, file []byte) { readForeign(t, "a.csv", file) })
}
