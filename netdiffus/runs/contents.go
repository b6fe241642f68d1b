package runs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// Checkpoint is a checkpoint of a run. It is not verified here: opening one does that.
type Checkpoint struct {
	Step  int    `json:"step"`
	Path  string `json:"path"` // in the run directory
	Bytes int64  `json:"bytes"`
	Best  bool   `json:"best,omitempty"` // the flows held out were best at this one
}

// CheckpointStep returns the step of the checkpoint in a folder of that name
// (step-00001000); ok is false for every other name.
func CheckpointStep(name string) (step int, ok bool) {
	digits, found := strings.CutPrefix(name, "step-")
	step, err := strconv.Atoi(digits)
	return step, found && err == nil && step >= 0 && name == fmt.Sprintf("step-%08d", step)
}

func (r *Run) readCheckpoints(s scanned) {
	for _, name := range s.checkpoints { // sorted
		step, ok := CheckpointStep(name)
		if !ok {
			continue
		}
		c := Checkpoint{Step: step, Path: "checkpoints/" + name}
		entries, err := os.ReadDir(filepath.Join(track.Checkpoints(r.Path), name))
		whole := false
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				c.Bytes += info.Size()
			}
			whole = whole || e.Name() == "manifest.json"
		}
		if err != nil || !whole {
			r.problem("%s is no whole checkpoint; it can be deleted, an earlier one is taken", c.Path)
			continue
		}
		r.Checkpoints = append(r.Checkpoints, c)
		r.Step = max(r.Step, step)
	}
}

// Samples is a set of flows drawn from the run.
type Samples struct {
	Path   string          `json:"path"` // in the run directory
	Made   time.Time       `json:"made"`
	Flows  int             `json:"flows"`
	Origin *dataset.Origin `json:"made_by,omitempty"` // nil in sets of earlier versions
}

// readSamples reads the manifest of a data set in the directory. One that was not drawn
// from a model, such as the demo's training data, is left out.
func (r *Run) readSamples(name string) {
	s := Samples{Path: filepath.ToSlash(name)}
	file := filepath.Join(r.Path, name, "manifest.json")
	text, err := os.ReadFile(file)
	if err != nil {
		r.problem("%s/manifest.json cannot be read: %v", s.Path, err)
		return
	}
	if info, err := os.Stat(file); err == nil {
		s.Made = info.ModTime().UTC()
	}
	var m struct {
		Flows  int             `json:"flows"`
		Origin *dataset.Origin `json:"made_by"`
	}
	if err := jsonlimit.Unmarshal(withoutRecipe(text), &m); err != nil {
		r.problem("%s/manifest.json is damaged: %v; draw the samples again", s.Path, err)
		return
	}
	if m.Origin == nil && !strings.HasPrefix(s.Path, "samples") {
		return
	}
	s.Flows, s.Origin = m.Flows, m.Origin
	r.Samples = append(r.Samples, s)
}

// withoutRecipe returns the JSON of a data set's manifest without its recipe, whose
// tables may take a megabyte, where it is written as the data sets' package does.
func withoutRecipe(text []byte) []byte {
	begin := bytes.Index(text, []byte("\n  \"recipe\": {\n"))
	if begin < 0 {
		return text
	}
	const last = "\n  },\n"
	end := bytes.Index(text[begin:], []byte(last))
	if end < 0 {
		return text
	}
	return append(append([]byte{}, text[:begin+1]...), text[begin+end+len(last):]...)
}
