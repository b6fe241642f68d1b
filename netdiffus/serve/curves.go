package serve

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// curvePoints is how finely curves are drawn: stretches of a line, each with its lowest
// and highest value.
const curvePoints = 400

// points are a curve's for the page: null where a value is no number.
type points struct {
	X []float64       `json:"x"`
	Y []*track.Number `json:"y"`
}

func pointsOf(s track.Series) points {
	p := points{X: s.Step, Y: make([]*track.Number, len(s.Value))}
	for i, v := range s.Value {
		p.Y[i] = finite(v)
	}
	return p
}

func finite(v float64) *track.Number {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	n := track.Number(v)
	return &n
}

// curves answers with a run's metrics, thinned, and the place in the file from which
// live goes on.
func (s *Server) curves(w http.ResponseWriter, r *http.Request, run *runs.Run) {
	at := int64(0)
	if info, err := os.Stat(track.MetricsFile(run.Path)); err == nil {
		at = info.Size()
	}
	c, err := runs.ReadCurves(r.Context(), run.Path, curvePoints)
	if err != nil {
		s.fail(w, err)
		return
	}
	series := map[string]points{}
	for name, one := range c.Series {
		series[name] = pointsOf(one)
	}
	s.json(w, map[string]any{"series": series, "lines": c.Lines, "damaged": c.Damaged, "at": at})
}

// live tells of a run as it goes on, as server-sent events: "points" with new lines,
// "again" when lines were taken back, "state" when it ends.
func (s *Server) live(w http.ResponseWriter, r *http.Request, run *runs.Run) {
	at, err := strconv.ParseInt(r.URL.Query().Get("at"), 10, 64)
	if err != nil || at < 0 {
		http.Error(w, "at: want a place in the file of metrics", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(event string, v any) error {
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, text); err != nil {
			return err
		}
		return http.NewResponseController(w).Flush()
	}
	tail := track.NewTailAt(run.Path, at)
	state := runs.State("")
	for {
		if now := s.state(r, run.Path); now != state {
			state = now
			if send("state", map[string]any{"state": state}) != nil {
				return
			}
		}
		lines, again, err := tail.Next()
		switch {
		case err != nil:
			s.options.Warn(err)
			return
		case again:
			if send("again", map[string]any{}) != nil {
				return
			}
			return // the page asks for the curves, and for this, once more
		case len(lines) > 0:
			if send("points", byName(lines)) != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(s.options.Poll):
		}
	}
}

// state is what a run is doing: the short way where it is being trained.
func (s *Server) state(r *http.Request, dir string) runs.State {
	if track.Trainer(dir) != nil {
		return runs.Training
	}
	now, err := s.open(r.Context(), dir)
	if err != nil {
		return runs.Damaged
	}
	return now.State
}

// byName turns lines into curves, at most some hundred points of each.
func byName(lines []track.Point) map[string]points {
	every := 1 + len(lines)/curvePoints
	series := map[string]points{}
	for i, line := range lines {
		if i%every != 0 && i != len(lines)-1 {
			continue
		}
		for name, v := range line.Values {
			p := series[name]
			p.X, p.Y = append(p.X, float64(line.Step)), append(p.Y, finite(v))
			series[name] = p
		}
	}
	return series
}
