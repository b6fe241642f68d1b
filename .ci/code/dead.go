package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A deadFunction is one that no program of a module reaches.
type deadFunction struct {
	name  string // such as netdiffus/nb.Plot, or netdiffus/nb.Live.Close
	place string // file:line
	lines int
}

// deadFunctions returns the functions of the module in dir that neither its
// programs nor the cells of its notebooks reach, sorted by name, but for packages
// that import testing: those are for tests. It runs the tool deadcode that the
// module in the current folder pins.
func deadFunctions(dir string) (dead []deadFunction, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	tool, err := exec.Command("go", "tool", "-n", "deadcode").Output()
	if err != nil {
		return nil, fmt.Errorf("go tool -n deadcode: %w", err)
	}
	cells, remove, err := writeCells(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	module := exec.Command("go", "list", "-m")
	module.Dir, module.Stderr = dir, os.Stderr
	path, err := module.Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m: %w", err)
	}
	prefix := strings.TrimSpace(string(path)) + "/"
	c := exec.Command(strings.TrimSpace(string(tool)), "-json", "./...", cells)
	c.Dir, c.Stderr = dir, os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("deadcode: %w", err)
	}
	var found []struct {
		Path  string
		Funcs []struct {
			Name     string
			Position struct {
				File string
				Line int
			}
		}
	}
	if err := json.Unmarshal(out, &found); err != nil {
		return nil, fmt.Errorf("deadcode: %w", err)
	}
	for _, p := range found {
		if strings.Contains(p.Path, "/.ci/") {
			continue // a declaration of a notebook that its last cells do not call
		}
		if helps, err := helpsTests(filepath.Join(dir, strings.TrimPrefix(p.Path, prefix))); err != nil {
			return nil, err
		} else if helps {
			continue
		}
		for _, f := range p.Funcs {
			if strings.HasPrefix(f.Name, "_cgoexp_") {
				continue // made by cgo, for C to call
			}
			file := f.Position.File
			if !filepath.IsAbs(file) {
				file = filepath.Join(dir, file)
			}
			n, err := functionLines(file, f.Position.Line)
			if err != nil {
				return nil, err
			}
			rel, err := filepath.Rel(dir, file)
			if err != nil {
				return nil, err
			}
			dead = append(dead, deadFunction{strings.TrimPrefix(p.Path, prefix) + "." + f.Name, fmt.Sprintf("%s:%d", filepath.ToSlash(rel), f.Position.Line), n})
		}
	}
	slices.SortFunc(dead, func(a, b deadFunction) int { return strings.Compare(a.name, b.name) })
	return dead, nil
}

// helpsTests reports whether the package in a folder imports testing.
func helpsTests(folder string) (bool, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return false, err
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return false, err
		}
		for _, i := range f.Imports {
			if i.Path.Value == `"testing"` {
				return true, nil
			}
		}
	}
	return false, nil
}

// functionLines returns how many lines the function has whose name is in that line.
func functionLines(file string, line int) (int, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, 0)
	if err != nil {
		return 0, err
	}
	for _, d := range f.Decls {
		d, ok := d.(*ast.FuncDecl)
		if ok && fset.Position(d.Name.Pos()).Line == line {
			return fset.Position(d.End()).Line - fset.Position(d.Pos()).Line + 1, nil
		}
	}
	return 0, nil // a function literal, counted with what holds it
}

// checkDead compares the dead functions with a list of those that may be: lines of a
// name and a reason, or a comment. It fails for a function that is not listed, a
// line without a reason, and a line whose function is reached or gone.
func checkDead(list string) error {
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	allowed := map[string]bool{}
	var problems []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, _ := strings.Cut(line, " ")
		if strings.TrimSpace(reason) == "" {
			problems = append(problems, fmt.Sprintf("%s: %s has no reason", list, name))
		}
		allowed[name] = true
	}
	dead, err := deadFunctions(".")
	if err != nil {
		return err
	}
	for _, f := range dead {
		if !allowed[f.name] {
			problems = append(problems, fmt.Sprintf("%s: no program and no notebook reaches %s", f.place, f.name))
		}
		delete(allowed, f.name)
	}
	for name := range allowed {
		problems = append(problems, fmt.Sprintf("%s: %s is reached, or gone", list, name))
	}
	if problems == nil {
		return nil
	}
	slices.Sort(problems)
	return fmt.Errorf("%s\ndelete them, or say in %s why they stay", strings.Join(problems, "\n"), list)
}
