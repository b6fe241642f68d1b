package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"golang.org/x/mod/modfile"
)

// LibraryPath is the path of the library's module.
const LibraryPath = "github.com/netdiffus/netdiffus-go"

// WriteModule makes dir a module of the given name that requires the library, and
// every other module at the version that the library requires.
func (g Go) WriteModule(ctx context.Context, dir, name string) error {
	source, version, sums := g.Library.Folder, "v0.0.0", ""
	if source == "" {
		d, err := g.download(ctx)
		if err != nil {
			return err
		}
		source, version = d.Dir, g.Library.Version
		sums = fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", LibraryPath, version, d.Sum, LibraryPath, version, d.GoModSum)
	}
	path := filepath.Join(source, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("standin: the library's module: %w", err)
	}
	f, err := modfile.Parse(path, text, nil)
	if err != nil {
		return fmt.Errorf("standin: the library's module: %w", err)
	}
	if f.Module == nil || f.Module.Mod.Path != LibraryPath {
		return fmt.Errorf("standin: %s is not the module %s", path, LibraryPath)
	}
	if text, err = derive(f, name, version, g.Library.Folder); err != nil {
		return fmt.Errorf("standin: %s: %w", path, err)
	}
	sum, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("standin: the library's sums: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), append(sum, sums...), 0o600); err != nil {
		return fmt.Errorf("standin: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), text, 0o600); err != nil {
		return fmt.Errorf("standin: %w", err)
	}
	return nil
}

// derive turns the library's go.mod into that of a module called name, which
// requires the library and, if folder is not empty, replaces it by folder.
func derive(f *modfile.File, name, version, folder string) (text []byte, err error) {
	if err := f.AddModuleStmt(name); err != nil {
		return nil, err
	}
	for _, t := range f.Tool {
		if err := f.DropTool(t.Path); err != nil {
			return nil, err
		}
	}
	for _, r := range slices.Clone(f.Replace) {
		old := r.Old
		switch {
		case !modfile.IsDirectoryPath(r.New.Path) || filepath.IsAbs(r.New.Path):
			continue
		case folder == "":
			err = f.DropReplace(old.Path, old.Version)
		default:
			err = f.AddReplace(old.Path, old.Version, filepath.Join(folder, r.New.Path), "")
		}
		if err != nil {
			return nil, err
		}
	}
	f.AddNewRequire(LibraryPath, version, false)
	if folder != "" {
		if err := f.AddReplace(LibraryPath, "", folder, ""); err != nil {
			return nil, err
		}
	}
	f.Cleanup()
	return f.Format()
}

// download is what `go mod download -json` prints about a module.
type download struct{ Dir, Sum, GoModSum, Error string }

// download finds the library's version in the module cache, and fetches it if the
// environment allows that.
func (g Go) download(ctx context.Context) (download, error) {
	var d download
	if g.Library.Version == "" {
		return d, errors.New("standin: neither the folder nor the version of the library is given")
	}
	c := exec.CommandContext(ctx, g.Command, "mod", "download", "-json", LibraryPath+"@"+g.Library.Version)
	c.Dir = os.TempDir() // outside any module, whose go.mod would count
	c.Env = append(os.Environ(), "GOWORK=off")
	out, err := c.Output()
	if json.Unmarshal(out, &d) == nil && d.Error != "" {
		err = errors.New(d.Error)
	}
	if err != nil {
		return d, fmt.Errorf("standin: %s %s is not in the module cache: %w; run 'go mod download %s@%s', or install the kernel from a clone", LibraryPath, g.Library.Version, err, LibraryPath, g.Library.Version)
	}
	return d, nil
}
