// Package checkpoint keeps the state of a training run on disk so that a crash,
// a kill or a full disk never costs more than the checkpoint being written.
//
// A checkpoint is a folder:
//
//	step-00001234/
//	  model.safetensors        the weights
//	  ema_0.9999.safetensors   their moving averages, one file a rate
//	  optim.safetensors        the optimiser's state
//	  state.json               the step and what the trainer needs to go on
//	  manifest.json            size and SHA-256 of each of those
//
// It is written under another name, flushed to the disk and renamed, so it is
// there whole or not at all. Reading checks every hash.
package checkpoint

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// State is what a checkpoint holds.
type State struct {
	Step  int                // steps done, >= 0
	Model Tensors            // the weights
	EMA   map[string]Tensors // by rate, as text: "0.9999"; may be empty
	Optim Tensors            // may be empty
	Train json.RawMessage    // the trainer's own: seed, place in the data, timestep sampler; JSON or nil
}

// Checkpoint is a checkpoint on disk whose hashes were right when it was
// opened. Its tensors are read when asked for.
type Checkpoint struct {
	Path  string
	Step  int
	Train json.RawMessage
	files map[string]provenance.Digest
}

const (
	format       = "netdiffus-checkpoint/1"
	modelFile    = "model.safetensors"
	optimFile    = "optim.safetensors"
	stateFile    = "state.json"
	manifestFile = "manifest.json"
)

func emaFile(rate string) string { return "ema_" + rate + ".safetensors" }

var ratePattern = regexp.MustCompile(`^[0-9A-Za-z.+-]{1,40}$`)

// stateJSON is the content of state.json.
type stateJSON struct {
	Step  int             `json:"step"`
	Train json.RawMessage `json:"train,omitempty"`
}

// manifest is the content of manifest.json.
type manifest struct {
	Format string                       `json:"format"`
	Step   int                          `json:"step"`
	Files  map[string]provenance.Digest `json:"files"`
}

// Open opens the checkpoint at path, a folder that Save wrote, and checks the
// hash of every file in it. (Weights of PyTorch, .pt files, are not
// checkpoints; reading them belongs in this package, beside Open.)
func Open(path string) (*Checkpoint, error) {
	fail := func(err error) (*Checkpoint, error) { return nil, fmt.Errorf("checkpoint: %s: %w", path, err) }
	var m manifest
	if err := readJSON(filepath.Join(path, manifestFile), &m); err != nil {
		return fail(err)
	}
	if m.Format != format {
		return fail(fmt.Errorf("format %q, want %q", m.Format, format))
	}
	for _, name := range []string{modelFile, stateFile} {
		if _, there := m.Files[name]; !there {
			return fail(fmt.Errorf("%s does not list %s", manifestFile, name))
		}
	}
	for name, want := range m.Files {
		if name != filepath.Base(name) || !filepath.IsLocal(name) {
			return fail(fmt.Errorf("%s lists %q, want names of files beside it", manifestFile, name))
		}
		got, err := provenance.Hash(context.Background(), filepath.Join(path, name))
		if err != nil {
			return fail(err)
		}
		if got.Digest != want {
			return fail(fmt.Errorf("%s is damaged: %d bytes with SHA-256 %.12s…, want %d with %.12s…",
				name, got.Bytes, got.SHA256, want.Bytes, want.SHA256))
		}
	}
	var s stateJSON
	if err := readJSON(filepath.Join(path, stateFile), &s); err != nil {
		return fail(err)
	}
	if s.Step != m.Step || s.Step < 0 {
		return fail(fmt.Errorf("%s is at step %d, %s at step %d", stateFile, s.Step, manifestFile, m.Step))
	}
	return &Checkpoint{Path: path, Step: s.Step, Train: s.Train, files: m.Files}, nil
}

// Sum is a SHA-256 over everything that the checkpoint holds: two with the same
// sum are the same.
func (c *Checkpoint) Sum() string {
	b, err := json.Marshal(c.files) // its keys sorted
	if err != nil {
		panic(err) // strings and numbers
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))
}

// Model reads the weights.
func (c *Checkpoint) Model() (Tensors, error) { return c.read(modelFile) }

// Optim reads the optimiser's state; empty where none was saved.
func (c *Checkpoint) Optim() (Tensors, error) {
	if _, there := c.files[optimFile]; !there {
		return Tensors{}, nil
	}
	return c.read(optimFile)
}

// EMA reads the moving average with the given rate, one of Rates.
func (c *Checkpoint) EMA(rate string) (Tensors, error) {
	if _, there := c.files[emaFile(rate)]; !there {
		return nil, fmt.Errorf("checkpoint: %s: no moving average with rate %q, there are %q", c.Path, rate, c.Rates())
	}
	return c.read(emaFile(rate))
}

// Rates lists the rates of the moving averages, sorted as text.
func (c *Checkpoint) Rates() []string {
	var rates []string
	for name := range c.files {
		if rate, ok := strings.CutPrefix(name, "ema_"); ok {
			rates = append(rates, strings.TrimSuffix(rate, ".safetensors"))
		}
	}
	slices.Sort(rates)
	return rates
}

func (c *Checkpoint) read(name string) (Tensors, error) {
	path := filepath.Join(c.Path, name)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	defer f.Close()
	t, _, err := ReadTensors(f, c.files[name].Bytes)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	return t, nil
}

// maxJSON bounds what is read of state.json and manifest.json.
const maxJSON = 64 << 20

func readJSON(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxJSON+1))
	if err == nil && len(text) > maxJSON {
		err = fmt.Errorf("more than %d bytes", maxJSON)
	}
	if err == nil {
		err = jsonlimit.Unmarshal(text, v)
	}
	var pathError *fs.PathError
	if err != nil && !errors.As(err, &pathError) {
		err = fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return err
}
