package checkpoint

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// Save writes s into a new folder of dir, which it makes if needed, and returns
// the folder's path. A checkpoint of the same step is replaced. When it fails,
// what was there before is untouched. Afterwards Save removes what earlier
// writers left half-written: only one process may write to dir at a time.
func Save(dir string, s State) (string, error) {
	if s.Step < 0 {
		return "", fmt.Errorf("checkpoint: step %d", s.Step)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	path := filepath.Join(dir, stepName(s.Step))
	staged, err := atomicfile.CreateDir(path)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	defer staged.Abort()
	if err := s.write(staged.Path()); err != nil {
		return "", fmt.Errorf("checkpoint: step %d: %w", s.Step, err)
	}
	if err := staged.Replace(); err != nil {
		return "", fmt.Errorf("checkpoint: step %d: %w", s.Step, err)
	}
	return path, removeUnfinished(dir)
}

// write puts the checkpoint's files into folder.
func (s State) write(folder string) error {
	m := manifest{Format: format, Step: s.Step, Files: map[string]provenance.Digest{}}
	add := func(name string, content func(io.Writer) error) error {
		sum, err := writeFile(filepath.Join(folder, name), content)
		m.Files[name] = sum
		return err
	}
	addTensors := func(name string, t Tensors) error {
		return add(name, func(w io.Writer) error { return WriteTensors(w, t, nil) })
	}
	if err := addTensors(modelFile, s.Model); err != nil {
		return err
	}
	for rate, t := range s.EMA {
		if !ratePattern.MatchString(rate) {
			return fmt.Errorf("moving average %q: want its rate, as text", rate)
		}
		if err := addTensors(emaFile(rate), t); err != nil {
			return err
		}
	}
	if len(s.Optim) > 0 {
		if err := addTensors(optimFile, s.Optim); err != nil {
			return err
		}
	}
	if err := add(stateFile, asJSON(stateJSON{Step: s.Step, Train: s.Train})); err != nil {
		return err
	}
	_, err := writeFile(filepath.Join(folder, manifestFile), asJSON(m))
	return err
}

func asJSON(v any) func(io.Writer) error {
	return func(w io.Writer) error {
		text, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return err
		}
		_, err = w.Write(append(text, '\n'))
		return err
	}
}

// writeFile writes a file and returns its size and hash. Flushing it to the
// disk is left to the folder's Commit.
func writeFile(path string, content func(io.Writer) error) (provenance.Digest, error) {
	f, err := os.Create(path)
	if err != nil {
		return provenance.Digest{}, err
	}
	buffer := bufio.NewWriterSize(f, 1<<20)
	hasher := provenance.NewHasher()
	err = content(io.MultiWriter(buffer, hasher))
	if err == nil {
		err = buffer.Flush()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return hasher.Digest(), err
}
