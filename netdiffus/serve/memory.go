package serve

import (
	"context"
	"maps"
	"sync"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
)

// memory is the cache of a Server that was given none: it lasts as long as the Server.
type memory struct {
	mu      sync.Mutex
	records map[string]runs.Record
}

func (m *memory) Load(context.Context, []string) (map[string]runs.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.records), nil
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
