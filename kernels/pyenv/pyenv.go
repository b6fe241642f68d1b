// Package pyenv keeps a Python environment for what is written in Python around
// a Jupyter kernel: JupyterLab, nbclient, nbconvert, jupyter_kernel_test and
// playwright. Versions are pinned (requirements.txt), and the environment is
// made once, in the user's cache directory, by the machine's own Python and pip.
// NetDiffus itself needs no Python.
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

// ErrNoPython means that the machine has no Python that can make the
// environment; the error around it says what is missing and what to type.
var ErrNoPython = errors.New("no Python to make an environment with")

// ErrNoPackages means that pip could not bring the packages: no network, or an
// index that lacks one of them.
var ErrNoPackages = errors.New("the package index did not give what the environment needs")

// Env is a Python environment that is complete.
type Env struct {
	Dir string // its folder, absolute
}

// Open returns the environment, making it where it is missing, damaged, or made
// by a Python that is gone. Making it takes half a minute and 350 MB. Any number
// of processes may call it at once: one makes it, the others wait.
func Open(ctx context.Context) (Env, error) { return Opener{}.Open(ctx) }

// Opener is Open with its choices as fields. Its zero value works.
type Opener struct {
	Log      *slog.Logger // what goes on while the environment is made; nil means slog.Default()
	CacheDir string       // where environments are kept; "" means netdiffus/python in os.UserCacheDir
	Python   string       // the program that makes it; "" means the first python3 of 3.10 or later on the PATH

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

// Command returns a command that runs the environment's python with args, its
// programs first on the PATH and nothing of the user's own Python in its way.
// When ctx ends, the command ends with all that it started.
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

// withoutPython drops the variables that would lead another environment's
// modules into this one.
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
