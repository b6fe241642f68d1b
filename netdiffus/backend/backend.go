// Package backend opens the device that computes: a GPU, XLA on the CPU, or
// pure Go. It finds XLA's plugin, fetches and verifies it where none is
// installed, and names the remedy where none is available.
package backend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/programs"
)

// Env is the environment variable that names a device when Open's spec is
// empty. It is GoMLX's own.
const Env = "GOMLX_BACKEND"

// NoFetchEnv forbids every download when it is set, whatever its value. It is
// go-xla's own.
const NoFetchEnv = "GOMLX_NO_AUTO_INSTALL"

// NoProgramsEnv stops compiled programs from being kept and used again when it is set,
// whatever its value.
const NoProgramsEnv = "NETDIFFUS_NO_PROGRAMS"

// GoSlowdown is how many times slower than XLA on the same CPU the pure-Go
// backend is on this project's convolutions (400x1152x128 as a matrix product,
// two cores).
const GoSlowdown = 130

// Open opens the device that spec names:
//
//	""               $GOMLX_BACKEND, or else the best there is (below)
//	"xla"            the best there is, but not pure Go
//	"xla:cuda"       an NVIDIA GPU
//	"xla:cpu"        XLA on the CPU
//	"xla:/a/b.so"    this plugin file
//	"go"             pure Go: no plugin, about 130 times slower on convolutions
//
// XLA's options may follow after commas: "xla:cuda,memory_fraction=0.5",
// "xla:cpu,cpu_device_count=4".
//
// The best there is, in this order: CUDA where an NVIDIA GPU is present (with a plugin that
// is installed, or that of a JAX in a Python's packages, or one fetched), an XLA
// CPU plugin installed on this machine or fetched before, XLA's CPU plugin from
// the package index through pip (pinned, hash-checked, 63 MB), the same from
// go-xla's releases, pure Go with a warning. A plugin that is truncated,
// altered or a web page is refused with its name. Without network Open takes at
// most about 2 s longer; with $GOMLX_NO_AUTO_INSTALL set it does not try to
// fetch.
func Open(ctx context.Context, spec string) (compute.Backend, error) {
	return Opener{}.Open(ctx, spec)
}

// Opener is Open with its choices as fields. Its zero value works.
type Opener struct {
	Log      *slog.Logger   // nil means slog.Default()
	Progress func(Progress) // called from another goroutine, some times a second, while a plugin comes in; nil logs a line every few seconds
	CacheDir string         // where fetched plugins are kept; "" means netdiffus/xla in os.UserCacheDir
	NoFetch  bool           // never download, as with $GOMLX_NO_AUTO_INSTALL

	// Programs is where XLA's compiled programs are kept for the next process; without
	// a Dir that is netdiffus/programs in os.UserCacheDir. NoPrograms compiles anew, as
	// with $NETDIFFUS_NO_PROGRAMS.
	Programs   programs.Store
	NoPrograms bool

	// CPUDevices is how many devices XLA's CPU plugin makes of the processor; 0 means one.
	// They share its cores: it is for trying out what several GPUs do.
	CPUDevices int

	sys *system // the machine as the opener sees it; nil means the machine itself
}

// Progress is how far a download is.
type Progress struct {
	What        string // "XLA's CPU plugin"
	Done, Total int64  // bytes; Total is 0 when it is not known
}

// Open is the function Open with o's choices.
func (o Opener) Open(ctx context.Context, spec string) (compute.Backend, error) {
	b, _, err := o.Search(ctx, spec)
	return b, err
}

// Search is Open with a finding for each place that was looked at, in order;
// the last one with Status Used is what was opened.
func (o Opener) Search(ctx context.Context, spec string) (compute.Backend, []Finding, error) {
	s, err := o.start(ctx)
	if err != nil {
		return nil, nil, err
	}
	from := "spec"
	if spec == "" {
		spec, from = s.sys.getenv(Env), "$"+Env
	}
	kind, options, err := parseSpec(spec)
	if err != nil {
		return nil, nil, fmt.Errorf("backend: %s %q: %w", from, spec, err)
	}
	b, err := s.open(kind, options)
	if err != nil {
		if spec != "" {
			err = fmt.Errorf("backend: %s %q: %w", from, spec, err)
		} else {
			err = fmt.Errorf("backend: %w", err)
		}
		return nil, s.findings, err
	}
	return b, s.findings, nil
}

// open tries the sources that kind allows, one after the other.
func (s *search) open(kind, options string) (compute.Backend, error) {
	switch {
	case kind == "go":
		return s.pureGo(options)
	case isPath(kind):
		return s.file("explicit", kind, options)
	}
	cuda := kind == "" || kind == "xla" || kind == "cuda"
	cpu := kind == "" || kind == "xla" || kind == "cpu"
	var attempts []func(options string) (compute.Backend, error)
	if cuda {
		attempts = append(attempts, s.cuda)
	}
	if cpu {
		attempts = append(attempts, s.installedCPU, s.fetchedCPU, s.fetchCPU)
	}
	if !cuda && !cpu {
		attempts = append(attempts, func(options string) (compute.Backend, error) { return s.installed(kind, options) })
	}
	var failures []error
	for _, attempt := range attempts {
		b, err := attempt(options)
		if b != nil {
			return b, nil
		}
		if s.ctx.Err() != nil {
			return nil, s.ctx.Err()
		}
		if err != nil {
			failures = append(failures, err)
		}
	}
	why := errors.Join(failures...)
	if kind != "" {
		if why == nil {
			why = s.absences()
		}
		return nil, why
	}
	s.log.Warn(fmt.Sprintf("no XLA plugin: computing in pure Go, about %d times slower on convolutions", GoSlowdown),
		"why", why, "cure", Cure)
	return s.pureGo("")
}

// Cure is what to do on a machine where no plugin was found and none can be
// fetched.
const Cure = "give the machine access to its package index (python3 with pip) and run 'netdiffus doctor', " +
	"or copy pjrt_c_api_cpu_plugin.so from another machine and set " + Env + "=xla:/path/pjrt_c_api_cpu_plugin.so"

// parseSpec takes "xla:cpu,option" apart. kind is "", "xla", "cuda", "cpu",
// another plugin's name, the path of a plugin, or "go".
func parseSpec(spec string) (kind, options string, err error) {
	name, rest, _ := strings.Cut(spec, ":")
	plugin, options, _ := strings.Cut(rest, ",")
	switch name {
	case "":
		if rest != "" {
			return "", "", errors.New(`want "xla", "xla:cpu", "xla:cuda", "xla:/path/plugin.so" or "go"`)
		}
		return "", "", nil
	case "go":
		return "go", rest, nil
	case "xla", "stablehlo", "shlo", "hlo": // the names that go-xla answers to
		if plugin == "" {
			plugin = "xla"
		}
		return plugin, options, nil
	}
	return "", "", errors.New(`want "xla", "xla:cpu", "xla:cuda", "xla:/path/plugin.so" or "go"`)
}

func isPath(kind string) bool { return strings.ContainsAny(kind, `/\`) }
