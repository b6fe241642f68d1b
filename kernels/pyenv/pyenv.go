// Package pyenv makes a Python environment that holds the programs around a Jupyter
// kernel that are written in Python: JupyterLab, nbclient, nbconvert,
// jupyter_kernel_test and playwright. Their versions are pinned in requirements.txt.
// The environment is made once, in the user's cache directory, by the machine's own
// Python and pip. NetDiffus itself needs no Python.
package pyenv

import (
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

//go:embed requirements.txt
var requirements string

// ErrNoPython means that the machine has no Python that can make the environment. The
// error around it names what is missing and a cure.
var ErrNoPython = errors.New("no Python to make an environment with")

// ErrNoPackages means that pip could not download the packages: there is no network,
// or the index lacks one of them.
var ErrNoPackages = errors.New("pip cannot get the packages of the environment")

// Env is a complete Python environment.
type Env struct {
	Dir string // its folder, absolute
}

// Open returns the environment. It makes it first if it is missing or damaged, or if
// the Python that made it no longer exists, which takes half a minute and 350 MB.
// Several processes may call it at the same time: one makes it, the others wait.
func Open(ctx context.Context) (Env, error) { return Opener{}.Open(ctx) }

// Opener is Open with options. The zero value works.
type Opener struct {
	Log      *slog.Logger // of making the environment; nil means slog.Default()
	CacheDir string       // where environments are kept; "" means netdiffus/python in os.UserCacheDir
	Python   string       // the Python that makes it; "" means the first one of 3.10 or later on the PATH

	requirements string // "" means the pinned ones
}

// Python returns the path of the environment's python.
func (e Env) Python() string { return e.program("python") }

// Bin returns the folder of the environment's programs (jupyter, jupyter-lab).
func (e Env) Bin() string { return filepath.Dir(e.Python()) }

func (e Env) program(name string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(e.Dir, "Scripts", name+".exe")
	}
	return filepath.Join(e.Dir, "bin", name)
}

// Command returns a command that runs the environment's python with args. The
// environment's programs are first on its PATH, and the settings of the user's own
// Python are removed. When ctx ends, the command and all that it started are killed.
func (e Env) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, e.Python(), args...)
	cmd.Env = append(withoutPython(os.Environ()),
		"PATH="+e.Bin()+string(os.PathListSeparator)+os.Getenv("PATH"),
		"VIRTUAL_ENV="+e.Dir,
		"PYTHONNOUSERSITE=1",
	)
	cmd.WaitDelay = 5 * time.Second
	command.KillGroup(cmd)
	return cmd
}

// withoutPython removes the variables that would make modules of another environment
// visible in this one.
func withoutPython(environ []string) []string {
	var kept []string
	for _, pair := range environ {
		switch name, _, _ := strings.Cut(pair, "="); name {
		case "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONNOUSERSITE", "VIRTUAL_ENV", "PATH":
		default:
			kept = append(kept, pair)
		}
	}
	return kept
}
