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

// receipt describes a complete environment. It is the last file to be written.
type receipt struct {
	Python string   `json:"python"` // its version, "3.11"
	Holds  []string `json:"holds"`  // names in site-packages
}

const receiptName = "netdiffus.json"

// probe runs a python and returns its version, such as "3.11", and the path of its
// executable: the python on the PATH can be a script that chooses one (pyenv, asdf).
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

// sitePackages returns the folder of the environment's packages.
func (e Env) sitePackages() (string, error) {
	for _, pattern := range []string{"lib/python3*/site-packages", "Lib/site-packages"} {
		if found, _ := filepath.Glob(filepath.Join(e.Dir, pattern)); len(found) == 1 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("%s has no site-packages", e.Dir)
}

// writeReceipt writes the receipt.
func (e Env) writeReceipt(ctx context.Context) error {
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

// check returns why the environment cannot be used, or nil. It starts Python.
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
