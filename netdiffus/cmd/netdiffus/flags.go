package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The flags of all verbs are spelled alike, with dashes, and switches work alike.
// guided-diffusion's command lines work as they are: its underscores and its names
// are taken everywhere, and a switch takes the word after it, --learn_sigma True.

// aliases are names for flags that have another one here: the reference's, and
// those of earlier versions.
var aliases = map[string]string{
	"model-path":        "run",
	"resume-checkpoint": "resume-from-checkpoint",
	"csv-length":        "col-length",
	"csv-dir":           "col-dir",
	"csv-iat":           "col-iat",
	"csv-label":         "col-label",
	"csv-flow":          "col-flow",
}

// canonical returns the program's spelling of a flag: dashes for the reference's
// underscores, our name for its own.
func canonical(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	name = strings.ReplaceAll(name, "_", "-")
	if ours, ok := aliases[name]; ok {
		name = ours
	}
	return pflag.NormalizedName(name)
}

// unifySwitches makes all boolean flags of c and the commands below it take the
// same words.
func unifySwitches(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if isSwitch(f) {
			f.Value, f.NoOptDefVal = switchValue{f.Value}, "true"
		}
	})
	for _, below := range c.Commands() {
		unifySwitches(below)
	}
}

func isSwitch(f *pflag.Flag) bool { return f.Value.Type() == "bool" }

// switchValue is a boolean flag's value that takes the words of parseSwitch.
type switchValue struct{ pflag.Value }

func (v switchValue) Set(word string) error {
	on, err := parseSwitch(word)
	if err != nil {
		return err
	}
	return v.Value.Set(strconv.FormatBool(on))
}

// IsBoolFlag implements pflag's interface of flags whose default, false, needs no
// mention in the help.
func (switchValue) IsBoolFlag() bool { return true }

// parseSwitch reads the words for true and false that the reference takes.
func parseSwitch(word string) (on bool, err error) {
	switch strings.ToLower(word) {
	case "true", "t", "yes", "y", "1":
		return true, nil
	case "false", "f", "no", "n", "0":
		return false, nil
	}
	return false, fmt.Errorf("want True or False, got %q", word)
}

// programArgs returns the arguments of a command line as root's parser reads
// them: with each switch joined to its value.
func programArgs(root *cobra.Command, args []string) []string {
	c, _, err := root.Find(args)
	if err != nil {
		return args // the execution reports it
	}
	isArgument := func(word string) bool { return c.Args == nil || c.Args(c, []string{word}) == nil }
	return joinSwitches(c.Flags(), isArgument, args)
}

// joinSwitches joins each switch with its value where that is the next word:
// --overwrite True becomes --overwrite=True, which is how pflag reads it. Other
// words than these two are joined only where they can be no argument of the
// command, as isArgument reports.
func joinSwitches(flags *pflag.FlagSet, isArgument func(word string) bool, args []string) []string {
	joined := slices.Clone(args)
	for i := 0; i+1 < len(joined) && joined[i] != "--"; i++ {
		name, isLong := strings.CutPrefix(joined[i], "--")
		if !isLong || strings.Contains(name, "=") {
			continue
		}
		flag, next := flags.Lookup(name), joined[i+1]
		if flag == nil {
			continue
		}
		if !isSwitch(flag) {
			i++ // the flag's value, whatever it looks like
			continue
		}
		certain := strings.EqualFold(next, "true") || strings.EqualFold(next, "false")
		if certain || !strings.HasPrefix(next, "-") && !isArgument(next) {
			joined[i] += "=" + next
			joined = slices.Delete(joined, i+1, i+2)
		}
	}
	return joined
}
