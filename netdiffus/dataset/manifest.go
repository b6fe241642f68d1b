package dataset

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

const (
	manifestName    = "manifest.json"
	manifestFormat  = "netdiffus dataset"
	manifestVersion = 1
)

// manifest is what a set's folder says of itself, in manifest.json.
type manifest struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	Layout  Layout          `json:"layout"`
	Recipe  Recipe          `json:"recipe"`
	Flows   int             `json:"flows"`
	Cut     int             `json:"cut"`             // flows that had more packets than the recipe's length
	Loss    *Loss           `json:"loss,omitempty"`  // what pictures cost
	Files   []string        `json:"files,omitempty"` // beside the classes'
	Classes []manifestClass `json:"classes"`
	Inputs  []manifestInput `json:"inputs,omitempty"`
}

// manifestClass is one class: its true label, and where its images lie.
type manifestClass struct {
	Label    string `json:"label"`
	LabelHex string `json:"label_hex,omitempty"` // the label's bytes, where they are no UTF-8
	Path     string `json:"path"`                // folder or file, beside the manifest
	Flows    int    `json:"flows"`
}

// manifestInput is a file that the flows came from. It has no path, so that a set
// can be passed on without telling where it was made.
type manifestInput struct {
	File string `json:"file"` // base name
	provenance.Digest
}

// newManifest describes a set of the classes, whose images will lie at paths.
func newManifest(layout Layout, r Recipe, classes, paths []string, counts []int) manifest {
	m := manifest{Format: manifestFormat, Version: manifestVersion, Layout: layout, Recipe: r}
	for i, label := range classes {
		c := manifestClass{Label: label, Path: paths[i], Flows: counts[i]}
		if !utf8.ValidString(label) {
			c.LabelHex = hex.EncodeToString([]byte(label))
		}
		m.Classes = append(m.Classes, c)
		m.Flows += counts[i]
	}
	return m
}

// label is the class's true label.
func (c manifestClass) label() (string, error) {
	if c.LabelHex == "" {
		return c.Label, nil
	}
	label, err := hex.DecodeString(c.LabelHex)
	return string(label), err
}

// finish writes the manifest of a set that is complete.
func (m manifest) finish(dir string, f finish) error {
	m.Cut, m.Loss = f.cut, f.loss
	for _, in := range f.inputs {
		m.Inputs = append(m.Inputs, manifestInput{filepath.Base(in.Path), in.Digest})
	}
	return m.write(dir)
}

func (m manifest) write(dir string) error {
	data, err := plainjson.Marshal(m)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, manifestName), data, 0o666); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}

// readManifest reads the manifest in dir; errors wrap fs.ErrNotExist when there
// is none.
func readManifest(dir string) (manifest, error) {
	path := filepath.Join(dir, manifestName)
	data, err := os.ReadFile(path)
	if err != nil {
		return manifest{}, fmt.Errorf("dataset: %w", err)
	}
	m, err := parseManifest(data)
	if err != nil {
		return manifest{}, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return m, nil
}

func parseManifest(data []byte) (manifest, error) {
	var head struct {
		Format  string
		Version int
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return manifest{}, err
	}
	if head.Format != manifestFormat {
		return manifest{}, fmt.Errorf("format %q, want %q", head.Format, manifestFormat)
	}
	if head.Version != manifestVersion {
		return manifest{}, fmt.Errorf("version %d of the format; this program knows version %d", head.Version, manifestVersion)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return manifest{}, err
	}
	switch m.Layout {
	case PerFlow, PerClass, Samples:
		if m.Recipe.Rendering != nil {
			return manifest{}, fmt.Errorf("layout %q does not go with pictures", m.Layout)
		}
	case Pictures, Arrays:
		if m.Recipe.Rendering == nil {
			return manifest{}, fmt.Errorf("layout %q without a rendering", m.Layout)
		}
	default:
		return manifest{}, fmt.Errorf("layout %q is not known", m.Layout)
	}
	var labels []string
	for i, c := range m.Classes {
		label, err := c.label()
		if err != nil {
			return manifest{}, fmt.Errorf("class %d: label_hex: %w", i, err)
		}
		m.Classes[i].Label = label
		labels = append(labels, label)
		if !beside(c.Path) && !(m.Layout == Pictures && beside(filepath.Dir(c.Path)) && filepath.IsLocal(c.Path)) {
			return manifest{}, fmt.Errorf("class %q: path %q does not lie beside the manifest", label, c.Path)
		}
		if c.Flows < 0 {
			return manifest{}, fmt.Errorf("class %q: %d flows", label, c.Flows)
		}
	}
	if slices.ContainsFunc(m.Files, func(name string) bool { return !beside(name) }) {
		return manifest{}, fmt.Errorf("files %q do not lie beside the manifest", m.Files)
	}
	return m, checkClasses(labels)
}

// beside tells whether path names a file or folder in the manifest's own.
func beside(path string) bool {
	return filepath.IsLocal(path) && filepath.Base(path) == path && path != "."
}

// checkFree tells whether a set may be written to dir: it must be new or
// empty, or, with overwrite, hold an earlier set and nothing else.
func checkFree(dir string, overwrite bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	m, err := readManifest(dir)
	if err != nil {
		return fmt.Errorf("dataset: %s is not empty and holds no earlier output: %w", dir, err)
	}
	if !overwrite {
		return fmt.Errorf("dataset: %s holds an earlier output: choose another folder or ask to overwrite it", dir)
	}
	ours := map[string]bool{manifestName: true, GridName: true}
	for _, c := range m.Classes {
		top, _, _ := strings.Cut(filepath.ToSlash(c.Path), "/")
		ours[top] = true
	}
	for _, name := range m.Files {
		ours[name] = true
	}
	for _, e := range entries {
		if !ours[e.Name()] {
			return fmt.Errorf("dataset: %s is not overwritten: %s in it is no part of an earlier output", dir, e.Name())
		}
	}
	return nil
}
