// Package kernelspec reads and writes Jupyter's kernelspecs. A kernelspec is a folder,
// in a place where Jupyter looks, with logos and the file kernel.json, which
// describes how a kernel is started.
//
// Source: "Making kernels for Jupyter", jupyter-client's documentation.
package kernelspec

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
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

// Metadata is what Jupyter and this program store about a kernel.
type Metadata struct {
	Debugger bool    `json:"debugger"`
	Origin   *Origin `json:"netdiffus,omitempty"` // nil on a kernel that this program did not install
}

// Origin describes a kernel that this program installed.
type Origin struct {
	Version string `json:"version"`          // of the program
	Program string `json:"program_sha256"`   // of the copy of this program that runs the kernel
	Module  string `json:"module,omitempty"` // folder of the library that cells import, or "" if it is in the module cache
	Tools   string `json:"tools"`            // folder of gonb, goimports and gopls
	Go      string `json:"go"`               // version of Go: "go1.26.8"
	Backend string `json:"backend"`          // the device, in one line
}

// fileName is the name of the file that makes a folder a kernelspec.
const fileName = "kernel.json"

//go:embed logo
var logos embed.FS

var validName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// checkName returns why name cannot be the name of a kernel, or nil. The rule is
// Jupyter's.
func checkName(name string) error {
	if !validName.MatchString(name) || name == "." || name == ".." {
		return fmt.Errorf("kernelspec: %q cannot be the name of a kernel: use letters, digits, '.', '_' and '-'", name)
	}
	return nil
}

// Write writes the kernelspec s, its logos and, if program is not "", a copy of the
// file program into the folder dir. dir appears complete or not at all, and replaces
// what was there. In Argv, ProgramHere stands for the path of the copy.
func (s Spec) Write(dir, program string) error {
	if err := checkName(filepath.Base(dir)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("kernelspec: %w", err)
	}
	removeLeftovers(dir)
	staged, err := atomicfile.CreateDir(dir)
	if err != nil {
		return fmt.Errorf("kernelspec: %w", err)
	}
	defer staged.Abort()
	if err := s.fill(staged.Path(), dir, program); err != nil {
		return fmt.Errorf("kernelspec: %w", err)
	}
	if err := staged.Replace(); err != nil {
		return fmt.Errorf("kernelspec: %w", err)
	}
	return nil
}

// ProgramHere, in Argv, is replaced by the path of the program's copy.
const ProgramHere = "{program}"

// ProgramName is the name of the program's copy.
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
	// This file comes last, because Jupyter takes any folder with it for a kernel,
	// temporary ones too.
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
		if err = decode(text, &s); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		} else if len(s.Argv) == 0 {
			err = fmt.Errorf("%s: has no argv", path)
		}
	}
	if err != nil {
		return s, fmt.Errorf("kernelspec: %w", err)
	}
	return s, nil
}

// Remove removes the kernelspec in the folder dir. It fails if this program did not
// install it, or if dir is not a kernelspec.
func Remove(dir string) error {
	s, err := Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && s.Metadata.Origin == nil {
		return fmt.Errorf("kernelspec: %s is the kernel of another program", dir)
	}
	if err != nil { // damaged: ours only if our program is in it
		if _, statErr := os.Stat(filepath.Join(dir, ProgramName)); statErr != nil {
			return err
		}
	}
	if err := atomicfile.RemoveDir(dir); err != nil {
		return fmt.Errorf("kernelspec: %w", err)
	}
	return nil
}

// removeLeftovers removes the temporary folders of processes that died while they
// wrote dir.
func removeLeftovers(dir string) {
	entries, _ := os.ReadDir(filepath.Dir(dir))
	for _, e := range entries {
		name, pid, staged := atomicfile.StagedFor(e.Name())
		if staged && name == filepath.Base(dir) && !command.Running(pid) {
			os.RemoveAll(filepath.Join(filepath.Dir(dir), e.Name()))
		}
	}
}

// copyProgram copies an executable.
func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}

// decode decodes a kernel.json, of which anybody may have written many.
func decode(text []byte, s *Spec) error {
	if err := jsonlimit.Check(text, jsonlimit.AnyCost); err != nil {
		return err
	}
	return json.Unmarshal(text, s)
}
