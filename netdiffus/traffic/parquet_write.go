package traffic

import (
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// A row group ends at so many rows or packets, whichever comes first: both
// sides hold one group at most in memory.
const (
	groupRows    = 1 << 16
	groupPackets = 1 << 20
)

// WriteParquet writes the flows to a Parquet file with the list columns PL
// and DIR (int64), IAT (double, microseconds, only if the flows are Timed),
// LABEL (string), and KEY (string, only if the first flow has one, see
// Reader.KeepKeys), zstd-compressed, as pandas and pyarrow read it. The file
// appears under its name only when it is complete and on disk; on an error
// nothing is left and a file that was there before stays as it was.
//
// It fails on what Read would refuse, and on timed flows mixed with untimed.
// No flows make a file of no rows.
func WriteParquet(path string, flows iter.Seq2[Flow, error]) error {
	return Writer{}.writeParquet(path, flows)
}

func (w Writer) writeParquet(path string, flows iter.Seq2[Flow, error]) error {
	out, err := atomicfile.Create(path)
	if err != nil {
		return fmt.Errorf("traffic: %w", err)
	}
	defer out.Abort()
	if err := writeRows(out, flows, w.Run); err != nil {
		return fmt.Errorf("traffic: writing %s: %w", path, err)
	}
	if err := out.Commit(); err != nil {
		return fmt.Errorf("traffic: %w", err)
	}
	return nil
}

// The columns of a row, in the order of the seed's files.
type (
	plainRow struct {
		PL    []int64 `parquet:"PL,list"`
		DIR   []int64 `parquet:"DIR,list"`
		LABEL string  `parquet:"LABEL,dict"`
	}
	timedRow struct {
		PL    []int64   `parquet:"PL,list"`
		IAT   []float64 `parquet:"IAT,list"`
		DIR   []int64   `parquet:"DIR,list"`
		LABEL string    `parquet:"LABEL,dict"`
	}
	plainKeyRow struct {
		plainRow
		KEY string `parquet:"KEY"`
	}
	timedKeyRow struct {
		timedRow
		KEY string `parquet:"KEY"`
	}
)

func (r *plainRow) set(f Flow) {
	r.PL, r.DIR, r.LABEL = lengths(r.PL[:0], f), directions(r.DIR[:0], f), f.Label
}

func (r *timedRow) set(f Flow) {
	r.PL, r.DIR, r.LABEL = lengths(r.PL[:0], f), directions(r.DIR[:0], f), f.Label
	r.IAT = r.IAT[:0]
	for _, p := range f.Packets {
		r.IAT = append(r.IAT, p.IAT)
	}
}

func (r *plainKeyRow) set(f Flow) {
	r.plainRow.set(f)
	r.KEY = f.Key
}

func (r *timedKeyRow) set(f Flow) {
	r.timedRow.set(f)
	r.KEY = f.Key
}

func writeRows(out *atomicfile.File, flows iter.Seq2[Flow, error], run string) error {
	next, stop := iter.Pull2(flows)
	defer stop()
	first, err, ok := next()
	if err != nil {
		return err
	}
	// The first flow decides between the kinds of row.
	rows := func(yield func(Flow, error) bool) {
		for f := first; ok; f, err, ok = next() {
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
	switch keyed := first.Key != ""; {
	case first.Timed && keyed:
		return writeAs(out, rows, (*timedKeyRow).set, true, run)
	case first.Timed:
		return writeAs(out, rows, (*timedRow).set, true, run)
	case keyed:
		return writeAs(out, rows, (*plainKeyRow).set, false, run)
	}
	return writeAs(out, rows, (*plainRow).set, false, run)
}

func lengths(dst []int64, f Flow) []int64 {
	for _, p := range f.Packets {
		dst = append(dst, int64(p.Length))
	}
	return dst
}

func directions(dst []int64, f Flow) []int64 {
	for _, p := range f.Packets {
		dst = append(dst, int64(p.Dir))
	}
	return dst
}

func writeAs[Row any](out *atomicfile.File, flows iter.Seq2[Flow, error], fill func(*Row, Flow), timed bool, run string) error {
	w := parquet.NewGenericWriter[Row](out,
		parquet.Compression(&zstd.Codec{}),
		parquet.CreatedBy("netdiffus", "1", "go"), tables.OfRun(run))
	row := make([]Row, 1)
	n, inGroup, packets := 0, 0, 0
	for f, err := range flows {
		if err != nil {
			return err
		}
		if err := check(f, timed); err != nil {
			return fmt.Errorf("flow %d: %w", n, err)
		}
		fill(&row[0], f)
		if _, err := w.Write(row); err != nil {
			return err
		}
		n, inGroup, packets = n+1, inGroup+1, packets+len(f.Packets)
		if inGroup == groupRows || packets >= groupPackets {
			if err := w.Flush(); err != nil {
				return err
			}
			inGroup, packets = 0, 0
		}
	}
	return w.Close()
}

// check refuses a flow that Read would refuse.
func check(f Flow, timed bool) error {
	if err := tables.CheckLabel(f.Label); err != nil {
		return err
	}
	if err := tables.CheckKey(f.Key); err != nil {
		return err
	}
	if f.Timed != timed {
		return errors.New("flows with inter-arrival times cannot be mixed with flows without in one file")
	}
	if len(f.Packets) == 0 {
		return errors.New("no packets")
	}
	if len(f.Packets) > tables.MaxNumbers {
		return fmt.Errorf("%d packets, want at most %d", len(f.Packets), tables.MaxNumbers)
	}
	for i, p := range f.Packets {
		switch {
		case p.Length < 0 || p.Length > MaxLength:
			return fmt.Errorf("packet %d has %d bytes, want [0, %d]", i, p.Length, MaxLength)
		case p.Dir != Up && p.Dir != Down:
			return fmt.Errorf("packet %d has direction %d, want 0 (upstream) or 1 (downstream)", i, p.Dir)
		case math.IsNaN(p.IAT) || math.IsInf(p.IAT, 0):
			return fmt.Errorf("packet %d has inter-arrival time %v, want microseconds", i, p.IAT)
		}
	}
	return nil
}
