package tracker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// describe reads what a tracker is told of the run in dir.
func describe(dir string) (Run, []track.Session, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Run{}, nil, fmt.Errorf("tracker: %w", err)
	}
	run := Run{Name: filepath.Base(abs), Dir: dir, Params: map[string]string{}, Tags: map[string]string{}}
	// config.json alone: the codecs' tables beside it are no settings of a person's.
	var config any
	if err := readJSON(track.ConfigFile(dir), &config); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = track.ErrNotRun
		}
		return Run{}, nil, fmt.Errorf("tracker: %s: %w", dir, err)
	}
	flatten("", config, run.Params)
	manifest, err := track.ReadManifest(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Run{}, nil, err
	}
	if len(manifest.Sessions) == 0 {
		return run, nil, nil
	}
	first, last := manifest.Sessions[0], manifest.Sessions[len(manifest.Sessions)-1]
	run.Started = first.Started
	for name, value := range map[string]string{
		"netdiffus.seed":   strconv.FormatUint(last.Seed, 10),
		"netdiffus.commit": last.Versions["vcs.revision"],
		"netdiffus.go":     last.Versions["go"],
		"netdiffus.system": last.Machine.OS + "/" + last.Machine.Arch,
		"netdiffus.cpu":    last.Machine.CPU,
	} {
		if value != "" {
			run.Tags[name] = value
		}
	}
	for i, input := range last.Inputs {
		run.Tags[fmt.Sprintf("netdiffus.data.%d.name", i)] = filepath.Base(input.Path)
		run.Tags[fmt.Sprintf("netdiffus.data.%d.sha256", i)] = input.SHA256
	}
	return run, manifest.Sessions, nil
}

// flatten adds the leaves of a JSON value to params, by their names joined by points.
func flatten(name string, value any, params map[string]string) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			flatten(strings.TrimPrefix(name+"."+key, "."), inner, params)
		}
		return
	case []any:
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		if e.Encode(v) == nil {
			params[name] = strings.TrimSpace(text.String())
		}
		return
	case nil:
		params[name] = "null"
	case string:
		params[name] = v
	default:
		params[name] = fmt.Sprint(v)
	}
}

// clock says when the lines of metrics.jsonl were measured: the file does not. It adds
// up the times of the steps since the trainer was started, so that it says the same
// whenever it is asked, as trackers need it to know a value that they have already.
type clock struct {
	sessions []track.Session
	session  int // of the last step
	step     int // the last one
	at       time.Time
}

func newClock(sessions []track.Session) *clock {
	c := &clock{sessions: sessions}
	if len(sessions) > 0 {
		c.at = sessions[0].Started
	}
	return c
}

// point dates a line. Lines come in their order.
func (c *clock) point(p track.Point) Point {
	for c.session+1 < len(c.sessions) && c.sessions[c.session+1].FromStep < p.Step {
		c.session++
		// A run that a crash threw back measures some steps again, but time goes on.
		if begun := c.sessions[c.session]; begun.Started.After(c.at) {
			c.at, c.step = begun.Started, begun.FromStep
		}
	}
	if seconds := p.Values["step_seconds"]; seconds > 0 && seconds < 1e6 && p.Step > c.step {
		c.at = c.at.Add(time.Duration(seconds * float64(p.Step-c.step) * float64(time.Second)))
	}
	c.step = p.Step
	return Point{Step: p.Step, Time: c.at, Values: p.Values}
}
