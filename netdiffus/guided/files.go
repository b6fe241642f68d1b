package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/pytorch"
)

// imported is a checkpoint of PyTorch as it is being taken over.
type imported struct {
	step     int
	weights  []pytorch.Named
	averages map[float64][]pytorch.Named
	rates    []float64     // of the averages, in the order given
	adam     *pytorch.Adam // nil without
}

// fileName is what guided-diffusion calls its files: model001000.pt,
// opt001000.pt, ema_0.9999_001000.pt.
var fileName = regexp.MustCompile(`^(?:(?:model|opt)_?|ema_([0-9.eE-]+)_)([0-9]+)\.[a-z]+$`)

// nameOf reads a file's name: the rate, 0 where it has none, and the step, -1
// where it has none.
func nameOf(path string) (rate float64, step int) {
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

// read reads all the files.
func (f *importFlags) read(path string) (*imported, error) {
	file, err := pytorch.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m := &imported{step: f.step, averages: map[float64][]pytorch.Named{}}
	if m.weights, err = file.StateDict(); err != nil {
		return nil, err
	}
	rate, step := nameOf(path)
	if m.step < 0 {
		m.step = step
	}
	if inside, ok := file.Step(); ok && m.step < 0 {
		m.step = inside
	}
	if rate > 0 { // an average for a model
		m.averages[rate], m.rates = m.weights, []float64{rate}
	}
	for _, average := range f.averages {
		rate, _ := nameOf(average)
		if !(rate > 0 && rate < 1) {
			return nil, fmt.Errorf("--ema %s: the name does not tell the average's rate, as ema_0.9999_001000.pt does", average)
		}
		if m.averages[rate] != nil {
			return nil, fmt.Errorf("--ema %s: there are two averages with the rate %v", average, rate)
		}
		if m.averages[rate], err = readWeights(average); err != nil {
			return nil, err
		}
		m.rates = append(m.rates, rate)
	}
	if f.opt != "" {
		if m.adam, err = readAdam(f.opt); err != nil {
			return nil, err
		}
		if m.step < 0 && len(m.adam.Moments) > 0 {
			m.step = m.adam.Moments[0].Step
		}
	}
	if m.step < 0 {
		return nil, fmt.Errorf("%s: the name does not tell the training steps, as model001000.pt does: give --step", path)
	}
	return m, nil
}

func readWeights(path string) ([]pytorch.Named, error) {
	file, err := pytorch.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return file.StateDict()
}

func readAdam(path string) (*pytorch.Adam, error) {
	file, err := pytorch.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	adam, err := file.Adam()
	return &adam, err
}
