package connections

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Example is a profile in YAML with every field, its default value and what it is
// for, to be edited.
//
//go:embed profile.yaml
var Example string

// ErrProfile is wrapped by errors about what a profile says.
var ErrProfile = errors.New("wrong profile")

// Rate is a number of connections a second.
type Rate float64

// ParseRate reads a rate: "20/s", "90/m" (a minute), "500/h" or a number, a second.
func ParseRate(text string) (Rate, error) {
	number, unit, _ := strings.Cut(strings.TrimSpace(text), "/")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	seconds := map[string]float64{"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}[strings.TrimSpace(unit)]
	if err != nil || seconds == 0 || !(v >= 0) {
		return 0, fmt.Errorf("rate %q: want a number of connections and a time, such as 20/s, 90/m or 500/h", text)
	}
	return Rate(v / seconds), nil
}

// UnmarshalYAML reads what ParseRate does.
func (r *Rate) UnmarshalYAML(text []byte) (err error) {
	*r, err = ParseRate(strings.Trim(string(bytes.TrimSpace(text)), `"'`))
	return err
}

// ReadProfile reads a profile from a file of YAML.
func ReadProfile(path string) (Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return Profile{}, fmt.Errorf("connections: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxProfile+1))
	if err != nil {
		return Profile{}, fmt.Errorf("connections: %w", err)
	}
	p, err := ParseProfile(text)
	if err != nil {
		return Profile{}, fmt.Errorf("connections: %s: %w", path, err)
	}
	return p, nil
}

// maxProfile is the size of the longest profile that is read, bytes: the YAML reader takes
// some hundred bytes for each.
const maxProfile = 256 << 10

// ParseProfile reads a profile from YAML. Errors name the line, and the field if it
// is one's value; a field that there is not is an error.
func ParseProfile(text []byte) (Profile, error) {
	if len(text) > maxProfile {
		return Profile{}, fmt.Errorf("%w: more than %d bytes", ErrProfile, maxProfile)
	}
	if line := nested(text); line > 0 {
		return Profile{}, fmt.Errorf("%w: line %d: brackets nested more than %d deep", ErrProfile, line, maxBrackets)
	}
	var p Profile
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return Profile{}, fmt.Errorf("%w: %s", ErrProfile, yamlError(err))
	}
	err := p.Check()
	var field *fieldError
	switch {
	case errors.As(err, &field):
		if line := lineOf(text, field.path); line > 0 {
			return Profile{}, fmt.Errorf("%w: line %d: %w", ErrProfile, line, err)
		}
		return Profile{}, fmt.Errorf("%w: %w", ErrProfile, err)
	case err != nil:
		return Profile{}, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	return p, nil
}

// maxBrackets is how deep lists and maps in brackets may be nested. The YAML reader takes
// minutes for a hundred thousand.
const maxBrackets = 32

// nested returns the line in which brackets are nested too deep, 0 where none are. Those in
// quotes and comments count as well: a profile has none.
func nested(text []byte) (line int) {
	depth := 0
	line = 1
	for _, c := range text {
		switch c {
		case '[', '{':
			if depth++; depth > maxBrackets {
				return line
			}
		case ']', '}':
			depth = max(depth-1, 0)
		case '\n':
			line++
		}
	}
	return 0
}

// yamlError is an error of the YAML reader in one line, its place in words.
func yamlError(err error) string {
	var placed yaml.Error
	if !errors.As(err, &placed) {
		return err.Error()
	}
	text := strings.Join(strings.Fields(placed.GetMessage()), " ")
	if strings.Contains(text, "unknown field") {
		text += ": 'flows --print-profile' prints those that there are"
	}
	if at := placed.GetToken(); at != nil && at.Position != nil {
		return fmt.Sprintf("line %d: %s", at.Position.Line, text)
	}
	return text
}

// lineOf returns the line of a field, such as network.hosts, 0 where it is not
// found. A class may have dots in its label, so the longest path that is there counts.
func lineOf(text []byte, path string) int {
	var parts []string
	if rest, ok := strings.CutPrefix(path, "classes."); ok {
		i := strings.LastIndex(rest, ".")
		parts = []string{"classes", rest[:max(i, 0)], rest[i+1:]}
	} else {
		parts = strings.Split(path, ".")
	}
	query := (&yaml.PathBuilder{}).Root()
	for _, part := range parts {
		query = query.Child(part)
	}
	node, err := query.Build().ReadNode(bytes.NewReader(text))
	if err != nil || node == nil || node.GetToken() == nil {
		return 0
	}
	return node.GetToken().Position.Line
}
