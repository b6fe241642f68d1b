package kernelspec

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Found is a kernelspec that this program installed.
type Found struct {
	Name string
	Dir  string
	Spec Spec
}

// SearchDirs lists the data directories in which Jupyter looks for kernels, in its
// order: $JUPYTER_PATH, the user's own, that of the active Python environment, those
// of the system. It does what jupyter_core.paths.jupyter_path does.
func SearchDirs() []string {
	var dirs []string
	for _, dir := range filepath.SplitList(os.Getenv("JUPYTER_PATH")) {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	user, err := Place{}.DataDir()
	if err == nil {
		dirs = append(dirs, user)
	}
	if prefix, err := sysPrefix(); err == nil {
		dirs = append(dirs, filepath.Join(prefix, "share", "jupyter"))
	}
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("PROGRAMDATA"); dir != "" {
			dirs = append(dirs, filepath.Join(dir, "jupyter"))
		}
	} else {
		dirs = append(dirs, "/usr/local/share/jupyter", "/usr/share/jupyter")
	}
	var unique []string
	for _, dir := range dirs {
		if !slices.Contains(unique, dir) {
			unique = append(unique, dir)
		}
	}
	return unique
}

// Find lists the kernels of this program in the data directories dirs, in order. If
// two have the same name, Jupyter takes the first.
func Find(dirs []string) []Found {
	var list []Found
	for _, dir := range dirs {
		entries, _ := os.ReadDir(filepath.Join(dir, "kernels")) // it need not exist
		for _, e := range entries {
			path := filepath.Join(dir, "kernels", e.Name())
			if checkName(e.Name()) != nil || strings.Contains(e.Name(), ".tmp-") {
				continue
			}
			if s, err := Read(path); err == nil && s.Metadata.Origin != nil {
				list = append(list, Found{Name: e.Name(), Dir: path, Spec: s})
			}
		}
	}
	return list
}
