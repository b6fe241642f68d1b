package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

const (
	manifestName    = "manifest.json"
	manifestFormat  = "netdiffus dataset"
	manifestVersion = 1
)

// manifest describes the set in a folder, as manifest.json.
type manifest struct {
	Format   string          `json:"format"`
	Version  int             `json:"version"`
	Layout   Layout          `json:"layout"`
	Encoding *Encoding       `json:"recipe"`
	Flows    int             `json:"flows"`
	Cut      int             `json:"cut"`             // flows that had more packets than the recipe's length
	Loss     *Loss           `json:"loss,omitempty"`  // what pictures cost
	Files    []string        `json:"files,omitempty"` // other than the classes'
	Classes  []manifestClass `json:"classes"`
	Inputs   []manifestInput `json:"inputs,omitempty"`
	Origin   *Origin         `json:"made_by,omitempty"`
	Portion  *Portion        `json:"portion,omitempty"` // of a set that was converted in shards

	Connections *connections.Statistics `json:"connections,omitempty"`

	// SHA256 is that of the manifest with zeros in its place; "" in sets of earlier
	// versions. The images have sums of their own, those of ZIP and PNG.
	SHA256 string `json:"manifest_sha256,omitempty"`
}

// sumInManifest finds the manifest's own hash.
var sumInManifest = regexp.MustCompile(`"manifest_sha256": "([0-9a-f]{64})"`)

