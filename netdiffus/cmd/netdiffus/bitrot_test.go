package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// TestBitRot flips single bits of run directories and of data sets, one at a time, as many
// in each file. What reads them either says so, or reads what it read before.
func TestBitRot(t *testing.T) {
	dir := t.TempDir()
	prepareTiny(t, dir)
	// Few flows: each flip is a reading of everything.
	small := filepath.Join(dir, "small.parquet")
	count := map[string]int{}
	if err := traffic.Write(small, func(yield func(traffic.Flow, error) bool) {
		for f, err := range (traffic.Reader{}).Read(filepath.Join(dir, "flows.parquet")) {
			if err == nil && (f.Label != "dns" && f.Label != "ssh" || count[f.Label] == 4) {
				continue
			}
			count[f.Label]++
			if !yield(f, err) {
				return
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	for layout, codec := range map[string]string{"per-flow": "minmax", "per-class": "atoms"} {
		succeed(t, dir, "convert", "--in", "small.parquet", "--out", layout, "--codec", codec, "--layout", layout)
	}
	succeed(t, dir, "train", "--data-dir", "per-class", "--run", "counted", "--order", "1", "--backend", "go")
	args := tinyTraining("net", "2")
	args[slices.Index(args, "atoms")] = "per-class"
	succeed(t, dir, args...)
	succeed(t, dir, "sample", "--run", "counted", "--out", "drawn", "--num-samples", "4", "--backend", "go")

	flips := 500
	if longtest.On() {
		flips = 10_000
	}
	for i, c := range []struct {
		name string
		read func(dir string) (string, error)
	}{{"per-flow", readSet}, {"per-class", readSet}, {"drawn", readSet}, {"counted", readRun}, {"net", readRun}} {
		t.Run(c.name, func(t *testing.T) {
			flipBits(t, filepath.Join(dir, c.name), flips/5, rand.New(rand.NewPCG(23, uint64(i))), c.read)
		})
	}
}

// flipBits flips n bits below dir, one at a time.
func flipBits(t *testing.T, dir string, n int, r *rand.Rand, read func(dir string) (string, error)) {
	want, err := read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Base(path) == ".lock" {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Size() > 0 {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	noticed, harmless := 0, 0
	for range n {
		path := files[r.IntN(len(files))]
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// Half of the flips are near the ends, where headers and directories are.
		at := r.IntN(len(content))
		switch r.IntN(4) {
		case 0:
			at = r.IntN(min(len(content), 200))
		case 1:
			at = len(content) - 1 - r.IntN(min(len(content), 400))
		}
		bit := r.IntN(8)
		damaged := bytes.Clone(content)
		damaged[at] ^= 1 << bit
		if err := os.WriteFile(path, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		got, err := read(dir)
		switch {
		case err != nil:
			noticed++
		case got == want:
			harmless++
		default:
			t.Errorf("%s: bit %d of byte %d of %d flipped, and something else is read in silence", path, bit, at, len(content))
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d bits in %d files: %d flips noticed, %d without effect", n, len(files), noticed, harmless)
}

// readSet reads a data set and returns all of it that anything is computed from.
func readSet(dir string) (string, error) {
	s, err := dataset.Open(dir, nil)
	if err != nil {
		return "", err
	}
	flows, err := traffic.Collect(s.PaddedFlows())
	if err != nil {
		return "", err
	}
	encoding, err := s.Encoding.MarshalJSON()
	return fmt.Sprintf("%q %v %v %v %v %s %+v", s.Classes, s.Labels, s.Rows, s.SeriesLengths, s.Images, encoding, flows), err
}

// readRun reads a run as a sampler and a trainer that goes on do.
func readRun(dir string) (string, error) {
	var cfg netdiffus.Config
	if err := track.ReadConfig(dir, &cfg); err != nil {
		return "", err
	}
	text, err := cfg.JSON()
	if err != nil {
		return "", err
	}
	c, damaged, err := checkpoint.OpenLatest(track.Checkpoints(dir))
	if err != nil {
		return "", err
	}
	if len(damaged) > 0 {
		return "", errors.New("a damaged checkpoint is reported") // and an earlier one taken
	}
	model, err := c.Model()
	if err != nil {
		return "", err
	}
	optim, err := c.Optim()
	if err != nil {
		return "", err
	}
	h := sha256.New() // printing weights takes longer than reading them
	add := func(name string, t checkpoint.Tensors) {
		for _, tensor := range slices.Sorted(maps.Keys(t)) {
			fmt.Fprintf(h, "%s %s %s %v %x", name, tensor, t[tensor].DType, t[tensor].Shape, sha256.Sum256(t[tensor].Data))
		}
	}
	fmt.Fprintf(h, "%s %d %s", text, c.Step, c.Train)
	add("model", model)
	add("optim", optim)
	for _, rate := range c.Rates() {
		average, err := c.EMA(rate)
		if err != nil {
			return "", err
		}
		add(rate, average)
	}
	return string(h.Sum(nil)), nil
}
