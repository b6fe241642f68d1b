package jupyter

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// Stamp describes the run that a notebook's outputs are from. It is stored in the
// notebook's metadata under "netdiffus".
type Stamp struct {
	Source  string `json:"source_sha256"` // of the cells, see SourceHash
	Profile string `json:"profile"`
	Backend string `json:"backend,omitempty"` // the device that the kernelspec names; "" means the best available
}

const stampKey = "netdiffus"

// SourceHash returns the SHA-256 of the cells' types, tags and sources, which decide,
// together with the library, what a run shows.
func (n *Notebook) SourceHash() string {
	h := sha256.New()
	for _, c := range n.Cells {
		fmt.Fprintf(h, "%s %q %d\n%s\n", c.Type, c.Tags(), len(c.Source), c.Source)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Stamp returns the notebook's stamp; ok is false if it has none.
func (n *Notebook) Stamp() (s Stamp, ok bool) {
	v, ok := n.Metadata[stampKey]
	if !ok {
		return s, false
	}
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	return s, err == nil
}

func (n *Notebook) setStamp(s Stamp) {
	if n.Metadata == nil {
		n.Metadata = map[string]any{}
	}
	fields := map[string]any{"source_sha256": s.Source, "profile": s.Profile} // sorted in the file, as Jupyter sorts them
	if s.Backend != "" {
		fields["backend"] = s.Backend
	}
	n.Metadata[stampKey] = fields
}

// Stale returns why the outputs are not those of a full run of the present cells, or
// "".
func (n *Notebook) Stale() string {
	s, ok := n.Stamp()
	var missing []string
	for i, c := range n.Cells {
		if c.Type == "code" && c.Count == nil && strings.TrimSpace(string(c.Source)) != "" {
			missing = append(missing, fmt.Sprint(i+1))
		}
	}
	switch {
	case !ok:
		return "it was not written by netdiffus notebooks render"
	case s.Source != n.SourceHash():
		return "its cells have changed since its outputs were made"
	case s.Profile != Full:
		return fmt.Sprintf("its outputs are of the profile %s", s.Profile)
	case len(missing) > 0:
		return "it has cells that have not run: " + strings.Join(missing, ", ")
	}
	return ""
}
