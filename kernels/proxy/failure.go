package proxy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/netdiffus/netdiffus-go/kernels/standin"
)

// failure is how a cell failed, in the form for clients.
type failure struct {
	Name      string   `json:"ename"`
	Value     string   `json:"evalue"`
	Traceback []string `json:"traceback"`
}

var (
	color    = regexp.MustCompile("\x1b\\[[0-9;]*m")
	cellLine = regexp.MustCompile(`\[\[ (Cell.*?) \]\]`)
	exit     = regexp.MustCompile(`^(?:\^C\n)?(exit status \d+|signal: .+)\n?$`)
	building = regexp.MustCompile(`^failed to run "[^"]*": .*\n*`)
)

// explain finds the reason of a failure. GoNB names every failure "ERROR", and its
// value is often just "exit status 2". stderr is the end of the cell's standard error,
// and broken the failed shell command, if there is one.
func explain(f failure, stderr string, broken *standin.ShellFailure, interrupted bool) failure {
	value := strings.TrimSpace(color.ReplaceAllString(f.Value, ""))
	switch {
	case broken != nil && broken.Interrupted, interrupted:
		return plainly("Interrupted", "the cell was interrupted")
	case broken != nil:
		return plainly("ShellError", broken.String())
	case strings.Contains(value, standin.ErrorPrefix):
		_, text, _ := strings.Cut(value, standin.ErrorPrefix)
		return plainly("ImportError", strings.TrimSpace(text))
	case exit.MatchString(value):
		return ended(exit.FindStringSubmatch(value)[1], stderr)
	case strings.HasPrefix(value, "executing special commands in cell: "):
		return plainly("CommandError", strings.TrimPrefix(value, "executing special commands in cell: "))
	}
	if c, ok := compiler(f); ok {
		return c
	}
	if value == "" {
		value = "the cell failed"
	}
	value = strings.TrimSpace(building.ReplaceAllString(value, ""))
	return failure{Name: "Error", Value: value, Traceback: headed("Error", value, f.Traceback)}
}

// plainly returns a failure without a traceback.
func plainly(name, value string) failure {
	return failure{Name: name, Value: value, Traceback: headed(name, value, nil)}
}

// headed returns a traceback that ends with name and value, because some clients show
// only its last line.
func headed(name, value string, above []string) []string {
	return append(above[:len(above):len(above)], "\x1b[31m"+name+"\x1b[0m: "+value)
}

// compiler reads the errors of the compiler or of goimports. For each line of theirs,
// GoNB sends one piece of traceback: the position in a cell, the lines around it, the
// message.
func compiler(f failure) (failure, bool) {
	var first string
	var kept []string
	for _, piece := range f.Traceback {
		lines := strings.Split(strings.TrimRight(color.ReplaceAllString(piece, ""), "\n"), "\n")
		where, message := lines[0], lines[len(lines)-1]
		switch {
		case strings.HasPrefix(where, "Cell"):
			if first == "" {
				first = where + ": " + message
			}
			kept = append(kept, strings.TrimRight(piece, "\n"))
		case len(lines) > 1: // in what GoNB wrote around the cell
			kept = append(kept, strings.TrimRight(piece, "\n"))
			if first == "" {
				first = message
			}
		}
	}
	if first == "" {
		return failure{}, false
	}
	return failure{Name: "CompileError", Value: first, Traceback: headed("CompileError", first, kept)}, true
}

// ended finds the reason of a failure in what the cell's program wrote before it ended.
func ended(how, stderr string) failure {
	text := color.ReplaceAllString(stderr, "")
	at := -1
	for _, begin := range []string{"panic: ", "fatal error: "} {
		if strings.HasPrefix(text, begin) {
			at = max(at, 0)
		}
		if i := strings.LastIndex(text, "\n"+begin); i >= 0 {
			at = max(at, i+1)
		}
	}
	if at >= 0 {
		message, trace, _ := strings.Cut(text[at:], "\n\n")
		first, _, _ := strings.Cut(message, "\n")
		name, value, _ := strings.Cut(first, ": ")
		name = map[string]string{"panic": "Panic", "fatal error": "FatalError"}[name]
		return failure{Name: name, Value: value, Traceback: headed(name, value, places(trace))}
	}
	if how == "signal: killed" {
		return plainly("Killed", "the cell was killed: it ran out of memory, or it ran on for 5 s after an interrupt")
	}
	value := how
	if last := lastLine(text); last != "" {
		value = fmt.Sprintf("%s: %s", how, last)
	}
	return failure{Name: "ExitError", Value: value, Traceback: headed("ExitError", value, nil)}
}

// places lists the positions in cells of the goroutine that panicked, innermost first.
func places(trace string) []string {
	var list []string
	first, _, _ := strings.Cut(trace, "\n\n")
	lines := strings.Split(first, "\n")
	for i, line := range lines {
		if m := cellLine.FindStringSubmatch(line); m != nil {
			where := strings.NewReplacer("[", "", "]", "").Replace(m[1])
			if i > 0 {
				where += ", " + strings.TrimSpace(lines[i-1])
			}
			list = append(list, where)
		}
	}
	return list
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if i := strings.LastIndexByte(last, '\r'); i >= 0 {
		last = last[i+1:]
	}
	const longest = 500
	if len(last) > longest {
		last = last[:longest] + "…"
	}
	return last
}
