package standin

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// missing returns the imports of the Go files in dir that are neither in the
// standard library nor in a module that dir's go.mod requires and that is on this
// machine. It does not run the go command, which takes most of a second for that.
func (g Go) missing(dir string) ([]string, error) {
	path := filepath.Join(dir, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := modfile.Parse(path, text, nil)
	if err != nil {
		return nil, err
	}
	folders := g.moduleFolders(f, dir)
	var list []string
	for _, p := range imports(dir) {
		if !g.standard(p) && !inModules(folders, p) && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list, nil
}

// imports lists the packages that the Go files in dir import. It leaves out a file
// that cannot be parsed, because the build reports that.
func imports(dir string) []string {
	paths, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	var list []string
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			continue
		}
		for _, i := range f.Imports {
			if p, err := strconv.Unquote(i.Path.Value); err == nil {
				list = append(list, p)
			}
		}
	}
	return list
}

func (g Go) standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && (path == "C" || hasGo(filepath.Join(g.Root, "src", filepath.FromSlash(path))))
}

// moduleFolders maps the modules that f requires to their folders.
func (g Go) moduleFolders(f *modfile.File, dir string) map[string]string {
	folders := map[string]string{f.Module.Mod.Path: dir}
	for _, r := range f.Require {
		folders[r.Mod.Path] = g.cached(r.Mod)
	}
	for _, r := range f.Replace {
		if _, required := folders[r.Old.Path]; !required {
			continue
		}
		switch {
		case !modfile.IsDirectoryPath(r.New.Path):
			folders[r.Old.Path] = g.cached(r.New)
		case filepath.IsAbs(r.New.Path):
			folders[r.Old.Path] = r.New.Path
		default:
			folders[r.Old.Path] = filepath.Join(dir, r.New.Path)
		}
	}
	return folders
}

// cached returns the folder of m in the module cache, whether it exists or not.
func (g Go) cached(m module.Version) string {
	path, err := module.EscapePath(m.Path)
	if err != nil {
		return ""
	}
	version, err := module.EscapeVersion(m.Version)
	if err != nil {
		return ""
	}
	return filepath.Join(g.ModCache, filepath.FromSlash(path)+"@"+version)
}

// inModules reports whether the package at path lies in one of the folders.
func inModules(folders map[string]string, path string) bool {
	for prefix := path; ; {
		if folder := folders[prefix]; folder != "" && hasGo(filepath.Join(folder, filepath.FromSlash(strings.TrimPrefix(path, prefix)))) {
			return true
		}
		i := strings.LastIndexByte(prefix, '/')
		if i < 0 {
			return false
		}
		prefix = prefix[:i]
	}
}

// hasGo reports whether dir holds Go files.
func hasGo(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go")
	})
}

// ErrorPrefix begins the messages of this package that GoNB passes on, so that the
// kernel recognizes them in what GoNB reports about a failed cell.
const ErrorPrefix = "netdiffus kernel: "

// importError is the error of a cell whose imports are not on this machine.
func importError(paths []string) error {
	for i, p := range paths {
		paths[i] = strconv.Quote(p)
	}
	return fmt.Errorf("%scannot import %s: it is neither in the standard library nor in a module that this kernel pins, and downloads are off.\n"+
		"To allow them in this kernel, run a cell with the line %%env GOPROXY=direct", ErrorPrefix, strings.Join(paths, ", "))
}
