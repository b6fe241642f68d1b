package backend

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute"
)

// jaxCUDA opens the CUDA plugin of a JAX that is installed for a Python of this machine:
// the same library, which finds NVIDIA's own by its place in Python's packages.
func (s *search) jaxCUDA(options string) (compute.Backend, error) {
	paths := s.jaxPlugins()
	if len(paths) == 0 {
		s.note(Finding{Step: "jax", Status: Absent, Detail: "no CUDA plugin of JAX in a Python's packages"})
		return nil, nil
	}
	var failures []error
	for _, path := range paths {
		b, err := s.file("jax", path, options)
		if err == nil {
			return b, nil
		}
		s.log.Warn("a CUDA plugin of JAX is unusable", "path", path, "err", err)
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

// jaxPlugins lists JAX's CUDA plugins in the packages of the Pythons there are: that of
// the environment first, then those on the PATH; of one Python's the newest CUDA first.
func (s *search) jaxPlugins() []string {
	var found []string
	seen := map[string]bool{}
	for _, prefix := range s.pythonPrefixes() {
		var here []string
		for _, packages := range []string{"lib/python3*/site-packages", "lib/python3*/dist-packages"} {
			matches, _ := filepath.Glob(filepath.Join(prefix, packages, "jax_plugins", "xla_cuda*", "xla_cuda_plugin.so"))
			here = append(here, matches...)
		}
		slices.SortFunc(here, func(a, b string) int {
			return strings.Compare(filepath.Base(filepath.Dir(b)), filepath.Base(filepath.Dir(a)))
		})
		for _, path := range here {
			real, err := filepath.EvalSymlinks(path)
			if err != nil {
				real = path
			}
			if !seen[real] {
				seen[real] = true
				found = append(found, path)
			}
		}
	}
	return found
}

// pythonPrefixes lists the folders in which Pythons are installed: sys.prefix, without
// starting any.
func (s *search) pythonPrefixes() []string {
	prefixes := []string{s.sys.getenv("VIRTUAL_ENV"), s.sys.getenv("CONDA_PREFIX")}
	for _, dir := range filepath.SplitList(s.sys.getenv("PATH")) {
		for _, name := range []string{"python3", "python"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
				prefixes = append(prefixes, filepath.Dir(dir))
			}
		}
	}
	if home, err := s.sys.homeDir(); err == nil {
		prefixes = append(prefixes, filepath.Join(home, ".local"))
	}
	return slices.DeleteFunc(prefixes, func(dir string) bool { return !filepath.IsAbs(dir) })
}
