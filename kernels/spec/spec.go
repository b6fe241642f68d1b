// Package spec reads and writes Jupyter's kernelspecs: a folder with kernel.json
// and logos that says how a kernel is started, in a place where Jupyter looks.
//
// Source: "Making kernels for Jupyter", jupyter-client's documentation.
package spec

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// Spec is the content of kernel.json.
type Spec struct {
	Argv          []string          `json:"argv"` // "{connection_file}" stands for the connection file
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"`
	InterruptMode string            `json:"interrupt_mode"` // "signal" or "message"
	Env           map[string]string `json:"env"`            // "${NAME}" stands for a variable of Jupyter's own
	Metadata      Metadata          `json:"metadata"`
}

// Metadata is what else Jupyter and this program want to know of a kernel.
type Metadata struct {
	Debugger bool  `json:"debugger"`
	Ours     *Ours `json:"netdiffus,omitempty"` // nil on a kernel that this program did not install
}

// Ours is what the program notes of a kernel that it installs.
type Ours struct {
	Version string `json:"version"`          // of the program
	Program string `json:"program_sha256"`   // of the copy of the program that runs the kernel
	Module  string `json:"module,omitempty"` // folder of the library that cells import, or "" where it is from the module cache
	Tools   string `json:"tools"`            // folder of gonb, goimports and gopls
	Go      string `json:"go"`               // version of Go: "go1.26.8"
	Backend string `json:"backend"`          // the device in a line
}

// fileName is the file of a kernelspec.
const fileName = "kernel.json"

//go:embed logo
var logos embed.FS

var validName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// CheckName says why name cannot be a kernel's, or nil. The rule is Jupyter's.
func CheckName(name string) error {
	if !validName.MatchString(name) || name == "." || name == ".." {
		return fmt.Errorf("spec: %q cannot be the name of a kernel: letters, digits, '.', '_' and '-' can", name)
	}
	return nil
}

// Write puts the kernelspec s with its logos, and the program's file at program
// if not "", into the folder dir, whole or not at all, in place of what is there.
// In Argv, ProgramHere stands for the path that the program gets.
func (s Spec) Write(dir, program string) error {
	if err := CheckName(filepath.Base(dir)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("spec: %w", err)
	}
	removeLeftovers(dir)
	staged, err := atomicfile.CreateDir(dir)
	if err != nil {
		return fmt.Errorf("spec: %w", err)
	}
	defer staged.Abort()
	if err := s.fill(staged.Path(), dir, program); err != nil {
		return fmt.Errorf("spec: %w", err)
	}
	if err := staged.Replace(); err != nil {
		return fmt.Errorf("spec: %w", err)
	}
	return nil
}

// ProgramHere, in Argv, is replaced by the path of the program in the folder.
const ProgramHere = "{program}"

// ProgramName is what the program is called in the folder.
const ProgramName = "netdiffus-kernel"

// fill writes the files of the kernelspec into staging, which becomes dir.
func (s Spec) fill(staging, dir, program string) error {
	argv := make([]string, len(s.Argv))
	for i, a := range s.Argv {
		if argv[i] = a; a == ProgramHere {
			argv[i] = filepath.Join(dir, ProgramName)
		}
	}
	s.Argv = argv
	entries, err := logos.ReadDir("logo")
	if err != nil {
		return err
	}
	for _, e := range entries {
		logo, err := logos.ReadFile("logo/" + e.Name())
		if err == nil {
			err = os.WriteFile(filepath.Join(staging, e.Name()), logo, 0o644)
		}
		if err != nil {
			return err
		}
	}
	if program != "" {
		if err := copyProgram(program, filepath.Join(staging, ProgramName)); err != nil {
			return err
		}
	}
	// Last: Jupyter takes any folder with this file for a kernel, staged or not.
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(staging, fileName), append(text, '\n'), 0o644)
}

// Read reads the kernelspec in the folder dir.
func Read(dir string) (Spec, error) {
	var s Spec
	path := filepath.Join(dir, fileName)
	text, err := os.ReadFile(path)
	if err == nil {
		if err = json.Unmarshal(text, &s); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		} else if len(s.Argv) == 0 {
			err = fmt.Errorf("%s: has no argv", path)
		}
	}
	if err != nil {
		return s, fmt.Errorf("spec: %w", err)
	}
	return s, nil
}

// Remove removes the kernelspec in the folder dir. It refuses one that this
// program did not install, and a folder that is no kernelspec.
func Remove(dir string) error {
	s, err := Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && s.Metadata.Ours == nil {
		return fmt.Errorf("spec: %s is another program's kernel", dir)
	}
	if err != nil { // damaged: ours only if our program lies in it
		if _, statErr := os.Stat(filepath.Join(dir, ProgramName)); statErr != nil {
			return err
		}
	}
	if err := atomicfile.RemoveDir(dir); err != nil {
		return fmt.Errorf("spec: %w", err)
	}
	return nil
}

// removeLeftovers removes what processes that died while writing dir left.
func removeLeftovers(dir string) {
	entries, _ := os.ReadDir(filepath.Dir(dir))
	for _, e := range entries {
		name, pid, staged := atomicfile.StagedFor(e.Name())
		if staged && name == filepath.Base(dir) && !alive(pid) {
			os.RemoveAll(filepath.Join(filepath.Dir(dir), e.Name()))
		}
	}
}
