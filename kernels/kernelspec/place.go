package kernelspec

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// ErrPlace is wrapped by errors of a place that does not exist or cannot be used.
var ErrPlace = errors.New("choose another place")

// Place is one of Jupyter's data directories. The zero value is the user's own.
type Place struct {
	SysPrefix bool   // that of the active Python environment
	Prefix    string // share/jupyter in this folder
}

// DataDir returns the data directory of p, absolute.
func (p Place) DataDir() (string, error) {
	switch {
	case p.Prefix != "":
		prefix, err := filepath.Abs(p.Prefix)
		if err != nil {
			return "", fmt.Errorf("kernelspec: %w", err)
		}
		return filepath.Join(prefix, "share", "jupyter"), nil
	case p.SysPrefix:
		prefix, err := sysPrefix()
		if err != nil {
			return "", err
		}
		return filepath.Join(prefix, "share", "jupyter"), nil
	}
	return userDataDir()
}

// Dir returns the folder in p of the kernelspec called name.
func (p Place) Dir(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	data, err := p.DataDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(data, "kernels", name), nil
}

// userDataDir returns the data directory of the user, as
// jupyter_core.paths.jupyter_data_dir does.
func userDataDir() (string, error) {
	if dir := os.Getenv("JUPYTER_DATA_DIR"); dir != "" {
		return filepath.Abs(dir)
	}
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("APPDATA"); dir != "" {
			return filepath.Join(dir, "jupyter"), nil
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("kernelspec: no folder for the user's kernels: %w; set JUPYTER_DATA_DIR, or %w", err, ErrPlace)
	}
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home, "Library", "Jupyter"), nil
	case "windows":
		return filepath.Join(home, ".jupyter", "data"), nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "jupyter"), nil
	}
	return filepath.Join(home, ".local", "share", "jupyter"), nil
}

// sysPrefix returns the folder of the active Python environment: the virtual or
// conda environment of the shell, or else the one whose jupyter or python3 is first
// on the PATH.
func sysPrefix() (string, error) {
	for _, name := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if dir := os.Getenv(name); dir != "" {
			return filepath.Abs(dir)
		}
	}
	var prefix string
	ask := func(python string) error {
		out, err := exec.Command(python, "-c", "import sys; print(sys.prefix)").Output()
		if err != nil {
			return err
		}
		if prefix, _, _ = strings.Cut(string(out), "\n"); !filepath.IsAbs(strings.TrimSpace(prefix)) {
			return fmt.Errorf("%s has the prefix %q", python, prefix)
		}
		prefix = strings.TrimSpace(prefix)
		return nil
	}
	// The python of an environment is in the same folder as its jupyter; the jupyter
	// of pipx is a link into such a folder.
	if jupyter, err := exec.LookPath("jupyter"); err == nil {
		if python := inFolderOf(jupyter, "python3", "python"); python != "" && ask(python) == nil {
			return prefix, nil
		}
	}
	if _, err := command.FindPython(ask); err == nil {
		return prefix, nil
	}
	return "", fmt.Errorf("kernelspec: there is no active Python environment: $VIRTUAL_ENV and $CONDA_PREFIX are not set, and no jupyter or python3 on the PATH belongs to one; activate one, or %w", ErrPlace)
}

// inFolderOf returns the first of the programs called names in the folder of the
// file that path links to, or "".
func inFolderOf(path string, names ...string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	for _, name := range names {
		if found, err := exec.LookPath(filepath.Join(filepath.Dir(real), name)); err == nil {
			return found
		}
	}
	return ""
}
