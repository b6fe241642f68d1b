package pyenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// oldest is the minor version of the oldest Python that the pinned versions support.
const oldest = 10

// findPython returns the first Python on the PATH that is new enough, by the path
// of its own executable.
func findPython(ctx context.Context) (string, error) {
	var executable string
	_, err := command.FindPython(func(path string) (err error) {
		var version string
		if version, executable, err = probe(ctx, path); err != nil {
			return err
		}
		major, minor, _ := strings.Cut(version, ".")
		if n, _ := strconv.Atoi(minor); major != "3" || n < oldest {
			return fmt.Errorf("%s is Python %s, and 3.%d is the oldest that works", path, version, oldest)
		}
		return nil
	})
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		why := strings.ReplaceAll(err.Error(), "\n", "; ")
		return "", fmt.Errorf("%w: %s; install Python 3.%d or later (on Debian and Ubuntu: apt install python3 python3-venv)", ErrNoPython, why, oldest)
	}
	return executable, nil
}

// build makes the environment in env.Dir, which does not exist.
func (o Opener) build(ctx context.Context, python string, env Env) error {
	pip, err := makeVenv(ctx, python, env)
	if err != nil {
		return err
	}
	list := filepath.Join(env.Dir, "requirements.txt")
	if err := os.WriteFile(list, []byte(o.requirements), 0o644); err != nil {
		return err
	}
	args := append(pip[1:], "install", "--no-deps", "--no-input", "--disable-pip-version-check",
		"--progress-bar", "off", "--quiet", "-r", list)
	if out, err := run(ctx, pip[0], args...); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: pip: %s (%w)", ErrNoPackages, errorLine(out), err)
	}
	return env.writeReceipt(ctx)
}

// makeVenv makes a virtual environment and returns the command line of a pip that
// installs into it. That is the machine's own pip, if it is 22.3 or later, or else a
// pip in the environment. The latter takes longer, and on Debian it needs the package
// python3-venv.
func makeVenv(ctx context.Context, python string, env Env) (pip []string, err error) {
	attempts := []struct{ venv, pip []string }{
		{[]string{"-m", "venv", "--without-pip", env.Dir}, []string{python, "-m", "pip", "--python", env.Python()}},
		{[]string{"-m", "venv", env.Dir}, []string{env.Python(), "-m", "pip"}},
	}
	var failure string
	for _, a := range attempts {
		out, err := run(ctx, python, a.venv...)
		if err == nil {
			out, err = run(ctx, a.pip[0], append(a.pip[1:], "--version")...)
		}
		if err == nil {
			return a.pip, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failure = errorLine(out)
		if bytes.Contains(out, []byte("No space left")) {
			return nil, fmt.Errorf("%s: %s", env.Dir, failure)
		}
		if err := os.RemoveAll(env.Dir); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %s: %s; install pip and venv for it (on Debian and Ubuntu: apt install python3-venv)", ErrNoPython, python, failure)
}

// run runs a Python and returns its output.
func run(ctx context.Context, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(withoutPython(os.Environ()), "PATH="+os.Getenv("PATH"),
		"PYTHONNOUSERSITE=1", "PIP_REQUIRE_VIRTUALENV=false", "PIP_USER=false")
	cmd.WaitDelay = time.Second
	command.KillGroup(cmd)
	out, err := cmd.CombinedOutput()
	if cause := ctx.Err(); err != nil && cause != nil {
		err = errors.Join(err, cause)
	}
	return out, err
}

// errorLine returns the first line that reports an error, or else the last line.
func errorLine(out []byte) string {
	last := "no reason given"
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "ERROR:") || strings.HasPrefix(line, "error:") || strings.Contains(line, "No module named") {
			return line
		}
		if line != "" {
			last = line
		}
	}
	return last
}
