package jupyter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// ErrProblems is the error of a notebook that is not written, because its run has
// problems.
var ErrProblems = errors.New("it has problems")

// Render executes the notebook at path and replaces it by itself with the new outputs
// and a stamp. If the run has problems, the file is not changed, the error is
// ErrProblems, and the result holds the problems.
func (r Runner) Render(ctx context.Context, path string, stage *Stage) (*Result, error) {
	result, err := r.Execute(ctx, path, stage)
	if err != nil {
		return nil, err
	}
	n := result.Notebook
	for _, where := range n.mentions(stage.root) {
		result.Problems = append(result.Problems, Problem{where, "shows the folder that it ran in, which differs from run to run"})
	}
	if len(result.Problems) > 0 {
		return result, fmt.Errorf("jupyter: %s: %w", path, ErrProblems)
	}
	n.normalise()
	profile := r.Profile
	if profile == "" {
		profile = Full
	}
	backend, _, _ := strings.Cut(result.Backend, string(os.PathSeparator)) // without a plugin's path, which differs between machines
	n.setStamp(Stamp{Source: n.SourceHash(), Profile: profile, Backend: strings.TrimSuffix(backend, ":")})
	return result, n.Write(path)
}

// HTML writes the notebook at path, with its present outputs, as an HTML page into the
// folder dir.
func (r Runner) HTML(ctx context.Context, path, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	cmd := r.Python(ctx, "-m", "nbconvert", "--to", "html", "--log-level", "ERROR", "--output-dir", dir, path)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("jupyter: %s to HTML: %w: %s", path, err, command.LastLines(string(out), 3))
	}
	return nil
}

// normalise removes what differs from run to run, or between programs that edit
// notebooks: times, counts, random names, the state of folded cells.
func (n *Notebook) normalise() {
	n.Format, n.Minor = 4, 5
	n.Metadata = map[string]any{
		"kernelspec": map[string]any{"display_name": "NetDiffus (Go)", "language": "go", "name": "netdiffus"},
		"language_info": map[string]any{
			"name": "go", "file_extension": ".go", "mimetype": "text/x-go", "pygments_lexer": "go", "codemirror_mode": "go",
		},
	}
	known := map[string]bool{}
	count := 0
	for i := range n.Cells {
		c := &n.Cells[i]
		c.ID = cellID(*c, known)
		metadata := map[string]any{}
		if tags := c.Tags(); len(tags) > 0 {
			metadata["tags"] = toAny(tags)
		}
		c.Metadata = metadata
		if c.Type != "code" {
			continue
		}
		if c.Count != nil {
			count++
			c.Count = &[]int{count}[0]
		}
		for j := range c.Outputs {
			c.Outputs[j].Count = nil
			if c.Outputs[j].Type == "execute_result" {
				c.Outputs[j].Count = c.Count
			}
		}
	}
}

// cellID returns a cell's id, a hash of its text, so that a cell keeps its id when
// others are inserted before it.
func cellID(c Cell, known map[string]bool) string {
	for k := 0; ; k++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d\n%s", c.Type, k, c.Source))
		if id := hex.EncodeToString(sum[:4]); !known[id] {
			known[id] = true
			return id
		}
	}
}

func toAny(tags []string) (list []any) {
	for _, tag := range tags {
		list = append(list, tag)
	}
	return list
}

// mentions returns the numbers, counted from 1, of the cells whose outputs contain the
// path of a folder.
func (n *Notebook) mentions(folder string) (cells []int) {
	names := []string{folder}
	if real, err := filepath.EvalSymlinks(folder); err == nil && real != folder {
		names = append(names, real)
	}
	for i, c := range n.Cells {
		b, err := encode(c.Outputs, "")
		for _, name := range names {
			if err == nil && strings.Contains(string(b), name) {
				cells = append(cells, i+1)
				break
			}
		}
	}
	return cells
}
