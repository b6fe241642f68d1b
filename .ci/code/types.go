package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

// pjrt is the package that needs C, and with it everything that imports it.
const pjrt = "github.com/gomlx/go-xla/pjrt"

// checkTypes checks the types of the module's packages, and of all that they import,
// as they are for target, such as "darwin/arm64", without C. Packages that need XLA are
// left out. It finds what building would, but for errors in assembler, in linking and
// within functions of Go's own, and makes no machine code.
func checkTypes(target string) error {
	system, processor, ok := strings.Cut(target, "/")
	if !ok {
		return fmt.Errorf("target %q: want a system and a processor, such as darwin/arm64", target)
	}
	env := append(os.Environ(), "GOOS="+system, "GOARCH="+processor, "CGO_ENABLED=0")
	all, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedFiles, Env: env,
	}, "./...")
	if err != nil {
		return err
	}
	var portable []string
	for _, p := range all {
		if len(p.GoFiles) > 0 && !depends(p, pjrt, map[*packages.Package]bool{}) {
			portable = append(portable, p.PkgPath)
		}
	}
	fmt.Printf("        %d packages of %d\n", len(portable), len(all))
	if len(portable) == 0 {
		return errors.New("no package is left to check")
	}
	checked, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
			packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesSizes | packages.NeedModule,
		Env:       env,
		ParseFile: parseForTypes,
	}, portable...)
	if err != nil {
		return err
	}
	var problems []error
	packages.Visit(checked, nil, func(p *packages.Package) {
		if p.Module == nil {
			return // Go's own, see parseForTypes
		}
		for _, e := range p.Errors {
			problems = append(problems, fmt.Errorf("%s: %w", p.PkgPath, e))
		}
	})
	return errors.Join(problems...)
}

// parseForTypes parses a file. Functions of Go's own packages have no bodies in it: that
// they compile everywhere is Go's to check.
func parseForTypes(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
	f, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if f != nil && strings.HasPrefix(name, filepath.Join(build.Default.GOROOT, "src")+string(filepath.Separator)) {
		for _, d := range f.Decls {
			if function, ok := d.(*ast.FuncDecl); ok && function.Name.Name != "init" && function.Type.TypeParams == nil && function.Recv == nil {
				function.Body = nil
			}
		}
	}
	return f, err
}

// depends reports whether p imports path, or a package that does. seen are the packages
// that do not.
func depends(p *packages.Package, path string, seen map[*packages.Package]bool) bool {
	if strings.HasPrefix(p.PkgPath, path) {
		return true
	}
	if seen[p] {
		return false
	}
	seen[p] = true
	for _, next := range p.Imports {
		if depends(next, path, seen) {
			return true
		}
	}
	return false
}