// ownSum is the SHA-256 of a manifest with zeros in the place of its own.
func ownSum(text []byte) string {
	if at := sumInManifest.FindSubmatchIndex(text); at != nil {
		text = slices.Clone(text)
		for i := at[2]; i < at[3]; i++ {
			text[i] = '0'
		}
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// manifestClass is one class: its true label, and where its images lie.
type manifestClass struct {
	Label    string `json:"label"`
	LabelHex string `json:"label_hex,omitempty"` // the label's bytes, where they are not UTF-8
	Path     string `json:"path"`                // folder or file, in the manifest's folder
	Flows    int    `json:"flows"`
}

// manifestInput is a file that the flows came from. It has no path, so that a set
// can be passed on without telling where it was made.
type manifestInput struct {
	File string `json:"file"` // base name
	provenance.Digest
}

// Origin is the model that a set was drawn from. It has no path, so that a set can be
// passed on without telling where it was made.
type Origin struct {
	Run     string `json:"run"`               // the run's ID (track.RunID)
	Name    string `json:"name,omitempty"`    // of the run directory
	Step    int    `json:"step"`              // training steps that the weights had seen
	Weights string `json:"weights,omitempty"` // which of the checkpoint's
	SHA256  string `json:"checkpoint_sha256,omitempty"`
	Seed    uint64 `json:"seed"`
	Sampler string `json:"sampler,omitempty"`
	Steps   int    `json:"denoising_steps,omitempty"`

	// Settings of the request that are not the model's own.
	Eta       float64 `json:"eta,omitempty"`
	Guidance  float64 `json:"guidance,omitempty"`
	Grain     float64 `json:"grain,omitempty"`
	Decode    string  `json:"decode,omitempty"` // "" is the diagonal
	Unclipped bool    `json:"unclipped,omitempty"`
	// Even is whether the samples of a class are spread evenly over all that the model can draw.
	Even bool `json:"even,omitempty"`

	// Chain is whether the samples are those of a chain, drawn as images.
	Chain bool `json:"chain,omitempty"`

	// Way is how the run draws, where that was chosen after training (netdiffus.Chooser).
	Way string `json:"way,omitempty"`

	// Noise is the generator of the noise; "" is noise.ChaCha8, as of all sets of before
	// there was another.
	Noise noise.Generator `json:"noise,omitempty"`

	Shard *Shard `json:"shard,omitempty"` // which part of the samples the set is; nil where it is all of them
}

// OriginOf returns the origin of the set of samples in the folder dir; nil where its manifest
// names none.
func OriginOf(dir string) (*Origin, error) {
	m, err := readManifest(dir)
	return m.Origin, err
}

// newManifest describes a set that will be placed so.
func newManifest(layout Layout, c contents, p placement) manifest {
	m := manifest{Format: manifestFormat, Version: manifestVersion, Layout: layout, Encoding: c.encoding, Files: p.others, Connections: c.seen}
	for i, label := range c.classes {
		class := manifestClass{Label: label, Path: p.classes[i], Flows: c.counts[i]}
		if !utf8.ValidString(label) {
			class.LabelHex = hex.EncodeToString([]byte(label))
		}
		m.Classes = append(m.Classes, class)
		m.Flows += c.counts[i]
	}
	return m
}

// setInputs notes the files that the flows came from.
func (m *manifest) setInputs(inputs []provenance.File) {
	for _, in := range inputs {
		m.Inputs = append(m.Inputs, manifestInput{filepath.Base(in.Path), in.Digest})
	}
}

// label is the class's true label.
func (c manifestClass) label() (string, error) {
	if c.LabelHex == "" {
		return c.Label, nil
	}
	label, err := hex.DecodeString(c.LabelHex)
	return string(label), err
}

func (m manifest) write(dir string) error {
	m.SHA256 = strings.Repeat("0", 2*sha256.Size)
	data, err := plainjson.Marshal(m)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	data = bytes.Replace(data, []byte(m.SHA256), []byte(ownSum(data)), 1)
	if err := os.WriteFile(filepath.Join(dir, manifestName), data, 0o666); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}

// readManifest reads the manifest in dir; errors wrap fs.ErrNotExist when there
// is none.
func readManifest(dir string) (manifest, error) { return encodings{}.readManifest(dir) }

// encodings are those of the manifests that were read with it, by their text: shards all
// have the same, whose tables can be large. With equal text the manifests share one.
type encodings map[string]*Encoding

func (known encodings) readManifest(dir string) (manifest, error) {
	path := filepath.Join(dir, manifestName)
	data, err := os.ReadFile(path)
	if err != nil {
		return manifest{}, fmt.Errorf("dataset: %w", err)
	}
	m, err := known.parseManifest(data)
	if err != nil {
		return manifest{}, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return m, nil
}

func (known encodings) parseManifest(data []byte) (manifest, error) {
	var head struct {
		Format  string
		Version int
	}
	if err := jsonlimit.Unmarshal(data, &head); err != nil {
		return manifest{}, err
	}
	if head.Format != manifestFormat {
		return manifest{}, fmt.Errorf("format %q, want %q", head.Format, manifestFormat)
	}
	if head.Version != manifestVersion {
		return manifest{}, fmt.Errorf("version %d of the format, want %d", head.Version, manifestVersion)
	}
	var whole struct {
		manifest
		Encoding json.RawMessage `json:"recipe"` // in place of the manifest's
	}
	if err := json.Unmarshal(data, &whole); err != nil {
		return manifest{}, err
	}
	m := whole.manifest
	if len(whole.Encoding) > 0 {
		if known[string(whole.Encoding)] == nil {
			if err := json.Unmarshal(whole.Encoding, &m.Encoding); err != nil {
				return manifest{}, err
			}
			known[string(whole.Encoding)] = m.Encoding
		}
		m.Encoding = known[string(whole.Encoding)]
	}
	if err := m.checkLayout(); err != nil {
		return manifest{}, err
	}
	if m.Connections != nil {
		if err := m.Connections.Check(); err != nil {
			return manifest{}, err
		}
	}
	var labels []string
	for i, c := range m.Classes {
		label, err := c.label()
		if err != nil {
			return manifest{}, fmt.Errorf("class %d: label_hex: %w", i, err)
		}
		m.Classes[i].Label = label
		labels = append(labels, label)
		if !local(c.Path) && !(m.Layout == Pictures && local(filepath.Dir(c.Path)) && filepath.IsLocal(c.Path)) {
			return manifest{}, fmt.Errorf("class %q: path %q is not in the manifest's folder", label, c.Path)
		}
		if c.Flows < 0 {
			return manifest{}, fmt.Errorf("class %q: %d flows", label, c.Flows)
		}
	}
	if slices.ContainsFunc(m.Files, func(name string) bool { return !local(name) }) {
		return manifest{}, fmt.Errorf("files %q are not all in the manifest's folder", m.Files)
	}
	if err := checkClasses(labels); err != nil {
		return m, err
	}
	if m.SHA256 != "" && ownSum(data) != m.SHA256 {
		return manifest{}, errors.New("it is damaged or was edited: its SHA-256 is not the one that it has; put back a copy, or to keep it as it is remove manifest_sha256")
	}
	return m, nil
}

// checkLayout reports an unknown layout, or one that does not go with the
// encoding.
func (m manifest) checkLayout() error {
	l, err := layoutNamed(m.Layout)
	if err != nil {
		return err
	}
	if m.Encoding == nil {
		return errors.New("no recipe")
	}
	if pictures := m.Encoding.recipe.Rendering != nil; pictures != l.pictures() {
		return fmt.Errorf("layout %q with pictures: %t, want %t", m.Layout, pictures, l.pictures())
	}
	return nil
}

// local reports whether path names a file or folder in the manifest's own.
func local(path string) bool {
	return filepath.IsLocal(path) && filepath.Base(path) == path && path != "."
}

// classFiles lists the files of class c with the ending, of which the manifest in
// dir counts c.Flows. What counts them names errors.
func (m manifest) classFiles(dir string, c manifestClass, ending, what string) ([]foundFile, error) {
	folder := filepath.Join(dir, filepath.FromSlash(c.Path))
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var files []foundFile
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ending) && !strings.HasPrefix(e.Name(), ".") {
			files = append(files, foundFile{filepath.Join(folder, e.Name()), []string{c.Label}})
		}
	}
	if len(files) != c.Flows {
		return nil, fmt.Errorf("dataset: %s holds %d %s, the manifest counts %d", folder, len(files), what, c.Flows)
	}
	return files, nil
}

// labels are the classes, in their order.
func (m manifest) labels() []string {
	var labels []string
	for _, c := range m.Classes {
		labels = append(labels, c.Label)
	}
	return labels
}

// checkFree reports whether a set may be written to dir: it must be new or
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
		return fmt.Errorf("dataset: %s holds an earlier output: choose another folder, or overwrite it", dir)
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
			return fmt.Errorf("dataset: %s is not overwritten: %s in it is not part of an earlier output", dir, e.Name())
		}
	}
	return nil
}
