package gotool

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

// Module is the path of the library's module.
const Module = "github.com/netdiffus/netdiffus-go"

// Seed makes dir a module of the given name that requires the library and pins all
// that the library pins.
func (s Setup) Seed(ctx context.Context, dir, name string) error {
	source, version, sums := s.Library.Folder, "v0.0.0", ""
	if source == "" {
		d, err := s.download(ctx)
		if err != nil {
			return err
		}
		source, version = d.Dir, s.Library.Version
		sums = fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", Module, version, d.Sum, Module, version, d.GoModSum)
	}
	path := filepath.Join(source, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("gotool: the library's module: %w", err)
	}
	f, err := modfile.Parse(path, text, nil)
	if err != nil {
		return fmt.Errorf("gotool: the library's module: %w", err)
	}
	if f.Module == nil || f.Module.Mod.Path != Module {
		return fmt.Errorf("gotool: %s is not the module %s", path, Module)
	}
	if text, err = derive(f, name, version, s.Library.Folder); err != nil {
		return fmt.Errorf("gotool: %s: %w", path, err)
	}
	sum, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("gotool: the library's sums: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), append(sum, sums...), 0o600); err != nil {
		return fmt.Errorf("gotool: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), text, 0o600); err != nil {
		return fmt.Errorf("gotool: %w", err)
	}
	return nil
}

// derive makes a go.mod of the library's: another name, the library required and,
// where it has a folder, replaced by that.
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
	f.AddNewRequire(Module, version, false)
	if folder != "" {
		if err := f.AddReplace(Module, "", folder, ""); err != nil {
			return nil, err
		}
	}
	f.Cleanup()
	return f.Format()
}

// download is what `go mod download -json` says of a module.
type download struct{ Dir, Sum, GoModSum, Error string }

// download finds the library's version in the module cache, and fetches it where
// the environment allows.
func (s Setup) download(ctx context.Context) (download, error) {
	var d download
	if s.Library.Version == "" {
		return d, errors.New("gotool: neither a folder nor a version of the library is given")
	}
	c := exec.CommandContext(ctx, s.Go, "mod", "download", "-json", Module+"@"+s.Library.Version)
	c.Dir = os.TempDir() // no module there decides what is downloaded
	c.Env = append(os.Environ(), "GOWORK=off")
	out, err := c.Output()
	if json.Unmarshal(out, &d) == nil && d.Error != "" {
		err = errors.New(d.Error)
	}
	if err != nil {
		return d, fmt.Errorf("gotool: %s %s is not in the module cache: %w; run 'go mod download %s@%s', or install the kernel from a clone", Module, s.Library.Version, err, Module, s.Library.Version)
	}
	return d, nil
}
