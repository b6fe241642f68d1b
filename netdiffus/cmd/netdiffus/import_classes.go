package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
)

// names are the classes as the flags name them.
func (f *importFlags) names() ([]string, error) {
	if f.labels == "" {
		if f.classes == "" {
			return nil, nil
		}
		return dataset.Distinct(strings.Split(f.classes, ","))
	}
	file, err := os.Open(f.labels)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	names, err := dataset.ReadLabelMap(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.labels, err)
	}
	return names, nil
}
