// Package command is about the programs that this one runs: where they are, how
// their command lines are quoted, how their output is shortened for an error, and
// how a program ends together with the programs it started.
package command

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// goFolders are where Go is installed when it is not on the PATH, which is so for
// a program started from a desktop menu.
var goFolders = []string{"/usr/local/go/bin", "/usr/lib/go/bin", "/opt/homebrew/bin"}

// FindGo returns the absolute path of the go command called name. An empty name
// means "go" on the PATH, or else in $GOROOT or one of the folders where Go is
// usually installed.
func FindGo(name string) (string, error) {
	if name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", err
		}
		return filepath.Abs(path)
	}
	path, err := exec.LookPath("go")
	if err == nil {
		return filepath.Abs(path)
	}
	folders := goFolders
	if root := os.Getenv("GOROOT"); root != "" {
		folders = append([]string{filepath.Join(root, "bin")}, folders...)
	}
	for _, folder := range folders {
		if path, err := exec.LookPath(filepath.Join(folder, "go")); err == nil && filepath.IsAbs(path) {
			return path, nil
		}
	}
	return "", err
}

// pythons are the names of a Python 3, the machine's own choice first.
var pythons = []string{"python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"}

// FindPython returns the first Python on the PATH that accept, if not nil, returns
// nil for. Its error wraps exec.ErrNotFound where there is no Python, and otherwise
// joins what accept returned.
func FindPython(accept func(path string) error) (string, error) {
	var missing error
	var refused []error
	for _, name := range pythons {
		path, err := exec.LookPath(name)
		if err != nil {
			if missing == nil {
				missing = err
			}
			continue
		}
		if accept != nil {
			err = accept(path)
		}
		if err == nil {
			return path, nil
		}
		refused = append(refused, err)
	}
	if len(refused) > 0 {
		return "", errors.Join(refused...)
	}
	return "", missing
}

// Quote returns s as one word of a POSIX shell's command line, without quotation
// marks where s needs none.
func Quote(s string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("0123456789_-./=:,+@", r))
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// LastLines returns the last n lines of a program's output, trimmed and joined by
// "; ", to be the end of an error's text.
func LastLines(output string, n int) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "; ")
}
