// Package jupyter reads, executes, checks and renders Jupyter notebooks.
//
// The notebooks of this repository are committed with the outputs of a full run of
// their cells. Only [Runner.Render] writes them, and it stores a hash of the cells
// ([Stamp]). A test executes all of them again in a small profile, and compares the
// hash to find outputs that are older than their cells, without the full run.
package jupyter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
)

// Notebook is a Jupyter notebook of format 4.
type Notebook struct {
	Cells    []Cell         `json:"cells"`
	Metadata map[string]any `json:"metadata"`
	Format   int            `json:"nbformat"`
	Minor    int            `json:"nbformat_minor"`
}

// Cell is one cell. Only code has Outputs and Count.
type Cell struct {
	Type        string                    `json:"cell_type"` // code, markdown or raw
	ID          string                    `json:"id,omitempty"`
	Metadata    map[string]any            `json:"metadata"`
	Source      Text                      `json:"source"`
	Attachments map[string]map[string]any `json:"attachments,omitempty"`
	Outputs     []Output                  `json:"outputs,omitempty"`
	Count       *int                      `json:"execution_count,omitempty"` // nil if the cell has not run
}

// Output is an output of a cell: printed text, a display, or an error.
type Output struct {
	Type      string         `json:"output_type"` // stream, display_data, execute_result or error
	Name      string         `json:"name,omitempty"`
	Text      Text           `json:"text,omitempty"`
	Data      map[string]any `json:"data,omitempty"`
	Metadata  map[string]any `json:"metadata,omitempty"`
	Count     *int           `json:"execution_count,omitempty"`
	EName     string         `json:"ename,omitempty"`
	EValue    string         `json:"evalue,omitempty"`
	Traceback []string       `json:"traceback,omitempty"`
}

// Text is text of several lines. In a file it is one string or a list of lines.
type Text string

// UnmarshalJSON accepts both forms.
func (t *Text) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	s, ok := joined(v)
	if !ok {
		return fmt.Errorf("want text or a list of lines, not %.40s", b)
	}
	*t = Text(s)
	return nil
}

// joined returns a string, or a list of lines, as one string.
func joined(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []any:
		var b strings.Builder
		for _, line := range v {
			s, ok := line.(string)
			if !ok {
				return "", false
			}
			b.WriteString(s)
		}
		return b.String(), true
	}
	return "", false
}

// lines returns the list of lines that represents s in a file.
func lines(s string) []string { return slices.AppendSeq([]string{}, strings.Lines(s)) }

// MarshalJSON writes the fields that the format defines for the cell's type.
func (c Cell) MarshalJSON() ([]byte, error) {
	m := map[string]any{"cell_type": c.Type, "metadata": orEmpty(c.Metadata), "source": lines(string(c.Source))}
	if c.ID != "" {
		m["id"] = c.ID
	}
	if len(c.Attachments) > 0 {
		m["attachments"] = c.Attachments
	}
	if c.Type == "code" {
		m["outputs"], m["execution_count"] = c.Outputs, c.Count
		if c.Outputs == nil {
			m["outputs"] = []Output{}
		}
	}
	return encode(m, "")
}

// MarshalJSON writes the fields that the format defines for the output's type.
func (o Output) MarshalJSON() ([]byte, error) {
	m := map[string]any{"output_type": o.Type}
	switch o.Type {
	case "stream":
		m["name"], m["text"] = o.Name, lines(string(o.Text))
	case "error":
		m["ename"], m["evalue"], m["traceback"] = o.EName, o.EValue, append([]string{}, o.Traceback...)
	default:
		data := map[string]any{}
		for kind, v := range o.Data {
			if s, ok := v.(string); ok && strings.HasPrefix(kind, "text/") {
				v = lines(s)
			}
			data[kind] = v
		}
		m["data"], m["metadata"] = data, orEmpty(o.Metadata)
		if o.Type == "execute_result" {
			m["execution_count"] = o.Count
		}
	}
	return encode(m, "")
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// encode encodes v as JSON, without escaping the characters of HTML.
func encode(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Tags returns the cell's tags, sorted.
func (c Cell) Tags() []string {
	var tags []string
	list, _ := c.Metadata["tags"].([]any)
	for _, v := range list {
		if tag, ok := v.(string); ok {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	return tags
}

// Has reports whether the cell has a tag.
func (c Cell) Has(tag string) bool { return slices.Contains(c.Tags(), tag) }

// Title returns the text of the first heading, or "".
func (n *Notebook) Title() string {
	for _, c := range n.Cells {
		if c.Type != "markdown" {
			continue
		}
		for line := range strings.Lines(string(c.Source)) {
			if title, ok := strings.CutPrefix(line, "# "); ok {
				return strings.TrimSpace(title)
			}
		}
	}
	return ""
}

// Read reads a notebook.
func Read(path string) (*Notebook, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("jupyter: %w", err)
	}
	n, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("jupyter: %s: %w", path, err)
	}
	return n, nil
}

// parse reads a notebook from the bytes of its file.
func parse(b []byte) (*Notebook, error) {
	var n Notebook
	if err := jsonlimit.Check(b, jsonlimit.AnyCost); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &n); err != nil {
		return nil, err
	}
	if n.Format != 4 {
		return nil, fmt.Errorf("notebook format %d, want 4: open and save it in JupyterLab", n.Format)
	}
	for i := range n.Cells {
		for j := range n.Cells[i].Outputs {
			for kind, v := range n.Cells[i].Outputs[j].Data {
				if s, ok := joined(v); ok {
					n.Cells[i].Outputs[j].Data[kind] = s
				}
			}
		}
	}
	return &n, nil
}

// Write writes the notebook as Jupyter does, so that saving it there changes nothing.
// The file appears complete or not at all.
func (n *Notebook) Write(path string) error {
	whole := *n
	whole.Metadata = orEmpty(n.Metadata)
	b, err := encode(whole, " ")
	if err == nil {
		err = atomicfile.WriteFile(path, append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("jupyter: %s: %w", path, err)
	}
	return nil
}

// Find returns the notebooks in a folder, sorted by name.
func Find(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.ipynb"))
	if err != nil {
		return nil, fmt.Errorf("jupyter: %s: %w", dir, err)
	}
	slices.Sort(paths)
	return paths, nil
}
