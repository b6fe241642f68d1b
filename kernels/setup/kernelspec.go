package setup

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
	"github.com/netdiffus/netdiffus-go/kernels/standin"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// savedVariables decide where Go finds things and what it builds with. The
// kernelspec repeats them, because a Jupyter that is started from a desktop menu
// lacks what a shell's start-up files set.
var savedVariables = []string{"GOPATH", "GOMODCACHE", "GOCACHE", "GOROOT", "GOENV", "GOAMD64", "GOFLAGS", "CC", "CXX", "CGO_CFLAGS", "CGO_LDFLAGS", "PJRT_PLUGIN_LIBRARY_PATH", "XDG_CACHE_HOME"}

// spec returns the kernelspec of a kernel made of these parts.
func (o Options) spec(ctx context.Context, g goCommand, tools string, library standin.Library, d device) (kernelspec.Spec, error) {
	program, err := provenance.Hash(ctx, o.Program)
	if err != nil {
		return kernelspec.Spec{}, err
	}
	argv := []string{kernelspec.ProgramHere, "kernel", "run", "{connection_file}", "--tools", tools, "--go", g.Path}
	if library.Folder != "" {
		argv = append(argv, "--module", library.Folder)
	} else {
		argv = append(argv, "--version", library.Version)
	}
	env := map[string]string{
		"PATH":             searchPath(g),
		backend.Env:        literal(d.setting),
		backend.NoFetchEnv: "1",
	}
	for _, name := range savedVariables {
		if value := os.Getenv(name); value != "" {
			env[name] = literal(value)
		}
	}
	display := "NetDiffus (Go)"
	if o.Name != DefaultName {
		display += " " + o.Name
	}
	return kernelspec.Spec{
		Argv: argv, DisplayName: display, Language: "go", InterruptMode: "signal", Env: env,
		Metadata: kernelspec.Metadata{Origin: &kernelspec.Origin{
			Version: o.Version, Program: program.SHA256, Module: library.Folder, Tools: tools, Go: g.Version, Backend: d.text,
		}},
	}, nil
}

// withProgram returns s with the program at path.
func withProgram(s kernelspec.Spec, path string) kernelspec.Spec {
	s.Argv = slices.Clone(s.Argv)
	s.Argv[0] = path
	return s
}

// searchPath returns the PATH of the kernel: Jupyter's own, then the folders of Go,
// of the C compiler and of the system's programs, in case Jupyter's lacks them.
func searchPath(g goCommand) string {
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
