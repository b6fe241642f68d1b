package setup

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/kernels/gotool"
	"github.com/netdiffus/netdiffus-go/kernels/spec"
	"github.com/netdiffus/netdiffus-go/kernels/toolchain"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
)

// device is what cells compute on.
type device struct {
	spec   string // for $GOMLX_BACKEND
	text   string // in a line
	pureGo bool
}

// device opens the device that o names, fetching XLA's plugin where it is
// missing, and says how cells get the same one without a search.
func (o Options) device(ctx context.Context) (device, error) {
	b, findings, err := backend.Opener{Log: o.Log, Progress: o.Progress}.Search(ctx, o.Backend)
	if err != nil {
		return device{}, err
	}
	defer b.Finalize()
	described, err := backend.Describe(b)
	if err != nil {
		return device{}, err
	}
	d := device{text: described.String()}
	asked := o.Backend
	if asked == "" {
		asked = os.Getenv(backend.Env)
	}
	_, options, _ := strings.Cut(asked, ",")
	switch {
	case described.Plugin == "":
		d.spec, d.pureGo = "go", true
		if len(findings) > 0 {
			o.Log.Warn("cells will compute in pure Go", "slower", backend.GoSlowdown, "cure", findings[len(findings)-1].Cure)
		}
	case described.Platform == "cuda":
		d.spec = "xla:cuda" // its libraries are searched for again, beside the plugin
	default:
		d.spec = "xla:" + described.Plugin
	}
	if options != "" {
		d.spec += "," + options
	}
	return d, nil
}

// kernelspec is a spec.Spec whose program may lie elsewhere.
type kernelspec struct{ spec.Spec }

// at is the kernelspec with the program at path.
func (s kernelspec) at(path string) spec.Spec {
	moved := s.Spec
	moved.Argv = slices.Clone(s.Argv)
	moved.Argv[0] = path
	return moved
}

// kept are the variables that decide where Go finds things and what it builds
// with. Jupyter may be started from a menu, where they are not set.
var kept = []string{"GOPATH", "GOMODCACHE", "GOCACHE", "GOROOT", "GOENV", "GOAMD64", "GOFLAGS", "CC", "CXX", "CGO_CFLAGS", "CGO_LDFLAGS", "PJRT_PLUGIN_LIBRARY_PATH", "XDG_CACHE_HOME"}

// spec is the kernelspec of a kernel that is put together from these parts.
func (o Options) spec(g toolchain.Go, tools string, library gotool.Library, d device) (kernelspec, error) {
	hash, err := spec.HashOf(o.Program)
	if err != nil {
		return kernelspec{}, err
	}
	argv := []string{spec.ProgramHere, "kernel", "run", "{connection_file}", "--tools", tools, "--go", g.Path}
	if library.Folder != "" {
		argv = append(argv, "--module", library.Folder)
	} else {
		argv = append(argv, "--version", library.Version)
	}
	env := map[string]string{
		"PATH":             searchPath(g),
		backend.Env:        literal(d.spec),
		backend.NoFetchEnv: "1",
	}
	for _, name := range kept {
		if value := os.Getenv(name); value != "" {
			env[name] = literal(value)
		}
	}
	display := "NetDiffus (Go)"
	if o.Name != DefaultName {
		display += " " + o.Name
	}
	return kernelspec{spec.Spec{
		Argv: argv, DisplayName: display, Language: "go", InterruptMode: "signal", Env: env,
		Metadata: spec.Metadata{Ours: &spec.Ours{
			Version: o.Version, Program: hash, Module: library.Folder, Tools: tools, Go: g.Version, Backend: d.text,
		}},
	}}, nil
}

// searchPath is the PATH of the kernel: what Jupyter has, then Go, the C compiler
// and a system's programs, for a Jupyter that was started without.
func searchPath(g toolchain.Go) string {
	dirs := []string{"${PATH}", literal(filepath.Dir(g.Path))}
	compiler, _, _ := strings.Cut(g.Compiler, " ")
	if path, err := exec.LookPath(compiler); err == nil && filepath.IsAbs(path) {
		dirs = append(dirs, literal(filepath.Dir(path)))
	}
	if os.PathSeparator == '/' {
		dirs = append(dirs, "/usr/local/bin", "/usr/bin", "/bin")
	}
	var unique []string
	for _, dir := range dirs {
		if !slices.Contains(unique, dir) {
			unique = append(unique, dir)
		}
	}
	return strings.Join(unique, string(os.PathListSeparator))
}
