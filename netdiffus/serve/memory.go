package serve

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
)

// memory is the cache of a Server that was given none: it lasts as long as the Server.
type memory struct {
	mu      sync.Mutex
	records map[string]runs.Record
}

func (m *memory) Load(_ context.Context, roots []string) (map[string]runs.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[string]runs.Record{}
	roots = slices.Clone(roots)
	for i, root := range roots { // the records' directories are absolute, and no links
		if path, err := filepath.Abs(root); err == nil {
			roots[i] = path
		}
		if path, err := filepath.EvalSymlinks(roots[i]); err == nil {
			roots[i] = path
		}
	}
	for dir, record := range m.records {
		if slices.ContainsFunc(roots, func(root string) bool { return below(dir, root) }) {
			found[dir] = record
		}
	}
	return found, nil
}

// below reports whether a directory is root or in it.
func below(dir, root string) bool {
	rest, ok := strings.CutPrefix(dir, strings.TrimSuffix(root, string(filepath.Separator)))
	return ok && (rest == "" || rest[0] == filepath.Separator)
}

func (m *memory) Store(_ context.Context, records map[string]runs.Record, gone []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.Copy(m.records, records)
	for _, dir := range gone {
		delete(m.records, dir)
	}
	return nil
}
