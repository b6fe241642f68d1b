package serve

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// row is what the list shows of a run: a thousand of them are one answer.
type row struct {
	Key      string        `json:"key"`
	Name     string        `json:"name"`
	State    runs.State    `json:"state"`
	Preset   string        `json:"preset"`
	Created  *time.Time    `json:"created"`
	Seconds  float64       `json:"seconds"`
	Step     int           `json:"step"`
	Steps    int           `json:"steps"`
	Loss     *track.Number `json:"loss"`
	Held     *track.Number `json:"held"` // of the flows held out, at its best
	Accuracy *track.Number `json:"tstr"` // of the newest report
	Baseline *track.Number `json:"baseline"`
	Differs  string        `json:"differs"`
	Tags     []string      `json:"tags"`
	Note     string        `json:"note"`
	Problems []string      `json:"problems"`
	Bytes    int64         `json:"bytes"`
}

// accuracy is the figure that the list shows of a report.
const accuracy = "tstr_accuracy"

func rowOf(r *runs.Run) row {
	out := row{
		Key: key(r), Name: r.Name, State: r.State, Preset: cmp.Or(r.Preset, r.Kind), Seconds: r.Seconds, Step: r.Step, Steps: r.Steps,
		Tags: r.Tags, Note: r.Note, Problems: r.Problems, Bytes: r.Bytes,
	}
	if !r.Created.IsZero() {
		out.Created = &r.Created
	}
	if s, ok := r.Metrics["loss"]; ok {
		out.Loss = &s.Last
	}
	for _, name := range []string{"validation_cross_entropy", "validation_loss"} {
		if s, ok := r.Metrics[name]; ok && out.Held == nil {
			out.Held = &s.Min
		}
	}
	if latest := r.Latest(); latest != nil {
		if f, ok := latest.Figure(accuracy); ok {
			out.Accuracy = &f.Mean
		}
		for _, other := range latest.Rows {
			if f, ok := other.Figures[accuracy]; ok && other.Source == latest.Best {
				out.Baseline = &f.Mean
			}
		}
	}
	var differs []string
	for _, d := range r.Differs {
		differs = append(differs, strings.TrimPrefix(d.Name, "training.")+"="+strings.Trim(d.Value, `"`))
	}
	out.Differs = strings.Join(differs, " ")
	return out
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	listed, err := s.runs(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	rows := make([]row, len(listed))
	for i, run := range listed {
		rows[i] = rowOf(run)
	}
	s.json(w, map[string]any{"runs": rows, "roots": s.options.Roots})
}

// open reads a run as it is now, through the cache: all of its metrics only where they
// have changed.
func (s *Server) open(ctx context.Context, dir string) (*runs.Run, error) {
	list, err := runs.List(ctx, []string{dir}, runs.ListOptions{Cache: s.options.Cache, Warn: s.options.Warn})
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("serve: %s: %w", dir, track.ErrNotRun)
	}
	return list[0], nil
}

// run answers with all that is known of a run, read anew.
func (s *Server) run(w http.ResponseWriter, r *http.Request, listed *runs.Run) {
	now, err := s.open(r.Context(), listed.Path)
	if err != nil {
		s.fail(w, err)
		return
	}
	now.Name, now.Reports = listed.Name, listed.Reports // the list finds reports elsewhere too
	s.json(w, struct {
		*runs.Run
		Key string `json:"key"`
	}{now, key(listed)})
}

// mostCompared is how many runs are compared at once: more curves cannot be told apart.
const mostCompared = 12

// compare answers with the comparison of the runs of the keys.
func (s *Server) compare(w http.ResponseWriter, r *http.Request) {
	var list []*runs.Run
	keys := []string{}
	for _, k := range strings.Split(r.URL.Query().Get("keys"), ",") {
		if run, ok := s.find(r.Context(), k); ok && len(list) < mostCompared && !slices.Contains(keys, k) {
			list, keys = append(list, run), append(keys, k)
		}
	}
	if len(list) < 2 {
		http.Error(w, "tick two runs or more in the list to compare them", http.StatusBadRequest)
		return
	}
	c, err := runs.Compare(r.Context(), list...)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.json(w, struct {
		*runs.Comparison
		Keys []string `json:"keys"`
	}{c, keys})
}
