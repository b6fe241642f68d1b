package traffic

import (
	"errors"
	"iter"
)

// WriteParquet writes the flows to a Parquet file with the list columns PL
// and DIR (int64), IAT (double, microseconds, only if the flows are Timed),
// and LABEL (string), zstd-compressed, as pandas and pyarrow read it. The file
// appears under its name only when it is complete and on disk; on an error
// nothing is left and a file that was there before stays as it was.
//
// It fails on what Read would refuse, and on timed flows mixed with untimed.
func WriteParquet(path string, flows iter.Seq2[Flow, error]) error {
	return errors.New("traffic: not built yet")
}
