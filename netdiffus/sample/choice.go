package sample

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
)

// choiceName is the file of a run directory that holds its Choice.
const choiceName = "choice.json"

// Choice is the way to draw that was chosen for a run (netdiffus.Chooser), and what it was
// chosen by. Open draws that way.
type Choice struct {
	netdiffus.Way
	Step    int           `json:"step"`     // training steps that the weights had seen
	HeldOut joint.Figures `json:"held_out"` // of the flows held out themselves
	Ways    []MeasuredWay `json:"ways"`     // the base first
}

// MeasuredWay is a way to draw, and the figures of what was drawn.
type MeasuredWay struct {
	netdiffus.Way
	joint.Figures
}

// Write keeps c in a run directory.
func (c Choice) Write(run string) error {
	text, err := plainjson.Marshal(c)
	if err == nil {
		err = atomicfile.WriteFile(filepath.Join(run, choiceName), text)
	}
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	return nil
}

// ReadChoice returns what was chosen for a run directory; nil where nothing was.
func ReadChoice(run string) (*Choice, error) {
	path := filepath.Join(run, choiceName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var c Choice
	if err == nil {
		if err = jsonlimit.Check(text, jsonlimit.AnyCost); err == nil {
			err = json.Unmarshal(text, &c)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("sample: %s: %w", path, err)
	}
	return &c, nil
}

// asChosen returns cfg as the run directory's Choice draws, and that way's name; cfg as it is
// and "" where nothing was chosen.
func asChosen(cfg netdiffus.Config, run string) (netdiffus.Config, string, error) {
	k, is := cfg.Kind.(netdiffus.Chooser)
	if !is {
		return cfg, "", nil
	}
	c, err := ReadChoice(run)
	if err != nil || c == nil {
		return cfg, "", err
	}
	if cfg.Kind, err = k.Drawing(c.Settings); err != nil {
		return cfg, "", fmt.Errorf("sample: %s: %w", filepath.Join(run, choiceName), err)
	}
	return cfg, c.Name, nil
}

// As returns a generator with the same weights whose kind is another one: a way to draw of a
// netdiffus.Chooser.
func (g *Generator) As(k netdiffus.Kind) (*Generator, error) {
	cfg := g.Config
	cfg.Kind = k
	other, err := New(g.backend, cfg, g.store, g.scope)
	if err == nil {
		other.Step, other.From, other.sum = g.Step, g.From, g.sum
	}
	return other, err
}
