package traffic

import (
	"fmt"
	"io"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// MadeBy returns the ID of the training run that the flows, or the series, of a file were
// drawn from (Writer.Run): "" where the file does not say, as only Parquet can.
func MadeBy(path string) (string, error) {
	f, err := unpack.Open(path)
	if err != nil {
		return "", fmt.Errorf("traffic: %w", err)
	}
	defer f.Close()
	var head [4]byte
	if n, err := io.ReadFull(f, head[:]); !tables.IsParquet(head[:n]) {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = nil
		}
		return "", err
	}
	if err := f.Rewind(); err != nil {
		return "", fmt.Errorf("traffic: %s: %w", path, err)
	}
	p, err := tables.OpenParquet(f)
	if err != nil {
		return "", fmt.Errorf("traffic: %s: %w", path, err)
	}
	defer p.Close()
	return p.Run(), nil
}
