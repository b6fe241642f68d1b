// Package guided takes over models that were trained with OpenAI's guided-diffusion in
// PyTorch, and writes weights and optimiser state for it.
package guided

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/pytorch"
)

// Files are the files of one checkpoint of guided-diffusion.
type Files struct {
	Model     string   // modelNNNNNN.pt, or an average to draw with
	Averages  []string // ema_RATE_NNNNNN.pt; may be empty
	Optimizer string   // optNNNNNN.pt; empty for none
	Step      int      // training steps done; below 0 means as the names, or else the files, have it
}

// Checkpoint is a checkpoint of guided-diffusion.
type Checkpoint struct {
	Step     int
	Weights  []pytorch.Named
	Averages map[float64][]pytorch.Named // by rate
	Rates    []float64                   // of the averages, in the order of the files
	Adam     *pytorch.Adam               // the optimiser's state; nil without
}

// fileName is the pattern of guided-diffusion's files: model001000.pt, opt001000.pt,
// ema_0.9999_001000.pt.
var fileName = regexp.MustCompile(`^(?:(?:model|opt)_?|ema_([0-9.eE-]+)_)([0-9]+)\.[a-z]+$`)

// parseName returns what a file's name holds: the rate, 0 where it has none, and the
// step, -1 where it has none.
func parseName(path string) (rate float64, step int) {
	m := fileName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return 0, -1
	}
	rate, _ = strconv.ParseFloat(m[1], 64)
	step, err := strconv.Atoi(m[2])
	if err != nil {
		step = -1
	}
	return rate, step
}

// Open reads all the files. Only tensors and plain containers are read: nothing that
// they hold is run.
func Open(f Files) (*Checkpoint, error) {
	file, err := pytorch.Open(f.Model)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c := &Checkpoint{Step: f.Step, Averages: map[float64][]pytorch.Named{}}
	if c.Weights, err = file.StateDict(); err != nil {
		return nil, err
	}
	rate, step := parseName(f.Model)
	if c.Step < 0 {
		c.Step = step
	}
	if inside, ok := file.Step(); ok && c.Step < 0 {
		c.Step = inside
	}
	if rate > 0 { // an average for a model
		c.Averages[rate], c.Rates = c.Weights, []float64{rate}
	}
	for _, average := range f.Averages {
		if err := c.openAverage(average); err != nil {
			return nil, err
		}
	}
	if f.Optimizer != "" {
		if c.Adam, err = openAdam(f.Optimizer); err != nil {
			return nil, err
		}
		if c.Step < 0 && len(c.Adam.Moments) > 0 {
			c.Step = c.Adam.Moments[0].Step
		}
	}
	if c.Step < 0 {
		return nil, fmt.Errorf("guided: %s: the name does not hold the training steps, as model001000.pt does: %w", f.Model, ErrStep)
	}
	return c, nil
}

func (c *Checkpoint) openAverage(path string) error {
	rate, _ := parseName(path)
	if !(rate > 0 && rate < 1) {
		return fmt.Errorf("guided: average %s: the file's name does not hold the rate, as ema_0.9999_001000.pt does", path)
	}
	if c.Averages[rate] != nil {
		return fmt.Errorf("guided: average %s: duplicate rate %v", path, rate)
	}
	file, err := pytorch.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if c.Averages[rate], err = file.StateDict(); err != nil {
		return err
	}
	c.Rates = append(c.Rates, rate)
	return nil
}

func openAdam(path string) (*pytorch.Adam, error) {
	file, err := pytorch.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	adam, err := file.Adam()
	return &adam, err
}
