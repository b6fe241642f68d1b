// Package shell runs what cells give to a shell: lines that begin with "!" and
// cells that begin with %%bash, %%sh or %%script. GoNB runs these itself, does
// not look at how they end, and interrupts only the shell, not what the shell
// started. So this program steps in between, once as a file that bash reads
// before it begins (BASH_ENV), once as the command of %%script.
//
// A command that fails leaves a note in the kernel's directory. While there is
// one, no later command and no Go code of the cell runs, and the kernel makes an
// error of it.
package shell

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

// Name is the name, argv[0], under which this program runs a shell.
const Name = "netdiffus-shell"

// bashEnv is where the user's own BASH_ENV is kept, and ownEnv what else of the
// user's environment the kernel changes for cells.
const (
	bashEnv = "NETDIFFUS_KERNEL_BASH_ENV"
	ownEnv  = "NETDIFFUS_KERNEL_OWN"
)

// Failure says how a command failed.
type Failure struct {
	Command     string `json:"command"` // its first line
	Code        int    `json:"code"`    // exit status; 128 and the signal's number where one ended it
	Interrupted bool   `json:"interrupted"`
}

func (f Failure) String() string {
	if f.Interrupted {
		return fmt.Sprintf("`%s` was interrupted", f.Command)
	}
	return fmt.Sprintf("`%s` ended with exit status %d", f.Command, f.Code)
}

func note(dir string) string { return filepath.Join(dir, "failure") }

// Failed returns the failure that the cell of the kernel with this directory has
// met, if it has.
func Failed(dir string) (Failure, bool) {
	text, err := os.ReadFile(note(dir))
	if err != nil {
		return Failure{}, false
	}
	var f Failure
	if err := json.Unmarshal(text, &f); err != nil {
		f = Failure{Command: "a shell command", Code: 1}
	}
	return f, true
}

// Clear forgets the failure of the last cell.
func Clear(dir string) error {
	if err := os.Remove(note(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("shell: %w", err)
	}
	return nil
}

func fail(dir string, f Failure) error {
	f.Command, _, _ = strings.Cut(f.Command, "\n")
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return os.WriteFile(note(dir), text, 0o600)
}

// change is a variable that the kernel sets for cells.
type change struct {
	Set string  `json:"set"`
	Own *string `json:"own"` // the user's value, nil for none
}

// Environment writes the file for BASH_ENV into the kernel's directory and returns
// the variables that make GoNB's shells read it. changed are the variables that the
// kernel sets for cells: commands outside of the cells' module have the user's own.
func Environment(dir string, changed []string) ([]string, error) {
	changes := map[string]change{}
	for _, v := range changed {
		name, set, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "NETDIFFUS_") {
			continue // ours, and of use to the programs that stand in
		}
		c := change{Set: set}
		if own, ok := os.LookupEnv(name); ok {
			c.Own = &own
		}
		changes[name] = c
	}
	kept, err := json.Marshal(changes)
	if err != nil {
		return nil, fmt.Errorf("shell: %w", err)
	}
	path := filepath.Join(dir, "bash_env")
	text := strings.NewReplacer("DIR", command.Quote(dir), "SHELL", command.Quote(Program(dir)), "OWN", bashEnv).Replace(script)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("shell: %w", err)
	}
	return []string{"BASH_ENV=" + path, bashEnv + "=" + os.Getenv("BASH_ENV"), ownEnv + "=" + string(kept)}, nil
}

// script steps in only where GoNB itself is bash's parent and gave it a command:
// a script that a cell starts is not concerned.
const script = `# Read by every bash below the kernel, see package kernels/shell.
if [ -n "$BASH_EXECUTION_STRING" ] && [ "$PPID" = "$(cat DIR/pid 2>/dev/null)" ]; then
	exec SHELL -c "$BASH_EXECUTION_STRING"
fi
if [ -n "$OWN" ]; then . "$OWN"; fi
`

// Program is where the kernel with this directory has this program under the name
// that runs shells.
func Program(dir string) string { return filepath.Join(dir, "bin", Name) }

// cellCommands are the first words of cells that GoNB gives to a program.
var cellCommands = map[string]string{"%%bash": "bash", "%%sh": "sh", "%%script": ""}

// Rewrite changes the first line of a cell that GoNB gives to a program so that
// the program is run by this package. Other cells are returned as they are.
func Rewrite(dir, code string) string {
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
		return code // GoNB says what is wrong with it
	case program == "":
		_, program, _ = strings.Cut(first, "%%script")
		program = strings.TrimSpace(program)
	}
	first = `%%script "` + Program(dir) + `" -- ` + program
	if !more {
		return first
	}
	return first + "\n" + rest
}

// environ is the environment of what is run. Outside of the cells' module it is as
// the user made it, but for what a cell has set since (%env).
func environ(dir string) []string {
	changes := map[string]change{}
	if here, err := os.Getwd(); err != nil || !within(here, filepath.Join(dir, "tmp")) {
		json.Unmarshal([]byte(os.Getenv(ownEnv)), &changes) // as Environment wrote it
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

// within says whether path lies in folder.
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

// commandLine is what args, those of Main, ask to run: its words, and what to call
// it in messages.
func commandLine(args []string) (words []string, title string, ok bool) {
	switch {
	case len(args) == 3 && args[1] == "-c":
		return []string{"/bin/bash", "-c", args[2]}, "!" + args[2], true
	case len(args) > 2 && args[1] == "--":
		return args[2:], strings.Join(args[2:], " "), true
	}
	return nil, "", false
}

// dirOf is the directory of the kernel that this process belongs to.
func dirOf() string { return os.Getenv(keeper.DirEnv) }
