package series

import (
	"encoding/csv"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// WriteFolder writes a file a series into a new folder, as the original NetDiffus
// keeps them: NAME/NAME_0.csv, of a row a bin with its time in seconds, or its number
// where the step is unknown, and a column a channel. name gives each label its folder's
// name. A Reader gives back the series, with their folders' names for labels.
func WriteFolder(dir string, all iter.Seq2[Series, error], name func(label string) string) error {
	staged, err := atomicfile.CreateDir(dir)
	if err != nil {
		return fmt.Errorf("series: %w", err)
	}
	defer staged.Abort()
	numbers := map[string]int{}
	err = checked(all, func(_ int, s Series) error {
		class := name(s.Label)
		if class != filepath.Base(class) || !filepath.IsLocal(class) {
			return fmt.Errorf("%q is no name of a folder", class)
		}
		folder := filepath.Join(staged.Path(), class)
		n, known := numbers[class]
		if !known {
			if err := os.Mkdir(folder, 0o777); err != nil {
				return err
			}
		}
		numbers[class] = n + 1
		return writeBins(filepath.Join(folder, class+"_"+strconv.Itoa(n)+".csv"), s)
	})
	if err != nil {
		return fmt.Errorf("series: writing %s: %w", dir, err)
	}
	if err := staged.Commit(); err != nil {
		return fmt.Errorf("series: %w", err)
	}
	return nil
}

// writeBins writes one series, a row a bin.
func writeBins(path string, s Series) error {
	var text strings.Builder
	w := csv.NewWriter(&text)
	clock := "time"
	if s.Step == 0 {
		clock = "bin"
	}
	row := append([]string{clock}, s.Channels...)
	w.Write(row) // into memory: it cannot fail
	for bin := range s.Bins() {
		row = append(row[:0], strconv.Itoa(bin))
		if s.Step != 0 {
			row[0] = string(appendNumber(nil, (time.Duration(bin) * s.Step).Seconds()))
		}
		for _, values := range s.Values {
			row = append(row, string(appendNumber(nil, values[bin])))
		}
		w.Write(row)
	}
	w.Flush()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text.String())
	return errors.Join(err, file.Close())
}
