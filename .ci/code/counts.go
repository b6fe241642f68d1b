package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// printCounts prints the size of a module as a Markdown table, and with names what
// is counted.
func printCounts(dir string, names bool) error {
	m, err := load(dir)
	if err != nil {
		return err
	}
	unused, err := m.unusedNames()
	if err != nil {
		return err
	}
	dead, err := deadFunctions(dir)
	if err != nil {
		return err
	}
	deadLines := 0
	var deadNames []string
	for _, f := range dead {
		deadLines += f.lines
		deadNames = append(deadNames, f.name)
	}
	branches := m.kindBranches()
	source, test := m.lines()

	fmt.Println("| count | |")
	fmt.Println("|---|---|")
	row := func(what string, n int) { fmt.Printf("| %s | %d |\n", what, n) }
	row("packages", len(m.packages))
	row("packages of fewer than 60 lines", m.smallPackages(60))
	row("exported names of libraries", len(m.exported))
	row("of these used by no other package and no notebook", len(unused))
	row("branches on the kind of model", len(branches))
	row("lines of Go, tests apart", source)
	row("lines of tests", test)
	row("functions that no program and no notebook reaches", len(dead))
	row("their lines", deadLines)
	if names {
		for _, list := range [][]string{unused, branches, deadNames} {
			fmt.Println()
			for _, l := range list {
				fmt.Println(l)
			}
		}
	}
	return nil
}

// A goPackage is what go list prints of a package.
type goPackage struct {
	ImportPath, Name, Dir, Export      string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Module                             *struct {
		Path string
		Main bool
	}
}

// A module is the packages of a checkout, parsed and type-checked without their tests.
type module struct {
	dir, path string
	packages  []goPackage // of the module, not of its dependencies
	fset      *token.FileSet
	files     map[string][]*ast.File // by import path
	infos     map[string]*types.Info
	exported  map[types.Object]bool // package-level names of packages other than main
}

func load(dir string) (*module, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	list := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Name,Dir,Export,GoFiles,TestGoFiles,XTestGoFiles,Module", "./...")
	list.Dir, list.Stderr = dir, os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	m := &module{dir: dir, fset: token.NewFileSet(), files: map[string][]*ast.File{}, infos: map[string]*types.Info{}, exported: map[types.Object]bool{}}
	exports := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		exports[p.ImportPath] = p.Export
		if p.Module != nil && p.Module.Main {
			m.packages = append(m.packages, p)
			m.path = p.Module.Path
		}
	}
	// go list -deps puts a package after those it imports, so that an import of this
	// module finds the objects made here, the very ones that are counted.
	ours := map[string]*types.Package{}
	compiled := importer.ForCompiler(m.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, p := range m.packages {
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(m.fset, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				return nil, err
			}
			m.files[p.ImportPath] = append(m.files[p.ImportPath], f)
		}
		info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
		conf := types.Config{Importer: importerFunc(func(path string) (*types.Package, error) {
			if made, ok := ours[path]; ok {
				return made, nil
			}
			return compiled.Import(path)
		}), Error: func(error) {}} // a type of ours met in compiled code of ours is another one
		made, _ := conf.Check(p.ImportPath, m.fset, m.files[p.ImportPath], info)
		ours[p.ImportPath], m.infos[p.ImportPath] = made, info
		if p.Name == "main" {
			continue
		}
		for _, name := range made.Scope().Names() {
			if o := made.Scope().Lookup(name); o.Exported() {
				m.exported[o] = true
			}
		}
	}
	return m, nil
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }

// unusedNames returns the exported names that neither the code of another package
// nor a cell of a notebook names. Tests do not count: what only they name could be
// theirs.
func (m *module) unusedNames() ([]string, error) {
	used := map[types.Object]bool{}
	for path, info := range m.infos {
		for _, o := range info.Uses {
			if o.Pkg() != nil && o.Pkg().Path() != path {
				used[o] = true
			}
		}
	}
	notebooks, err := filepath.Glob(filepath.Join(m.dir, "notebooks", "*.ipynb"))
	if err != nil {
		return nil, err
	}
	var cells strings.Builder
	for _, path := range notebooks {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		cells.Write(text)
	}
	inCells := map[string]bool{}
	for _, name := range regexp.MustCompile(`\b[a-z][a-z0-9]*\.[A-Z]\w*`).FindAllString(cells.String(), -1) {
		inCells[name] = true
	}
	var unused []string
	for o := range m.exported {
		if !used[o] && !inCells[o.Pkg().Name()+"."+o.Name()] {
			unused = append(unused, strings.TrimPrefix(o.Pkg().Path(), m.path+"/")+"."+o.Name())
		}
	}
	slices.Sort(unused)
	return unused, nil
}

// kindBranches returns the places that ask which kind a model is: whether its part
// over atoms is there, as Config.Atoms was, or which type its Config.Kind has.
func (m *module) kindBranches() []string {
	var at []string
	for _, path := range slices.Sorted(maps.Keys(m.files)) {
		for _, f := range m.files[path] {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BinaryExpr:
					if (n.Op == token.EQL || n.Op == token.NEQ) && isNil(n.Y) && slices.Contains([]string{"Atoms", "Kind"}, lastName(n.X)) {
						at = append(at, m.place(n.Pos()))
					}
				case *ast.TypeAssertExpr: // of a type switch, too
					if lastName(n.X) == "Kind" {
						at = append(at, m.place(n.Pos()))
					}
				}
				return true
			})
		}
	}
	return at
}

func isNil(x ast.Expr) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == "nil"
}

// lastName returns C of A.B.C, and "" of what is no name.
func lastName(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}

// place returns a position as file:line, the file from the module's root.
func (m *module) place(at token.Pos) string {
	p := m.fset.Position(at)
	file, err := filepath.Rel(m.dir, p.Filename)
	if err != nil {
		file = p.Filename
	}
	return fmt.Sprintf("%s:%d", filepath.ToSlash(file), p.Line)
}

// lines returns the lines of all Go files, those of other systems too.
func (m *module) lines() (source, test int) {
	for _, p := range m.packages {
		s, t := packageLines(p.Dir)
		source, test = source+s, test+t
	}
	return source, test
}

func packageLines(dir string) (source, test int) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			log.Fatal(err)
		}
		n := bytes.Count(text, []byte{'\n'})
		if strings.HasSuffix(path, "_test.go") {
			test += n
		} else {
			source += n
		}
	}
	return source, test
}

// smallPackages counts the packages with fewer than n lines without their tests.
func (m *module) smallPackages(n int) int {
	return len(slices.DeleteFunc(slices.Clone(m.packages), func(p goPackage) bool {
		source, _ := packageLines(p.Dir)
		return cmp.Compare(source, n) >= 0
	}))
}
