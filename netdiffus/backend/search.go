package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/programs"
)

// Finding is what one step of the search came to.
type Finding struct {
	Step   string `json:"step"` // explicit, cuda, installed, jax, cached, index, release, go
	Status Status `json:"status"`
	Path   string `json:"path,omitempty"`
	Detail string `json:"detail,omitempty"`
	Cure   string `json:"cure,omitempty"`
}

// Status is how a step of the search ended.
type Status string

const (
	Used   Status = "used"
	Absent Status = "absent" // nothing there, or not for this machine
	Failed Status = "failed" // there, but unusable
)

// search is one run of Open.
type search struct {
	Opener
	ctx      context.Context
	log      *slog.Logger
	sys      *system
	cache    string // "" where the user has no cache directory
	findings []Finding
}

func (o Opener) start(ctx context.Context) (*search, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &search{Opener: o, ctx: ctx, log: o.Log, sys: o.sys, cache: o.CacheDir}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.sys == nil {
		s.sys = thisMachine()
	}
	if _, set := s.sys.lookupEnv(NoFetchEnv); set {
		s.NoFetch = true
	}
	if _, set := s.sys.lookupEnv(NoProgramsEnv); set {
		s.NoPrograms = true
	}
	if dir, err := s.sys.userCacheDir(); err == nil {
		s.cache = cmp.Or(s.cache, filepath.Join(dir, "netdiffus", "xla"))
		s.Programs.Dir = cmp.Or(s.Programs.Dir, programs.In(dir).Dir)
	}
	return s, nil
}

func (s *search) note(f Finding) { s.findings = append(s.findings, f) }

// absences is what was looked for and is not there, as an error.
func (s *search) absences() error {
	var list []string
	for _, f := range s.findings {
		if f.Status == Absent {
			list = append(list, f.Detail)
		}
	}
	return errors.New(strings.Join(list, "; "))
}

// pureGo opens the pure-Go backend.
func (s *search) pureGo(options string) (compute.Backend, error) {
	b, err := s.sys.openGo(options)
	if err != nil {
		s.note(Finding{Step: "go", Status: Failed, Detail: err.Error()})
		return nil, err
	}
	s.note(Finding{Step: "go", Status: Used, Detail: fmt.Sprintf("pure Go, about %d times slower on convolutions than XLA", GoSlowdown), Cure: Cure})
	return b, nil
}

// file opens the plugin at path and notes how it went under step.
func (s *search) file(step, path, options string) (compute.Backend, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		err = checkPlugin(path)
	}
	var b compute.Backend
	if err == nil {
		b, err = s.openXLA(path, options)
	}
	if err != nil {
		s.note(Finding{Step: step, Status: Failed, Path: path, Detail: err.Error(), Cure: cureOfFile(step, path)})
		return nil, err
	}
	s.note(Finding{Step: step, Status: Used, Path: path})
	return b, nil
}

// openXLA opens the plugin at path, whose compiled programs are kept where that is
// possible.
func (s *search) openXLA(path, options string) (compute.Backend, error) {
	if isCPU(path) {
		if err := s.sys.setenv(flagsEnv, cpuFlags(s.sys.getenv(flagsEnv))); err != nil {
			return nil, err
		}
	}
	if !s.NoPrograms && s.Programs.Dir != "" {
		if err := s.sys.keepPrograms(path, s.Programs); err != nil {
			s.log.Debug("compiled programs are not kept", "err", err)
		}
	}
	if s.CPUDevices > 1 && isCPU(path) && !strings.Contains(options, cpuDevices) {
		options = strings.TrimPrefix(fmt.Sprintf("%s,%s=%d", options, cpuDevices, s.CPUDevices), ",")
	}
	return s.sys.openXLA(path, options)
}

// cureOfFile returns what to do about a plugin that did not open.
func cureOfFile(step, path string) string {
	if step == "explicit" {
		return "name a PJRT plugin such as pjrt_c_api_cpu_plugin.so, or no device at all to have one found or fetched"
	}
	return "remove or replace " + path
}

// installedCPU looks for an XLA CPU plugin that the user or the system put in
// one of go-xla's places.
func (s *search) installedCPU(options string) (compute.Backend, error) {
	return s.installed("cpu", options)
}

// installed looks for the plugin called name ("cpu", "cuda", …) in the places
// where go-xla looks, and opens the first that is good.
func (s *search) installed(name, options string) (compute.Backend, error) {
	paths := s.pluginFiles(name)
	if len(paths) == 0 {
		s.note(Finding{Step: "installed", Status: Absent, Detail: "no " + name + " plugin in " + strings.Join(s.pluginDirs(), ", ")})
		if name != "cpu" && name != "cuda" {
			return nil, fmt.Errorf("no plugin called %q in %s", name, strings.Join(s.pluginDirs(), ", "))
		}
		return nil, nil
	}
	var failures []error
	for _, path := range paths {
		b, err := s.file("installed", path, options)
		if err == nil {
			return b, nil
		}
		s.log.Warn("an installed XLA plugin is unusable", "path", path, "err", err, "cure", cureOfFile("installed", path))
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

// pluginDirs lists where plugins are looked for: go-xla's places, without the
// linker's configuration.
func (s *search) pluginDirs() []string {
	if list, set := s.sys.lookupEnv("PJRT_PLUGIN_LIBRARY_PATH"); set {
		return slices.DeleteFunc(filepath.SplitList(list), func(dir string) bool { return dir == "" })
	}
	var dirs []string
	if home, err := s.sys.homeDir(); err == nil {
		lib := filepath.Join(home, ".local", "lib")
		switch goos {
		case "darwin":
			lib = filepath.Join(home, "Library", "Application Support")
		case "windows":
			lib = filepath.Join(home, "AppData", "Local")
		}
		dirs = append(dirs, filepath.Join(lib, "go-xla"), filepath.Join(lib, "go-xla", "nvidia"), filepath.Join(lib, "gomlx", "pjrt"))
	}
	dirs = append(dirs, "/usr/local/lib/go-xla", "/usr/local/lib/go-xla/nvidia", "/usr/local/lib/gomlx/pjrt")
	for _, dir := range filepath.SplitList(s.sys.getenv("LD_LIBRARY_PATH")) {
		if filepath.IsAbs(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// pluginFiles lists the files that are called after the plugin name, the one
// without a version first, then the newest version.
func (s *search) pluginFiles(name string) []string {
	var found []string
	seen := map[string]bool{}
	for _, dir := range s.pluginDirs() {
		var here []string
		for _, pattern := range []string{
			"pjrt_c_api_" + name + "_plugin", "pjrt-plugin-" + name, "pjrt_plugin_" + name,
			"pjrt_c_api_" + name + "_*_plugin", "pjrt-plugin-" + name + "[-_]*", "pjrt_plugin_" + name + "[-_]*",
		} {
			matches, _ := filepath.Glob(filepath.Join(dir, pattern+libExt()))
			slices.Sort(matches)
			slices.Reverse(matches)
			here = append(here, matches...)
		}
		for _, path := range here {
			real, err := filepath.EvalSymlinks(path)
			if err != nil {
				real = path // a dangling link: opening it will name it
			}
			if !seen[real] {
				seen[real] = true
				found = append(found, path)
			}
		}
	}
	return found
}

func libExt() string {
	switch goos {
	case "darwin":
		return ".[ds][yo]*" // .dylib, and .so as go-xla's own builds are called
	case "windows":
		return ".dll"
	}
	return ".so"
}
