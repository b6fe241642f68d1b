package notebooks_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/kernels/kerneltest"
	"github.com/netdiffus/netdiffus-go/kernels/setup"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

// TestCompile compiles the cells of every notebook without running them, so that a
// change of the library that breaks a cell is found in seconds.
func TestCompile(t *testing.T) {
	tools, err := setup.Tools{}.Build(t.Context())
	if err != nil {
		kerneltest.Skip(t, fmt.Sprintf("goimports cannot be built: %v", err))
	}
	for _, path := range notebooks(t) {
		t.Run(strings.TrimSuffix(path, ".ipynb"), func(t *testing.T) {
			t.Parallel()
			n, err := jupyter.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "cells.go")
			if err := os.WriteFile(file, []byte(program(n)), 0o666); err != nil {
				t.Fatal(err)
			}
			// As in the kernel, goimports adds and removes imports.
			for _, args := range [][]string{{filepath.Join(tools, "goimports"), "-w", file}, {"go", "vet", file}} {
				if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", filepath.Base(args[0]), err, out)
				}
			}
		})
	}
}

// program returns a program with the declarations of all cells and, for each cell, a
// function with the statements below its line "%%".
func program(n *jupyter.Notebook) string {
	imports, declarations, functions := "", "", ""
	for i, c := range n.Cells {
		if c.Type != "code" {
			continue
		}
		head, body, _ := strings.Cut("\n"+string(c.Source), "\n%%\n")
		head = strings.TrimSpace(head)
		if list, rest, ok := strings.Cut(head, "\n)"); ok && strings.HasPrefix(head, "import (") {
			imports += list + "\n)\n"
			head = rest
		}
		declarations += head + "\n"
		functions += fmt.Sprintf("func cell%d() {\n%s\n}\n", i+1, body)
	}
	return "package main\n" + imports + declarations + functions + "func main() {}\n"
}
