package pyenv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// receipt says what a complete environment holds. It is the last file written.
type receipt struct {
	Python string   `json:"python"` // its version, "3.11"
	Holds  []string `json:"holds"`  // what lies in site-packages
}

const receiptName = "netdiffus.json"

// probe asks a python for its version, "3.11", and where it really is: what is
// on the PATH can be a script that chooses one (pyenv, asdf).
func probe(ctx context.Context, python string) (version, executable string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("%s does not run: %w", python, err)
	}
	version, executable, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	if executable = strings.TrimSpace(executable); executable == "" {
		executable = python
	}
	return strings.TrimSpace(version), executable, nil
}

// sitePackages is where the environment's packages are.
func (e Env) sitePackages() (string, error) {
	for _, pattern := range []string{"lib/python3*/site-packages", "Lib/site-packages"} {
		if found, _ := filepath.Glob(filepath.Join(e.Dir, pattern)); len(found) == 1 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("%s has no site-packages", e.Dir)
}

// seal writes the receipt.
func (e Env) seal(ctx context.Context) error {
	version, _, err := probe(ctx, e.Python())
	if err != nil {
		return err
	}
	site, err := e.sitePackages()
	if err != nil {
		return err
	}
	r := receipt{Python: version}
	entries, err := os.ReadDir(site)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() != "__pycache__" {
			r.Holds = append(r.Holds, entry.Name())
		}
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(e.Dir, receiptName), text)
}

// check says why the environment cannot be used, or nil. It takes as long as
// Python to start.
func (e Env) check(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(e.Dir, receiptName))
	if err != nil {
		return errors.New("it was not finished")
	}
	var r receipt
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("its receipt is damaged: %w", err)
	}
	site, err := e.sitePackages()
	if err != nil {
		return err
	}
	for _, name := range r.Holds {
		if _, err := os.Stat(filepath.Join(site, name)); err != nil {
			return fmt.Errorf("%s is missing", name)
		}
	}
	version, _, err := probe(ctx, e.Python())
	if err == nil && version != r.Python {
		err = fmt.Errorf("it was made for Python %s and has Python %s", r.Python, version)
	}
	return err
}
