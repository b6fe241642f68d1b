package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/imports"
)

// writeCells writes each notebook of a module as a program that calls what its cells
// call, and returns the pattern of these packages and what removes them.
func writeCells(dir string) (pattern string, remove func() error, err error) {
	if err := os.MkdirAll(filepath.Join(dir, ".ci"), 0o777); err != nil {
		return "", nil, err
	}
	root, err := os.MkdirTemp(filepath.Join(dir, ".ci"), "cells-")
	if err != nil {
		return "", nil, err
	}
	remove = func() error { return os.RemoveAll(root) }
	defer func() {
		if err != nil {
			remove()
		}
	}()
	notebooks, err := filepath.Glob(filepath.Join(dir, "notebooks", "*.ipynb"))
	if err != nil {
		return "", nil, err
	}
	for _, path := range notebooks {
		name := strings.TrimSuffix(filepath.Base(path), ".ipynb")
		file := filepath.Join(root, name, "main.go")
		source, err := cellProgram(path)
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", path, err)
		}
		if source, err = imports.Process(file, source, nil); err != nil { // as GoNB does
			return "", nil, fmt.Errorf("%s: %w", path, err)
		}
		if err := os.Mkdir(filepath.Dir(file), 0o777); err != nil {
			return "", nil, err
		}
		if err := os.WriteFile(file, source, 0o666); err != nil {
			return "", nil, err
		}
	}
	return "./.ci/" + filepath.Base(root) + "/...", remove, nil
}

// cellProgram makes a program of a notebook: what stands before a cell's %% are
// declarations, what follows is the body of a function that main calls. Other lines
// for GoNB (% and !) are left out.
func cellProgram(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var n struct {
		Cells []struct {
			Type   string          `json:"cell_type"`
			Source json.RawMessage `json:"source"`
		}
	}
	if err := json.Unmarshal(text, &n); err != nil {
		return nil, err
	}
	var imported, declared, bodies strings.Builder
	calls := 0
	for _, c := range n.Cells {
		if c.Type != "code" {
			continue
		}
		var lines []string
		if json.Unmarshal(c.Source, &lines) != nil {
			var whole string
			if err := json.Unmarshal(c.Source, &whole); err != nil {
				return nil, err
			}
			lines = strings.SplitAfter(whole, "\n")
		}
		out, importing := &declared, false
		for _, line := range lines {
			line = strings.TrimRight(line, "\n")
			switch {
			case strings.HasPrefix(line, "%%") || strings.HasPrefix(line, "%main"):
				if out == &declared {
					fmt.Fprintf(&bodies, "func cell%d() {\n", calls)
					calls++
				}
				out = &bodies
			case strings.HasPrefix(line, "%") || strings.HasPrefix(line, "!"):
			case out == &declared && (importing || strings.HasPrefix(line, "import")):
				fmt.Fprintln(&imported, line)
				importing = strings.HasPrefix(line, "import (") || importing && !strings.HasPrefix(line, ")")
			default:
				fmt.Fprintln(out, line)
			}
		}
		if out == &bodies {
			fmt.Fprintln(&bodies, "}")
		}
	}
	var program strings.Builder
	fmt.Fprintf(&program, "package main\n\n%s\n%s\n%s\nfunc main() {\n", &imported, &declared, &bodies)
	for i := range calls {
		fmt.Fprintf(&program, "\tcell%d()\n", i)
	}
	fmt.Fprintln(&program, "}")
	return []byte(program.String()), nil
}
