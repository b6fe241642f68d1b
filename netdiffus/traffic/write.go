package traffic

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// Writer writes files of flows. Its zero value is what Write uses.
type Writer struct {
	Pcap Pcap // how flows become the packets of a capture
	// Run is the ID of the training run that the flows were drawn from: Parquet keeps it,
	// see MadeBy.
	Run string
}

// Write writes flows into a file of the kind that the path's ending names:
//   - .parquet, see WriteParquet;
//   - .csv (commas) and .tsv (tabs): one row a flow, with the lists PL, IAT
//     (only if the flows are Timed) and DIR as "[517, 1460]", and LABEL;
//   - .jsonl and .ndjson: an object a flow, of the same names;
//   - .pcap: packets, see Pcap. All flows must have one label, since a capture
//     has no place for it;
//   - a separator ("captures/"): a folder of captures, LABEL/LABEL.pcap.
//
// Read gives back exactly the flows that were written. Keys, see
// Reader.KeepKeys, are written as KEY to Parquet, CSV and JSON Lines if the
// first flow has one. The file or folder appears when it is complete; on an error nothing
// is left and a file that was there before stays as it was.
func Write(path string, flows iter.Seq2[Flow, error]) error { return Writer{}.Write(path, flows) }

// Write is the package's Write with the writer's options.
func (w Writer) Write(path string, flows iter.Seq2[Flow, error]) error {
	if path != "" && os.IsPathSeparator(path[len(path)-1]) {
		return w.writeFolder(filepath.Clean(path), flows)
	}
	var write func(*atomicfile.File, iter.Seq2[Flow, error]) error
	switch ending := strings.ToLower(filepath.Ext(path)); ending {
	case ".parquet":
		return w.writeParquet(path, flows)
	case ".csv":
		write = func(f *atomicfile.File, flows iter.Seq2[Flow, error]) error { return writeCSV(f, ',', flows) }
	case ".tsv":
		write = func(f *atomicfile.File, flows iter.Seq2[Flow, error]) error { return writeCSV(f, '\t', flows) }
	case ".jsonl", ".ndjson":
		write = writeJSONLines
	case ".pcap":
		write = w.Pcap.write
	default:
		return fmt.Errorf("traffic: %s: cannot tell what to write from the ending %q: want .parquet, .csv, .tsv, .jsonl, .ndjson or .pcap, or %c at the end for a folder of captures", path, ending, os.PathSeparator)
	}
	out, err := atomicfile.Create(path)
	if err != nil {
		return fmt.Errorf("traffic: %w", err)
	}
	defer out.Abort()
	if err := write(out, flows); err != nil {
		return fmt.Errorf("traffic: writing %s: %w", path, err)
	}
	if err := out.Commit(); err != nil {
		return fmt.Errorf("traffic: %w", err)
	}
	return nil
}

// checked passes the flows on after checking each as WriteParquet does, with
// their number. The first flow decides whether all are timed.
func checked(flows iter.Seq2[Flow, error], each func(n int, f Flow) error) error {
	n, timed := 0, false
	for f, err := range flows {
		if err != nil {
			return err
		}
		if n == 0 {
			timed = f.Timed
		}
		err := check(f, timed)
		if err == nil {
			err = each(n, f)
		}
		if err != nil {
			return fmt.Errorf("flow %d: %w", n, err)
		}
		n++
	}
	return nil
}
