package runs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Report is what `netdiffus evaluate` measured of flows drawn from a run.
type Report struct {
	Path   string    `json:"path"`             // absolute, the folder
	Inside string    `json:"inside,omitempty"` // the folder in the run directory, "" for one elsewhere
	Made   time.Time `json:"made"`
	// Run is the ID of the run that the flows are from, "" where the report does not
	// know: then it is that of the directory the report lies in.
	Run      string   `json:"run,omitempty"`
	Headline string   `json:"headline"`
	PerClass int      `json:"per_class"` // flows a class; 0 means as many as were trained on
	Best     string   `json:"best_baseline,omitempty"`
	Rows     []Row    `json:"rows"`   // the synthetic flows first, then the baselines
	Memory   []Row    `json:"memory"` // the memorisation figures; the flows held out first
	Leaks    bool     `json:"leaks"`
	Verdict  string   `json:"memory_verdict"`
	Inputs   []Input  `json:"inputs"`
	Classes  []Class  `json:"classes"`
	Notes    []string `json:"notes,omitempty"`
}

// Row is the figures of one source of flows, by the names in docs/metrics.md.
type Row struct {
	Source  string            `json:"source"`
	Figures map[string]Figure `json:"figures"`
}

// Figure is a figure: its mean over the seeds, and its standard deviation, NaN where
// there is none.
type Figure struct {
	Mean track.Number `json:"mean"`
	SD   track.Number `json:"sd"`
}

// Input is a file that was evaluated.
type Input struct {
	Role string `json:"role"` // train, test or synthetic
	Path string `json:"path"`
	provenance.Digest
	MadeBy string `json:"made_by,omitempty"` // the ID of the run it is from
}

// Class is a class and how many flows of it were evaluated.
type Class struct {
	Label     string `json:"label"`
	Train     int    `json:"train"`
	Test      int    `json:"test"`
	Synthetic int    `json:"synthetic"`
}

// Names of a report's files, and of the rows that are not baselines.
const (
	reportFile = "metrics.json"
	pageFile   = "report.html"
	synthetic  = "synthetic"
)

// Page is the path of the report's page.
func (r *Report) Page() string { return filepath.Join(r.Path, pageFile) }

// Figure returns a figure of the synthetic flows; ok is false where it was not measured.
func (r *Report) Figure(name string) (f Figure, ok bool) {
	if len(r.Rows) > 0 {
		f, ok = r.Rows[0].Figures[name]
	}
	return f, ok
}

// ReadReport reads the report in the folder dir.
func ReadReport(dir string) (Report, error) {
	r := Report{Path: dir}
	file := filepath.Join(dir, reportFile)
	text, err := os.ReadFile(file)
	if err != nil {
		return r, fmt.Errorf("runs: %w", err)
	}
	if info, err := os.Stat(file); err == nil {
		r.Made = info.ModTime().UTC()
	}
	if err := r.parse(text); err != nil {
		return r, fmt.Errorf("runs: %s: %w", file, err)
	}
	return r, nil
}

// figureJSON is a report's spread.
type figureJSON struct {
	Mean *float64 `json:"mean"`
	SD   *float64 `json:"sd"`
}

func (f figureJSON) figure() (Figure, bool) {
	if f.Mean == nil {
		return Figure{}, false
	}
	out := Figure{Mean: track.Number(*f.Mean), SD: track.Number(notANumber)}
	if f.SD != nil {
		out.SD = track.Number(*f.SD)
	}
	return out, true
}

func (r *Report) parse(text []byte) error {
	var file struct {
		Schema  string   `json:"schema"`
		Inputs  []Input  `json:"inputs"`
		Classes []Class  `json:"classes"`
		Notes   []string `json:"notes"`
		Verdict struct {
			Headline string `json:"headline"`
			Best     string `json:"best_baseline"`
		} `json:"verdict"`
		Sizes []struct {
			PerClass int  `json:"per_class"`
			Short    bool `json:"short"`
			Rows     []struct {
				Source  string                `json:"source"`
				Figures map[string]figureJSON `json:"figures"`
			} `json:"rows"`
		} `json:"sizes"`
		Memorisation struct {
			HeldOut map[string]json.RawMessage   `json:"held_out"`
			Rows    []map[string]json.RawMessage `json:"rows"`
			Verdict string                       `json:"verdict"`
			Leaks   bool                         `json:"leaks"`
		} `json:"memorisation"`
	}
	if err := jsonlimit.Unmarshal(text, &file); err != nil {
		return err
	}
	if !strings.HasPrefix(file.Schema, "netdiffus-report/") {
		return fmt.Errorf("schema %q, want netdiffus-report/1", file.Schema)
	}
	r.Inputs, r.Classes, r.Notes = file.Inputs, file.Classes, file.Notes
	r.Headline, r.Best = file.Verdict.Headline, file.Verdict.Best
	r.Verdict, r.Leaks = file.Memorisation.Verdict, file.Memorisation.Leaks
	for _, in := range file.Inputs {
		if in.Role == synthetic {
			r.Run = in.MadeBy
		}
	}
	if len(file.Sizes) == 0 {
		return fmt.Errorf("no figures")
	}
	// The verdict is on the largest size that no class lacks flows for.
	main := file.Sizes[0]
	for _, s := range slices.Backward(file.Sizes) {
		if !s.Short {
			main = s
			break
		}
	}
	r.PerClass = main.PerClass
	for _, row := range main.Rows {
		out := Row{Source: row.Source, Figures: map[string]Figure{}}
		for name, f := range row.Figures {
			if got, ok := f.figure(); ok {
				out.Figures[name] = got
			}
		}
		r.Rows = append(r.Rows, out)
	}
	for _, row := range append([]map[string]json.RawMessage{file.Memorisation.HeldOut}, file.Memorisation.Rows...) {
		out := Row{Figures: map[string]Figure{}}
		for name, text := range row {
			var f figureJSON
			if name == "source" {
				_ = json.Unmarshal(text, &out.Source)
			} else if json.Unmarshal(text, &f) == nil {
				if got, ok := f.figure(); ok {
					out.Figures[name] = got
				}
			}
		}
		if out.Source != "" {
			r.Memory = append(r.Memory, out)
		}
	}
	// The synthetic flows come first, whatever the order of the file.
	slices.SortStableFunc(r.Rows, func(a, b Row) int { return first(a.Source == synthetic) - first(b.Source == synthetic) })
	return nil
}

func first(is bool) int {
	if is {
		return 0
	}
	return 1
}
