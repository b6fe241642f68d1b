package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// For joinSwitches: a command without arguments, and one that takes any.
func noArguments(string) bool  { return false }
func anyArguments(string) bool { return true }

func TestJoinSwitches(t *testing.T) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.SetNormalizeFunc(canonical)
	flags.Bool("learn_sigma", false, "")
	flags.String("out", "", "")
	for _, c := range []struct {
		isArgument func(string) bool
		line, want string
	}{
		{anyArguments, "--learn_sigma True --out x", "--learn_sigma=True --out x"},
		{anyArguments, "--learn-sigma false x", "--learn-sigma=false x"},
		{anyArguments, "--learn_sigma", "--learn_sigma"},
		{anyArguments, "--learn_sigma --out True", "--learn_sigma --out True"},
		{anyArguments, "--learn_sigma=False True", "--learn_sigma=False True"},
		{anyArguments, "--out --learn_sigma True", "--out --learn_sigma True"}, // the name of a file
		{anyArguments, "--other True", "--other True"},
		{anyArguments, "--learn_sigma -- True", "--learn_sigma -- True"},
		{anyArguments, "-- --learn_sigma True", "-- --learn_sigma True"},
		{anyArguments, "x --learn_sigma runs", "x --learn_sigma runs"},
		{noArguments, "--learn_sigma maybe", "--learn_sigma=maybe"}, // the parser refuses it,
		{noArguments, "--learn_sigma 1 --learn_sigma n", "--learn_sigma=1 --learn_sigma=n"},
		{anyArguments, "--learn_sigma 1 --learn_sigma n", "--learn_sigma 1 --learn_sigma n"}, // runs called 1 and n
	} {
		args := strings.Fields(c.line)
		if got := strings.Join(joinSwitches(flags, c.isArgument, args), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.line, got, c.want)
		}
		if got := strings.Join(args, " "); got != c.line {
			t.Errorf("%s: the caller's arguments became %s", c.line, got)
		}
	}
}

// parsed runs a line of the program up to where the verb would work, and returns
// the verb.
func parsed(t *testing.T, line string) (verb *cobra.Command, err error) {
	t.Helper()
	root := rootCommand()
	for c := range everyCommand(root) {
		if c.RunE != nil {
			c.RunE = func(c *cobra.Command, _ []string) error { verb = c; return nil }
		}
	}
	root.SetArgs(programArgs(root, strings.Fields(line)))
	err = root.ExecuteContext(t.Context())
	return verb, err
}

// everyCommand ranges over c and the commands below it.
func everyCommand(c *cobra.Command) func(yield func(*cobra.Command) bool) {
	return func(yield func(*cobra.Command) bool) {
		if !yield(c) {
			return
		}
		for _, below := range c.Commands() {
			everyCommand(below)(yield)
		}
	}
}

func TestSpellingsOfFlags(t *testing.T) {
	for _, c := range []struct{ line, name, want string }{
		{"train --data_dir x", "data-dir", "x"},
		{"train --data-dir x", "data-dir", "x"},
		{"train --data_dir x --num_res_blocks=5", "num-res-blocks", "5"},
		{"train --data_dir x --resume_checkpoint y", "resume-from-checkpoint", "y"},
		{"sample --model_path x", "run", "x"},
		{"sample --model-path x", "run", "x"},
		{"sample --run x", "run", "x"},
		{"notebooks lab --no_browser", "no-browser", "true"},
		{"kernel doctor --no_cell", "no-cell", "true"},
	} {
		verb, err := parsed(t, c.line)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		if got, known := given(verb)[c.name]; !known || got != c.want {
			t.Errorf("%s: --%s is %q, want %q", c.line, c.name, got, c.want)
		}
	}
}

func TestFlagsHaveDashes(t *testing.T) {
	for c := range everyCommand(rootCommand()) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if strings.Contains(f.Name, "_") {
				t.Errorf("%s: --%s", c.CommandPath(), f.Name)
			}
		})
	}
}

// TestSwitches gives every switch of every verb in every form.
func TestSwitches(t *testing.T) {
	seen := 0
	for c := range everyCommand(rootCommand()) {
		if c.Args == nil || c.Flags().Lookup("help") != nil && c.Name() == "help" {
			continue
		}
		path := strings.TrimPrefix(c.CommandPath(), "netdiffus ")
		for args := []string{}; c.Args(c, args) != nil && len(args) < 2; path += " model.pt" {
			args = append(args, "model.pt")
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !isSwitch(f) || f.Name == "help" {
				return
			}
			seen++
			for form, want := range map[string]string{
				"--%": "true", "--%=True": "true", "--%=true": "true", "--%=1": "true", "--% True": "true", "--% true": "true",
				"--%=False": "false", "--%=false": "false", "--%=0": "false", "--% False": "false", "--% false": "false",
			} {
				line := path + " " + strings.ReplaceAll(form, "%", f.Name)
				verb, err := parsed(t, line)
				if err != nil {
					t.Errorf("%s: %v", line, err)
				} else if got := given(verb)[f.Name]; got != want {
					t.Errorf("%s: %q, want %s", line, got, want)
				}
			}
			line := path + " --" + f.Name + "=maybe"
			if _, err := parsed(t, line); err == nil || !strings.Contains(err.Error(), "want True or False") {
				t.Errorf("%s: %v", line, err)
			}
		})
	}
	if seen < 20 {
		t.Errorf("%d switches, want all of the program's", seen)
	}
}

// TestCompletion: the shell is offered the program's spelling, also behind the
// reference's.
func TestCompletion(t *testing.T) {
	for _, c := range []struct{ line, want, not string }{
		{"__complete train --data_dir x --learn_sigma True --save", "--save-interval", "save_interval"},
		{"__complete sample --", "--run", "--model"},
		{"__complete sa", "sample", ""},
	} {
		out, _, err := execute(t.Context(), strings.Fields(c.line)...)
		if err != nil || !strings.Contains(out, c.want) || c.not != "" && strings.Contains(out, "--"+c.not) {
			t.Errorf("%s: %v\n%s", c.line, err, out)
		}
	}
}
