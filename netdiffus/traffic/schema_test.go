package traffic

import (
	"bytes"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// chat are the flows that the tables of this file hold.
var chat = []Flow{
	{Label: "chat", Timed: true, Packets: []Packet{{517, Up, 0}, {1460, Down, 2000}, {33, Down, 1000}}},
	{Label: "mail", Timed: true, Packets: []Packet{{48, Up, 0}}},
}

// parquetFileOf writes rows as Parquet.
func parquetFileOf[Row any](t testing.TB, rows []Row, options ...parquet.WriterOption) []byte {
	t.Helper()
	var out bytes.Buffer
	w := parquet.NewGenericWriter[Row](&out, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type nfstreamRow struct {
	ID    int64   `parquet:"id"`
	Dirs  []int32 `parquet:"splt_direction,list"`
	Sizes []int32 `parquet:"splt_ps,list"`
	Gaps  []int32 `parquet:"splt_piat_ms,list"`
	App   string  `parquet:"application_name"`
}

type textRow struct {
	Dirs  string `parquet:"splt_direction"`
	Sizes string `parquet:"splt_ps"`
	Gaps  string `parquet:"splt_piat_ms"`
	App   string `parquet:"application_name"`
}

type cesnetTextRow struct {
	PPI string `parquet:"PPI"`
	App string `parquet:"APP"`
}

type cesnetRow struct {
	PPI [][]float64 `parquet:"ppi,list" parquet-element:",list"`
	App string      `parquet:"app"`
}

type tcbenchRow struct {
	Sizes []int64   `parquet:"pkts_size,list"`
	Dirs  []int64   `parquet:"pkts_dir,list"`
	Times []float64 `parquet:"timetofirst,list"`
	App   string    `parquet:"app"`
}

// TestSchemas reads the same two flows from the tables of other tools.
func TestSchemas(t *testing.T) {
	for _, c := range []struct {
		name   string
		schema string
		file   []byte
	}{
		{"CSV", "NFStream's SPLT columns", []byte("id,application_name,splt_direction,splt_ps,splt_piat_ms\n" +
			"0,chat,\"[0, 1, 1, -1]\",\"[517, 1460, 33, -1]\",\"[0, 2, 1, -1]\"\n1,mail,\"[0, -1, -1, -1]\",\"[48, -1, -1, -1]\",\"[0, -1, -1, -1]\"\n")},
		{"JSON Lines", "NFStream's SPLT columns", []byte(`{"application_name":"chat","splt_direction":[0,1,1,-1],"splt_ps":[517,1460,33,-1],"splt_piat_ms":[0,2,1,-1]}
			{"application_name":"mail","splt_direction":[0,-1,-1,-1],"splt_ps":[48,-1,-1,-1],"splt_piat_ms":[0,-1,-1,-1]}`)},
		{"Parquet", "NFStream's SPLT columns", parquetFileOf(t, []nfstreamRow{
			{0, []int32{0, 1, 1, -1}, []int32{517, 1460, 33, -1}, []int32{0, 2, 1, -1}, "chat"},
			{1, []int32{0, -1, -1, -1}, []int32{48, -1, -1, -1}, []int32{0, -1, -1, -1}, "mail"}})},

		// As pandas writes what NFStream's to_pandas returns.
		{"JSON Lines of texts", "NFStream's SPLT columns", []byte(`{"application_name":"chat","splt_direction":"[0, 1, 1, -1]","splt_ps":"[517, 1460, 33, -1]","splt_piat_ms":"[0, 2, 1, -1]"}
			{"application_name":"mail","splt_direction":"[0, -1]","splt_ps":"[48, -1]","splt_piat_ms":"[0, -1]"}`)},
		{"Parquet of texts", "NFStream's SPLT columns", parquetFileOf(t, []textRow{
			{"[0, 1, 1, -1]", "[517, 1460, 33, -1]", "[0, 2, 1, -1]", "chat"}, {"[0, -1]", "[48, -1]", "[0, -1]", "mail"}})},

		{"JSON Lines of texts", "CESNET's PPI", []byte(`{"app":"chat","ppi":"[[0,2,1],[1,-1,-1],[517,1460,33]]"}{"app":"mail","ppi":"[[0],[1],[48]]"}`)},
		{"Parquet of texts", "CESNET's PPI", parquetFileOf(t, []cesnetTextRow{{"[[0, 2, 1], [1, -1, -1], [517, 1460, 33]]", "chat"}, {"[[0], [1], [48]]", "mail"}})},
		{"CSV", "CESNET's PPI", []byte("ID,PPI,PPI_LEN,APP\n1,\"[[0, 2, 1], [1, -1, -1], [517, 1460, 33], [1, 0, 1]]\",3,chat\n2,\"[[0],[1],[48],[True]]\",1,mail\n")},
		{"CSV as NumPy prints it, padded", "CESNET's PPI", []byte("app;ppi\nchat;\"[[   0 2 1 0]\n [1 -1 -1 0]\n [517 1460 33 0]\n [1 0 1 0]]\"\nmail;[[0] [1] [48]]\n")},
		{"JSON Lines", "CESNET's PPI", []byte(`[{"app":"chat","ppi":[[0,2,1],[1,-1,-1],[517,1460,33],[true,false,true]]},{"app":"mail","ppi":[[0],[1],[48]]}]`)},
		{"Parquet", "CESNET's PPI", parquetFileOf(t, []cesnetRow{
			{[][]float64{{0, 2, 1}, {1, -1, -1}, {517, 1460, 33}, {1, 0, 1}}, "chat"}, {[][]float64{{0, 0}, {1, 0}, {48, 0}, {0, 0}}, "mail"}})},

		{"CSV", "tcbench's columns", []byte("app\tpkts_size\tpkts_dir\ttimetofirst\nchat\t[517 1460 33]\t[0 1 1]\t[0. 0.002 0.003]\nmail\t[48]\t[0]\t[0]\n")},
		{"JSON Lines, ±1", "tcbench's columns", []byte(`{"app":"chat","pkts_size":[517,1460,33],"pkts_dir":[1,-1,-1],"timetofirst":[7,7.002,7.003]}` + "\n" + `{"app":"mail","pkts_size":[48],"pkts_dir":[1],"timetofirst":[0]}`)},
		{"Parquet, ±1", "tcbench's columns", parquetFileOf(t, []tcbenchRow{
			{[]int64{517, 1460, 33}, []int64{1, -1, -1}, []float64{0, 0.002, 0.003}, "chat"}, {[]int64{48}, []int64{1}, []float64{0}, "mail"}})},

		{"CSV", "MIRAGE's columns", []byte("BF_label,L4_payload_bytes,packet_dir,iat\nchat,\"[517,1460,33]\",\"[0,1,1]\",\"[0,0.002,0.001]\"\nmail,[48],[0],[0]\n")},
		{"JSON Lines", "MIRAGE's columns", []byte(`{"BF_label":"chat","L4_payload_bytes":[517,1460,33],"packet_dir":[0,1,1],"iat":[0,0.002,0.001]}{"BF_label":"mail","L4_payload_bytes":[48],"packet_dir":[0],"iat":[0]}`)},

		{"tab", "tshark's fields, one row a packet", []byte(tsharkTable("\t"))},
		{"comma", "tshark's fields, one row a packet", []byte(tsharkTable(","))},
	} {
		var schema string
		warn := func(err error) {
			if !strings.Contains(err.Error(), "left out 1 rows without a port and a length of TCP or UDP") {
				t.Errorf("%s, %s: warning %v", c.schema, c.name, err)
			}
		}
		got := readBytes(t, Reader{Warn: warn, Recognized: func(_, name string) { schema, _, _ = strings.Cut(name, " (") }}, c.file)
		want := chat
		if strings.HasPrefix(c.schema, "tshark") {
			want = []Flow{{Label: "class", Packets: chat[0].Packets, Timed: true}, {Label: "class", Packets: chat[1].Packets, Timed: true}} // the folder's name
		}
		if !near(got, want) || schema != c.schema {
			t.Errorf("%s, %s: read as %q:\n%+v, want\n%+v", c.schema, c.name, schema, got, want)
		}
	}
}

// The CSV of CESNET's ipfixprobe, through NEMEA's logger, has its directions and
// lengths read; an index of pandas, which has no name, is not taken for times.
func TestIpfixprobe(t *testing.T) {
	table := "ipaddr DST_IP,uint64 BYTES,int8* PPI_PKT_DIRECTIONS,uint16* PPI_PKT_LENGTHS,time* PPI_PKT_TIMES,string LABEL\n" +
		"198.51.100.7,517,[1|-1|-1],[517|1460|33],[2026-01-01T00:00:00|2026-01-01T00:00:01|2026-01-01T00:00:02],chat\n"
	untypedTable := ",PPI_PKT_DIRECTIONS,PPI_PKT_LENGTHS,LABEL\n7,[1|-1|-1],[517|1460|33],chat\n"
	for _, text := range []string{table, untypedTable} {
		said := ""
		r := Reader{Recognized: func(_, what string) { said = what }}
		flows, err := Collect(r.Read(writeFile(t, "a.csv", []byte(text))))
		want := []Flow{{Label: "chat", Packets: []Packet{{517, Up, 0}, {1460, Down, 0}, {33, Down, 0}}}}
		if err != nil || !reflect.DeepEqual(flows, want) || !strings.HasPrefix(said, "ipfixprobe's PPI columns (without times") {
			t.Errorf("%+v, %v, %q", flows, err, said)
		}
	}
}

// near reports whether flows are equal, but for the last digits of times.
func near(a, b []Flow) bool {
	round := func(flows []Flow) []Flow {
		var out []Flow
		for _, f := range flows {
			f.Packets = append([]Packet{}, f.Packets...)
			for i := range f.Packets {
				f.Packets[i].IAT = float64(int64(f.Packets[i].IAT*1e3+0.5)) / 1e3
			}
			out = append(out, f)
		}
		return out
	}
	return reflect.DeepEqual(round(a), round(b))
}

// tsharkTable is what tshark -T fields writes of the two flows, a handshake and an
// ICMP packet. The first packet that was captured of the TCP connection is the
// server's.
func tsharkTable(sep string) string {
	rows := [][]string{
		{"frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "tcp.len", "udp.length", "tcp.flags"},
		{"1700000000.000000000", "198.51.100.7", "192.0.2.1", "", "", "443", "50000", "", "", "0", "", "0x0010"},
		{"1700000000.100000000", "192.0.2.1", "198.51.100.7", "", "", "50000", "443", "", "", "0", "", "0x0002"},
		{"1700000000.200000000", "198.51.100.7", "192.0.2.1", "", "", "443", "50000", "", "", "0", "", "0x0012"},
		{"1700000000.300000000", "192.0.2.1", "198.51.100.7", "", "", "50000", "443", "", "", "517", "", "0x0018"},
		{"1700000000.301000000", "192.0.2.1", "198.51.100.7", "", "", "", "", "", "", "", "", ""},
		{"1700000000.302000000", "198.51.100.7", "192.0.2.1", "", "", "443", "50000", "", "", "1460", "", "0x0018"},
		{"1700000000.302500000", "", "", "2001:db8::1", "2001:db8::2", "", "", "5353", "53", "", "56", ""},
		{"1700000000.303000000", "198.51.100.7", "192.0.2.1", "", "", "443", "50000", "", "", "33", "", "0x0018"},
	}
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(strings.Join(row, sep) + "\n")
	}
	return b.String()
}

func TestTsharkRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"frame.time_epoch,ip.src,ip.dst\n1,2,3\n":                                                   "without tcp.srcport and tcp.dstport, or udp.srcport and udp.dstport: give tshark -e for them",
		"ip.src,ip.dst,tcp.srcport,tcp.dstport\n1.1.1.1,2.2.2.2,1,2\n":                              "without tcp.len",
		"ip.src,ip.dst,tcp.srcport,tcp.dstport,tcp.len\nhost,2.2.2.2,1,2,3\n":                       `line 2, column 1 (ip.src): address "host"`,
		"ip.src,ip.dst,tcp.srcport,tcp.dstport,tcp.len\n1.1.1.1,2.2.2.2,1,http,3\n":                 `port "http"`,
		"ip.src,ip.dst,tcp.srcport,tcp.dstport,tcp.len\n1.1.1.1,2.2.2.2,1,2,70000\n":                `length "70000"`,
		"ip.src,ip.dst,tcp.srcport,tcp.dstport,tcp.len,frame.time_epoch\n1.1.1.1,2.2.2.2,1,2,3,x\n": `time "x": want seconds`,
	} {
		wantError(t, Reader{}, "a.csv", []byte(text), want)
	}
}

// wantError reads a file that must be refused.
func wantError(t *testing.T, r Reader, name string, file []byte, want string) {
	t.Helper()
	path := writeFile(t, name, file)
	r.Warn, r.Recognized = func(error) {}, func(string, string) {}
	_, err := Collect(r.Read(path))
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
		t.Errorf("%.60q: error %v, want the path and %q", file, err, want)
	}
}

