package guided

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
	"github.com/netdiffus/netdiffus-go/netdiffus/pytorch"
)

// Formats are the formats that Write takes.
var Formats = []string{"pytorch", "safetensors", "npz"}

// FormatOf returns the format of a file by its name, "" where it shows none.
func FormatOf(path string) string {
	switch filepath.Ext(path) {
	case ".pt", ".pth":
		return "pytorch"
	case ".safetensors":
		return "safetensors"
	case ".npz":
		return "npz"
	}
	return ""
}

// Write writes tensors to a file, which appears when it is complete.
func Write(path, format string, tensors []pytorch.Named) error {
	switch format {
	case "pytorch":
		return pytorch.Write(path, pytorch.State(tensors))
	case "safetensors":
		return writeSafetensors(path, tensors)
	case "npz":
		return writeArrays(path, tensors)
	}
	return fmt.Errorf("guided: no format %q: want one of %s", format, strings.Join(Formats, ", "))
}

func writeSafetensors(path string, tensors []pytorch.Named) error {
	all := make(checkpoint.Tensors, len(tensors))
	for _, t := range tensors {
		all[t.Name] = checkpoint.Tensor(t.Tensor)
	}
	return writeStaged(path, func(w io.Writer) error {
		return checkpoint.WriteTensors(w, all, map[string]string{"format": "pt"}) // which other readers look for
	})
}

func writeArrays(path string, tensors []pytorch.Named) error {
	arrays := make([]npz.Named, len(tensors))
	for i, t := range tensors {
		values, err := t.Float32s()
		if err != nil {
			return err
		}
		arrays[i] = npz.Named{Name: t.Name, Array: npz.New(values, t.Shape...)}
	}
	return npz.Write(path, arrays...)
}

// writeStaged writes a file that appears when it is complete.
func writeStaged(path string, content func(w io.Writer) error) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := content(f); err != nil {
		return err
	}
	return f.Commit()
}
