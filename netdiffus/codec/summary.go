package codec

import (
	"fmt"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/gobs"
)

// summaryOf writes what a fitter has seen, for readSummary.
func summaryOf(seen any) ([]byte, error) {
	summary, err := gobs.Marshal(seen)
	if err != nil {
		return nil, fmt.Errorf("codec: summary: %w", err)
	}
	return summary, nil
}

// readSummary reads what summaryOf wrote.
func readSummary(summary []byte, seen any) error {
	if err := gobs.Unmarshal(summary, seen); err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	return nil
}
