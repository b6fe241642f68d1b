package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

const repository = "../../.."

// readPages returns the Markdown files of the repository by their paths.
func readPages(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, dir := range []string{".", ".github", "data", "docs", "notebooks"} {
		err := fs.WalkDir(os.DirFS(filepath.Join(repository, dir)), ".", func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil && path == ".":
				return nil // .github need not be there
			case err != nil:
				return err
			case d.IsDir() && path != "." && (dir == "." || d.Name() == "runs"):
				return fs.SkipDir
			case d.IsDir() || filepath.Ext(path) != ".md":
				return nil
			}
			name := filepath.Join(dir, path)
			text, err := os.ReadFile(filepath.Join(repository, name))
			pages[name] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(pages) < 10 {
		t.Fatalf("found %d Markdown files, want the README and docs", len(pages))
	}
	return pages
}

var (
	fenced    = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```$")
	shell     = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	inline    = regexp.MustCompile("`[^`\n]+`")
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	flagName  = regexp.MustCompile(`(?:^|[\s(])--([a-z][a-z0-9_-]*)`)
	word      = regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`)
	variable  = regexp.MustCompile(`\$[A-Za-z_]+`)
	continued = regexp.MustCompile(`\\\n\s*`) // between the lines of one command
)

// Every link to a file of the repository leads to a file, and to a heading of it
// where it names one.
func TestDocumentationLinks(t *testing.T) {
	pages := readPages(t)
	for name, text := range pages {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(filepath.Join(repository, target)); err != nil {
				t.Errorf("%s: link %s: %v", name, m[1], err)
			} else if anchor != "" && !hasAnchor(pages[target], anchor) {
				t.Errorf("%s: link %s: %s has no such heading", name, m[1], target)
			}
		}
	}
}

// hasAnchor reports whether a page has a heading with GitHub's anchor of that name.
func hasAnchor(page, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		slug := strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")
		if regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(slug, "") == anchor {
			return true
		}
	}
	return false
}

// Every command of a block of shell lines parses: the verb exists, takes the flags, and
// their values are of the right kind. Nothing is run.
func TestDocumentationCommands(t *testing.T) {
	parsed := 0
	for name, text := range readPages(t) {
		for _, block := range shell.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(continued.ReplaceAllString(block[1], " ")) {
				args, ok := commandLine(line)
				if !ok {
					continue
				}
				parsed++
				root := rootCommand()
				c, rest, err := root.Find(programArgs(root, args))
				if err == nil {
					err = c.ParseFlags(rest)
				}
				if err == nil {
					err = c.ValidateArgs(c.Flags().Args())
				}
				if err != nil {
					t.Errorf("%s: %s: %v", name, strings.TrimSpace(line), err)
				}
			}
		}
	}
	if parsed < 40 {
		t.Errorf("found %d commands, want more: is the pattern out of date?", parsed)
	}
}

// The indexed job of docs/scale.md draws as many shards as it has pods.
func TestDocumentationJob(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindStringSubmatch(readPages(t)["docs/scale.md"])
	if block == nil {
		t.Fatal("docs/scale.md has no job")
	}
	var job struct {
		Spec struct {
			CompletionMode string `yaml:"completionMode"`
			Completions    int
			Template       struct {
				Spec struct{ Containers []struct{ Command []string } }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(block[1]), &job); err != nil {
		t.Fatal(err)
	}
	command := job.Spec.Template.Spec.Containers[0].Command
	args := slices.Clone(command[1:])
	args[slices.Index(args, "$(JOB_COMPLETION_INDEX)")] = "0"
	root := rootCommand()
	c, rest, err := root.Find(programArgs(root, args))
	if err == nil {
		err = c.ParseFlags(rest)
	}
	if err != nil {
		t.Fatal(err)
	}
	shards, err := c.Flags().GetInt("shards")
	if err != nil {
		t.Fatal(err)
	}
	if job.Spec.CompletionMode != "Indexed" || shards != job.Spec.Completions {
		t.Errorf("%s job of %d pods for %d shards", job.Spec.CompletionMode, job.Spec.Completions, shards)
	}
}

// commandLine returns the arguments of a line that calls the program, without
// its comment.
func commandLine(line string) (args []string, ok bool) {
	line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
	line = strings.Replace(line, "go run ./netdiffus/cmd/netdiffus", "netdiffus", 1)
	if !strings.HasPrefix(line, "netdiffus ") {
		return nil, false
	}
	for _, w := range word.FindAllString(variable.ReplaceAllString(line, "0"), -1)[1:] {
		args = append(args, strings.Trim(w, `'"`))
	}
	return args, true
}

// Every flag that a sentence names is one of some verb's.
func TestDocumentationFlags(t *testing.T) {
	var known func(c *cobra.Command, flag string) bool
	known = func(c *cobra.Command, flag string) bool {
		return c.Flags().Lookup(flag) != nil ||
			slices.ContainsFunc(c.Commands(), func(sub *cobra.Command) bool { return known(sub, flag) })
	}
	root := rootCommand()
	for name, text := range readPages(t) {
		for _, code := range inline.FindAllString(fenced.ReplaceAllString(text, ""), -1) {
			for _, m := range flagName.FindAllStringSubmatch(strings.Trim(code, "`"), -1) {
				if m[1] != "help" && !known(root, m[1]) {
					t.Errorf("%s: %s: no verb has --%s", name, code, m[1])
				}
			}
		}
	}
}

// The README's piece of Go compiles, but for the errors that it leaves unused.
func TestDocumentationLibrary(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindStringSubmatch(readPages(t)["README.md"])
	if block == nil {
		t.Fatal("README.md has no Go in it")
	}
	source := "package readme\n\nimport (\n\t\"context\"\n\t\"fmt\"\n"
	for _, name := range []string{"", "/backend", "/codec", "/dataset", "/imaging", "/sample", "/traffic", "/train"} {
		source += "\t\"github.com/netdiffus/netdiffus-go/netdiffus" + name + "\"\n"
	}
	source += ")\n\nfunc example(ctx context.Context) {\n" + block[1] + "}\n"

	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "readme.go"), filepath.Join(dir, "overlay.json")
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "readme", "readme.go"): file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{file: []byte(source), overlay: replace} {
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-overlay", overlay, "-gcflags=-e", "./readme")
	build.Dir = root
	out, err := build.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, "declared and not used: err") {
			t.Errorf("README.md: %s", line)
		}
	}
	if err != nil && len(out) == 0 {
		t.Error(err)
	}
}