// Idle time splits tshark's connections, and its stream numbers do.
func TestTsharkFlows(t *testing.T) {
	table := "frame.time_epoch,ip.src,ip.dst,tcp.srcport,tcp.dstport,tcp.len,tcp.stream\n" +
		"1.5,192.0.2.1,198.51.100.7,1,2,5,0\n2.5,198.51.100.7,192.0.2.1,2,1,6,0\n400,192.0.2.1,198.51.100.7,1,2,7,0\n400.5,192.0.2.1,198.51.100.7,1,2,8,1\n"
	got := readBytes(t, Reader{KeepKeys: true, Recognized: func(string, string) {}}, []byte(table))
	key := "192.0.2.1,1,198.51.100.7,2,6"
	want := []Flow{
		{"class", []Packet{{5, Up, 0}, {6, Down, 1e6}}, true, key, nil}, {"class", []Packet{{7, Up, 0}}, true, key, nil}, {"class", []Packet{{8, Up, 0}}, true, key, nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestColumnNames reads tables with names of the user's.
func TestColumnNames(t *testing.T) {
	type row struct {
		Sizes []int64   `parquet:"Sizes,list"`
		Way   []int64   `parquet:"way,list"`
		Gap   []float64 `parquet:"gap,list"`
		Class int32     `parquet:"class"`
		Tuple string    `parquet:"tuple"`
	}
	r := Reader{KeepKeys: true, Columns: Columns{Length: "sizes", Dir: "WAY", IAT: "gap", Label: "Class", Key: "tuple", IATUnit: time.Millisecond}}
	want := []Flow{{"7", []Packet{{517, Up, 0}, {1460, Down, 2000}}, true, "a", nil}, {"-8", []Packet{{5, Down, 0}}, true, "b", nil}}
	for name, file := range map[string][]byte{
		"Parquet":    parquetFileOf(t, []row{{[]int64{517, 1460}, []int64{1, -1}, []float64{0, 2}, 7, "a"}, {[]int64{5}, []int64{-1}, []float64{0}, -8, "b"}}),
		"CSV":        []byte("sizes,way,gap,class,tuple\n\"[517,1460]\",\"[1,-1]\",\"[0,2]\",7,a\n[5],[-1],[0],-8,b\n"),
		"JSON Lines": []byte(`{"sizes":[517,1460],"way":[1,-1],"gap":[0,2],"class":7,"tuple":"a"}{"sizes":[5],"way":[-1],"gap":[0],"class":-8,"tuple":"b"}`),
	} {
		if got := readBytes(t, r, file); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		for missing, c := range map[string]Columns{"none1": {Length: "none1"}, "none2": {Length: "sizes", Dir: "none2"}, "none3": {Length: "sizes", IAT: "none3"}, "none4": {Length: "sizes", Label: "none4"}, "none5": {Length: "sizes", Key: "none5"}} {
			wantError(t, Reader{Columns: c}, "a", file, "no column "+missing)
		}
	}
	for unit, want := range map[time.Duration]float64{0: 2, time.Nanosecond: 0.002, time.Microsecond: 2, time.Millisecond: 2e3, time.Second: 2e6} {
		got := readBytes(t, Reader{Columns: Columns{IATUnit: unit}}, []byte("PL,IAT\n-5 6,0 2\n"))
		if iat := got[0].Packets[1].IAT; iat != want {
			t.Errorf("2 of %v are %v µs, want %v", unit, iat, want)
		}
	}
}

// TestDirections reads columns of directions of both senses.
func TestDirections(t *testing.T) {
	up, down := Packet{5, Up, 0}, Packet{5, Down, 0}
	for dirs, want := range map[string][]Packet{
		"0 1;1 1":   {up, down, down, down},
		"1 1;1 -1":  {up, up, up, down},
		"-1 -1;1 1": {down, down, up, up},
		"1 1;1 1":   {down, down, down, down},
	} {
		first, second, _ := strings.Cut(dirs, ";")
		csv := fmt.Sprintf("LABEL,PL,DIR\nx,5 5,%s\nx,5 5,%s\n", first, second)
		lines := strings.NewReplacer("x,5 5,", `{"LABEL":"x","PL":[5,5],"DIR":[`, "LABEL,PL,DIR\n", "").Replace(csv)
		lines = strings.ReplaceAll(strings.ReplaceAll(lines, "\n", "]}\n"), "1 ", "1,")
		lines = strings.ReplaceAll(lines, "0 1", "0,1")
		rows := "FLOW,LABEL,PL,DIR\n"
		for i, d := range strings.Fields(strings.ReplaceAll(dirs, ";", " ")) {
			rows += fmt.Sprintf("%d,x,5,%s\n", i/2, d)
		}
		for name, text := range map[string]string{"CSV": csv, "JSON Lines": lines, "rows of packets": rows} {
			var got []Packet
			for _, f := range readBytes(t, Reader{}, []byte(text)) {
				got = append(got, f.Packets...)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s of directions %q: %v, want %v", name, dirs, got, want)
			}
		}
	}
	wantError(t, Reader{}, "a.csv", []byte("LABEL,PL,DIR\nx,5 5,0 1\nx,5 5,1 -1\n"), "direction is -1 at packet 1, in a table whose directions are 0")
	wantError(t, Reader{}, "a.csv", []byte("LABEL,PL,DIR\nx,5 5,-1 1\nx,5 5,1 0\n"), "direction is 0 at packet 1, in a table whose directions are 1")
	wantError(t, Reader{}, "a.jsonl", []byte(`{"PL":[5,5],"DIR":[0,1]}{"PL":[5,5],"DIR":[-1,1]}`), "flow 1: direction is -1 at packet 0")
	padded := readBytes(t, Reader{}, []byte("LABEL,PL,DIR\nx,5 5,1 -1\nx,5 0,1 0\n"))
	if len(padded[1].Packets) != 1 {
		t.Errorf("±1 padded with 0: %v", padded)
	}
}

// TestListsRefused has lists in cells that would be read as other numbers.
func TestListsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"LABEL;PL\nx;517,0 1460,0\n":                     "line 2, column 3 (PL): the list has commas within its numbers",
		"LABEL\tPL\nx\t\"1,5;2,5\"\n":                    "the list has commas within its numbers",
		"LABEL,PL\nx,\"[517 1460 ... 33 12]\"\n":         "pandas or NumPy left values out",
		"LABEL,PL\nx,\"[[0, 2], [1, 0], [5, 6]]\"\n":     "a nested list, of no schema that is known",
		"LABEL,PL\nx,\"[1, 2] [3, 4]\"\n":                "a nested list",
		"LABEL,PPI\nx,\"[[0, 2], [1, -1]]\"\n":           "2 lists in the list, want times, directions and lengths",
		"LABEL,PPI\nx,\"[[0, 2], [1, -1], [5]]\"\n":      "2 times, 2 directions and 1 lengths in the list",
		"LABEL,PPI\nx,\"[[0], [7], [5]]\"\n":             "packet 0: direction is 7",
		"LABEL,PPI\nx,\"[[0], [1], [-5]]\"\n":            "payload length is -5 beside a column of directions",
		"LABEL,PPI\nx,\"[[0 ... 5], [1], [5]]\"\n":       "left values out",
		"LABEL,PPI\nx,\"[[[0]], [1], [5]]\"\n":           "nested more than twice",
		"LABEL,PPI\nx,\"[0, 1, 5]\"\n":                   `"0" outside of the inner lists`,
		"LABEL,PPI\nx,\"[[0], [1], [5]\"\n":              "without its last bracket",
		"LABEL,splt_ps,splt_direction\nx,5 -1 6,0 1 1\n": "packet 1 is -1 and others follow it",
	} {
		wantError(t, Reader{}, "a.csv", []byte(text), want)
	}
	for _, text := range []string{"[1,2, 3]", "1,2,3", "[ 517 1460\n 33]", "1;2;3", "(1, 2,\n3)", "1, 2 ,3", "[1.5,2.5]", "1 2 3 "} {
		if err := tables.CheckList(text); err != nil {
			t.Errorf("checkList(%q) = %v", text, err)
		}
	}
}

// TestOtherTables has tables that hold no packets.
func TestOtherTables(t *testing.T) {
	for text, want := range map[string]string{
		" Destination Port, Flow Duration, Total Fwd Packets, Total Backward Packets, Label\n80,3,2,0,BENIGN\n":                          "CICFlowMeter's columns (CIC-IDS): features of flows, no packets in them",
		"Flow ID,Src IP,Flow Duration,Tot Fwd Pkts\na,b,1,2\n":                                                                           "CICFlowMeter's columns (CIC-IDS): features of flows, no packets in them",
		"id,dur,proto,service,state,spkts,dpkts,sbytes,dbytes\n1,2,tcp,-,FIN,6,4,258,172\n":                                              "UNSW-NB15's columns: features of flows, no packets in them",
		"#separator \\x09\n#set_separator\t,\n#fields\tts\tuid\tid.orig_h\n":                                                             "a log of Zeek",
		"firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes\n1,2,TCP,a,1,b,2,3,4\n":                                  "nfdump's columns: features of flows, no packets in them",
		"StartTime,Flgs,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,TotPkts,TotBytes,State\n1,e,tcp,a,1,->,b,2,3,4,FIN\n":                      "argus's columns: features of flows, no packets in them",
		"SRC_IP,DST_IP,SRC_PORT,DST_PORT,PROTOCOL,PACKETS,BYTES\na,b,1,2,tcp,3,4\n":                                                      "pmacct's columns: features of flows, no packets in them",
		"sIP|dIP|sPort|dPort|pro|packets|bytes\na|b|1|2|6|3|4\n":                                                                         "SiLK's columns: features of flows, no packets in them",
		"start-time|end-time|sip|sp|dip|dp|pkt|oct|rpkt|roct\n1|2|a|1|b|2|3|4|5|6\n":                                                     "YAF's columns: features of flows, no packets in them",
		`{"event_type":"flow","flow_id":1,"flow":{"pkts_toserver":5}}`:                                                                   "Suricata's eve.json: features of flows, no packets in them",
		"\"No.\",\"Time\",\"Source\",\"Destination\",\"Protocol\",\"Length\",\"Info\"\n\"1\",\"0.0\",\"a\",\"b\",\"TCP\",\"74\",\"x\"\n": "Wireshark's export of its packet list, which is not read: write tshark -T fields",
		`[{"_index":"packets-2026-01-01","_source":{"layers":{}}}]`:                                                                      "tshark -T json, which is not read: write tshark -T fields",
		"ts,uid,id.orig_h,id.orig_p,orig_bytes\n1,a,b,2,3\n":                                                                             "Zeek's conn.log: features of flows, no packets in them",
		`{"ts":1,"uid":"a","id.orig_h":"192.0.2.1","orig_bytes":3}`:                                                                      "Zeek's conn.log: features of flows, no packets in them",
		"id,bidirectional_packets,bidirectional_bytes\n1,2,3\n":                                                                          "run it with splt_analysis",
		"time,bytes\n2024-01-01 00:00:00,1.1e+06\n":                                                                                      `a series of numbers (columns "time", "bytes"), and flows of packets are needed`,
		"1.5\n2.5\n3.5\n":        "a series of numbers",
		"t;rate\n0;1.5\n1;2.5\n": "a series of numbers",
		"name,colour\nbob,red\n": `no column PL or PL_0, PL_1, …: the first row is "name", "colour"; name the columns`,
	} {
		wantError(t, Reader{}, "a", []byte(text), want)
	}
	type features struct {
		Duration int64 `parquet:"Flow Duration"`
		Packets  int64 `parquet:"Total Fwd Packets"`
	}
	wantError(t, Reader{}, "a", parquetFileOf(t, []features{{1, 2}}), "features of flows, no packets in them")
	type other struct {
		A int64 `parquet:"a"`
	}
	wantError(t, Reader{}, "a", parquetFileOf(t, []other{{1}}), `no column PL: the file has "a"`)
}

// Folders that name a column label the files in them.
func TestPartitions(t *testing.T) {
	type row struct {
		PL  []int64 `parquet:"PL,list"`
		Dir []int64 `parquet:"DIR,list"`
	}
	root := t.TempDir()
	file := parquetFileOf(t, []row{{[]int64{5, 6}, []int64{0, 1}}})
	for _, folder := range []string{"year=2024/LABEL=chat", "year=2024/LABEL=voice%20call", "year=2024/LABEL=a=b"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, folder, "part-0.parquet"), file, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	labels := func(r Reader, path string) (labels []string) {
		flows, err := Collect(r.Read(path))
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, f := range flows {
			labels = append(labels, f.Label)
		}
		return labels
	}
	if got, want := labels(Reader{}, root), []string{"a=b", "chat", "voice call"}; !reflect.DeepEqual(got, want) {
		t.Errorf("labels %q, want %q", got, want)
	}
	if got, want := labels(Reader{Columns: Columns{Label: "Year"}}, root), []string{"2024", "2024", "2024"}; !reflect.DeepEqual(got, want) {
		t.Errorf("labels by year %q, want %q", got, want)
	}
	if got, want := labels(Reader{Label: "all"}, filepath.Join(root, "year=2024/LABEL=chat")), []string{"all"}; !reflect.DeepEqual(got, want) {
		t.Errorf("labels given %q, want %q", got, want)
	}
}

// TestDecimals reads decimals in each of Parquet's ways to store them.
func TestDecimals(t *testing.T) {
	for name, physical := range map[string]parquet.Type{
		"32 bits": parquet.Int32Type, "64 bits": parquet.Int64Type, "9 bytes": parquet.FixedLenByteArrayType(9),
	} {
		precision := 12
		if physical == parquet.Int32Type {
			precision = 9
		}
		schema := parquet.NewSchema("table", parquet.Group{
			"PL":  parquet.List(parquet.Decimal(2, precision, physical)),
			"DIR": parquet.List(parquet.Leaf(parquet.Int32Type)),
		})
		var out bytes.Buffer
		w := parquet.NewWriter(&out, schema)
		row := parquet.Row{}
		// DIR is the first column by name, PL the second.
		for i, d := range []int32{0, 1} {
			row = append(row, parquet.ValueOf(d).Level(min(i, 1), 1, 0))
		}
		for i, v := range []int64{51700, 146000} { // 517.00 and 1460.00
			row = append(row, decimalValue(physical, v).Level(min(i, 1), 1, 1))
		}
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		want := []Flow{{Label: "class", Packets: []Packet{{517, Up, 0}, {1460, Down, 0}}}}
		if got := readBytes(t, Reader{}, out.Bytes()); !reflect.DeepEqual(got, want) {
			t.Errorf("decimals of %s: %v, want %v", name, got, want)
		}
	}
}

func decimalValue(physical parquet.Type, v int64) parquet.Value {
	switch physical {
	case parquet.Int32Type:
		return parquet.Int32Value(int32(v))
	case parquet.Int64Type:
		return parquet.Int64Value(v)
	}
	return parquet.FixedLenByteArrayValue(big.NewInt(v).FillBytes(make([]byte, 9)))
}

func FuzzNestedNumbers(f *testing.F) {
	for _, seed := range []string{"[[0, 2], [1, -1], [517, 1460], [True, False]]", "[[ 0  2]\n [ 1 -1]]", "[[...]]", "((1))", "[[]", "]]", "[[[", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		lists, err := tables.NestedNumbers(cell)
		if err != nil {
			return
		}
		var tab table
		tab.nested, tab.directed, tab.timed, tab.sense, tab.IATUnit = true, true, true, plusMinus, time.Millisecond
		packets, err := tab.unnest(lists, nil)
		if err == nil {
			packets, err = tab.finish(packets)
		}
		if err != nil {
			return
		}
		for _, p := range packets {
			if p.Length < 0 || p.Length > MaxLength || p.Dir != Up && p.Dir != Down {
				t.Errorf("%q holds the packet %+v", cell, p)
			}
		}
	})
}
