package setup

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// receiptName is a file in the folder of the tools that holds the size of each in bytes.
const receiptName = "netdiffus.json"

// writeReceipt writes the receipt of the tools in dir.
func (o Tools) writeReceipt(dir string) error {
	sizes := map[string]int64{}
	for _, t := range o.tools {
		info, err := os.Stat(t.path(dir))
		if err != nil {
			return err
		}
		sizes[filepath.Base(t.path(dir))] = info.Size()
	}
	text, err := json.MarshalIndent(sizes, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, receiptName), text)
}

// checkTools returns what is wrong with the tools in the folder dir, or nil.
func checkTools(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, receiptName))
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	var sizes map[string]int64
	if err := json.Unmarshal(text, &sizes); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, receiptName), err)
	}
	for name, size := range sizes {
		info, err := os.Stat(filepath.Join(dir, name))
		switch {
		case err != nil:
			return fmt.Errorf("%w", err)
		case info.Size() != size:
			return fmt.Errorf("%s has %d bytes, and had %d when it was built", filepath.Join(dir, name), info.Size(), size)
		case info.Mode()&0o100 == 0 && filepath.Ext(name) != ".exe":
			return fmt.Errorf("%s is not executable", filepath.Join(dir, name))
		}
	}
	return nil
}
