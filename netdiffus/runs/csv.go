package runs

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// WriteCSV writes runs as tables for other programs into the folder dir, which it makes:
// runs.csv has a line a run, with its settings; metrics.csv every number of every
// metrics.jsonl (run, step, metric, value); figures.csv the figures of the reports, those
// of the baselines too. Paths are without the folders of those from elsewhere
// (provenance.Private). Files of that name are replaced, each whole or not at all.
func WriteCSV(ctx context.Context, dir string, list []*Run) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	for name, write := range map[string]func(*csv.Writer) error{
		"runs.csv":    func(w *csv.Writer) error { return runsCSV(w, list) },
		"metrics.csv": func(w *csv.Writer) error { return metricsCSV(ctx, w, list) },
		"figures.csv": func(w *csv.Writer) error { return figuresCSV(w, list) },
	} {
		if err := writeCSV(filepath.Join(dir, name), write); err != nil {
			return fmt.Errorf("runs: %s: %w", name, err)
		}
	}
	return nil
}

func writeCSV(path string, write func(*csv.Writer) error) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	w := csv.NewWriter(io.Writer(f))
	if err := write(w); err != nil {
		return err
	}
	if w.Flush(); w.Error() != nil {
		return w.Error()
	}
	return f.Commit()
}

// safe is text that no spreadsheet takes for a formula.
func safe(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return "'" + text
		}
	}
	return text
}

func runsCSV(w *csv.Writer, list []*Run) error {
	names := map[string]bool{}
	for _, r := range list {
		for name := range r.Settings {
			if !fitted(name) {
				names[name] = true
			}
		}
	}
	settings := slices.Sorted(maps.Keys(names))
	head := append([]string{"run", "id", "path", "state", "created", "seconds", "host", "kind", "preset", "seed", "step", "bytes", "data_sha256", "tags", "note"}, settings...)
	if err := w.Write(head); err != nil {
		return err
	}
	for _, r := range list {
		var data []string
		for _, in := range r.Inputs {
			data = append(data, in.SHA256)
		}
		row := []string{
			safe(r.Name), r.ID, safe(provenance.Private(r.Path)), string(r.State), r.Created.UTC().Format(time.RFC3339), float(r.Seconds), safe(r.Host), r.Kind, r.Preset,
			strconv.FormatUint(r.Seed, 10), strconv.Itoa(r.Step), strconv.FormatInt(r.Bytes, 10), strings.Join(data, " "), safe(strings.Join(r.Tags, " ")), safe(r.Note),
		}
		for _, name := range settings {
			row = append(row, safe(r.Settings.Word(name)))
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	return nil
}

func float(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func metricsCSV(ctx context.Context, w *csv.Writer, list []*Run) error {
	if err := w.Write([]string{"run", "step", "metric", "value"}); err != nil {
		return err
	}
	for _, r := range list {
		var failed error
		_, err := eachLine(ctx, r.Path, func(l track.Line) {
			for _, v := range l.Values {
				if failed == nil {
					failed = w.Write([]string{safe(r.Name), strconv.Itoa(l.Step), safe(v.Name), float(v.Number)})
				}
			}
		})
		if failed != nil {
			return failed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func figuresCSV(w *csv.Writer, list []*Run) error {
	if err := w.Write([]string{"run", "report", "made", "flows_per_class", "source", "figure", "mean", "sd"}); err != nil {
		return err
	}
	for _, r := range list {
		for _, report := range r.Reports {
			for _, row := range report.Rows {
				for _, name := range slices.Sorted(maps.Keys(row.Figures)) {
					f := row.Figures[name]
					err := w.Write([]string{safe(r.Name), safe(provenance.Private(report.Path)), report.Made.UTC().Format(time.RFC3339), strconv.Itoa(report.PerClass), row.Source, name, float(float64(f.Mean)), float(float64(f.SD))})
					if err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}
