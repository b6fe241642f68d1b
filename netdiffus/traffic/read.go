package traffic

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
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

	// Label labels all flows, whatever their file holds; in it {folder} stands
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

	Capture Assembly // how packets of captures become flows
	CSV     CSV      // the columns of CSV files

	// Warn is called with what did not stop the reading, such as *Damage. Nil logs
	// it with slog.
	Warn func(error)

	// Counted is called with what the packets of each capture were, at its end.
	Counted func(path string, counts CaptureCounts)

	root string // the folder being read, for Label
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
//     downstream), LABEL (a string a row), and IAT (microseconds) if there;
//     other columns are passed over;
//   - captures, pcap and pcapng, whose flows Assembly describes. A capture that
//     breaks off gives the flows of what is there, and a warning, see Damage;
//   - JSON as the MIRAGE data sets have it, and JSON Lines: an object a flow
//     with the names of the Parquet columns;
//   - CSV of one row a flow or one row a packet, see CSV.
//
// Padding of Parquet and CSV files is dropped, see Reader.KeepPadding. Of a
// folder, the files in it and below are read (see Files), one after another.
func Read(path string) iter.Seq2[Flow, error] { return Reader{}.Read(path) }

// Read is the package's Read with the reader's options.
func (r Reader) Read(path string) iter.Seq2[Flow, error] {
	return func(yield func(Flow, error) bool) {
		if isFolder(path) {
			r.readFolder(path, yield)
			return
		}
		f, k, err := open(path)
		if err != nil {
			yield(Flow{}, err)
			return
		}
		defer f.Close()
		k.read(f, path, r, r.shaped(path, yield))
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
	read func(f *os.File, path string, r Reader, yield func(Flow, error) bool)
	stat func(f *os.File, path string) (Info, error)
}

var kinds = []kind{
	{"Parquet", isParquet, readParquet, statParquet},
	{"capture", capture.Is, readCapture, statCapture},
	{"JSON", isJSON, readJSON, statJSON},
	{"CSV", isCSV, readCSV, statCSV}, // last: it takes any text
}

// open opens the file and returns its kind.
func open(path string) (*os.File, kind, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, kind{}, fmt.Errorf("traffic: %w", err)
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		f.Close()
		return nil, kind{}, fmt.Errorf("traffic: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return nil, kind{}, fmt.Errorf("traffic: %w", err)
	}
	for _, k := range kinds {
		if k.is(head[:n]) {
			return f, k, nil
		}
	}
	f.Close()
	switch {
	case n == 0:
		err = errors.New("the file is empty")
	case n >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		err = errors.New("compressed with gzip: unpack it first")
	default:
		err = fmt.Errorf("not a file of flows (starts with %q): want Parquet, pcap, pcapng, JSON or CSV", head[:min(n, 4)])
	}
	return nil, kind{}, fmt.Errorf("traffic: %s: %w", path, err)
}
