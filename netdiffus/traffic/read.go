package traffic

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// Reader reads files of flows. Its zero value is what Read uses.
type Reader struct {
	// KeepPadding keeps the packets of 0 bytes that some published files add
	// to give every flow the same number of packets. False drops them, in
	// files that are padded throughout: every row has the same number of
	// packets, two or more, and packets of 0 bytes have direction 0 and stand
	// only at the end of rows, never first. A file with any row against this
	// is read as it stands.
	KeepPadding bool

	// AllowEmpty yields a row without packets as a flow of none, so that rows
	// can still be counted. False makes it an error.
	AllowEmpty bool

	// Label labels all flows, whatever their file holds or a folder's name gives
	// (LABEL=chat/part-0.parquet is of chat); in it {folder} stands
	// for the name of the file's folder (of ROOT/Youtube/vid1/a.pcap, read as
	// part of ROOT: Youtube) and {file} for its own, without ending. "" takes
	// the file's word, and for files that hold no labels means {folder}.
	Label string

	MinPackets int // flows with fewer packets are left out
	MaxPackets int // longer flows are cut to their first packets; 0 means no bound

	// KeepEmpty keeps the packets without payload of captures and MIRAGE's
	// files, such as TCP's SYN and bare ACK, as packets of 0 bytes. False
	// drops them, and a packet's IAT is then the time since the packet before
	// it that was kept.
	KeepEmpty bool

	// KeepKeys gives flows of captures and MIRAGE's files their Key, and those
	// of other files what stands under KEY. False keeps addresses and ports out
	// of everything that is made of the flows.
	KeepKeys bool

	// Join reads the captures of one label, of those that are read together, as one
	// capture in the order of time, so that a flow goes on in the next file: a set
	// of files that was written one after another (a.pcap0, a.pcap1, …; dumpcap's
	// a_00001_20260101120000.pcapng), or at the same time on several interfaces.
	// False reads each by itself.
	Join bool

	// Workers is how many files are read at once; the flows and their order do not
	// depend on it. 0 means as many as Go uses processors, up to 8. What waits for
	// its turn takes at most 64 MiB.
	Workers int

	// KeepConnections gives flows of captures, and those of other files that hold
	// keys, their Connection.
	KeepConnections bool

	Capture Assembly // how packets of captures become flows
	Columns Columns  // the columns of CSV and Parquet files, and the members of JSON Lines

	// Delimiter separates the cells of CSV files; 0 means whichever of comma,
	// semicolon, tab and bar makes the columns appear in the first row.
	Delimiter rune

	// The functions are not part of a reader's JSON, by which pipelines pass it on.

	// Recognized is called with what a table was read as, where that is a schema
	// of another tool ("NFStream's SPLT columns"). Nil logs it with slog.
	Recognized func(path, schema string) `json:"-"`

	// Warn is called with what did not stop the reading, such as *Damage. Nil logs
	// it with slog.
	Warn func(error) `json:"-"`

	// Counted is called with what the packets of each capture were, at its end; of
	// captures that are joined once, with the path of the first.
	Counted func(path string, counts CaptureCounts) `json:"-"`

	root      string // the folder being read, for Label
	partition string // the label that the names of folders give the file
	part      Part   // what is read of the file
}

// Info describes a file of flows. It is read without its flows.
type Info struct {
	Rows    int64    // flows in the file
	Columns []string // the file's own top-level columns, in its order
	Timed   bool     // there is a column of inter-arrival times
}

// Read ranges over the flows of the file in its order, in little memory
// whatever its size. An error ends the sequence; it names the file, the row
// (counted from 0) and what was expected. The sequence can be ranged more
// than once: each time reads the file again.
//
// The first bytes of a file identify its kind:
//   - Parquet with the list columns PL (payload, bytes), DIR (0 upstream, 1
//     downstream) and IAT (microseconds), and LABEL (a string or whole number a
//     row), or with others that Reader.Columns names; other columns are passed
//     over;
//   - captures, pcap, pcapng and snoop, whose flows Assembly describes. A capture that
//     breaks off gives the flows of what is there, and a warning, see Damage;
//   - JSON as the MIRAGE data sets have it, and JSON Lines: an object a flow
//     with the names of the Parquet columns;
//   - CSV of one row a flow or one row a packet, see Columns.
//
// Tables of NFStream (SPLT), CESNET (PPI), tcbench and tshark are found by their
// columns, see Reader.Recognized. Files may be compressed with gzip, zstd, xz or
// bzip2.
//
// Padding of Parquet and CSV files is dropped, see Reader.KeepPadding. Of a
// folder, the files in it and below are read (see Files), one after another.
func Read(path string) iter.Seq2[Flow, error] { return Reader{}.Read(path) }

// Read is the package's Read with the reader's options.
func (r Reader) Read(path string) iter.Seq2[Flow, error] {
	return func(yield func(Flow, error) bool) {
		if isFolder(path) {
			r.ReadAll(path)(yield)
			return
		}
		f, k, err := open(path)
		if err != nil {
			yield(Flow{}, err)
			return
		}
		defer f.Close()
		if err := r.checkPart(k, path); err != nil {
			yield(Flow{}, err)
			return
		}
		r := r
		if value, found := partitionOf(path, cmp.Or(r.Columns.Label, own.Label)); found {
			r.partition, r.Columns.Label = value, ""
		}
		k.read(f, path, r, r.shaped(path, yield))
		if f.Trailing() {
			r.warn(fmt.Errorf("traffic: %s: left out what follows the compressed data", path))
		}
	}
}

