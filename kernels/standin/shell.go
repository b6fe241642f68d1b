package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/netdiffus/netdiffus-go/kernels/keeper"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// ShellName is the name, argv[0], under which this program runs shell commands.
const ShellName = "netdiffus-shell"

// bashEnv is the variable that keeps the user's own BASH_ENV, and ownEnv the one
// that keeps the rest of the user's environment that the kernel changes for cells.
const (
	bashEnv = "NETDIFFUS_KERNEL_BASH_ENV"
	ownEnv  = "NETDIFFUS_KERNEL_OWN"
)

// ShellFailure is how a shell command of a cell failed.
type ShellFailure struct {
	Command     string `json:"command"` // its first line
	Code        int    `json:"code"`    // exit status; 128 plus the number of the signal that ended it
	Interrupted bool   `json:"interrupted"`
}

func (f ShellFailure) String() string {
	if f.Interrupted {
		return fmt.Sprintf("`%s` was interrupted", f.Command)
	}
	return fmt.Sprintf("`%s` ended with exit status %d", f.Command, f.Code)
}

func note(dir string) string { return filepath.Join(dir, "failure") }

// FailedShell returns the failure of a shell command of the current cell, if there
// is one, of the kernel whose private directory is dir.
func FailedShell(dir string) (ShellFailure, bool) {
	text, err := os.ReadFile(note(dir))
	if err != nil {
		return ShellFailure{}, false
	}
	var f ShellFailure
	if err := json.Unmarshal(text, &f); err != nil {
		f = ShellFailure{Command: "a shell command", Code: 1}
	}
	return f, true
}

// ClearFailure removes the failure of the last cell.
func ClearFailure(dir string) error {
	if err := os.Remove(note(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("standin: %w", err)
	}
	return nil
}

func fail(dir string, f ShellFailure) error {
	f.Command, _, _ = strings.Cut(f.Command, "\n")
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return os.WriteFile(note(dir), text, 0o600)
}

// change is a variable of the environment that the kernel sets for cells.
type change struct {
	Set string  `json:"set"`
	Own *string `json:"own"` // the user's value, nil for none
}

// ShellEnvironment writes the file for BASH_ENV into the kernel's directory and
// returns the variables that make GoNB's shells read it. changed lists the
// variables that the kernel sets for cells; shell commands outside the cells'
// module get the user's own values.
func ShellEnvironment(dir string, changed []string) ([]string, error) {
	changes := map[string]change{}
	for _, v := range changed {
		name, set, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "NETDIFFUS_") {
			continue // read by the stand-ins themselves
		}
		c := change{Set: set}
		if own, ok := os.LookupEnv(name); ok {
			c.Own = &own
		}
		changes[name] = c
	}
	kept, err := json.Marshal(changes)
	if err != nil {
		return nil, fmt.Errorf("standin: %w", err)
	}
	path := filepath.Join(dir, "bash_env")
	text := strings.NewReplacer("DIR", command.Quote(dir), "SHELL", command.Quote(shellProgram(dir)), "OWN", bashEnv).Replace(script)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("standin: %w", err)
	}
	return []string{"BASH_ENV=" + path, bashEnv + "=" + os.Getenv("BASH_ENV"), ownEnv + "=" + string(kept)}, nil
}

// script replaces a bash that GoNB itself started with a command. It leaves alone a
// script that a cell starts, which has another parent.
const script = `# Read by every bash below the kernel, see package kernels/standin.
if [ -n "$BASH_EXECUTION_STRING" ] && [ "$PPID" = "$(cat DIR/pid 2>/dev/null)" ]; then
	exec SHELL -c "$BASH_EXECUTION_STRING"
fi
if [ -n "$OWN" ]; then . "$OWN"; fi
`

// shellProgram is the path, in the kernel's directory, of this program under the
// name ShellName.
func shellProgram(dir string) string { return filepath.Join(dir, "bin", ShellName) }

// cellCommands maps the first words of cells that GoNB passes to a program to that
// program's name; empty means that the cell names it.
var cellCommands = map[string]string{"%%bash": "bash", "%%sh": "sh", "%%script": ""}

// RewriteCell changes the first line of a cell that GoNB passes to a program, such
// as %%bash, so that RunShell runs that program. It returns other cells unchanged.
func RewriteCell(dir, code string) string {
	first, rest, more := strings.Cut(code, "\n")
	words := strings.Fields(strings.TrimPrefix(first, "//gonb:"))
	if len(words) == 0 {
		return code
	}
	program, ok := cellCommands[words[0]]
	switch {
	case !ok:
		return code
	case program != "" && len(words) > 1, program == "" && len(words) == 1:
		return code // GoNB reports the error
	case program == "":
		_, program, _ = strings.Cut(first, "%%script")
		program = strings.TrimSpace(program)
	}
	first = `%%script "` + shellProgram(dir) + `" -- ` + program
	if !more {
		return first
	}
	return first + "\n" + rest
}

// environ returns the environment of a shell command. Outside the cells' module it
// is the user's own, except for what a cell has set since (%env).
func environ(dir string) []string {
	changes := map[string]change{}
	if here, err := os.Getwd(); err != nil || !within(here, filepath.Join(dir, "tmp")) {
		json.Unmarshal([]byte(os.Getenv(ownEnv)), &changes) // written by ShellEnvironment
	}
	changes["BASH_ENV"] = change{Set: os.Getenv("BASH_ENV")}
	if own := os.Getenv(bashEnv); own != "" {
		changes["BASH_ENV"] = change{os.Getenv("BASH_ENV"), &own}
	}
	var env []string
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		c, changed := changes[name]
		switch {
		case name == bashEnv:
		case !changed || value != c.Set:
			env = append(env, v)
		case c.Own != nil:
			env = append(env, name+"="+*c.Own)
		}
	}
	return env
}

// within reports whether path lies in folder.
func within(path, folder string) bool {
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	rest, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rest)
}

// commandLine returns the words of the command that args, those of RunShell, ask to
// run, and its name in messages.
func commandLine(args []string) (words []string, title string, ok bool) {
	switch {
	case len(args) == 3 && args[1] == "-c":
		return []string{"/bin/bash", "-c", args[2]}, "!" + args[2], true
	case len(args) > 2 && args[1] == "--":
		return args[2:], strings.Join(args[2:], " "), true
	}
	return nil, "", false
}

// dirOf returns the private directory of the kernel that this process belongs to.
func dirOf() string { return os.Getenv(keeper.DirEnv) }
