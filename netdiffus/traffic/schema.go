package traffic

import (
	"cmp"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// schema is how a kind of table lays flows out. Its Columns have all names.
type schema struct {
	name string // "" for this library's own
	Columns
	sense      sense // of the directions
	cumulative bool  // times are since the first packet, not since the one before
	filled     bool  // rows end in -1, to give them all one length
	nested     bool  // Length is a column of lists: times, directions, lengths, and more
	note       string
}

// own is the schema of the tables that this library writes.
var own = schema{Columns: Columns{Length: "PL", Dir: "DIR", IAT: "IAT", Label: "LABEL", Key: "KEY", IATUnit: time.Microsecond}}

// schemas are the tables of other tools and data sets that are found by their
// columns. A further one is a line here, a case in schema_test.go, and a line in
// docs/formats.md.
var schemas = []schema{
	{name: "NFStream's SPLT columns", filled: true, sense: zeroOne,
		Columns: Columns{Length: "splt_ps", Dir: "splt_direction", IAT: "splt_piat_ms", Label: "application_name", IATUnit: time.Millisecond},
		note:    "lengths are payloads only if accounting_mode was 3"},
	{name: "CESNET's PPI", nested: true, sense: plusMinus,
		Columns: Columns{Length: "PPI", Label: "APP", IATUnit: time.Millisecond}},
	{name: "ipfixprobe's PPI columns", sense: plusMinus,
		Columns: Columns{Length: "PPI_PKT_LENGTHS", Dir: "PPI_PKT_DIRECTIONS"},
		note:    "without times: its time stamps are not read"},
	{name: "tcbench's columns", cumulative: true,
		Columns: Columns{Length: "pkts_size", Dir: "pkts_dir", IAT: "timetofirst", Label: "app", IATUnit: time.Second}},
	{name: "MIRAGE's columns", sense: zeroOne,
		Columns: Columns{Length: "L4_payload_bytes", Dir: "packet_dir", IAT: "iat", Label: "BF_label", IATUnit: time.Second}},
}

// findSchema finds the schema of a table with columns of these names: that whose
// column of lengths is there, if the user names none. The user's names replace
// those of the schema.
func findSchema(names []string, c Columns) schema {
	found := own
	if c.Length == "" && tables.Column(names, own.Length) < 0 && len(tables.Numbered(names, own.Length)) == 0 {
		for _, s := range schemas {
			if tables.Column(names, s.Length) >= 0 && (s.Dir == "" || tables.Column(names, s.Dir) >= 0) {
				found = s
				break
			}
		}
	}
	if c.Label == "" && tables.Column(names, own.Label) >= 0 {
		c.Label = own.Label
	}
	if c.IAT != "" { // not the schema's column of times
		found.cumulative = false
	}
	if c.Dir != "" {
		found.sense = senseUnknown
	}
	found.Columns = Columns{
		Length: cmp.Or(c.Length, found.Length), Dir: cmp.Or(c.Dir, found.Dir), IAT: cmp.Or(c.IAT, found.IAT), Label: cmp.Or(c.Label, found.Label),
		Key: cmp.Or(c.Key, own.Key), Flow: c.Flow, IATUnit: cmp.Or(c.IATUnit, found.IATUnit),
	}
	return found
}

// labelColumn returns the index of the column of labels, or -1.
func (s schema) labelColumn(names []string) int { return tables.Column(names, s.Label) }

// recognized reports that a file is of a known schema.
func (r Reader) recognized(path string, s schema) {
	if s.name == "" {
		return
	}
	what := s.name
	if s.note != "" {
		what += " (" + s.note + ")"
	}
	if r.Recognized != nil {
		r.Recognized(path, what)
		return
	}
	slog.Info("traffic: read as "+what, "file", path)
}

// featureTables are tables of one row a flow that hold features of flows and no
// packets, by columns that only they have, all of them.
var featureTables = []struct {
	name    string
	columns []string
	cure    string
}{
	{"Zeek's conn.log", []string{"id.orig_h", "orig_bytes"}, "read the capture itself"},
	{"Zeek's conn.log", []string{"id.orig_h", "conn_state"}, "read the capture itself"},
	{"CICFlowMeter's columns (CIC-IDS)", []string{"Flow Duration", "Total Fwd Packets"}, "read the capture itself"},
	{"CICFlowMeter's columns (CIC-IDS)", []string{"Flow Duration", "Tot Fwd Pkts"}, "read the capture itself"},
	{"CICFlowMeter's columns (CIC-IDS)", []string{"Flow Duration", "Total Fwd Packet"}, "read the capture itself"},
	{"CICFlowMeter's columns (CIC-IDS)", []string{"flow_duration", "tot_fwd_pkts"}, "read the capture itself"},
	{"UNSW-NB15's columns", []string{"spkts", "dpkts"}, "read the capture itself"},
	{"NetFlow's columns", []string{"IN_PKTS", "OUT_PKTS"}, "read the capture itself"},
	{"nfdump's columns", []string{"ipkt", "ibyt"}, "read the capture itself"},
	{"nfdump's columns", []string{"in_packets", "in_bytes"}, "read the capture itself"},
	{"nfdump's columns", []string{"firstSeen", "srcAddr", "packets", "bytes"}, "read the capture itself"},
	{"argus's columns", []string{"SrcPkts", "DstPkts"}, "read the capture itself"},
	{"argus's columns", []string{"StartTime", "SrcAddr", "TotPkts"}, "read the capture itself"},
	{"pmacct's columns", []string{"SRC_IP", "DST_IP", "PACKETS", "BYTES"}, "read the capture itself"},
	{"SiLK's columns", []string{"sIP", "dIP", "packets", "bytes"}, "read the capture itself"},
	{"YAF's columns", []string{"sip", "dip", "pkt", "oct"}, "read the capture itself"},
	{"Suricata's eve.json", []string{"event_type", "flow_id"}, "read the capture itself"},
	{"ipfixprobe's columns", []string{"SRC_IP", "DST_IP", "PACKETS_REV", "BYTES_REV"}, "run it with its plug-in pstats, or read the capture itself"},
	{"NFStream's columns", []string{"bidirectional_packets", "bidirectional_bytes"}, "run it with splt_analysis and accounting_mode=3, or read the capture itself"},
}

// packetTables hold packets in a form that is not read, by columns that only they
// have.
var packetTables = []struct {
	name    string
	columns []string
}{
	{"Wireshark's export of its packet list", []string{"No.", "Time", "Source", "Destination", "Info"}},
	{"tshark -T json", []string{"_index", "_source"}},
	{"tshark -T ek", []string{"timestamp", "layers"}},
}

// checkFeatures returns an error for a table of features of flows, and for one of
// packets in a form that is not read.
func checkFeatures(names []string) error {
	for _, table := range packetTables {
		if hasAll(names, table.columns) {
			return fmt.Errorf("%s, which is not read: write tshark -T fields, or read the capture itself", table.name)
		}
	}
	for _, table := range featureTables {
		if hasAll(names, table.columns) {
			return fmt.Errorf("%s: features of flows, no packets in them; %s", table.name, table.cure)
		}
	}
	return nil
}

func hasAll(names, columns []string) bool {
	for _, name := range columns {
		if tables.Column(names, name) < 0 {
			return false
		}
	}
	return true
}

// isSeries reports whether a CSV file holds a series of numbers: few columns, of
// one number or a time each, in a row of cells.
func isSeries(header, row []string) bool {
	if len(row) == 0 || len(row) > 4 || len(row) != len(header) {
		return false
	}
	for _, cell := range row {
		if cell = strings.TrimSpace(cell); !isNumber(cell) && !isTime(cell) {
			return false
		}
	}
	return isNumber(strings.TrimSpace(row[len(row)-1]))
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

func isTime(text string) bool {
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006/01/02 15:04:05", time.TimeOnly} {
		if _, err := time.Parse(layout, text); err == nil {
			return true
		}
	}
	return false
}