// Stat returns how many flows the file holds, and of which columns.
func Stat(path string) (Info, error) {
	f, k, err := open(path)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	return k.stat(f, path)
}

// kind is one kind of file: a further one (pcap, JSON, CSV) is a file beside
// this with its two functions, and a line in kinds.
type kind struct {
	name string
	is   func(head []byte) bool // by the file's first bytes
	read func(f *unpack.File, path string, r Reader, yield func(Flow, error) bool)
	stat func(f *unpack.File, path string) (Info, error)
}

const (
	parquetKind = "Parquet"
	captureKind = "capture"
)

var kinds = []kind{
	{parquetKind, tables.IsParquet, readParquet, statParquet},
	{captureKind, capture.Is, readCapture, statCapture},
	{"JSON", isJSON, readJSON, statJSON},
	{"CSV", tables.IsText, readCSV, statCSV}, // last: it takes any text
}

// open opens the file and returns its kind.
func open(path string) (*unpack.File, kind, error) {
	f, err := unpack.Open(path)
	var named *os.PathError
	switch {
	case errors.As(err, &named):
		return nil, kind{}, fmt.Errorf("traffic: %w", err)
	case err != nil:
		return nil, kind{}, fmt.Errorf("traffic: %s: %w", path, err)
	}
	k, err := kindOf(f)
	if err != nil {
		f.Close()
		return nil, kind{}, fmt.Errorf("traffic: %s: %w", path, err)
	}
	return f, k, nil
}

// kindOf finds the kind of a file by its first bytes and rewinds it.
func kindOf(f *unpack.File) (kind, error) {
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if n == 0 && err != io.EOF {
		return kind{}, err
	}
	head = head[:n]
	for _, k := range kinds {
		if k.is(head) {
			return k, f.Rewind()
		}
	}
	if n == 0 {
		return kind{}, errors.New("the file is empty")
	}
	for _, other := range otherFiles {
		if bytes.HasPrefix(head, []byte(other.magic)) {
			return kind{}, errors.New(other.what)
		}
	}
	if isERF(head) {
		return kind{}, errors.New("a capture in Endace's format ERF" + editcap)
	}
	return kind{}, fmt.Errorf("not a file of flows (starts with %q): want Parquet, pcap, pcapng, snoop, JSON or CSV (editcap -F pcapng IN OUT, of Wireshark, converts other captures)", head[:min(n, 4)])
}

// otherFiles are kinds of file that hold flows elsewhere and are not read.
var otherFiles = []struct{ magic, what string }{
	{"PK\x03\x04", "a ZIP archive (an Excel sheet is one): unpack it first, or save the sheet as CSV"},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"},
	{"\x04\x22\x4d\x18", "compressed with lz4: decompress it first, or use gzip, zstd, xz or bzip2"},
	{"\x1f\x9d", "compressed with compress (.Z): decompress it first"},
	{"\x89HDF\r\n\x1a\n", "an HDF5 file: save its table as Parquet or CSV first"},
	{"ARROW1", "an Arrow (Feather) file: save it as Parquet first"},
	{"SQLite format 3\x00", "an SQLite database: save its table as Parquet or CSV first"},
	{"GMBU", "a capture of Microsoft's Network Monitor" + editcap},
	{"RTSS", "a capture of Microsoft's Network Monitor 1" + editcap},
	{"TRSNIFF data    \x1a", "a capture of Network General's Sniffer" + editcap},
	{"XCP\x00", "a capture of NetXRay or Sniffer" + editcap},
	{"\x7fver", "a capture of EtherPeek or OmniPeek" + editcap},
	{"iptrace ", "a capture of AIX's iptrace" + editcap},
	{"btsnoop\x00", "a capture of Bluetooth, which has no TCP or UDP"},
	{"\x80\x02", pickle}, {"\x80\x03", pickle}, {"\x80\x04", pickle}, {"\x80\x05", pickle},
	{"\x93NUMPY", "a NumPy array: save it as CSV, a row a flow, with a first row PL_0,PL_1,… and LABEL"},
}

const pickle = "a Python pickle, which is not read: save its table as Parquet first"

// editcap is the cure for captures in formats that are not read.
const editcap = ": convert it first, editcap -F pcapng IN OUT (editcap comes with Wireshark)"

// isERF recognises Endace's format, which has no magic number, by its first record:
// a time stamp of this century or the one before, a known type, and lengths that fit.
func isERF(head []byte) bool {
	if len(head) < 16 {
		return false
	}
	const from, until = 631152000, 4102444800 // 1990 and 2100
	seconds, kind := binary.LittleEndian.Uint32(head[4:]), head[8]&0x7f
	record, wire := binary.BigEndian.Uint16(head[10:]), binary.BigEndian.Uint16(head[14:])
	const header, lastKind = 16, 48
	return seconds >= from && seconds < until && kind > 0 && kind <= lastKind && record >= header && record%8 == 0 && wire > 0 && head[9]&0xc0 == 0
}
