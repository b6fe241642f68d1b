package toolchain

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// receiptName is a file beside the tools: the size of each in bytes.
const receiptName = "netdiffus.json"

// seal writes the receipt.
func (o Opener) seal(dir string) error {
	sizes := map[string]int64{}
	for _, p := range o.programs {
		info, err := os.Stat(p.Path(dir))
		if err != nil {
			return err
		}
		sizes[filepath.Base(p.Path(dir))] = info.Size()
	}
	text, err := json.MarshalIndent(sizes, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, receiptName), text)
}

// Check says what is wrong with the tools in the folder dir, or nil.
func Check(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, receiptName))
	if err != nil {
		return fmt.Errorf("toolchain: %s: %w", dir, err)
	}
	var sizes map[string]int64
	if err := json.Unmarshal(text, &sizes); err != nil {
		return fmt.Errorf("toolchain: %s: %w", filepath.Join(dir, receiptName), err)
	}
	for name, size := range sizes {
		info, err := os.Stat(filepath.Join(dir, name))
		switch {
		case err != nil:
			return fmt.Errorf("toolchain: %w", err)
		case info.Size() != size:
			return fmt.Errorf("toolchain: %s has %d bytes, and had %d when it was built", filepath.Join(dir, name), info.Size(), size)
		case info.Mode()&0o100 == 0 && filepath.Ext(name) != ".exe":
			return fmt.Errorf("toolchain: %s may not be run", filepath.Join(dir, name))
		}
	}
	return nil
}
