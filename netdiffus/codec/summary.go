package codec

import (
	"bytes"
	"encoding/gob"
	"fmt"
)

// summaryOf writes what a fitter has seen, for readSummary.
func summaryOf(seen any) ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(seen); err != nil {
		return nil, fmt.Errorf("codec: summary: %w", err)
	}
	return b.Bytes(), nil
}

// readSummary reads what summaryOf wrote.
func readSummary(summary []byte, seen any) error {
	if err := gob.NewDecoder(bytes.NewReader(summary)).Decode(seen); err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	return nil
}
